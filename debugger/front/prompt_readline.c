/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt at a terminal: readline, driven byte by byte from the machine's own wait, so that sockets are served
 * beside. An annex (machine/contract/annex.h). */
#include "debugger/front/prompt.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <readline/history.h>
#include <readline/readline.h>
#include "debugger/command/command.h"
#include "machine/inputs.h"

#define PROMPT        "(armature) "
#define HISTORY_LINES 2000

static struct session *the_session; /* readline's callbacks have no context */
static char *line_read;
static bool line_done, input_ended;
static char last_line[4096];

/* --- completion ------------------------------------------------------------------------------------ */

struct names {
    char **list;
    size_t count, at;
};

static void collect(void *context, const char *whole)
{
    struct names *names = context;
    if (names->count == 5000)
        return;
    names->list = host_realloc(names->list, names->count + 1, sizeof *names->list);
    names->list[names->count++] = strdup(whole);
}

static char *next_name(const char *text, int state)
{
    static struct names names;
    if (!state) {
        free(names.list); /* the names themselves went to readline */
        names = (struct names){0};
        char line[4096];
        snprintf(line, sizeof line, "%.*s", rl_point, rl_line_buffer);
        command_complete(the_session, line, collect, &names);
    }
    return names.at < names.count ? names.list[names.at++] : NULL;
}

/* Where the word at the cursor begins: names of commands and files have '-', '/' and '.' within them, which expressions
 * have between their words. */
static char *word_breaks(void)
{
    static char blanks[] = " \t\n\"";
    const char *first = rl_line_buffer + strspn(rl_line_buffer, " ");
    const size_t name = strcspn(first, " /");
    const struct command *command =
        first + name < rl_line_buffer + rl_point ? command_find(first, name, NULL) : NULL;
    const bool expression =
        command && (command->completes == COMPLETES_EXPRESSION || command->completes == COMPLETES_PLACE);
    return expression ? NULL : blanks;
}

static char **complete(const char *text, int start, int end)
{
    const char *first = rl_line_buffer + strspn(rl_line_buffer, " ");
    const struct command *command = command_find(first, strcspn(first, " /"), NULL);
    if (start > (int)(first - rl_line_buffer) && command && command->completes == COMPLETES_FILE)
        return NULL; /* readline completes files by itself */
    rl_attempted_completion_over = 1;
    return rl_completion_matches(text, next_name);
}

/* --- lines ----------------------------------------------------------------------------------------- */

static const char *history_file(void)
{
    static char path[4096];
    const char *home = getenv("HOME"), *own = getenv("ARMATURE_HISTORY");
    if (own)
        snprintf(path, sizeof path, "%s", own);
    else if (home)
        snprintf(path, sizeof path, "%s/.armature_history", home);
    else
        return NULL;
    return path;
}

static void on_line(char *line)
{
    rl_callback_handler_remove();
    line_read = line;
    line_done = true;
    input_ended = !line;
}

static void on_key(void *backend, short revents)
{
    rl_callback_read_char();
}

/* Ctrl-C at the prompt gives up the line that is being typed. */
static void give_up_line(void)
{
    puts("^C");
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_replace_line("", 0);
    rl_on_new_line();
    rl_redisplay();
}

static void do_line(struct session *session, char *line)
{
    if (*line) {
        HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
        if (!last || strcmp(last->line, line))
            add_history(line);
        snprintf(last_line, sizeof last_line, "%s", line);
    }
    /* An empty line repeats the last one where that makes sense. */
    const struct command *command = *last_line ? command_find(last_line, strcspn(last_line, " /"), NULL) : NULL;
    if (*line || (command && (command->runs || !strcmp(command->name, "x"))))
        prompt_do(session, *line ? line : last_line);
}

static void wait_for_line(struct session *session, struct host_watch *keys)
{
    line_done = false;
    rl_callback_handler_install(PROMPT, on_line);
    host_watch_add(session->machine->inputs, keys);
    while (!line_done && !session->quit) {
        inputs_poll(session->machine->inputs, UINT64_MAX);
        if (session->asked_to_stop && !line_done) {
            session->asked_to_stop = false;
            give_up_line();
        }
    }
    host_watch_remove(session->machine->inputs, keys);
    if (!line_done)
        rl_callback_handler_remove();
}

static void run_readline(struct session *session)
{
    struct host_watch keys = {STDIN_FILENO, POLLIN, on_key, session};
    the_session = session;
    rl_readline_name = "armature";
    rl_catch_signals = 0;
    rl_change_environment = 0;
    rl_basic_word_break_characters = " \t\n\"\\'`@$><=;|&{(*+-/!~[.,";
    rl_completion_word_break_hook = word_breaks;
    rl_attempted_completion_function = complete;
    using_history();
    stifle_history(HISTORY_LINES);
    static bool history_read;
    if (!history_read && history_file())
        read_history(history_file());
    history_read = true;
    while (!session->quit) {
        session->asked_to_stop = false;
        wait_for_line(session, &keys);
        if (session->quit || !line_done)
            break;
        if (input_ended) {
            puts("quit");
            session->quit = true;
            break;
        }
        do_line(session, line_read);
        free(line_read);
        line_read = NULL;
    }
    if (history_file())
        write_history(history_file());
}

const struct prompt_annex annex = {run_readline};
