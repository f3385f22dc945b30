/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The window, as the machine sees it: a process at the other end of a socket. */
#include "machine/window.h"
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "machine/contract/annex.h"
#include "machine/contract/display.h"
#include "machine/contract/input.h"
#include "machine/host_process.h"
#include "machine/machine.h"
#include "machine/window_message.h"

#define REFRESH_NS 33000000

struct window {
    struct host_process process;
    struct machine *machine;
    struct host_watch watch;
    bool watched;
    struct host_watch ticks; /* of a timer, which runs while the picture is one that nobody draws */
    /* What could not be sent yet, as the window is behind. */
    struct display_area damage; /* width 0: none */
    const char *state;
    bool mode_waits, cursor_waits, text_waits;
};

/* --- to the window --------------------------------------------------------------------------------- */

static bool send_message(struct window *window, const struct window_message *message)
{
    return send(window->process.socket, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)sizeof *message;
}

/* What is looked at: the screen, or a text page. */
static struct display *viewed(const struct window *window)
{
    return window->machine->screen.views[window->machine->screen.viewed].display;
}

static bool send_mode(struct window *window)
{
    uint32_t width, height;
    display_frame(viewed(window), &width, &height);
    return send_message(window, &(struct window_message){.kind = WINDOW_MODE,
                                                         .x = (int32_t)width,
                                                         .y = (int32_t)height,
                                                         .width = (int32_t)window->machine->screen.viewed});
}

static bool send_cursor(struct window *window)
{
    const uint32_t *picture;
    struct display_cursor cursor = display_cursor_now(viewed(window), &picture);
    return send_message(window, &(struct window_message){.kind = WINDOW_CURSOR, .x = (int32_t)cursor.hot_x,
                                                         .y = (int32_t)cursor.hot_y, .width = cursor.visible});
}

/* What the guest has copied. */
static bool send_text(struct window *window)
{
    const struct clipboard *clipboard = window->machine->clipboard;
    struct window_text message = {.kind = WINDOW_TEXT};
    size_t length = offsetof(struct window_text, text) + clipboard->guest_bytes;
    memcpy(message.text, clipboard->guest_text, clipboard->guest_bytes);
    return send(window->process.socket, &message, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
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
    if (window->text_waits)
        window->text_waits = !send_text(window);
    bool waits = window->mode_waits || window->damage.width || window->cursor_waits || window->text_waits;
    short events = waits ? POLLIN | POLLOUT : POLLIN;
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
        display_refresh(viewed(window));
}

static void on_mode(void *context, uint32_t width, uint32_t height)
{
    struct window *window = context;
    tick(window, display_is_underlay(viewed(window)));
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

static void on_copied(void *context)
{
    struct window *window = context;
    window->text_waits = true;
    send_waiting(window);
}

static void send_state(struct window *window)
{
    const struct machine_screen *screen = &window->machine->screen;
    struct window_message message = {.kind = WINDOW_STATE};
    const char *page = screen->views[screen->viewed].page ? screen->views[screen->viewed].name : NULL;
    snprintf(message.text, sizeof message.text, "%s%s%s", window->state, page ? ", " : "", page ? page : "");
    send_message(window, &message);
}

void window_state(struct window *window, const char *state)
{
    if (!window)
        return;
    window->state = state;
    send_state(window);
}

/* Looks at another view, and tells all of it anew. */
static void on_view(void *context)
{
    struct window *window = context;
    const struct display_watcher watcher = {on_mode, on_damage, on_cursor, window};
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (window->machine->screen.views[i].display)
            display_watch(window->machine->screen.views[i].display, NULL);
    display_watch(viewed(window), &watcher);
    on_cursor(window);
    send_state(window);
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
    case WINDOW_KEY:
        /* Keys are repeated by the guest itself; a page's are by the window. */
        if (message->y < 2 || screen->views[screen->viewed].page)
            input_key(screen, (unsigned)message->x, message->y);
        break;
    case WINDOW_VIEW: screen_view(&machine->screen, (unsigned)message->x); break;
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

static void take_text(struct window *window, const char *text, size_t length)
{
    const struct clipboard *clipboard = window->machine->clipboard;
    if (clipboard)
        input_post(clipboard->inputs, clipboard->source, text, length);
}

/* The machine goes on, and is reached by what else it has. The process has ended, or says what makes no sense. */
static void lose(struct window *window)
{
    fprintf(stderr, "armature: the window is gone; the machine runs on without it\n");
    host_watch_remove(window->machine->inputs, &window->watch);
    host_watch_remove(window->machine->inputs, &window->ticks);
    window->watched = false;
    display_watch(viewed(window), NULL);
    window->machine->screen.on_view = NULL;
    if (window->machine->clipboard)
        window->machine->clipboard->copied = NULL;
    host_process_end(&window->process, true);
}

static void on_ready(void *backend, short revents)
{
    struct window *window = backend;
    union window_any any;
    ssize_t length;
    while ((length = recv(window->process.socket, &any, sizeof any, MSG_DONTWAIT)) > 0)
        if (length >= (ssize_t)sizeof any.text.kind && any.message.kind == WINDOW_TEXT)
            take_text(window, any.text.text, (size_t)length - sizeof any.text.kind);
        else if (length == (ssize_t)sizeof any.message)
            take_message(window, &any.message);
        else
            break;
    if (length >= 0 || (errno != EAGAIN && errno != EINTR))
        lose(window);
    else if (revents & POLLOUT)
        send_waiting(window);
}

/* --- the process ----------------------------------------------------------------------------------- */

static void run_process(int socket, const void *context)
{
    const struct display_option *option = context;
    struct error error = {""};
    const struct window_annex *sdl = annex_open("window", &error);
    if (sdl)
        sdl->process(socket, option->width, option->height, option->full_screen);
    host_process_say(socket, error.text);
}

struct window *window_create(const struct run_options *options, struct error *error)
{
    struct window *window = host_alloc(1, sizeof *window);
    struct error why = {""};
    if (host_process_start(&window->process, "window", run_process, &options->display, &why))
        return window;
    error_set(error, "%s; --display none has a screen without one", why.text);
    free(window);
    return NULL;
}

static bool send_memory(struct window *window, unsigned view, int memory)
{
    struct window_message message = {.kind = WINDOW_MEMORY, .x = (int32_t)view};
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
    return sendmsg(window->process.socket, &header, MSG_NOSIGNAL) == (ssize_t)sizeof message;
}

bool window_attach(struct window *window, struct machine *machine, struct error *error)
{
    const struct machine_view *views = machine->screen.views;
    if (!machine->screen.display)
        return error_set(error, "the machine has no screen that a window could show");
    window->machine = machine;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (views[i].display && !send_memory(window, i, display_memory(views[i].display)))
            return error_set(error, "there is no window: its process ended");
    window->watch = (struct host_watch){window->process.socket, POLLIN, on_ready, window};
    window->ticks =
        (struct host_watch){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), POLLIN, on_tick, window};
    host_watch_add(machine->inputs, &window->watch);
    host_watch_add(machine->inputs, &window->ticks);
    window->watched = true;
    machine->screen.on_view = on_view;
    machine->screen.on_view_context = window;
    if (machine->clipboard) {
        machine->clipboard->copied = on_copied;
        machine->clipboard->context = window;
    }
    window->state = "running";
    on_view(window);
    return true;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    host_process_end(&window->process, false);
    if (window->machine)
        close(window->ticks.fd);
    free(window);
}
