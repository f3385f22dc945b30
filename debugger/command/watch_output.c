/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's output passes machine_transmit(), which tells us while somebody waits for a text. */
#include "debugger/command/watch_output.h"
#include "debugger/view/source.h"
#include <string.h>
#include "machine/marks.h"

struct waiting {
    struct session *session;
    const char *text;
    unsigned matched;
    bool found, timed_out;
};

static void on_output(void *context, const void *bytes, size_t length)
{
    struct waiting *waiting = context;
    const char *from = bytes;
    for (size_t i = 0; i < length && !waiting->found; i++) {
        waiting->matched = marks_match(waiting->text, waiting->matched, from[i]);
        waiting->found = !waiting->text[waiting->matched];
    }
    waiting->session->machine->debugger.output_found |= waiting->found;
    if (waiting->found)
        run_loop_halt(&waiting->session->machine->loop);
}

bool watch_output_for(struct session *session, const char *text, uint64_t ns, struct error *error)
{
    struct machine *machine = session->machine;
    struct waiting waiting = {.session = session, .text = text};
    uint64_t end_ns = machine->clock.now_ns + ns;
    machine->debugger.output = on_output;
    machine->debugger.output_context = &waiting;
    machine->loop.halt_at_ns = end_ns;
    session_resume(session, 0);
    machine->loop.halt_at_ns = CLOCK_NEVER;
    machine->debugger.output = NULL;
    machine->debugger.output_found = false;
    if (waiting.found)
        return true;
    source_tell_stop(session);
    return error_set(error, machine->clock.now_ns >= end_ns ? "the guest did not print '%s' in time"
                                                            : "the guest stopped before it printed '%s'", text);
}
