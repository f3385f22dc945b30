/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An engine that never runs, for tests of machines that stand still. */
#ifndef ARMATURE_STILL_ENGINE_H
#define ARMATURE_STILL_ENGINE_H

#include "machine/contract/engine.h"

static struct engine *still_create(struct bus *bus, unsigned cpu_count, struct error *why)
{
    static char it;
    return (struct engine *)&it;
}

static void still_free(struct engine *engine)
{
}

static void still_flush(struct engine *engine)
{
}

static void still_page_written(struct engine *engine, uint64_t page_address)
{
}

static const struct engine_ops still_engine = {.name = "still",
                                               .create = still_create,
                                               .free = still_free,
                                               .flush = still_flush,
                                               .page_written = still_page_written};

#endif
