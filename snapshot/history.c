/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What snapshots of earlier versions say in other words, or do not say. A change to a field list that takes a name away
 * comes with a row here, and so does a device that every machine has from now on. */
#include "snapshot/codec.h"

const struct codec_history codec_history[] = {
    {NULL, NULL, NULL},
};

const char *const section_history[] = {
    "device.vmgenid",
    "device.pvpanic",
    "device.fw-cfg",
    "device.flash0",
    "device.flash1",
    "device.ramfb0",
    "device.semihosting",
    NULL,
};
