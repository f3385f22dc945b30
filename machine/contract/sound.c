/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between a sound card and the host's end of it. */
#include "machine/contract/sound.h"
#include "machine/contract/input.h"

void sound_port_attach(struct sound_port *port, const struct sound_host_ops *ops, void *host)
{
    port->ops = ops;
    port->host = host;
    if (port->capturing && ops->capture)
        ops->capture(host, true);
}

void sound_port_detach(struct sound_port *port)
{
    if (port->ops)
        port->ops->free(port->host);
    port->ops = NULL;
    port->host = NULL;
}

void sound_port_play(struct sound_port *port, const struct sound_frame *frames, size_t count)
{
    if (port->ops && !inputs_past(port->inputs))
        port->ops->play(port->host, frames, count);
}

void sound_port_capture(struct sound_port *port, bool on)
{
    if (inputs_past(port->inputs))
        return; /* what is recorded now is for the present */
    if (port->capturing != on && port->ops && port->ops->capture)
        port->ops->capture(port->host, on);
    port->capturing = on;
}

void sound_port_want(struct sound_port *port, size_t count)
{
    if (port->ops && port->ops->want && !inputs_past(port->inputs))
        port->ops->want(port->host, count);
}
