/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where serial lines and the screen end on the host, and what is done with them. A group of the table of options. */
#include <string.h>
#include "machine/actions.h"
#include "machine/contract/clock.h"
#include "machine/options_values.h"

#define SERIALS "none null stdio pty page file: unix:"

static bool take_serial_option(struct serial_option *serial, const char *what, const char *value,
                               struct error *error)
{
    static const struct {
        const char *word;
        enum serial_kind kind;
    } kinds[] = {{"none", SERIAL_NONE}, {"null", SERIAL_NULL}, {"stdio", SERIAL_STDIO}, {"pty", SERIAL_PTY},
                 {"page", SERIAL_PAGE}};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(value, kinds[i].word)) {
            *serial = (struct serial_option){kinds[i].kind, NULL};
            return true;
        }
    bool file = !strncmp(value, "file:", 5), socket = !strncmp(value, "unix:", 5);
    if ((file || socket) && value[5]) {
        *serial = (struct serial_option){file ? SERIAL_FILE : SERIAL_UNIX, value + 5};
        return true;
    }
    return error_set(error, "%s expects stdio, file:PATH, unix:PATH, pty, page, null or none (not '%s')", what, value);
}

static bool take_serial(struct run_options *options, const char *value, struct error *error)
{
    return take_serial_option(&options->serial, "--serial", value, error);
}

static bool take_console(struct run_options *options, const char *value, struct error *error)
{
    return take_serial_option(&options->console, "--console", value, error);
}

/* sdl|none[,size=WxH][,fullscreen][,windows] */
static bool take_display(struct run_options *options, const char *value, struct error *error)
{
    char copy[64] = "", *rest = copy, *word;
    struct display_option *display = &options->display;
    if (strlen(value) < sizeof copy)
        strcpy(copy, value);
    int kind = option_find_word("none sdl", strsep(&rest, ","));
    bool good = kind >= 0;
    *display = (struct display_option){DISPLAY_NONE + kind, 1024, 768, false, false};
    while (good && (word = strsep(&rest, ","))) {
        uint64_t width = 0, height = 0;
        const char *end = "";
        if (!strcmp(word, "fullscreen"))
            display->full_screen = true;
        else if (!strcmp(word, "windows"))
            display->windows = true;
        else if (strncmp(word, "size=", 5) || !option_number(word + 5, 8192, &width, &end) || *end != 'x' ||
                 !option_whole_number(end + 1, 4320, &height) || width < 64 || height < 64)
            good = false;
        else
            display->width = (uint32_t)width, display->height = (uint32_t)height;
    }
    return good ||
           error_set(error,
                     "--display expects sdl or none, and behind it ,size=WIDTHxHEIGHT, ,fullscreen or ,windows (not "
                     "'%s')",
                     value);
}

/* sdl|none|wav:FILE[,capture=FILE] */
static bool take_sound(struct run_options *options, const char *value, struct error *error)
{
    struct sound_option *sound = &options->sound;
    const char *capture = strstr(value, ",capture=");
    size_t length = capture ? (size_t)(capture - value) : strlen(value);
    bool wav = !strncmp(value, "wav:", 4) && length > 4 && length - 4 < sizeof sound->path;
    *sound = (struct sound_option){.kind = SOUND_WAV};
    if (wav)
        memcpy(sound->path, value + 4, length - 4);
    else if (length == 3 && !memcmp(value, "sdl", 3))
        sound->kind = SOUND_SDL;
    else if (length == 4 && !memcmp(value, "none", 4))
        sound->kind = SOUND_NONE;
    else
        return error_set(error, "--sound expects sdl, none or wav:FILE, and behind the latter two ,capture=FILE (not "
                         "'%s')", value);
    if (!capture)
        return true;
    capture += strlen(",capture=");
    if (!*capture || strlen(capture) >= sizeof sound->capture || sound->kind == SOUND_SDL)
        return error_set(error, "--sound: capture= expects the name of a WAV file, and is not for sdl, which records "
                         "the host's microphone");
    strcpy(sound->capture, capture);
    return true;
}

static bool take_at(struct run_options *options, const char *first, const char *second, struct error *error)
{
    struct at_option *at = &options->at[options->at_count];
    if (options->at_count == MAX_AT)
        return error_set(error, "--at can be given %u times at most", MAX_AT);
    if (!time_parse(first, &at->at_ns) || !at->at_ns)
        return error_set(
            error, "--at expects a time with its unit, and an action, such as 20s \"screenshot x.png\" (not '%s')",
            first);
    if (!action_check(second, error))
        return false;
    at->action = second;
    options->at_count++;
    return true;
}

const struct cli_option options_lines[] = {
    {"--serial", "WHERE", SERIALS, false,
     "Where the serial line ends: stdio (the default), file:PATH, unix:PATH (a socket), pty, page (a text "
     "page in the window, and for screenshots), or null (nowhere) or none.",
     take_serial},
    {"--serial-log", "FILE", "", false, "Also add what the guest prints on the serial line to the end of a file.",
     CLI_FILE(serial_log)},
    {"--serial-input", "FILE", "", false,
     "With --serial file:PATH: what is typed on the serial line, as if it were piped in.", CLI_FILE(serial_input)},
    {"--console", "WHERE", SERIALS, false,
     "Adds a virtio console (hvc0), which ends in one of the same places; none adds none.", take_console},
    {"--display", "sdl|none[,WORD...]", "sdl none", false,
     "Adds a screen (virtio-gpu, and ramfb for firmware), a keyboard and a tablet: in a window, or none, where only "
     "screenshots show it. "
     ",size=1280x800 says how large it is at first, ,fullscreen fills the host's screen, and with ,windows each text "
     "page (--serial page) has a window of its own from the beginning. Ctrl-Alt-H lists the window's keys.",
     take_display},
    {"--input", "virtio|usb", "virtio usb", false,
     "What keyboard and tablet are: virtio-input devices (the default, with a display), or at an xHCI controller (USB, "
     "on PCI Express), for guests without a driver for those.",
     CLI_WORD(input)},
    {"--sound", "sdl|none|wav:FILE[,capture=FILE]", "sdl none wav:", false,
     "Adds a sound card (virtio-snd): on the host's loudspeaker and microphone, with nobody who listens, or playing "
     "into a file. With ,capture= a WAV file is what the guest records. What the guest sees of it depends on its own "
     "clock; what it records is input like any other.",
     take_sound},
    {"--clipboard", NULL, NULL, false,
     "Share a clipboard of text with the guest, where its agent (Debian's spice-vdagent) takes part: what is copied in "
     "the window's desktop can be pasted there, and the other way round; or by the command clipboard.",
     CLI_FLAG(clipboard)},
    {"--screenshot", "FILE", "", false, "Write the screen there at the end, as PNG. Needs --display.",
     CLI_FILE(screenshot)},
    {"--at", "TIME ACTION", NULL, true,
     "Do something at a time of the guest, such as 20s: \"screenshot FILE.png\", \"key ctrl-alt-f2\", \"type TEXT\" "
     "(with \\n for Enter), \"mouse X Y\" (pixels), \"click X Y [left|middle|right]\", \"power\", \"link net0 down\" "
     "(or up), \"jack line out\" (or mic; or in), \"clipboard TEXT\" or \"page serial\" (or console, or screen), "
     "which is what the next screenshots and keys are of.",
     .take_pair = take_at},
    {0},
};
