/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets by which other programs command the debugger: the control socket and gdb's. They listen on a Unix socket, or
 * on loopback unless another address is given. What a peer sends is hostile. A peer's line that comes while the guest
 * runs halts it, is done, and the guest runs on unless the line was one that stops it. */
#ifndef ARMATURE_DEBUGGER_CHANNEL_H
#define ARMATURE_DEBUGGER_CHANNEL_H

#include "debugger/session/session.h"
#include "machine/contract/input.h"

struct channel;

/** What a kind of peer does with bytes. */
struct channel_ops {
    /* Bytes came in. Takes what is whole off them (channel_take(), before it is acted on: that may take long, and more
     * comes meanwhile). False: nothing is whole yet. */
    bool (*received)(struct channel *channel, const uint8_t *bytes, size_t length);
    /* Bytes came while the guest runs, before they are dealt with. True: the guest is to stand still for them. */
    bool (*interrupts)(struct channel *channel, const uint8_t *bytes, size_t length);
    void (*connected)(struct channel *channel);
    void (*gone)(struct channel *channel);
};

/** Listens at `address`: unix:PATH, or tcp:[ADDRESS:]PORT (127.0.0.1 by default). NULL: `error` says why not. */
struct channel *channel_open(struct session *session, const char *what, const char *address,
                             const struct channel_ops *ops, struct error *error);
void channels_close(struct session *session);

struct session *channel_session(const struct channel *channel);
/** Queues bytes for the peer, which is dropped if it does not take them. */
void channel_send(struct channel *channel, const void *bytes, size_t length);
/** `length` bytes have been dealt with, or copied. */
void channel_take(struct channel *channel, size_t length);
/** Ends the connection. */
void channel_drop(struct channel *channel);
bool channel_connected(const struct channel *channel);

/** The machine halted: does what peers asked for meanwhile. Returns whether anybody had asked. */
bool channels_serve(struct session *session);

/** Whether somebody was connected, and nobody is any more. */
bool channels_left(void);

/** The kinds. */
extern const struct channel_ops control_channel, gdb_channel;

#endif
