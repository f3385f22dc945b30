/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's side of the door in machine/contract/input.h: waiting for the host, and handing over what it
 * sent. Every input passes inputs_hand_over() in inputs.c, so that record and replay have one place. */
#ifndef ARMATURE_INPUTS_H
#define ARMATURE_INPUTS_H

#include "machine/contract/error.h"
#include "machine/contract/input.h"

/** When an input reached the guest: virtual time, the instructions that all CPUs had retired, and how often the run
 *  loop had fired events. */
struct input_stamp {
    uint64_t ns, insns, fires;
};

/** Told of each input just before its device gets it. */
typedef void inputs_observer(void *context, unsigned source, struct input_stamp stamp, const void *bytes,
                             size_t length);

/** Fails when the host gives no event descriptor. */
struct inputs *inputs_create(struct error *error);
void inputs_free(struct inputs *inputs);

/** Makes the calling thread the machine's, which the one that made the inputs is at first. */
void inputs_serve_here(struct inputs *inputs);

/** Has `observer` told, of two that there may be; they are told apart by their contexts. NULL: no longer. */
void inputs_observe(struct inputs *inputs, inputs_observer *observer, void *context);

/** From now on the run is one that was there before, or it is not any more (inputs_past()). */
void inputs_set_past(struct inputs *inputs, bool past);

/** `posted` is told of every input for an unscripted source that is posted on the machine's own thread, so
 * that it can stop a CPU whose access made a backend answer at once. NULL: nobody is. */
void inputs_on_posted(struct inputs *inputs, void (*posted)(void *context), void *context);

/** Called around the wait itself in inputs_poll(), where the backends' callbacks are not to run beside other threads.
 */
void inputs_around_wait(struct inputs *inputs, void (*before)(void *context), void (*after)(void *context),
                        void *context);

/** Serves the host's descriptors: waits up to `timeout_ns` (0: looks only; UINT64_MAX: for ever) until one is
 *  ready or another thread posts, and runs the backends' callbacks. Returns whether anything was
 *  posted. */
bool inputs_poll(struct inputs *inputs, uint64_t timeout_ns);

/** Makes a wait in inputs_poll() end. Callable from any thread and from signal handlers. */
void inputs_wake(struct inputs *inputs);

/** Whether anything is queued that inputs_deliver() would look at. Cheap. */
bool inputs_queued(const struct inputs *inputs);

/** Hands over everything queued for unscripted sources, as far as the devices are ready. Returns whether
 *  anything was. */
bool inputs_deliver(struct inputs *inputs, struct input_stamp stamp);

/** The number of sources, and one of them. */
unsigned inputs_source_count(const struct inputs *inputs);
const struct input_source *inputs_source(const struct inputs *inputs, unsigned source);

/** Hands over an input that a log holds. False: it is none that the device could get now, so that the log is not of
 *  this run; nothing was done. */
bool inputs_replay(struct inputs *inputs, unsigned source, struct input_stamp stamp, const void *bytes, size_t length);

/** Whether a backend waits for an answer from outside (host_poller.busy). */
bool inputs_busy(struct inputs *inputs);

/** Whether any source is a script that still has something to say. */
bool inputs_scripted(const struct inputs *inputs);

/** Hands each scripted source at most one line (through its '\n'), if the device listens and is ready. */
bool inputs_deliver_line(struct inputs *inputs, struct input_stamp stamp);

/** Whether a listening scripted source has no whole line queued and has not ended: the guest may be waiting
 *  for input that the host has not sent yet. */
bool inputs_script_awaited(struct inputs *inputs);

/** Whether the guest asks again and again for what a scripted source, which has not said all yet, is to say. */
bool inputs_script_polled(const struct inputs *inputs);

/** The name and number of sources, and what waits at each: for snapshots. `each` is told of every input that was posted
 *  and not handed over, in order for each source; of one that was taken in part, the rest. Stops where it returns
 * false, and returns that. */
bool inputs_each_queued(struct inputs *inputs,
                        bool (*each)(void *context, const char *name, const void *bytes, size_t length), void *context);

/** Drops all that waits. */
void inputs_clear(struct inputs *inputs);

/** The number of the source of that name; false: there is none. */
bool inputs_find(const struct inputs *inputs, const char *name, unsigned *source);

#endif
