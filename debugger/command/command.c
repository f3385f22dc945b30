/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding and running commands, the help, and completion. */
#include "debugger/command/command.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/kernel.h"

#define LINE_MAX_BYTES 4096u
#define SCRIPTS_NESTED 10u

static bool run_help(struct session *session, const char *arguments, struct error *error);
static bool run_info(struct session *session, const char *arguments, struct error *error);

static bool run_source(struct session *session, const char *arguments, struct error *error)
{
    return *arguments ? command_script(session, arguments, error)
                      : error_set(error, "source expects the name of a file");
}

static bool run_echo(struct session *session, const char *arguments, struct error *error)
{
    say(session, "%s\n", arguments);
    return true;
}

static bool run_quit(struct session *session, const char *arguments, struct error *error)
{
    if (!words_end(arguments, error))
        return false;
    session->quit = true;
    return true;
}

static const struct command commands_session[] = {
    {"help", "[COMMAND]", COMPLETES_COMMAND, run_help, "List the commands, or tell about one.", "h ?"},
    {"info", "WHAT", COMPLETES_INFO, run_info,
     "Show something: registers, devices ... (info alone lists what), or a device by its name.", "i"},
    {"source", "FILE", COMPLETES_FILE, run_source,
     "Do the commands in a file. One that fails ends it, unless '-' stands before it."},
    {"echo", "TEXT", COMPLETES_NOTHING, run_echo, "Print a text, such as a heading in a script."},
    {"quit", "", COMPLETES_NOTHING, run_quit, "End the machine and the program.", "q exit"},
    {0},
};

const struct command_group command_groups[] = {
    {"Running", commands_run},
    {"Stopping", commands_points},
    {"Looking", commands_see},
    {"Sources", commands_source},
    {"The guest's kernel", commands_kernel},
    {"Going back", commands_time},
    {"Tracing and profiling", commands_trace},
    {"The machine", commands_control},
    {"Snapshots and logs", commands_files},
    {"Tests", commands_test},
    {"This session", commands_session},
    {0},
};

/* --- finding --------------------------------------------------------------------------------------- */

static bool is_alias(const struct command *command, const char *word, size_t length)
{
    for (const char *at = command->aliases; at && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == length && !strncmp(at, word, length))
            return true;
    return false;
}

/* Counts in `*fits` what begins with the word; an exact match is returned at once. */
static const struct command *look_in(const struct command *table, const char *word, size_t length,
                                     const struct command **fit, unsigned *fits)
{
    for (const struct command *command = table; command->name; command++) {
        if (is_alias(command, word, length))
            return command;
        if (strncmp(command->name, word, length))
            continue;
        if (!command->name[length])
            return command;
        *fit = command;
        ++*fits;
    }
    return NULL;
}

static const struct command *judge(const struct command *exact, const struct command *fit, unsigned fits,
                                   const char *word, size_t length, const char *what, struct error *error)
{
    if (exact || fits == 1)
        return exact ? exact : fit;
    error_set(error, fits ? "'%.*s' may be several %ss; type more of it" : "'%.*s' is no %s; help lists them",
              (int)length, word, what);
    return NULL;
}

const struct command *command_find(const char *word, size_t length, struct error *error)
{
    const struct command *exact = NULL, *fit = NULL;
    unsigned fits = 0;
    for (const struct command_group *group = command_groups; group->title && !exact; group++)
        exact = look_in(group->commands, word, length, &fit, &fits);
    return judge(exact, fit, fits, word, length, "command", error);
}

const struct command *command_find_info(const char *word, size_t length, struct error *error)
{
    const struct command *fit = NULL;
    unsigned fits = 0;
    const struct command *exact = look_in(commands_info, word, length, &fit, &fits);
    return judge(exact, fit, fits, word, length, "info", error);
}

/* --- help ------------------------------------------------------------------------------------------ */

static void help_row(struct session *session, const struct command *command)
{
    char text[80];
    snprintf(text, sizeof text, "%s%s%s", command->name, *command->arguments ? " " : "", command->arguments);
    say(session, "  ");
    say_in(session, PAINT_STRONG, "%-34s", text);
    size_t first = strcspn(command->help, ".");
    say(session, " %.*s\n", (int)first, command->help);
}

static void help_table(struct session *session, const struct command *table)
{
    for (const struct command *command = table; command->name; command++)
        help_row(session, command);
}

static bool run_help(struct session *session, const char *arguments, struct error *error)
{
    if (!*arguments) {
        for (const struct command_group *group = command_groups; group->title; group++) {
            say_in(session, PAINT_STRONG, "%s\n", group->title);
            help_table(session, group->commands);
        }
        say(session, "A name may be shortened. What 'info' shows is listed by 'info' alone.\n");
        return true;
    }
    bool info = !strncmp(arguments, "info ", 5);
    const char *word = arguments + (info ? 5 : 0);
    const struct command *command = (info ? command_find_info : command_find)(word, strlen(word), error);
    if (!command)
        return false;
    say(session, "%s%s%s%s\n", info ? "info " : "", command->name, *command->arguments ? " " : "", command->arguments);
    say(session, "  %s\n", command->help);
    if (command->aliases)
        say(session, "  Also: %s\n", command->aliases);
    return true;
}

static bool run_info(struct session *session, const char *arguments, struct error *error)
{
    if (!*arguments) {
        help_table(session, commands_info);
        return true;
    }
    size_t length = strcspn(arguments, " ");
    const struct command *command = command_find_info(arguments, length, error);
    if (!command) { /* a device by its name */
        command = command_find_info("device", 6, NULL);
        struct error other;
        if (command && command->run(session, arguments, &other))
            return true;
        return false;
    }
    arguments += length;
    return command->run(session, arguments + strspn(arguments, " "), error);
}

/* --- doing ----------------------------------------------------------------------------------------- */

bool command_line(struct session *session, const char *line, struct error *error)
{
    char copy[LINE_MAX_BYTES];
    size_t length = strlen(line);
    while (length && isspace((unsigned char)line[length - 1]))
        length--;
    while (length && isspace((unsigned char)*line))
        line++, length--;
    if (length >= sizeof copy)
        return error_set(error, "the line is too long");
    memcpy(copy, line, length);
    copy[length] = 0;
    if (!*copy || *copy == '#')
        return true;
    size_t name = 0; /* a name ends where an argument could begin: "x/4x", "p 1" */
    while (isalnum((unsigned char)copy[name]) || copy[name] == '-' || copy[name] == '?')
        name++;
    const struct command *command = command_find(copy, name, error);
    if (!command)
        return false;
    const char *arguments = copy + name;
    return command->run(session, arguments + strspn(arguments, " \t"), error);
}

bool command_capture(struct session *session, const char *line, bool json, char **output, size_t *length,
                     struct error *error)
{
    *output = NULL;
    *length = 0;
    FILE *memory = open_memstream(output, length), *out = session->out;
    const bool colour = session->colour, was_json = session->json;
    if (!memory)
        return error_set(error, "no memory on the host");
    session->out = memory;
    session->colour = false;
    session->json = json;
    bool good = command_line(session, line, error);
    session->out = out;
    session->colour = colour;
    session->json = was_json;
    fclose(memory);
    return good;
}

bool command_script(struct session *session, const char *path, struct error *error)
{
    static unsigned nested;
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    unsigned number = 0;
    bool good = true;
    if (!file)
        return error_set(error, "%s cannot be read: %s", path, strerror(errno));
    if (++nested > SCRIPTS_NESTED)
        good = error_set(error, "%s: scripts call each other without end", path);
    while (good && !session->quit && getline(&line, &capacity, file) > 0) {
        struct error own = {""};
        number++;
        bool may_fail = *line == '-';
        if (command_line(session, line + may_fail, &own) || may_fail)
            continue;
        good = error_set(error, "%s:%u: %.400s", path, number, own.text);
    }
    nested--;
    free(line);
    fclose(file);
    return good;
}

/* --- completion ------------------------------------------------------------------------------------ */

struct completing {
    const char *prefix;
    size_t length;
    void (*each)(void *context, const char *whole);
    void *context;
};

static void offer(void *context, const char *name)
{
    const struct completing *c = context;
    if (!strncmp(name, c->prefix, c->length))
        c->each(c->context, name);
}

static bool offer_type(void *context, const char *name)
{
    offer(context, name);
    return true;
}

static void offer_table(struct completing *c, const struct command *table)
{
    for (const struct command *command = table; command->name; command++)
        offer(c, command->name);
}

static void offer_commands(struct completing *c)
{
    for (const struct command_group *group = command_groups; group->title; group++)
        offer_table(c, group->commands);
}

static void offer_devices(struct session *session, struct completing *c)
{
    for (unsigned i = 0; i < session->machine->device_count; i++)
        offer(c, session->machine->devices[i].name);
}

static void offer_expression(struct session *session, struct completing *c)
{
    register_each(NULL, offer, c);
    if (!c->length) /* everything would be too much */
        return;
    kernel_find(session, NULL);
    for (size_t i = 0; i < symbols_count(session->symbols); i++)
        offer(c, symbols_at(session->symbols, i)->name);
    types_each(session->types, c->prefix, offer_type, c);
}

void command_complete(struct session *session, const char *line, void (*each)(void *context, const char *whole),
                      void *context)
{
    const char *word = line + strlen(line);
    while (word > line && (isalnum((unsigned char)word[-1]) || strchr("_-", word[-1])))
        word--;
    struct completing c = {word, strlen(word), each, context};
    const char *first = line + strspn(line, " ");
    size_t length = strcspn(first, " /");
    if (first + length >= word + c.length) {
        offer_commands(&c);
        return;
    }
    const struct command *command = command_find(first, length, NULL);
    switch (command ? command->completes : COMPLETES_NOTHING) {
    case COMPLETES_PLACE: offer_devices(session, &c); /* fall through */
    case COMPLETES_EXPRESSION: offer_expression(session, &c); break;
    case COMPLETES_COMMAND: offer_commands(&c); break;
    case COMPLETES_INFO: offer_table(&c, commands_info); /* fall through */
    case COMPLETES_DEVICE: offer_devices(session, &c); break;
    default: break;
    }
}
