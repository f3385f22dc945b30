/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The option table as words: the help, the manual page's sections, and the completion for bash. */
#include <string.h>
#include "machine/options_table.h"

#define COLUMNS 80
#define INDENT  6

/* Prints `text` at INDENT, broken at blanks before COLUMNS. */
static void print_paragraph(FILE *to, const char *text)
{
    while (*text) {
        size_t room = COLUMNS - INDENT, length = strlen(text);
        if (length > room)
            for (length = room; length > 1 && text[length] != ' '; length--)
                continue;
        fprintf(to, "%*s%.*s\n", INDENT, "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

void help_program(FILE *to)
{
    fputs("Armature boots ARM64 operating systems: a whole machine in one process.\n"
          "\n"
          "usage: armature run OPTIONS     boot a machine (armature run --help lists them)\n"
          "       armature debug OPTIONS   the same, at the debugger's prompt (its command help)\n"
          "       armature test ...        run scenarios, with verdicts (armature test --help)\n"
          "       armature exec PROGRAM    run one ARM64 Linux program (armature exec --help)\n"
          "       armature snapshot ...    look at snapshots (armature snapshot --help)\n"
          "       armature disk ...        make, check and copy disk images (armature disk --help)\n"
          "       armature install-binfmt  have Linux start ARM64 programs by itself (... --help)\n"
          "       armature list ...        machines that stay: create, start, stop, list, shell, ssh, logs,\n"
          "                                rename, delete, unit, get (armature list --help)\n"
          "       armature --help          this text\n"
          "       armature --version       the version\n"
          "\n"
          "  armature run --kernel Image --initrd initrd.gz --append console=ttyAMA0\n",
          to);
}

void help_run(FILE *to)
{
    fputs("usage: armature run --kernel FILE [OPTIONS]\n       armature run --firmware uefi [OPTIONS]\n"
          "       armature run --restore SNAPSHOT [OPTIONS]\n       armature run --replay LOG [OPTIONS]\n",
          to);
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        fprintf(to, "\n%s:\n", group->title);
        for (const struct cli_option *option = group->options; option->name; option++) {
            fprintf(to, "  %s%s%s%s\n", option->name, option->value ? " " : "", option->value ? option->value : "",
                    option->repeatable ? "  (may be repeated)" : "");
            print_paragraph(to, option->help);
        }
    }
    fputs("\nOn a terminal Ctrl-A X leaves, and Ctrl-A H lists the keys.\n\nExit status:\n", to);
    for (const struct cli_status *status = cli_statuses; status->meaning; status++)
        fprintf(to, "  %d   %s\n", status->status, status->meaning);
}

/* Text for troff, in which '-' and '\' mean something. */
static void print_troff(FILE *to, const char *text)
{
    for (; *text; text++)
        if (*text == '-')
            fputs("\\-", to);
        else if (*text == '\\')
            fputs("\\e", to);
        else
            fputc(*text, to);
}

static void print_manual_option(FILE *to, const struct cli_option *option)
{
    fputs(".TP\n.B ", to);
    print_troff(to, option->name);
    if (option->value) {
        fputs("\\fR ", to);
        print_troff(to, option->value);
    }
    fputc('\n', to);
    print_troff(to, option->help);
    fputs(option->repeatable ? " May be repeated.\n" : "\n", to);
}

void help_manual(FILE *to)
{
    fputs(".SH OPTIONS\n", to);
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        fprintf(to, ".SS %s\n", group->title);
        for (const struct cli_option *option = group->options; option->name; option++)
            print_manual_option(to, option);
    }
    fputs(".SH \"EXIT STATUS\"\n", to);
    for (const struct cli_status *status = cli_statuses; status->meaning; status++) {
        fprintf(to, ".TP\n.B %d\n", status->status);
        print_troff(to, status->meaning);
        fputc('\n', to);
    }
}

void help_completion(FILE *to)
{
    fputs("# bash completion for armature\n"
          "_armature()\n"
          "{\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W 'run debug test exec snapshot disk create start stop list "
          "shell ssh logs rename delete unit get --help --version' -- "
          "\"$current\")\n"
          "        return\n"
          "    fi\n"
          "    # Bash takes file:PATH apart at the colon.\n"
          "    if [[ $current = : || $previous = : ]]; then\n"
          "        compopt -o filenames\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"${current#:}\")\n"
          "        return\n"
          "    fi\n"
          "    case $previous in\n",
          to);
    const struct cli_option *option;
    for (unsigned i = 0; (option = cli_option_at(i)); i++) {
        if (!option->value)
            continue;
        fprintf(to, "    %s)\n", option->name);
        if (option->complete && !*option->complete)
            fputs("        compopt -o filenames\n        mapfile -t COMPREPLY < <(compgen -f -- "
                  "\"$current\")\n",
                  to);
        else if (option->complete)
            fprintf(to, "        mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$current\")\n",
                    option->complete);
        fputs("        ;;\n", to);
    }
    fputs("    *)\n        mapfile -t COMPREPLY < <(compgen -W '--help", to);
    for (unsigned i = 0; (option = cli_option_at(i)); i++)
        fprintf(to, " %s", option->name);
    fputs("' -- \"$current\")\n        ;;\n    esac\n"
          "    [[ ${COMPREPLY[0]} != *: ]] || compopt -o nospace\n"
          "}\ncomplete -F _armature armature\n",
          to);
}
