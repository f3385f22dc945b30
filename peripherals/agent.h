/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a guest's agent (spice-vdagent), at a port named com.redhat.spice.0: a clipboard of text both ways.
 * The protocol is in spice-protocol's vd_agent.h: messages in chunks. All of it is a function of what the guest sends
 * and of the texts that the host copied, so it is a device, with state. */
#ifndef ARMATURE_AGENT_H
#define ARMATURE_AGENT_H

#include "machine/contract/clipboard.h"
#include "machine/contract/device.h"

#define AGENT_PORT_NAME     "com.redhat.spice.0"
#define AGENT_CHUNK_BYTES   2048u /* of content, in what is sent */
#define AGENT_HEAD_BYTES    20u   /* of a message */
#define AGENT_MESSAGE_BYTES (AGENT_HEAD_BYTES + 8u + CLIPBOARD_MAX_BYTES) /* the longest that is looked at, and sent */

/** The port: takes bytes for the guest, as many as there is room for, and says how many. */
struct agent_port {
    size_t (*send)(void *context, const void *bytes, size_t length);
    void *context;
};

struct agent {
    struct clipboard clipboard;
    struct agent_port port;
    uint8_t open;        /* 0 or 1: the guest has the port open */
    uint32_t abilities;  /* what its agent can, a bit each; 0: it has not said yet */
    uint32_t wanted;     /* messages that are to be sent, a bit each */
    uint8_t offers;      /* 0 or 1: host_text is on the clipboard */
    uint32_t host_bytes, guest_bytes;
    bool told_too_long;  /* the user was, of the texts that the guest copied last */
    uint8_t host_text[CLIPBOARD_MAX_BYTES], guest_text[CLIPBOARD_MAX_BYTES];
    /* What comes: a chunk's head (port and size), and what is left of the chunk; the message so far, of which what does
     * not fit is left out. */
    uint8_t chunk_head[8];
    uint32_t chunk_head_count, chunk_left, message_count;
    uint8_t message[AGENT_MESSAGE_BYTES];
    /* What goes: a message, in chunks. `sent` counts heads of chunks too. */
    uint32_t out_bytes, sent;
    uint8_t out[AGENT_MESSAGE_BYTES];
};

extern const struct device_class agent_class;

struct agent *agent_create(struct inputs *inputs);

/** What the port tells: the guest has opened it or closed it; sends; has room for more. */
void agent_opened(void *agent, bool open);
void agent_receive(void *agent, const void *bytes, size_t length);
void agent_room(void *agent);

#endif
