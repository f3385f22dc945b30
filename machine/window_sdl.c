/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The window's process, with SDL. One thread waits for the window server, another for the machine; between them stands
 * a list of what is to be drawn. Nothing happens here while nothing changes. An annex (machine/contract/annex.h).
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
#include "machine/window_message.h"

/* --- state ----------------------------------------------------------------------------------------- */

#define VIEWS 3 /* the screen, and two text pages */

struct view {
    int socket;
    SDL_Window *window;
    SDL_Cursor *cursor;
    const uint32_t *memories[VIEWS]; /* of the screen and the pages; NULL: not come yet, or there is none */
    const uint32_t *memory;          /* of the one that is shown */
    int width, height;      /* of the machine's screen */
    SDL_Rect target;        /* where in the window it is */
    bool full_screen, grabbed, no_shortcut;
    uint8_t pressed[256];   /* by Linux code */
    char state[64];
    char clipboard[CLIPBOARD_MAX_BYTES + 1]; /* what both sides know to be on it */
    /* From the thread that listens, under the lock. */
    pthread_mutex_t lock;
    struct window_message mode, cursor_message, state_message;
    bool mode_came, cursor_came, state_came, text_came, ended, told;
    char text[CLIPBOARD_MAX_BYTES + 1]; /* what the guest copied */
    SDL_Rect damage; /* w 0: none */
};

/* --- to the machine -------------------------------------------------------------------------------- */

static void say(struct view *view, enum window_message_kind kind, int x, int y)
{
    struct window_message message = {.kind = kind, .x = x, .y = y};
    /* A machine that does not listen has stopped, and what is typed meanwhile would wait for ever. */
    send(view->socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void fail(struct view *view)
{
    host_process_say(view->socket, SDL_GetError());
    _exit(1);
}

/* --- keys ------------------------------------------------------------------------------------------ */

static void release_all(struct view *view)
{
    for (unsigned code = 0; code < sizeof view->pressed; code++)
        if (view->pressed[code]) {
            view->pressed[code] = 0;
            say(view, WINDOW_KEY, (int)code, 0);
        }
}

static void show_title(struct view *view)
{
    char title[160];
    snprintf(title, sizeof title, "Armature - %s%s", view->state,
             view->grabbed ? " - all keys go to the guest (Ctrl-Alt-G)" : " - Ctrl-Alt-H for help");
    SDL_SetWindowTitle(view->window, title);
}

static void place(struct view *view);

static void toggle_full_screen(struct view *view)
{
    view->full_screen = !view->full_screen;
    SDL_SetWindowFullscreen(view->window, view->full_screen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    place(view);
}

static void toggle_grab(struct view *view)
{
    view->grabbed = !view->grabbed;
    SDL_SetWindowKeyboardGrab(view->window, view->grabbed ? SDL_TRUE : SDL_FALSE);
    show_title(view);
}

static void one_to_one(struct view *view)
{
    if (view->width && !view->full_screen)
        SDL_SetWindowSize(view->window, view->width, view->height);
}

static void show_screen(struct view *view)
{
    say(view, WINDOW_VIEW, 0, 0);
}

static void show_serial(struct view *view)
{
    say(view, WINDOW_VIEW, 1, 0);
}

static void show_console(struct view *view)
{
    say(view, WINDOW_VIEW, 2, 0);
}

static void press_power(struct view *view)
{
    say(view, WINDOW_POWER, 0, 0);
}

static void take_shot(struct view *view)
{
    say(view, WINDOW_SHOT, 0, 0);
}

static void close_window(struct view *view)
{
    say(view, WINDOW_CLOSED, 0, 0);
}

static void show_help(struct view *view);

static const struct {
    SDL_Keycode key;
    void (*act)(struct view *view);
    const char *help;
} shortcuts[] = {
    {SDLK_h, show_help, "H  this help"},
    {SDLK_f, toggle_full_screen, "F  full screen, and back"},
    {SDLK_g, toggle_grab, "G  all keys of the host's desktop go to the guest, and back"},
    {SDLK_1, show_screen, "1  the guest's screen"},
    {SDLK_2, show_serial, "2  its serial line, a text page with --serial page; Shift and page up scroll there"},
    {SDLK_3, show_console, "3  its console, with --console page"},
    {SDLK_0, one_to_one, "0  a window as large as what it shows"},
    {SDLK_s, take_shot, "S  a screenshot, in the folder where Armature was started"},
    {SDLK_p, press_power, "P  presses the power key: the guest shuts itself down"},
    {SDLK_q, close_window, "Q  ends the machine"},
};
#define SHORTCUT_COUNT (sizeof shortcuts / sizeof shortcuts[0])

static void show_help(struct view *view)
{
    char text[1024] = "Ctrl-Alt and\n\n";
    for (unsigned i = 0; i < SHORTCUT_COUNT; i++) {
        strcat(text, shortcuts[i].help);
        strcat(text, "\n");
    }
    SDL_ShowSimpleMessageBox(SDL_MESSAGEBOX_INFORMATION, "Armature", text, view->window);
}

/* Whether Ctrl, Alt and the key were one of ours, which the guest does not see then. */
static bool shortcut(struct view *view, const SDL_KeyboardEvent *key)
{
    if (!(key->keysym.mod & KMOD_CTRL) || !(key->keysym.mod & KMOD_ALT) || key->repeat)
        return false;
    for (unsigned i = 0; i < SHORTCUT_COUNT; i++)
        if (key->keysym.sym == shortcuts[i].key) {
            release_all(view); /* Ctrl and Alt, which the guest has seen */
            shortcuts[i].act(view);
            return true;
        }
    return false;
}

static void take_key(struct view *view, const SDL_KeyboardEvent *key)
{
    unsigned code = input_code_of_usage(key->keysym.scancode); /* which SDL's scancodes are */
    bool down = key->type == SDL_KEYDOWN;
    /* The guest repeats keys by itself. A key that went down before the window had the focus does not come up in it. */
    if (!code || (down && shortcut(view, key)))
        return;
    if (key->repeat && view->pressed[code])
        say(view, WINDOW_KEY, (int)code, 2);
    if (key->repeat || view->pressed[code] == down)
        return;
    view->pressed[code] = down;
    say(view, WINDOW_KEY, (int)code, down);
}

/* --- drawing --------------------------------------------------------------------------------------- */

/* The largest place in the window that has the screen's shape. */
static void place(struct view *view)
{
    int width, height;
    SDL_GetWindowSize(view->window, &width, &height);
    SDL_Surface *surface = SDL_GetWindowSurface(view->window);
    if (surface)
        SDL_FillRect(surface, NULL, SDL_MapRGB(surface->format, 0, 0, 0));
    view->target = (SDL_Rect){0, 0, width, height};
    if (view->width && (int64_t)width * view->height > (int64_t)height * view->width)
        view->target.w = (int)((int64_t)height * view->width / view->height);
    else if (view->width)
        view->target.h = (int)((int64_t)width * view->height / view->width);
    view->target.x = (width - view->target.w) / 2;
    view->target.y = (height - view->target.h) / 2;
    SDL_UpdateWindowSurface(view->window);
    pthread_mutex_lock(&view->lock);
    view->damage = (SDL_Rect){0, 0, view->width, view->height};
    pthread_mutex_unlock(&view->lock);
}

/* Draws what has changed, and nothing else. */
static void draw(struct view *view, SDL_Rect damage)
{
    SDL_Rect screen = {0, 0, view->width, view->height}, part;
    SDL_Surface *surface = SDL_GetWindowSurface(view->window);
    if (!surface || !view->memory || !SDL_IntersectRect(&damage, &screen, &part))
        return;
    const SDL_Rect *target = &view->target;
    SDL_Surface *frame = SDL_CreateRGBSurfaceWithFormatFrom((void *)view->memory, view->width, view->height, 32,
                                                            view->width * 4, SDL_PIXELFORMAT_XRGB8888);
    if (!frame)
        return;
    SDL_Rect to = {target->x + (int)((int64_t)part.x * target->w / view->width),
                   target->y + (int)((int64_t)part.y * target->h / view->height), 0, 0};
    to.w = target->x + (int)(((int64_t)(part.x + part.w) * target->w + view->width - 1) / view->width) - to.x;
    to.h = target->y + (int)(((int64_t)(part.y + part.h) * target->h + view->height - 1) / view->height) - to.y;
    if (target->w == view->width && target->h == view->height)
        SDL_BlitSurface(frame, &part, surface, &to);
    else
        SDL_BlitScaled(frame, &part, surface, &to);
    SDL_FreeSurface(frame);
    SDL_UpdateWindowSurfaceRects(view->window, &to, 1);
}

static void take_cursor(struct view *view, const struct window_message *message)
{
    SDL_Cursor *before = view->cursor;
    SDL_Surface *picture = NULL;
    if (message->width && view->memory)
        picture = SDL_CreateRGBSurfaceWithFormatFrom((void *)(view->memory + DISPLAY_CURSOR_OFFSET / 4),
                                                     DISPLAY_CURSOR_PIXELS, DISPLAY_CURSOR_PIXELS, 32,
                                                     DISPLAY_CURSOR_PIXELS * 4, SDL_PIXELFORMAT_ARGB8888);
    view->cursor = picture ? SDL_CreateColorCursor(picture, message->x, message->y) : NULL;
    SDL_SetCursor(view->cursor ? view->cursor : SDL_GetDefaultCursor());
    SDL_FreeSurface(picture);
    if (before)
        SDL_FreeCursor(before);
}

static void take_mode(struct view *view, const struct window_message *mode)
{
    int width, height;
    bool same = view->width == mode->x && view->height == mode->y;
    view->memory = mode->width >= 0 && mode->width < VIEWS ? view->memories[mode->width] : NULL;
    view->width = mode->x;
    view->height = mode->y;
    SDL_GetWindowSize(view->window, &width, &height);
    if (view->width && !same && !view->full_screen && (width != view->width || height != view->height))
        SDL_SetWindowSize(view->window, view->width, view->height);
    place(view);
}

/* The host's text, where it is another one and can be passed on. Looked at while the window is the one in use. */
static void offer_text(struct view *view)
{
    static struct window_text message = {.kind = WINDOW_TEXT};
    char *text = SDL_HasClipboardText() ? SDL_GetClipboardText() : NULL;
    size_t length = text ? strlen(text) : 0;
    if (length && length <= CLIPBOARD_MAX_BYTES && strcmp(text, view->clipboard)) {
        memcpy(view->clipboard, text, length + 1);
        memcpy(message.text, text, length);
        send(view->socket, &message, offsetof(struct window_text, text) + length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    SDL_free(text);
}

static void take_text(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    strcpy(view->clipboard, view->text);
    pthread_mutex_unlock(&view->lock);
    SDL_SetClipboardText(view->clipboard);
}

/* Does what the other thread has noted down. */
static void take_notes(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    struct window_message mode = view->mode, cursor = view->cursor_message, state = view->state_message;
    bool mode_came = view->mode_came, cursor_came = view->cursor_came, state_came = view->state_came;
    bool text_came = view->text_came;
    view->mode_came = view->cursor_came = view->state_came = view->text_came = view->told = false;
    pthread_mutex_unlock(&view->lock);
    if (mode_came)
        take_mode(view, &mode);
    if (cursor_came)
        take_cursor(view, &cursor);
    if (text_came)
        take_text(view);
    if (state_came) {
        snprintf(view->state, sizeof view->state, "%.60s", state.text);
        show_title(view);
    }
    pthread_mutex_lock(&view->lock);
    SDL_Rect damage = view->damage;
    view->damage.w = 0;
    pthread_mutex_unlock(&view->lock);
    if (damage.w)
        draw(view, damage);
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

static void note(struct view *view, const struct window_message *message, int memory)
{
    SDL_Rect area = {message->x, message->y, message->width, message->height};
    switch (message->kind) {
    case WINDOW_MEMORY: {
        void *mapped = mmap(NULL, DISPLAY_MEMORY_BYTES, PROT_READ, MAP_SHARED, memory, 0);
        if (message->x >= 0 && message->x < VIEWS)
            view->memories[message->x] = mapped == MAP_FAILED ? NULL : mapped;
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
    }
}

static void note_text(struct view *view, const char *text, size_t length)
{
    memcpy(view->text, text, length);
    view->text[length] = 0;
    view->text_came = true;
}

static void *listen_to_machine(void *argument)
{
    struct view *view = argument;
    SDL_Event wake = {.type = SDL_USEREVENT};
    static union window_any any;
    int memory = -1;
    for (;;) {
        ssize_t length = receive(view->socket, &any, &memory);
        pthread_mutex_lock(&view->lock);
        bool text = length >= (ssize_t)sizeof any.text.kind && any.text.kind == WINDOW_TEXT;
        view->ended = !text && length != (ssize_t)sizeof any.message;
        if (text)
            note_text(view, any.text.text, (size_t)length - sizeof any.text.kind);
        else if (!view->ended)
            note(view, &any.message, memory);
        bool tell = !view->told;
        view->told = true;
        bool ended = view->ended;
        pthread_mutex_unlock(&view->lock);
        if (tell || ended)
            SDL_PushEvent(&wake);
        if (ended)
            return NULL;
    }
}

/* --- the window ------------------------------------------------------------------------------------ */

static void take_pointer(struct view *view, int x, int y)
{
    const SDL_Rect *target = &view->target;
    if (!view->width || target->w < 2 || target->h < 2)
        return;
    int64_t right = (int64_t)(x - target->x) * TABLET_MAX / (target->w - 1);
    int64_t down = (int64_t)(y - target->y) * TABLET_MAX / (target->h - 1);
    right = right < 0 ? 0 : right > (int64_t)TABLET_MAX ? (int64_t)TABLET_MAX : right;
    down = down < 0 ? 0 : down > (int64_t)TABLET_MAX ? (int64_t)TABLET_MAX : down;
    say(view, WINDOW_POINTER, (int)right, (int)down);
}

static void take_button(struct view *view, const SDL_MouseButtonEvent *button)
{
    static const int codes_of[] = {0, BUTTON_LEFT, BUTTON_MIDDLE, BUTTON_RIGHT, BUTTON_SIDE, BUTTON_EXTRA};
    if (button->button == 0 || button->button >= sizeof codes_of / sizeof *codes_of)
        return;
    take_pointer(view, button->x, button->y);
    say(view, WINDOW_BUTTON, codes_of[button->button], button->type == SDL_MOUSEBUTTONDOWN);
}

static void take_window_event(struct view *view, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        place(view);
        /* A guest that can follows; else it is scaled. */
        if (event->data1 != view->width || event->data2 != view->height)
            say(view, WINDOW_SIZE, event->data1, event->data2);
        break;
    case SDL_WINDOWEVENT_EXPOSED: place(view); break;
    case SDL_WINDOWEVENT_FOCUS_GAINED: offer_text(view); break;
    case SDL_WINDOWEVENT_FOCUS_LOST: release_all(view); break;
    }
}

static void take_event(struct view *view, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP: take_key(view, &event->key); break;
    case SDL_MOUSEMOTION: take_pointer(view, event->motion.x, event->motion.y); break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP: take_button(view, &event->button); break;
    case SDL_MOUSEWHEEL: say(view, WINDOW_WHEEL, event->wheel.x, event->wheel.y); break;
    case SDL_CLIPBOARDUPDATE:
        if (SDL_GetWindowFlags(view->window) & SDL_WINDOW_INPUT_FOCUS)
            offer_text(view);
        break;
    case SDL_WINDOWEVENT: take_window_event(view, &event->window); break;
    case SDL_QUIT: close_window(view); break;
    }
}

static __attribute__((noreturn)) void window_process(int socket, uint32_t width, uint32_t height, bool full_screen)
{
    static struct view view; /* zero */
    pthread_t listener;
    view.socket = socket;
    pthread_mutex_init(&view.lock, NULL);
    strcpy(view.state, "starting");
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        fail(&view);
    view.window = SDL_CreateWindow("Armature", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, (int)width,
                                   (int)height, SDL_WINDOW_RESIZABLE);
    if (!view.window)
        fail(&view);
    show_title(&view);
    place(&view);
    host_process_say(socket, NULL);
    if (full_screen)
        toggle_full_screen(&view);
    if (pthread_create(&listener, NULL, listen_to_machine, &view) != 0)
        _exit(1);
    SDL_Event event;
    while (!view.ended && SDL_WaitEvent(&event)) {
        do
            take_event(&view, &event);
        while (SDL_PollEvent(&event));
        take_notes(&view);
    }
    SDL_Quit();
    _exit(0);
}

const struct window_annex annex = {window_process};
