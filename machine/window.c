/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The windows, as the machine sees them: a process at the other end of a socket, which shows some of the views. */
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

/* One of the views, and what could not be sent of it yet, as the window is behind. */
struct shown {
    struct window *window;
    unsigned number;
    bool watched, mode_waits, cursor_waits, state_waits;
    struct display_area damage; /* width 0: none */
};

struct window {
    struct host_process process;
    struct machine *machine;
    struct host_watch watch;
    struct host_watch ticks; /* of a timer, which runs while the picture is one that nobody draws */
    struct shown shown[VIEWS_MAX];
    bool view_waits, text_waits;
};

/* --- to the window --------------------------------------------------------------------------------- */

static bool send_message(struct window *window, const struct window_message *message)
{
    return send(window->process.socket, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)sizeof *message;
}

static struct display *display_of(const struct shown *shown)
{
    return shown->window->machine->screen.views[shown->number].display;
}

static bool send_mode(struct shown *shown)
{
    uint32_t width, height;
    display_frame(display_of(shown), &width, &height);
    return send_message(shown->window, &(struct window_message){.kind = WINDOW_MODE, .view = shown->number,
                                                                .x = (int32_t)width, .y = (int32_t)height});
}

static bool send_damage(struct shown *shown)
{
    const struct display_area *damage = &shown->damage;
    return send_message(shown->window, &(struct window_message){.kind = WINDOW_DAMAGE,
                                                                .view = shown->number,
                                                                .x = (int32_t)damage->x,
                                                                .y = (int32_t)damage->y,
                                                                .width = (int32_t)damage->width,
                                                                .height = (int32_t)damage->height});
}

static bool send_cursor(struct shown *shown)
{
    const uint32_t *picture;
    struct display_cursor cursor = display_cursor_now(display_of(shown), &picture);
    return send_message(shown->window, &(struct window_message){.kind = WINDOW_CURSOR, .view = shown->number,
                                                                .x = (int32_t)cursor.hot_x, .y = (int32_t)cursor.hot_y,
                                                                .width = cursor.visible});
}

static bool send_state(struct shown *shown)
{
    const struct machine_view *view = &shown->window->machine->screen.views[shown->number];
    struct window_message message = {.kind = WINDOW_STATE, .view = shown->number};
    snprintf(message.text, sizeof message.text, "%s%s%s", shown->window->machine->screen.state, view->page ? ", " : "",
             view->page ? view->name : "");
    return send_message(shown->window, &message);
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

/* Sends what waits of a view. True: all of it. */
static bool send_waiting_of(struct shown *shown)
{
    if (shown->mode_waits)
        shown->mode_waits = !send_mode(shown);
    if (!shown->mode_waits && shown->damage.width && send_damage(shown))
        shown->damage.width = 0;
    if (shown->cursor_waits)
        shown->cursor_waits = !send_cursor(shown);
    if (shown->state_waits)
        shown->state_waits = !send_state(shown);
    return !shown->mode_waits && !shown->damage.width && !shown->cursor_waits && !shown->state_waits;
}

/* Sends what waits, and watches for room for the rest. */
static void send_waiting(struct window *window)
{
    struct window_message view = {.kind = WINDOW_VIEW, .view = window->machine->screen.viewed};
    if (window->view_waits)
        window->view_waits = !send_message(window, &view);
    if (window->text_waits)
        window->text_waits = !send_text(window);
    bool waits = window->view_waits || window->text_waits;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (window->shown[i].watched && !send_waiting_of(&window->shown[i]))
            waits = true;
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
    if (read(window->ticks.fd, &count, sizeof count) != sizeof count)
        return;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (window->shown[i].watched)
            display_refresh(display_of(&window->shown[i]));
}

/* Whether a picture that nobody draws is among those that are shown. */
static bool has_underlay(const struct window *window)
{
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (window->shown[i].watched && display_is_underlay(display_of(&window->shown[i])))
            return true;
    return false;
}

static void on_mode(void *context, uint32_t width, uint32_t height)
{
    struct shown *shown = context;
    tick(shown->window, has_underlay(shown->window));
    shown->mode_waits = true;
    shown->damage = (struct display_area){0, 0, width, height};
    send_waiting(shown->window);
}

static void on_damage(void *context, struct display_area area)
{
    struct shown *shown = context;
    struct display_area *all = &shown->damage;
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
    send_waiting(shown->window);
}

static void on_cursor(void *context)
{
    struct shown *shown = context;
    shown->cursor_waits = true;
    send_waiting(shown->window);
}

static void on_copied(void *context)
{
    struct window *window = context;
    window->text_waits = true;
    send_waiting(window);
}

static void on_state(void *context)
{
    struct window *window = context;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        window->shown[i].state_waits = true;
    send_waiting(window);
}

/* Tells of these views from now on, and all of those that are new. */
static void show_views(struct window *window, uint32_t bits)
{
    for (unsigned i = 0; i < VIEWS_MAX; i++) {
        struct shown *shown = &window->shown[i];
        const struct display_watcher watcher = {on_mode, on_damage, on_cursor, shown};
        bool wanted = window->machine->screen.views[i].display && bits >> i & 1;
        if (wanted == shown->watched)
            continue;
        shown->watched = shown->cursor_waits = shown->state_waits = wanted;
        display_watch(display_of(shown), wanted ? &watcher : NULL);
    }
    tick(window, has_underlay(window));
    send_waiting(window);
}

/* By the prompt or a script, another view is the one that is looked at. */
static void on_view(void *context)
{
    struct window *window = context;
    window->view_waits = true;
    send_waiting(window);
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

/* What is looked at is what the window with the focus shows. */
static void look_at(struct machine_screen *screen, uint32_t view)
{
    if (view < VIEWS_MAX && screen->views[view].name)
        screen->viewed = view;
}

static void take_message(struct window *window, const struct window_message *message)
{
    struct machine *machine = window->machine;
    struct machine_screen *screen = &machine->screen;
    if (message->kind != WINDOW_SIZE)
        look_at(screen, message->view);
    switch (message->kind) {
    case WINDOW_KEY:
        /* Keys are repeated by the guest itself; a page's are by the window. */
        if (message->y < 2 || screen->views[screen->viewed].page)
            input_key(screen, (unsigned)message->x, message->y);
        break;
    case WINDOW_VIEW: show_views(window, (uint32_t)message->x); break;
    case WINDOW_POINTER: input_pointer(screen, (uint32_t)message->x, (uint32_t)message->y); break;
    case WINDOW_BUTTON: input_button(screen, (unsigned)message->x, message->y); break;
    case WINDOW_WHEEL:
        input_wheel(screen, 0, message->y);
        input_wheel(screen, message->x, 0);
        break;
    case WINDOW_SIZE:
        if (message->view < VIEWS_MAX && !screen->views[message->view].page)
            input_resize(screen, (uint32_t)message->x, (uint32_t)message->y);
        break;
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
    if (clipboard && !length)
        fprintf(stderr, "armature: --clipboard: the host copied a text of more than %u bytes, which is not passed on\n",
                CLIPBOARD_MAX_BYTES);
}

/* The machine goes on, and is reached by what else it has. The process has ended, or says what makes no sense. */
static void lose(struct window *window)
{
    fprintf(stderr, "armature: the window is gone; the machine runs on without it\n");
    show_views(window, 0);
    host_watch_remove(window->machine->inputs, &window->watch);
    host_watch_remove(window->machine->inputs, &window->ticks);
    window->machine->screen.on_view = window->machine->screen.on_state = NULL;
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
        sdl->process(socket, option);
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
    struct window_message message = {.kind = WINDOW_MEMORY, .view = view};
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
        window->shown[i] = (struct shown){.window = window, .number = i};
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (views[i].display && !send_memory(window, i, display_memory(views[i].display)))
            return error_set(error, "there is no window: its process ended");
    window->watch = (struct host_watch){window->process.socket, POLLIN, on_ready, window};
    window->ticks =
        (struct host_watch){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), POLLIN, on_tick, window};
    host_watch_add(machine->inputs, &window->watch);
    host_watch_add(machine->inputs, &window->ticks);
    machine->screen.on_view = on_view;
    machine->screen.on_state = on_state;
    machine->screen.watcher = window;
    if (machine->clipboard) {
        machine->clipboard->copied = on_copied;
        machine->clipboard->context = window;
    }
    screen_state(&machine->screen, tape_replays(machine->loop.tape) ? "replaying" : "running");
    show_views(window, 1u << machine->screen.viewed);
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
