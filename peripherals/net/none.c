/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cable that leads nowhere, for replays, whose frames come from a log. */
#include "peripherals/net/net.h"
#include <stdlib.h>
#include "machine/contract/error.h"

static void none_send(struct net_backend *backend, const void *frame, size_t length)
{
}

static void none_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
}

static void none_free(struct net_backend *backend)
{
    free(backend);
}

struct net_backend *net_none_create(bool checksums_valid)
{
    static const struct net_backend_ops ops = {.send = none_send, .attach = none_attach, .free = none_free};
    struct net_backend *backend = host_alloc(1, sizeof *backend);
    *backend = (struct net_backend){.ops = &ops, .checksums_valid = checksums_valid};
    return backend;
}
