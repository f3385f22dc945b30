/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The window, as the machine sees it: a process at the other end of a socket. */
#include "machine/window.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "machine/contract/annex.h"
#include "machine/contract/display.h"
#include "machine/contract/input.h"
#include "machine/machine.h"
#include "machine/window_message.h"

#define REFRESH_NS 33000000

struct window {
    pid_t process;
    int socket;
    struct machine *machine;
    struct host_watch watch;
    bool watched;
    struct host_watch ticks; /* of a timer, which runs while the picture is one that nobody draws */
    /* What could not be sent yet, as the window is behind. */
    struct display_area damage; /* width 0: none */
    bool mode_waits, cursor_waits;
};

/* --- to the window --------------------------------------------------------------------------------- */

static bool send_message(struct window *window, const struct window_message *message)
{
    return send(window->socket, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *message;
}

static bool send_mode(struct window *window)
{
    uint32_t width, height;
    display_frame(window->machine->screen.display, &width, &height);
    return send_message(window,
                        &(struct window_message){.kind = WINDOW_MODE, .x = (int32_t)width, .y = (int32_t)height});
}

static bool send_cursor(struct window *window)
{
    const uint32_t *picture;
    struct display_cursor cursor = display_cursor_now(window->machine->screen.display, &picture);
    return send_message(window, &(struct window_message){.kind = WINDOW_CURSOR, .x = (int32_t)cursor.hot_x,
                                                         .y = (int32_t)cursor.hot_y, .width = cursor.visible});
}

/* Sends what waits, and watches for room for the rest. */
static void send_waiting(struct window *window)
{
    struct window_message damage = {.kind = WINDOW_DAMAGE,
                                    .x = (int32_t)window->damage.x,
                                    .y = (int32_t)window->damage.y,
                                    .width = (int32_t)window->damage.width,
                                    .height = (int32_t)window->damage.height};
    if (window->mode_waits)
        window->mode_waits = !send_mode(window);
    if (!window->mode_waits && window->damage.width && send_message(window, &damage))
        window->damage.width = 0;
    if (window->cursor_waits)
        window->cursor_waits = !send_cursor(window);
    short events = window->mode_waits || window->damage.width || window->cursor_waits ? POLLIN | POLLOUT : POLLIN;
    if (events != window->watch.events) {
        window->watch.events = events;
        host_waits_changed(window->machine->inputs);
    }
}

/* Looks for changes often enough for an eye, or not at all. */
static void tick(struct window *window, bool often)
{
    const struct timespec period = {.tv_nsec = often ? REFRESH_NS : 0};
    timerfd_settime(window->ticks.fd, 0, &(struct itimerspec){period, period}, NULL);
}

static void on_tick(void *backend, short revents)
{
    struct window *window = backend;
    uint64_t count;
    if (read(window->ticks.fd, &count, sizeof count) == sizeof count)
        display_refresh(window->machine->screen.display);
}

static void on_mode(void *context, uint32_t width, uint32_t height)
{
    struct window *window = context;
    tick(window, display_is_underlay(window->machine->screen.display));
    window->mode_waits = true;
    window->damage = (struct display_area){0, 0, width, height};
    send_waiting(window);
}

static void on_damage(void *context, struct display_area area)
{
    struct window *window = context;
    struct display_area *all = &window->damage;
    if (all->width) {
        uint32_t right = all->x + all->width, bottom = all->y + all->height;
        right = right > area.x + area.width ? right : area.x + area.width;
        bottom = bottom > area.y + area.height ? bottom : area.y + area.height;
        all->x = all->x < area.x ? all->x : area.x;
        all->y = all->y < area.y ? all->y : area.y;
        all->width = right - all->x;
        all->height = bottom - all->y;
    } else {
        *all = area;
    }
    send_waiting(window);
}

static void on_cursor(void *context)
{
    struct window *window = context;
    window->cursor_waits = true;
    send_waiting(window);
}

void window_state(struct window *window, const char *state)
{
    struct window_message message = {.kind = WINDOW_STATE};
    snprintf(message.text, sizeof message.text, "%s", state);
    if (window)
        send_message(window, &message);
}

/* --- from the window ------------------------------------------------------------------------------- */

static void take_screenshot(struct machine *machine)
{
    char name[64];
    time_t now = time(NULL);
    struct tm parts;
    struct error error = {""};
    localtime_r(&now, &parts);
    strftime(name, sizeof name, "armature-%Y%m%d-%H%M%S.png", &parts);
    bool good = display_screenshot(&machine->screen, name, &error);
    fprintf(stderr, "armature: %s%s\n", good ? "the screen is in " : "", good ? name : error.text);
}

static void take_message(struct window *window, const struct window_message *message)
{
    struct machine *machine = window->machine;
    const struct machine_screen *screen = &machine->screen;
    switch (message->kind) {
    case WINDOW_KEY: input_key(screen, (unsigned)message->x, message->y); break;
    case WINDOW_POINTER: input_pointer(screen, (uint32_t)message->x, (uint32_t)message->y); break;
    case WINDOW_BUTTON: input_button(screen, (unsigned)message->x, message->y); break;
    case WINDOW_WHEEL:
        input_wheel(screen, 0, message->y);
        input_wheel(screen, message->x, 0);
        break;
    case WINDOW_SIZE: input_resize(screen, (uint32_t)message->x, (uint32_t)message->y); break;
    case WINDOW_POWER: input_post(machine->inputs, machine->power_source, NULL, 0); break;
    case WINDOW_SHOT: take_screenshot(machine); break;
    case WINDOW_CLOSED: machine_quit(machine); break;
    }
}

static void reap(struct window *window)
{
    while (window->process && waitpid(window->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    window->process = 0;
}

/* The machine goes on, and is reached by what else it has. The process has ended, or says what makes no sense. */
static void lose(struct window *window)
{
    fprintf(stderr, "armature: the window is gone; the machine runs on without it\n");
    host_watch_remove(window->machine->inputs, &window->watch);
    host_watch_remove(window->machine->inputs, &window->ticks);
    window->watched = false;
    display_watch(window->machine->screen.display, NULL);
    kill(window->process, SIGKILL);
    reap(window);
}

static void on_ready(void *backend, short revents)
{
    struct window *window = backend;
    struct window_message message;
    ssize_t length;
    while ((length = recv(window->socket, &message, sizeof message, MSG_DONTWAIT)) == (ssize_t)sizeof message)
        take_message(window, &message);
    if (length >= 0 || (errno != EAGAIN && errno != EINTR))
        lose(window);
    else if (revents & POLLOUT)
        send_waiting(window);
}

/* --- the process ----------------------------------------------------------------------------------- */

static bool begin(struct window *window, struct error *error)
{
    struct window_message first;
    ssize_t length;
    do
        length = recv(window->socket, &first, sizeof first, 0);
    while (length < 0 && errno == EINTR);
    if (length == (ssize_t)sizeof first && first.kind == WINDOW_READY)
        return true;
    first.text[sizeof first.text - 1] = 0;
    return error_set(error, "there is no window: %s; --display none has a screen without one",
                     length == (ssize_t)sizeof first ? first.text : "its process ended");
}

static __attribute__((noreturn)) void run_process(int socket, const struct display_option *option)
{
    struct window_message failed = {.kind = WINDOW_FAILED};
    struct error error = {""};
    const struct window_annex *sdl = annex_open("window", &error);
    if (sdl)
        sdl->process(socket, option->width, option->height, option->full_screen);
    snprintf(failed.text, sizeof failed.text, "%s", error.text);
    send(socket, &failed, sizeof failed, MSG_NOSIGNAL);
    _exit(1);
}

struct window *window_create(const struct run_options *options, struct error *error)
{
    int sockets[2];
    pid_t parent = getpid();
    struct window *window = host_alloc(1, sizeof *window);
    window->socket = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0 || (window->process = fork()) < 0) {
        error_set(error, "there is no window: %s", strerror(errno));
        free(window);
        return NULL;
    }
    if (window->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        close(sockets[0]);
        if (getppid() != parent)
            _exit(1);
        run_process(sockets[1], &options->display);
    }
    close(sockets[1]);
    window->socket = sockets[0];
    if (begin(window, error))
        return window;
    window_free(window);
    return NULL;
}

static bool send_memory(struct window *window, int memory)
{
    struct window_message message = {.kind = WINDOW_MEMORY};
    union {
        char bytes[CMSG_SPACE(sizeof memory)];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec piece = {&message, sizeof message};
    struct msghdr header = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof memory);
    memcpy(CMSG_DATA(rights), &memory, sizeof memory);
    return sendmsg(window->socket, &header, MSG_NOSIGNAL) == (ssize_t)sizeof message;
}

bool window_attach(struct window *window, struct machine *machine, struct error *error)
{
    const struct display_watcher watcher = {on_mode, on_damage, on_cursor, window};
    if (!machine->screen.display)
        return error_set(error, "the machine has no screen that a window could show");
    window->machine = machine;
    if (!send_memory(window, display_memory(machine->screen.display)))
        return error_set(error, "there is no window: its process ended");
    window->watch = (struct host_watch){window->socket, POLLIN, on_ready, window};
    window->ticks =
        (struct host_watch){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), POLLIN, on_tick, window};
    host_watch_add(machine->inputs, &window->watch);
    host_watch_add(machine->inputs, &window->ticks);
    window->watched = true;
    display_watch(machine->screen.display, &watcher);
    on_cursor(window);
    window_state(window, "running");
    return true;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    if (window->socket >= 0)
        close(window->socket);
    if (window->machine)
        close(window->ticks.fd);
    reap(window);
    free(window);
}
