/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's life, and how the machine runs in it. */
#include "debugger/session/session.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/session/history.h"
#include "debugger/session/stopping.h"
#include "machine/serial.h"

/* --- what is looked at ----------------------------------------------------------------------------- */

struct cpu *session_cpu(const struct session *session)
{
    return session->machine->cpus[session->cpu];
}

struct space session_space_of(const struct session *session, unsigned cpu)
{
    return (struct space){
        .cpu = session->machine->cpus[cpu], .kernel_table = session->kernel_table, .made = session->made};
}

struct space session_space(const struct session *session)
{
    return session_space_of(session, session->cpu);
}

void session_symbolize(const struct session *session, uint64_t address, char *text, size_t capacity)
{
    const struct symbol *symbol = symbols_around(session->symbols, address);
    *text = 0;
    if (!symbol || address - symbol->address >= 1u << 20)
        return;
    int used = snprintf(text, capacity, "%s", symbol->name);
    if (address != symbol->address && used > 0 && (size_t)used < capacity)
        used +=
            snprintf(text + used, capacity - (size_t)used, "+0x%llx", (unsigned long long)(address - symbol->address));
    if (symbol->module && used > 0 && (size_t)used < capacity)
        snprintf(text + used, capacity - (size_t)used, " [%s]", symbol->module);
}

bool session_function(const struct session *session, uint64_t address, uint64_t *start, uint64_t *end)
{
    const struct symbol *symbol = symbols_around(session->symbols, address);
    if (!symbol || !symbol_is_code(symbol))
        return false;
    *start = symbol->address;
    *end = symbol->size ? symbol->address + symbol->size : 0;
    for (size_t i = 0; !*end && i < symbols_count(session->symbols); i++) { /* the next one at another address */
        size_t index = (size_t)(symbol - symbols_at(session->symbols, 0)) + i;
        if (index >= symbols_count(session->symbols))
            break;
        if (symbols_at(session->symbols, index)->address > symbol->address)
            *end = symbols_at(session->symbols, index)->address;
    }
    if (!*end)
        *end = address + 4;
    return true;
}

/* --- output ---------------------------------------------------------------------------------------- */

void say(struct session *session, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(session->out, format, arguments);
    va_end(arguments);
}

void say_in(struct session *session, enum paint paint, const char *format, ...)
{
    static const char *const codes[] = {
        [PAINT_ADDRESS] = "34", [PAINT_SYMBOL] = "33", [PAINT_NUMBER] = "36", [PAINT_STRONG] = "1"};
    va_list arguments;
    bool painted = session->colour && paint != PAINT_NONE;
    if (painted)
        fprintf(session->out, "\033[%sm", codes[paint]);
    va_start(arguments, format);
    vfprintf(session->out, format, arguments);
    va_end(arguments);
    if (painted)
        fputs("\033[0m", session->out);
}

void say_address(struct session *session, uint64_t address)
{
    char text[256];
    say_in(session, PAINT_ADDRESS, "0x%llx", (unsigned long long)address);
    session_symbolize(session, address, text, sizeof text);
    if (*text) {
        say(session, " <");
        say_in(session, PAINT_SYMBOL, "%s", text);
        say(session, ">");
    }
}

/* --- running --------------------------------------------------------------------------------------- */

void session_stop(struct session *session)
{
    session->asked_to_stop = true;
    run_loop_halt(&session->machine->loop);
}

/* The CPU whose turn it is, or was last. */
static unsigned present_cpu(const struct session *session)
{
    const struct run_loop *loop = &session->machine->loop;
    return loop->round.under_way && loop->round.cpu < loop->cpu_count ? loop->round.cpu : session->cpu;
}

static void note_end(struct session *session)
{
    static const char *const texts[] = {
        [MACHINE_RUNNING] = "",
        [MACHINE_POWER_OFF] = "the guest powered off",
        [MACHINE_RESET] = "the guest asked for a reset",
        [MACHINE_PANIC] = "the guest's kernel panicked",
        [MACHINE_EXIT] = "the guest gave its exit status",
        [MACHINE_HALTED] = "the recording ends here",
        [MACHINE_MOVED] = "it has moved, and runs elsewhere",
        [MACHINE_TIMEOUT] = "the time given with --timeout is over",
    };
    session->ended = true;
    session->stop = (struct stop){.reason = STOP_ENDED, .cpu = session->cpu};
    strcpy(session->stop.text, texts[session->machine->stop]);
}

static bool cannot_run(struct session *session)
{
    if (session->ended)
        note_end(session);
    return session->ended;
}

void session_resume(struct session *session, uint64_t insns)
{
    struct machine *machine = session->machine;
    struct run_loop *loop = &machine->loop;
    if (cannot_run(session))
        return;
    struct cpu *cpu = session_cpu(session);
    session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
    session->asked_to_stop = false;
    session->frame = 0;
    stopping_step_off(session, true);
    loop->halt_cpu = insns ? cpu : NULL;
    loop->halt_cpu_insns = cpu->icount + insns;
    loop->halt = false;
    fflush(session->out);
    session->above->terminal(session, true);
    session->running = true;
    if (!insns)
        screen_state(&machine->screen, tape_replays(loop->tape) ? "replaying" : "running");
    bool again;
    do {
        if (!history_resume(session, &session->host_error)) {
            session->ended = true;
            session->stop = (struct stop){.reason = STOP_ENDED, .cpu = session->cpu};
            snprintf(session->stop.text, sizeof session->stop.text, "%.190s", session->host_error.text);
        } else if (!loop->halted) {
            note_end(session);
        }
        again = !session->ended && session->above->serve(session) && session->stop.reason == STOP_STEP &&
                !session->asked_to_stop && !session->quit && !(loop->halt_cpu && cpu->icount >= loop->halt_cpu_insns);
    } while (again);
    session->running = false;
    stopping_step_off(session, false);
    loop->halt_cpu = NULL;
    session->above->terminal(session, false);
    screen_state(&machine->screen, "stopped");
    if (session->stop.reason == STOP_STEP && session->asked_to_stop) {
        session->stop.reason = STOP_ASKED;
        session->stop.cpu = present_cpu(session);
    }
    session->cpu = session->stop.cpu;
    stopping_settle(session);
    session->above->stood(session);
}

/* --- life ------------------------------------------------------------------------------------------ */

struct session *session_create(struct machine *machine, const struct session_above *above)
{
    struct session *session = host_alloc(1, sizeof *session);
    session->machine = machine;
    session->above = above;
    session->symbols = symbols_create();
    session->made = host_alloc(1, sizeof *session->made);
    session->stopping = stopping_create(session);
    session->out = stdout;
    session->stop.reason = STOP_START;
    above->begins(session);
    return session;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    history_free(session->history);
    stopping_free(session->stopping);
    symbols_free(session->symbols);
    types_free(session->types);
    session->above->ends(session);
    free(session->made);
    free(session);
}
