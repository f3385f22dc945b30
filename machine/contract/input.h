/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door by which the host enters the machine: console bytes, network frames, keys, results of host
 * calls, clock decisions. Each input is delivered at an instruction count and can be recorded there and replayed. */
#ifndef ARMATURE_INPUT_H
#define ARMATURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inputs;

/** A kind of input, registered once by its consumer when the board is built. */
struct input_source {
    const char *name; /* stable: it names the source in a recorded log ("uart0.rx", "net0.rx") */
    /* Hands one input to the device. Runs on the machine's thread, between instructions. */
    void (*deliver)(void *device, const void *bytes, size_t length);
    /* How many bytes the device can take now (SIZE_MAX: any). Queued inputs wait while this is 0, and are cut
     * to it where `divisible`. NULL: always ready. Must depend on the device's state alone. */
    size_t (*ready)(void *device);
    /* Whether the guest is set up to receive (a UART whose driver has enabled its receive interrupt). Scripted
     * input is held back until this is true and the machine is idle, piped input (input_await_listener()) until this
     * is true. NULL: always. */
    bool (*listening)(void *device);
    /* Whether the bytes, which come from a log, are an input of this source at all. NULL: any are. */
    bool (*valid)(void *device, const void *bytes, size_t length);
    /* Whether the guest waits for this source by asking again and again, so that it may never idle (firmware). Scripted
     * input is then handed over all the same. NULL: it never does. */
    bool (*polling)(void *device);
    bool divisible; /* a byte stream, which may be delivered in pieces */
    void *device;
};

/** Registers a source and returns its number. Order of registration is the order of the board table. */
unsigned input_register(struct inputs *inputs, const struct input_source *source);

/** Queues an input from the host side. Callable from any thread; the machine picks it up at its next stop
 *  between instructions. Returns false when the queue of that source is full (16 MiB); the caller holds back. */
bool input_post(struct inputs *inputs, unsigned source, const void *bytes, size_t length);

/** How many bytes input_post() would take for `source` now. A backend that asks first never has to hold any back. */
size_t input_room(struct inputs *inputs, unsigned source);

/** Whether the guest does again what it did before, as somebody went back. What it says to the host was said then, and
 *  what the host answered comes by what was kept: so nothing goes to the host meanwhile. What is posted waits for the
 *  present. */
bool inputs_past(const struct inputs *inputs);

/** Declares that `source` is fed by a script (piped input under --clock virtual): the guest gets it a line at a
 *  time, each when the machine is idle and the source is listening, at a point that depends on the guest alone.
 *  What was posted before (by a restored snapshot) is part of the script.
 *  While no whole line has been posted and input_script_end() was not called,
 *  idle time is waited out on the host instead of skipped. */
void input_script(struct inputs *inputs, unsigned source);

/** Declares that `source` is fed by a pipe or a file, which does not see what the guest prints: the guest gets nothing
 *  before it is set up to receive (a driver that starts throws away what a UART holds). */
void input_await_listener(struct inputs *inputs, unsigned source);

/** The script of `source` has ended: what is posted is all there is. */
void input_script_end(struct inputs *inputs, unsigned source);

/** Something on the host that is watched while the machine runs or idles: a file descriptor and what to do
 *  when it is ready. Host-side backends (console, slirp, sockets) register one; their callbacks run on the
 *  machine's thread but must reach the guest through input_post() only. */
struct host_watch {
    int fd;
    short events; /* POLLIN, POLLOUT; a backend may change it at any time */
    void (*ready)(void *backend, short revents);
    void *backend;
};

void host_watch_add(struct inputs *inputs, struct host_watch *watch);
void host_watch_remove(struct inputs *inputs, struct host_watch *watch);

/** A backend that polls in its own way (libslirp fills a pollfd list and wants a callback after poll). */
struct pollfd;
struct host_poller {
    /* Appends to fds (room for `capacity`), lowers *timeout_ms; returns how many it appended. */
    int (*fill)(void *backend, struct pollfd *fds, int capacity, int *timeout_ms);
    void (*done)(void *backend, const struct pollfd *fds, int count, bool poll_failed);
    /* Whether an answer from outside may be on its way (open connections, requests without an answer): idle virtual
     * time is then not skipped but waited out. NULL: never. */
    bool (*busy)(void *backend);
    void *backend;
};

void host_poller_add(struct inputs *inputs, struct host_poller *poller);

/** Tells that what a backend waits for (a watch's events, what a poller fills in) has changed, which may have been by a
 *  device access on another thread than the machine's, while that one waits for what was wanted before. */
void host_waits_changed(struct inputs *inputs);

#endif
