/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How frames for the guest are posted: those of a connection that come together as one. */
#include <string.h>
#include "peripherals/net/net.h"

#define ROOM_BYTES (4u << 20) /* more than any backend reads before it looks again */

static void emit(void *context, const uint8_t *frame, size_t length, unsigned size)
{
    struct net_post *post = context;
    uint8_t sized[NET_BIG_MAX_BYTES + 2];
    if (length <= NET_FRAME_MAX_BYTES) {
        input_post(post->inputs, post->source, frame, length);
        return;
    }
    memcpy(sized, frame, length);
    sized[length] = (uint8_t)size;
    sized[length + 1] = (uint8_t)(size >> 8);
    input_post(post->inputs, post->source, sized, length + 2);
}

void net_post_init(struct net_post *post, struct inputs *inputs, unsigned source)
{
    post->inputs = inputs;
    post->source = source;
    post->join.emit = emit;
    post->join.context = post;
    post->join.count = 0;
}

void net_post_frame(struct net_post *post, const void *frame, size_t length)
{
    if (post->inputs && length >= NET_FRAME_MIN_BYTES && length <= NET_FRAME_MAX_BYTES)
        net_join_add(&post->join, frame, length);
}

void net_post_flush(struct net_post *post)
{
    if (post->inputs)
        net_join_flush(&post->join);
}

bool net_post_room(const struct net_post *post)
{
    return post->inputs && input_room(post->inputs, post->source) >= ROOM_BYTES;
}
