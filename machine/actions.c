/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be done with a machine's screen, keyboard, tablet and cables by words. */
#include "machine/actions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/clipboard.h"
#include "machine/contract/input_event.h"
#include "machine/contract/sound.h"
#include "machine/machine.h"
#include "machine/screen.h"

/* --- one function an action: with no machine it only looks whether the words are right ---------------- */

static bool do_screenshot(struct machine *machine, const char *words, struct error *error)
{
    if (!*words)
        return error_set(error, "screenshot expects the name of a file");
    return !machine || display_screenshot(&machine->screen, words, error);
}

static bool do_key(struct machine *machine, const char *words, struct error *error)
{
    return input_chord(machine ? &machine->screen : NULL, words, error);
}

static bool do_type(struct machine *machine, const char *words, struct error *error)
{
    char *text = strdup(words), *to = text;
    if (!text)
        abort();
    for (const char *from = words; *from; from++)
        if (from[0] == '\\' && (from[1] == 'n' || from[1] == 't' || from[1] == '\\'))
            *to++ = *++from == 'n' ? '\n' : *from == 't' ? '\t' : '\\';
        else
            *to++ = *from;
    *to = 0;
    if (machine)
        input_type(&machine->screen, text);
    free(text);
    return *words || error_set(error, "type expects a text");
}

static bool parse_place(const char *words, unsigned *x, unsigned *y, char rest[16])
{
    char end = 0;
    rest[0] = 0;
    int taken = sscanf(words, "%5u %5u %15s %c", x, y, rest, &end);
    return taken == 2 || taken == 3;
}

static bool do_mouse(struct machine *machine, const char *words, struct error *error)
{
    unsigned x, y;
    char rest[16];
    if (!parse_place(words, &x, &y, rest) || *rest)
        return error_set(error, "mouse expects a place in pixels, such as 400 300 (not '%s')", words);
    if (machine)
        input_pointer_pixels(&machine->screen, x, y);
    return true;
}

static bool do_click(struct machine *machine, const char *words, struct error *error)
{
    static const char *const names[] = {"left", "right", "middle"};
    unsigned x, y, button = 0;
    char rest[16];
    bool good = parse_place(words, &x, &y, rest);
    while (good && *rest && button < 3 && strcmp(rest, names[button]))
        button++;
    if (!good || button == 3)
        return error_set(
            error, "click expects a place in pixels, and left, middle or right, such as 400 300 (not '%s')", words);
    if (machine) {
        input_pointer_pixels(&machine->screen, x, y);
        input_button(&machine->screen, BUTTON_LEFT + button, true);
        input_button(&machine->screen, BUTTON_LEFT + button, false);
    }
    return true;
}

static bool do_power(struct machine *machine, const char *words, struct error *error)
{
    if (*words)
        return error_set(error, "power expects nothing behind it");
    if (machine)
        input_post(machine->inputs, machine->power_source, NULL, 0);
    return true;
}

/* net0 up|down: the cable of the first network card. */
static bool do_link(struct machine *machine, const char *words, struct error *error)
{
    unsigned number;
    char state[5] = "", end = 0;
    if (sscanf(words, "net%1u %4s%c", &number, state, &end) != 2 || (strcmp(state, "up") && strcmp(state, "down")))
        return error_set(error, "link expects a network card and up or down, such as net0 down (not '%s')", words);
    if (machine && number >= machine->net_count)
        return error_set(error, "there is no net%u; the machine has %u network cards", number, machine->net_count);
    if (machine)
        input_post(machine->inputs, machine->net_links[number], &(uint8_t){!strcmp(state, "up")}, 1);
    return true;
}

/* line|mic in|out: what is plugged into the sound card. */
static bool do_jack(struct machine *machine, const char *words, struct error *error)
{
    static const char *const all[] = {"line out", "line in", "mic out", "mic in"}; /* two a jack: not there, there */
    uint8_t change[2] = {0};
    unsigned i = 0;
    while (i < 4 && strcmp(words, all[i]))
        i++;
    if (i == 4)
        return error_set(error, "jack expects line or mic, and in or out, such as line out (not '%s')", words);
    if (machine && !machine->sound)
        return error_set(error, "the machine has no sound card; give --sound none, or another");
    change[0] = (uint8_t)(i / 2);
    change[1] = i % 2;
    if (machine)
        input_post(machine->inputs, machine->sound->jack_source, change, sizeof change);
    return true;
}

/* screen|serial|console: what the window, screenshots and keys are of from now on. */
static bool do_page(struct machine *machine, const char *words, struct error *error)
{
    static const char *const names[VIEWS_MAX] = {"screen", "serial", "console"};
    unsigned i = 0;
    while (i < VIEWS_MAX && strcmp(words, names[i]))
        i++;
    if (i == VIEWS_MAX)
        return error_set(error, "page expects screen, serial or console (not '%s')", words);
    return !machine || screen_view(&machine->screen, i) ||
           error_set(error, "the machine has no such page: %s", i ? "give --serial page or --console page"
                                                                   : "give --display none, or sdl");
}

/* Puts a text on the clipboard that the guest shares, as if the host had copied it. */
static bool do_clipboard(struct machine *machine, const char *words, struct error *error)
{
    if (!*words || strlen(words) > CLIPBOARD_MAX_BYTES)
        return error_set(error, "clipboard expects a text of up to %u bytes", CLIPBOARD_MAX_BYTES);
    if (machine && !machine->clipboard)
        return error_set(error, "the machine shares no clipboard; give --clipboard");
    if (machine)
        input_post(machine->inputs, machine->clipboard->source, words, strlen(words));
    return true;
}

static const struct {
    const char *name;
    bool (*act)(struct machine *machine, const char *words, struct error *error);
    bool unseen; /* by the guest */
} actions[] = {{"screenshot", do_screenshot, true}, {"key", do_key, false},     {"type", do_type, false},
               {"mouse", do_mouse, false},          {"click", do_click, false}, {"power", do_power, false},
               {"link", do_link, false},             {"jack", do_jack, false},
               {"clipboard", do_clipboard, false},   {"page", do_page, true}};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

/* The action's place in the table; `*words` becomes what stands behind its name. */
static unsigned find_action(const char *action, const char **words)
{
    size_t length = strcspn(action, " ");
    unsigned i = 0;
    while (i < ACTION_COUNT && (strlen(actions[i].name) != length || memcmp(actions[i].name, action, length)))
        i++;
    *words = action + length + (action[length] == ' ');
    return i;
}

bool action_do(struct machine *machine, const char *action, struct error *error)
{
    const char *words;
    unsigned i = find_action(action, &words);
    if (i == ACTION_COUNT)
        return error_set(error,
                         "'%s' is no action; there are screenshot, key, type, mouse, click, power, link, jack, "
                         "clipboard and page",
                         action);
    return actions[i].act(machine, words, error);
}

bool action_check(const char *action, struct error *error)
{
    return action_do(NULL, action, error);
}

/* --- at their times -------------------------------------------------------------------------------- */

struct timed_action {
    struct event event;
    struct machine *machine;
    const char *action;
};

static void on_time(void *context)
{
    struct timed_action *timed = context;
    struct error error = {""};
    const char *words;
    if (tape_replays(timed->machine->options->tape) && !actions[find_action(timed->action, &words)].unseen)
        return;
    if (!action_do(timed->machine, timed->action, &error))
        fprintf(stderr, "armature: --at: %s\n", error.text);
}

void actions_schedule(struct machine *machine)
{
    const struct run_options *options = machine->options;
    if (!options->at_count)
        return;
    machine->timed_actions = host_alloc(options->at_count, sizeof *machine->timed_actions);
    for (unsigned i = 0; i < options->at_count; i++) {
        struct timed_action *timed = &machine->timed_actions[i];
        *timed = (struct timed_action){.machine = machine, .action = options->at[i].action};
        event_init(&timed->event, on_time, timed);
        if (options->at[i].at_ns < clock_now_ns(&machine->clock))
            continue;
        /* Behind all others of that time, and without a number of its own: it does not show in their order. */
        timed->event.when_ns = options->at[i].at_ns;
        timed->event.order = UINT64_MAX;
        clock_restore(&machine->clock, &timed->event);
    }
}

void actions_cancel(struct machine *machine)
{
    for (unsigned i = 0; machine->timed_actions && i < machine->options->at_count; i++)
        clock_cancel(&machine->clock, &machine->timed_actions[i].event);
    free(machine->timed_actions);
    machine->timed_actions = NULL;
}
