/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The windows' process, with SDL. One thread waits for the window server, another for the machine; between them stands
 * a list of what is to be drawn. Nothing happens here while nothing changes. An annex (machine/contract/annex.h).
 *
 * There are views (the screen, and text pages) and windows, each of which shows one: at first there is one window,
 * which can show another view; and others can be opened, so that several are seen at the same time.
 */
#include <SDL.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "machine/contract/display.h"
#include "machine/contract/input_event.h"
#include "machine/host_process.h"
#include "machine/options.h"
#include "machine/screen.h"
#include "machine/window_message.h"

/* --- state ----------------------------------------------------------------------------------------- */

#define FOCUS_SETTLES_MS 250

/* What the machine says of one of its views. All but the cursor is from the thread that listens, under the lock. */
struct view {
    const uint32_t *memory; /* NULL: not come yet, or there is none */
    struct window_message mode, cursor_message, state_message;
    bool mode_came, cursor_came, state_came, wanted_window;
    SDL_Rect damage;        /* w 0: none */
    SDL_Cursor *cursor;
};

struct pane {
    SDL_Window *window;     /* NULL: there is none */
    unsigned view;          /* the one that it shows */
    int width, height;      /* of that; 0: it has nothing to show */
    SDL_Rect target;        /* where in the window it is */
    bool full_screen, stale; /* stale: all of it is to be drawn */
};

struct desk {
    int socket;
    struct pane panes[VIEWS_MAX];
    struct pane *pane;      /* the one in use */
    bool grabbed;
    uint8_t pressed[256];   /* by Linux code */
    char clipboard[CLIPBOARD_MAX_BYTES + 1]; /* what both sides know to be on it */
    size_t too_long;                         /* of a text that is not passed on: its length, as the machine was told */
    /* From the thread that listens, under the lock. */
    pthread_mutex_t lock;
    struct view views[VIEWS_MAX];
    struct window_message view_message;
    bool view_came, text_came, ended, told;
    char text[CLIPBOARD_MAX_BYTES + 1]; /* what the guest copied */
};

/* --- to the machine -------------------------------------------------------------------------------- */

static void say(struct desk *desk, enum window_message_kind kind, int x, int y)
{
    struct window_message message = {.kind = kind, .view = desk->pane->view, .x = x, .y = y};
    /* A machine that does not listen has stopped, and what is typed meanwhile would wait for ever. */
    send(desk->socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Which views are to be told of, and which one is looked at. */
static void say_views(struct desk *desk)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (desk->panes[i].window)
            bits |= 1u << desk->panes[i].view;
    say(desk, WINDOW_VIEW, (int)bits, 0);
}

static void fail(struct desk *desk)
{
    host_process_say(desk->socket, SDL_GetError());
    _exit(1);
}

/* --- windows --------------------------------------------------------------------------------------- */

static struct pane *pane_of(struct desk *desk, uint32_t id)
{
    SDL_Window *window = SDL_GetWindowFromID(id);
    for (unsigned i = 0; window && i < VIEWS_MAX; i++)
        if (desk->panes[i].window == window)
            return &desk->panes[i];
    return NULL;
}

static struct pane *pane_with(struct desk *desk, unsigned view)
{
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (desk->panes[i].window && desk->panes[i].view == view)
            return &desk->panes[i];
    return NULL;
}

static void show_title(struct desk *desk, struct pane *pane)
{
    char title[160];
    pthread_mutex_lock(&desk->lock);
    struct window_message state = desk->views[pane->view].state_message;
    pthread_mutex_unlock(&desk->lock);
    snprintf(title, sizeof title, "Armature - %.60s%s", state.text,
             desk->grabbed ? " - all keys go to the guest (Ctrl-Alt-G)" : " - Ctrl-Alt-H for help");
    SDL_SetWindowTitle(pane->window, title);
}

/* Finds the largest place in the window that has the view's shape; all is to be drawn anew. */
static void place(struct pane *pane)
{
    int width, height;
    SDL_GetWindowSize(pane->window, &width, &height);
    SDL_Surface *surface = SDL_GetWindowSurface(pane->window);
    if (surface)
        SDL_FillRect(surface, NULL, SDL_MapRGB(surface->format, 0, 0, 0));
    pane->target = (SDL_Rect){0, 0, width, height};
    if (pane->width && (int64_t)width * pane->height > (int64_t)height * pane->width)
        pane->target.w = (int)((int64_t)height * pane->width / pane->height);
    else if (pane->width)
        pane->target.h = (int)((int64_t)width * pane->height / pane->width);
    pane->target.x = (width - pane->target.w) / 2;
    pane->target.y = (height - pane->target.h) / 2;
    SDL_UpdateWindowSurface(pane->window);
    pane->stale = true;
}

static void take_cursor(struct desk *desk, struct pane *pane)
{
    SDL_Cursor *cursor = desk->views[pane->view].cursor;
    SDL_SetCursor(cursor ? cursor : SDL_GetDefaultCursor());
}

/* The window shows the view as it is now. */
static void take_mode(struct desk *desk, struct pane *pane)
{
    int width, height;
    pthread_mutex_lock(&desk->lock);
    struct window_message mode = desk->views[pane->view].mode;
    pthread_mutex_unlock(&desk->lock);
    bool same = pane->width == mode.x && pane->height == mode.y;
    pane->width = mode.x;
    pane->height = mode.y;
    SDL_GetWindowSize(pane->window, &width, &height);
    if (pane->width && !same && !pane->full_screen && (width != pane->width || height != pane->height))
        SDL_SetWindowSize(pane->window, pane->width, pane->height);
    place(pane);
}

static void show_view(struct desk *desk, struct pane *pane, unsigned view)
{
    pane->view = view;
    say_views(desk);
    take_mode(desk, pane);
    show_title(desk, pane);
    take_cursor(desk, pane);
}

static SDL_Window *create_window(int width, int height)
{
    return SDL_CreateWindow("Armature", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, width, height,
                            SDL_WINDOW_RESIZABLE);
}

/* Another window, which shows that view. */
static void open_pane(struct desk *desk, unsigned view)
{
    unsigned i = 0;
    while (i < VIEWS_MAX && desk->panes[i].window)
        i++;
    if (i == VIEWS_MAX)
        return;
    struct pane *pane = &desk->panes[i];
    pthread_mutex_lock(&desk->lock);
    struct window_message mode = desk->views[view].mode;
    pthread_mutex_unlock(&desk->lock);
    *pane = (struct pane){0};
    pane->window = create_window(mode.x ? mode.x : 640, mode.x ? mode.y : 384);
    if (pane->window)
        show_view(desk, pane, view);
}

static bool close_pane(struct desk *desk, struct pane *pane)
{
    struct pane *other = NULL;
    for (unsigned i = VIEWS_MAX; i-- > 0;)
        if (desk->panes[i].window && &desk->panes[i] != pane)
            other = &desk->panes[i];
    if (!other)
        return false;
    SDL_DestroyWindow(pane->window);
    pane->window = NULL;
    if (desk->pane == pane)
        desk->pane = other;
    say_views(desk);
    return true;
}

/* --- keys ------------------------------------------------------------------------------------------ */

static void release_all(struct desk *desk)
{
    for (unsigned code = 0; code < sizeof desk->pressed; code++)
        if (desk->pressed[code]) {
            desk->pressed[code] = 0;
            say(desk, WINDOW_KEY, (int)code, 0);
        }
}

static void toggle_full_screen(struct desk *desk)
{
    struct pane *pane = desk->pane;
    pane->full_screen = !pane->full_screen;
    SDL_SetWindowFullscreen(pane->window, pane->full_screen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    place(pane);
}

static void toggle_grab(struct desk *desk)
{
    desk->grabbed = !desk->grabbed;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (desk->panes[i].window) {
            SDL_SetWindowKeyboardGrab(desk->panes[i].window, desk->grabbed ? SDL_TRUE : SDL_FALSE);
            show_title(desk, &desk->panes[i]);
        }
}

static void one_to_one(struct desk *desk)
{
    if (desk->pane->width && !desk->pane->full_screen)
        SDL_SetWindowSize(desk->pane->window, desk->pane->width, desk->pane->height);
}

static bool has_view(struct desk *desk, unsigned view)
{
    pthread_mutex_lock(&desk->lock);
    bool has = desk->views[view].memory;
    pthread_mutex_unlock(&desk->lock);
    return has;
}

static void show_number(struct desk *desk, unsigned view)
{
    if (view != desk->pane->view && has_view(desk, view))
        show_view(desk, desk->pane, view);
}

static void show_screen(struct desk *desk)
{
    show_number(desk, 0);
}

static void show_serial(struct desk *desk)
{
    show_number(desk, 1);
}

static void show_console(struct desk *desk)
{
    show_number(desk, 2);
}

/* For the next of those that no window shows. */
static void open_another(struct desk *desk)
{
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (has_view(desk, i) && !pane_with(desk, i)) {
            open_pane(desk, i);
            return;
        }
}

static void close_this(struct desk *desk)
{
    close_pane(desk, desk->pane);
}

static void press_power(struct desk *desk)
{
    say(desk, WINDOW_POWER, 0, 0);
}

static void take_shot(struct desk *desk)
{
    say(desk, WINDOW_SHOT, 0, 0);
}

static void close_window(struct desk *desk)
{
    say(desk, WINDOW_CLOSED, 0, 0);
}

static void show_help(struct desk *desk);

static const struct {
    SDL_Keycode key;
    void (*act)(struct desk *desk);
    const char *help;
} shortcuts[] = {
    {SDLK_h, show_help, "H  this help"},
    {SDLK_f, toggle_full_screen, "F  full screen, and back"},
    {SDLK_g, toggle_grab, "G  all keys of the host's desktop go to the guest, and back"},
    {SDLK_1, show_screen, "1  the guest's screen"},
    {SDLK_2, show_serial, "2  its serial line, a text page with --serial page; Shift and page up scroll there"},
    {SDLK_3, show_console, "3  its console, with --console page"},
    {SDLK_n, open_another, "N  another window, with the next of these that no window shows"},
    {SDLK_w, close_this, "W  closes this window, where there are others"},
    {SDLK_0, one_to_one, "0  a window as large as what it shows"},
    {SDLK_s, take_shot, "S  a screenshot, in the folder where Armature was started"},
    {SDLK_p, press_power, "P  presses the power key: the guest shuts itself down"},
    {SDLK_q, close_window, "Q  ends the machine"},
};
#define SHORTCUT_COUNT (sizeof shortcuts / sizeof shortcuts[0])

static void show_help(struct desk *desk)
{
    char text[1024] = "Ctrl-Alt and\n\n";
    for (unsigned i = 0; i < SHORTCUT_COUNT; i++) {
        strcat(text, shortcuts[i].help);
        strcat(text, "\n");
    }
    SDL_ShowSimpleMessageBox(SDL_MESSAGEBOX_INFORMATION, "Armature", text, desk->pane->window);
}

/* Whether Ctrl, Alt and the key were one of ours, which the guest does not see then. */
static bool shortcut(struct desk *desk, const SDL_KeyboardEvent *key)
{
    if (!(key->keysym.mod & KMOD_CTRL) || !(key->keysym.mod & KMOD_ALT) || key->repeat)
        return false;
    for (unsigned i = 0; i < SHORTCUT_COUNT; i++)
        if (key->keysym.sym == shortcuts[i].key) {
            release_all(desk); /* Ctrl and Alt, which the guest has seen */
            shortcuts[i].act(desk);
            return true;
        }
    return false;
}

static void take_key(struct desk *desk, const SDL_KeyboardEvent *key)
{
    unsigned code = input_code_of_usage(key->keysym.scancode); /* which SDL's scancodes are */
    bool down = key->type == SDL_KEYDOWN;
    /* The guest repeats keys by itself. A key that went down before the window had the focus does not come up in it. */
    if (!code || (down && shortcut(desk, key)))
        return;
    if (key->repeat && desk->pressed[code])
        say(desk, WINDOW_KEY, (int)code, 2);
    if (key->repeat || desk->pressed[code] == down)
        return;
    desk->pressed[code] = down;
    say(desk, WINDOW_KEY, (int)code, down);
}

/* --- drawing --------------------------------------------------------------------------------------- */

/* Draws what has changed, and nothing else. */
static void draw(struct desk *desk, struct pane *pane, SDL_Rect damage)
{
    SDL_Rect screen = {0, 0, pane->width, pane->height}, part;
    SDL_Surface *surface = SDL_GetWindowSurface(pane->window);
    const uint32_t *memory = desk->views[pane->view].memory;
    if (!surface || !memory || !SDL_IntersectRect(&damage, &screen, &part))
        return;
    const SDL_Rect *target = &pane->target;
    SDL_Surface *frame = SDL_CreateRGBSurfaceWithFormatFrom((void *)memory, pane->width, pane->height, 32,
                                                            pane->width * 4, SDL_PIXELFORMAT_XRGB8888);
    if (!frame)
        return;
    SDL_Rect to = {target->x + (int)((int64_t)part.x * target->w / pane->width),
                   target->y + (int)((int64_t)part.y * target->h / pane->height), 0, 0};
    to.w = target->x + (int)(((int64_t)(part.x + part.w) * target->w + pane->width - 1) / pane->width) - to.x;
    to.h = target->y + (int)(((int64_t)(part.y + part.h) * target->h + pane->height - 1) / pane->height) - to.y;
    if (target->w == pane->width && target->h == pane->height)
        SDL_BlitSurface(frame, &part, surface, &to);
    else
        SDL_BlitScaled(frame, &part, surface, &to);
    SDL_FreeSurface(frame);
    SDL_UpdateWindowSurfaceRects(pane->window, &to, 1);
}

static void make_cursor(struct view *view, const struct window_message *message)
{
    SDL_Surface *picture = NULL;
    if (message->width && view->memory)
        picture = SDL_CreateRGBSurfaceWithFormatFrom((void *)(view->memory + DISPLAY_CURSOR_OFFSET / 4),
                                                     DISPLAY_CURSOR_PIXELS, DISPLAY_CURSOR_PIXELS, 32,
                                                     DISPLAY_CURSOR_PIXELS * 4, SDL_PIXELFORMAT_ARGB8888);
    view->cursor = picture ? SDL_CreateColorCursor(picture, message->x, message->y) : NULL;
    SDL_FreeSurface(picture);
}

/* The host's text, where it is another one and can be passed on. Looked at while a window is the one in use. */
static void offer_text(struct desk *desk)
{
    static struct window_text message = {.kind = WINDOW_TEXT};
    char *text = SDL_HasClipboardText() ? SDL_GetClipboardText() : NULL;
    size_t length = text ? strlen(text) : 0;
    bool too_long = length > CLIPBOARD_MAX_BYTES;
    if (too_long && length != desk->too_long) {
        desk->clipboard[0] = 0;
        send(desk->socket, &message, offsetof(struct window_text, text), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    desk->too_long = too_long ? length : 0;
    if (length && !too_long && strcmp(text, desk->clipboard)) {
        memcpy(desk->clipboard, text, length + 1);
        memcpy(message.text, text, length);
        send(desk->socket, &message, offsetof(struct window_text, text) + length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    SDL_free(text);
}

static void take_text(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    strcpy(desk->clipboard, desk->text);
    pthread_mutex_unlock(&desk->lock);
    SDL_SetClipboardText(desk->clipboard);
}

/* Does in the windows what the other thread has noted down of a view. */
static void take_notes_of(struct desk *desk, unsigned number)
{
    struct view *view = &desk->views[number];
    pthread_mutex_lock(&desk->lock);
    bool mode_came = view->mode_came, cursor_came = view->cursor_came, state_came = view->state_came;
    bool opens = view->wanted_window && view->memory;
    struct window_message cursor = view->cursor_message;
    SDL_Rect damage = view->damage;
    view->mode_came = view->cursor_came = view->state_came = false;
    view->wanted_window &= !opens;
    view->damage.w = 0;
    pthread_mutex_unlock(&desk->lock);
    if (opens && !pane_with(desk, number))
        open_pane(desk, number);
    SDL_Cursor *before = view->cursor;
    if (cursor_came)
        make_cursor(view, &cursor);
    for (unsigned i = 0; i < VIEWS_MAX; i++) {
        struct pane *pane = &desk->panes[i];
        if (!pane->window || pane->view != number)
            continue;
        if (mode_came)
            take_mode(desk, pane);
        if (cursor_came && (SDL_GetMouseFocus() == pane->window || !SDL_GetMouseFocus()))
            take_cursor(desk, pane);
        if (state_came)
            show_title(desk, pane);
        if (pane->stale)
            draw(desk, pane, (SDL_Rect){0, 0, pane->width, pane->height});
        else if (damage.w)
            draw(desk, pane, damage);
        pane->stale = false;
    }
    if (cursor_came && before)
        SDL_FreeCursor(before);
}

/* Does what the other thread has noted down. */
static void take_notes(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    bool view_came = desk->view_came, text_came = desk->text_came;
    unsigned view = desk->view_message.view;
    desk->view_came = desk->text_came = desk->told = false;
    pthread_mutex_unlock(&desk->lock);
    if (text_came)
        take_text(desk);
    struct pane *shows = view_came && view < VIEWS_MAX ? pane_with(desk, view) : NULL;
    if (shows && !SDL_GetKeyboardFocus())
        desk->pane = shows;
    else if (!shows && view_came && view < VIEWS_MAX)
        show_number(desk, view);
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        take_notes_of(desk, i);
}

/* --- the thread that listens to the machine -------------------------------------------------------- */

static ssize_t receive(int socket, union window_any *any, int *memory)
{
    union {
        char bytes[CMSG_SPACE(sizeof *memory)];
        struct cmsghdr align;
    } control;
    struct iovec piece = {any, sizeof *any};
    struct msghdr header = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = length > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (rights && rights->cmsg_type == SCM_RIGHTS)
        memcpy(memory, CMSG_DATA(rights), sizeof *memory);
    return length;
}

static void note(struct desk *desk, const struct window_message *message, int memory)
{
    SDL_Rect area = {message->x, message->y, message->width, message->height};
    struct view *view = &desk->views[message->view < VIEWS_MAX ? message->view : 0];
    switch (message->kind) {
    case WINDOW_MEMORY: {
        void *mapped = mmap(NULL, DISPLAY_MEMORY_BYTES, PROT_READ, MAP_SHARED, memory, 0);
        view->memory = mapped == MAP_FAILED ? NULL : mapped;
        close(memory);
        break;
    }
    case WINDOW_MODE:
        view->mode = *message;
        view->mode_came = true;
        break;
    case WINDOW_DAMAGE:
        if (view->damage.w)
            SDL_UnionRect(&view->damage, &area, &view->damage);
        else
            view->damage = area;
        break;
    case WINDOW_CURSOR:
        view->cursor_message = *message;
        view->cursor_came = true;
        break;
    case WINDOW_STATE:
        view->state_message = *message;
        view->state_came = true;
        break;
    case WINDOW_VIEW:
        desk->view_message = *message;
        desk->view_came = true;
        break;
    }
}

static void note_text(struct desk *desk, const char *text, size_t length)
{
    memcpy(desk->text, text, length);
    desk->text[length] = 0;
    desk->text_came = true;
}

static void *listen_to_machine(void *argument)
{
    struct desk *desk = argument;
    SDL_Event wake = {.type = SDL_USEREVENT};
    static union window_any any;
    int memory = -1;
    for (;;) {
        ssize_t length = receive(desk->socket, &any, &memory);
        pthread_mutex_lock(&desk->lock);
        bool text = length >= (ssize_t)sizeof any.text.kind && any.text.kind == WINDOW_TEXT;
        desk->ended = !text && length != (ssize_t)sizeof any.message;
        if (text)
            note_text(desk, any.text.text, (size_t)length - sizeof any.text.kind);
        else if (!desk->ended)
            note(desk, &any.message, memory);
        bool tell = !desk->told;
        desk->told = true;
        bool ended = desk->ended;
        pthread_mutex_unlock(&desk->lock);
        if (tell || ended)
            SDL_PushEvent(&wake);
        if (ended)
            return NULL;
    }
}

/* --- what happens in the windows ------------------------------------------------------------------- */

static void take_pointer(struct desk *desk, struct pane *pane, int x, int y)
{
    const SDL_Rect *target = &pane->target;
    if (!pane->width || pane != desk->pane || target->w < 2 || target->h < 2)
        return;
    int64_t right = (int64_t)(x - target->x) * TABLET_MAX / (target->w - 1);
    int64_t down = (int64_t)(y - target->y) * TABLET_MAX / (target->h - 1);
    right = right < 0 ? 0 : right > (int64_t)TABLET_MAX ? (int64_t)TABLET_MAX : right;
    down = down < 0 ? 0 : down > (int64_t)TABLET_MAX ? (int64_t)TABLET_MAX : down;
    say(desk, WINDOW_POINTER, (int)right, (int)down);
}

static void take_button(struct desk *desk, struct pane *pane, const SDL_MouseButtonEvent *button)
{
    static const int codes_of[] = {0, BUTTON_LEFT, BUTTON_MIDDLE, BUTTON_RIGHT, BUTTON_SIDE, BUTTON_EXTRA};
    if (button->button == 0 || button->button >= sizeof codes_of / sizeof *codes_of)
        return;
    desk->pane = pane;
    take_pointer(desk, pane, button->x, button->y);
    say(desk, WINDOW_BUTTON, codes_of[button->button], button->type == SDL_MOUSEBUTTONDOWN);
}

static void take_window_event(struct desk *desk, struct pane *pane, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        place(pane);
        /* A guest that can follows; else it is scaled. */
        if (pane->view == 0 && (event->data1 != pane->width || event->data2 != pane->height)) {
            struct window_message size = {.kind = WINDOW_SIZE, .view = 0, .x = event->data1, .y = event->data2};
            send(desk->socket, &size, sizeof size, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        break;
    case SDL_WINDOWEVENT_EXPOSED: place(pane); break;
    case SDL_WINDOWEVENT_ENTER: take_cursor(desk, pane); break;
    case SDL_WINDOWEVENT_FOCUS_GAINED:
        desk->pane = pane;
        say_views(desk);
        offer_text(desk);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST: release_all(desk); break;
    case SDL_WINDOWEVENT_CLOSE:
        if (!close_pane(desk, pane))
            close_window(desk);
        break;
    }
}

static void take_event(struct desk *desk, const SDL_Event *event)
{
    struct pane *pane;
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        if ((pane = pane_of(desk, event->key.windowID)))
            desk->pane = pane;
        take_key(desk, &event->key);
        break;
    case SDL_MOUSEMOTION:
        if ((pane = pane_of(desk, event->motion.windowID)))
            take_pointer(desk, pane, event->motion.x, event->motion.y);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        if ((pane = pane_of(desk, event->button.windowID)))
            take_button(desk, pane, &event->button);
        break;
    case SDL_MOUSEWHEEL:
        if (pane_of(desk, event->wheel.windowID) == desk->pane)
            say(desk, WINDOW_WHEEL, event->wheel.x, event->wheel.y);
        break;
    case SDL_CLIPBOARDUPDATE:
        if (SDL_GetKeyboardFocus())
            offer_text(desk);
        break;
    case SDL_WINDOWEVENT:
        if ((pane = pane_of(desk, event->window.windowID)))
            take_window_event(desk, pane, &event->window);
        break;
    }
}

static __attribute__((noreturn)) void window_process(int socket, const struct display_option *option)
{
    static struct desk desk; /* zero */
    pthread_t listener;
    desk.socket = socket;
    desk.pane = &desk.panes[0];
    pthread_mutex_init(&desk.lock, NULL);
    for (unsigned i = 0; i < VIEWS_MAX; i++) {
        strcpy(desk.views[i].state_message.text, "starting");
        desk.views[i].wanted_window = option->windows;
    }
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        fail(&desk);
    desk.pane->window = create_window((int)option->width, (int)option->height);
    if (!desk.pane->window)
        fail(&desk);
    show_title(&desk, desk.pane);
    place(desk.pane);
    host_process_say(socket, NULL);
    if (option->full_screen)
        toggle_full_screen(&desk);
    if (pthread_create(&listener, NULL, listen_to_machine, &desk) != 0)
        _exit(1);
    /* Under X, SDL believes in a new focus a while after it came, and only when it looks again: so after each event of
     * the window server's, one more look. Else the first key in another window would go to the one before. */
    SDL_EventState(SDL_SYSWMEVENT, SDL_ENABLE);
    SDL_Event event;
    for (bool again = true; !desk.ended;) {
        bool came = again ? SDL_WaitEventTimeout(&event, FOCUS_SETTLES_MS) : SDL_WaitEvent(&event);
        again = came && event.type != SDL_USEREVENT;
        if (came)
            take_event(&desk, &event);
        while (SDL_PollEvent(&event))
            take_event(&desk, &event);
        take_notes(&desk);
    }
    SDL_Quit();
    _exit(0);
}

const struct window_annex annex = {window_process};
