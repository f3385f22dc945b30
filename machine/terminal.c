/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's terminal. Whatever ends or stops the program and can be caught puts the terminal right first;
 * for that, the state is static and everything a handler calls is async-signal-safe. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "machine/terminal.h"

#define ESCAPE_KEY    ('A' & 0x1f)
#define INTERRUPT_KEY ('C' & 0x1f)

static int terminal_fd = -1;
static volatile sig_atomic_t is_raw;
static struct termios cooked, raw;

static const int ending_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV,
                                     SIGABRT, SIGBUS, SIGFPE, SIGILL};

/* --- raw and back ---------------------------------------------------------------------------------- */

void terminal_restore(void)
{
    if (is_raw) {
        int saved = errno;
        tcsetattr(terminal_fd, TCSADRAIN, &cooked);
        is_raw = 0;
        errno = saved;
    }
}

/* Dies of `signal_number` as if it had not been caught. */
static void on_ending_signal(int signal_number)
{
    terminal_restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void install(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* Stops as the user asked, with the terminal as the shell expects it. */
static void on_stop(int signal_number)
{
    int saved = errno;
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    terminal_restore();
    install(SIGTSTP, SIG_DFL, 0);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &only, NULL); /* it stops here, and goes on here */
    install(SIGTSTP, on_stop, SA_RESTART);
    errno = saved;
}

/* Goes on, in the foreground or not; only there the terminal is ours. */
static void on_continue(int signal_number)
{
    int saved = errno;
    if (tcgetpgrp(terminal_fd) == getpgrp() && tcsetattr(terminal_fd, TCSADRAIN, &raw) == 0)
        is_raw = 1;
    errno = saved;
}

bool terminal_raw(int fd, struct error *error)
{
    if (tcgetattr(fd, &cooked) < 0)
        return error_set(error, "the terminal cannot be set up: %s", strerror(errno));
    raw = cooked;
    cfmakeraw(&raw);
    terminal_fd = fd;
    for (unsigned i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++)
        install(ending_signals[i], on_ending_signal, 0);
    install(SIGTSTP, on_stop, SA_RESTART);
    install(SIGCONT, on_continue, SA_RESTART);
    atexit(terminal_restore);
    is_raw = 1;
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
        is_raw = 0;
        return error_set(error, "the terminal cannot be set up: %s", strerror(errno));
    }
    return true;
}

void terminal_raw_again(void)
{
    if (terminal_fd >= 0 && tcsetattr(terminal_fd, TCSADRAIN, &raw) == 0)
        is_raw = 1;
}

/* --- keys ------------------------------------------------------------------------------------------ */

static void keys_help(const struct terminal_actions *actions)
{
    fputs("\r\nCtrl-A and then\r\n"
          "  H  shows this help\r\n",
          stderr);
    if (actions->quit)
        fputs("  X  ends the machine\r\n", stderr);
    if (actions->send_break)
        fputs("  B  sends a break\r\n", stderr);
    if (actions->press_power)
        fputs("  P  presses the power key: the guest shuts itself down\r\n", stderr);
    if (actions->debug)
        fputs("  D  stops the machine, and leads to the debugger\r\n", stderr);
    fputs("  A  sends Ctrl-A to the guest\r\n", stderr);
}

/* Does what Ctrl-A and `key` ask for. True: the key itself goes to the guest. */
static bool keys_do(const struct terminal_actions *actions, unsigned char key)
{
    /* Ctrl held down for the second key too, or not: both are meant. */
    unsigned char letter = key < 0x20 ? key | 0x40 : (unsigned char)toupper(key);
    if (letter == 'A')
        return true;
    if (letter == 'H' || letter == '?')
        keys_help(actions);
    else if (letter == 'X' && actions->quit)
        actions->quit(actions->context);
    else if (letter == 'B' && actions->send_break)
        actions->send_break(actions->context);
    else if (letter == 'P' && actions->press_power)
        actions->press_power(actions->context);
    else if (letter == 'D' && actions->debug)
        actions->debug(actions->debug_context);
    else if (isprint(letter))
        fprintf(stderr, "\r\nCtrl-A %c means nothing; Ctrl-A H lists the keys\r\n", letter);
    else
        fputs("\r\nCtrl-A and that key mean nothing; Ctrl-A H lists the keys\r\n", stderr);
    return false;
}

size_t terminal_keys_filter(struct terminal_keys *state, unsigned char *bytes, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (state->escaped) {
            state->escaped = false;
            if (keys_do(&state->actions, bytes[i]))
                bytes[kept++] = ESCAPE_KEY;
        } else if (bytes[i] == ESCAPE_KEY) {
            state->escaped = true;
        } else if (bytes[i] == INTERRUPT_KEY && state->actions.prompt && state->actions.debug) {
            state->actions.debug(state->actions.debug_context);
        } else {
            bytes[kept++] = bytes[i];
        }
    }
    return kept;
}
