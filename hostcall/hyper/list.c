/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of functions, line by line. */
#include "hostcall/hyper/list.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

/* Where a line is, for what is said about it. */
struct place {
    const char *path;
    unsigned line;
    struct error *error;
};

#define wrong(place, format, ...)                                                                            \
    error_set((place)->error, "host calls %s: line %u: " format, (place)->path, (place)->line, __VA_ARGS__)

/* --- "armature": functions of its own ---------------------------------------------------------------- */

/* What a guest says is one line, whatever it is. */
static void own_log(const char *text)
{
    fputs("guest: ", stderr);
    for (; *text; text++)
        fputc(*text >= ' ' && *text != 127 ? *text : '?', stderr);
    fputc('\n', stderr);
}

static void (*own_function(const char *name))(void)
{
    return strcmp(name, "log") ? NULL : (void (*)(void))own_log;
}

/* --- lines ------------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    enum hyper_kind kind;
} plain_kinds[] = {{"void", HYPER_VOID}, {"i32", HYPER_I32}, {"u32", HYPER_U32},         {"i64", HYPER_I64},
                   {"u64", HYPER_U64},   {"pointer", HYPER_POINTER}, {"string", HYPER_STRING}};

static bool plain_kind(const char *word, enum hyper_kind *kind)
{
    for (unsigned i = 0; i < sizeof plain_kinds / sizeof plain_kinds[0]; i++)
        if (!strcmp(word, plain_kinds[i].word)) {
            *kind = plain_kinds[i].kind;
            return true;
        }
    return false;
}

/* in[24], out[@2], inout[*1] */
static bool memory_kind(const char *word, struct hyper_argument *argument)
{
    static const char *const words[] = {"in[", "out[", "inout["};
    char *end;
    for (unsigned i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(word, words[i], length))
            continue;
        word += length;
        argument->kind = HYPER_IN + i;
        argument->length = *word == '@' ? HYPER_OF_ARGUMENT : *word == '*' ? HYPER_POINTED_TO : HYPER_FIXED;
        word += argument->length != HYPER_FIXED;
        if (*word < '0' || *word > '9')
            return false;
        argument->number = strtoull(word, &end, 10);
        return !strcmp(end, "]") && argument->number <= (16u << 20);
    }
    return false;
}

/* What an argument says of another must be true of that. */
static bool check_lengths(const struct hyper_function *function, const struct place *place)
{
    for (unsigned i = 0; i < function->count; i++) {
        const struct hyper_argument *argument = &function->arguments[i], *of = &function->arguments[argument->number];
        if (argument->kind < HYPER_IN || argument->length == HYPER_FIXED)
            continue;
        if (argument->number >= function->count)
            return wrong(place, "%s has no argument %u, by which argument %u is measured", function->name,
                         (unsigned)argument->number, i);
        bool number = of->kind >= HYPER_I32 && of->kind <= HYPER_U64;
        bool pointer =
            (of->kind == HYPER_IN || of->kind == HYPER_INOUT) && of->length == HYPER_FIXED && of->number == 8;
        if (argument->length == HYPER_OF_ARGUMENT ? !number : !pointer)
            return wrong(place, "argument %u of %s must be %s, as argument %u is measured by it",
                         (unsigned)argument->number, function->name,
                         argument->length == HYPER_OF_ARGUMENT ? "a number" : "in[8] or inout[8]", i);
    }
    return true;
}

static bool parse_function(struct hyper_list *list, void *library, bool own, char *rest, const struct place *place,
                           bool opens)
{
    const char *name = strtok_r(rest, BLANKS, &rest), *word;
    if (list->count == HYPER_FUNCTIONS_MAX)
        return wrong(place, "more than %u functions", HYPER_FUNCTIONS_MAX);
    struct hyper_function *function = &list->functions[list->count];
    *function = (struct hyper_function){.name = ""};
    word = name ? strtok_r(rest, BLANKS, &rest) : NULL;
    if (!word || strlen(name) >= HYPER_NAME_MAX)
        return wrong(place, "expected: function %s", "NAME RETURN ARGUMENT...");
    strcpy(function->name, name);
    if (hyper_list_find(list, name) >= 0)
        return wrong(place, "%s is there twice", name);
    if (!plain_kind(word, &function->result) || function->result == HYPER_STRING)
        return wrong(place, "'%s' is no kind of result; expected void, i32, u32, i64, u64 or pointer", word);
    while ((word = strtok_r(rest, BLANKS, &rest))) {
        if (function->count == HYPER_ARGUMENTS_MAX)
            return wrong(place, "%s has more than %u arguments", name, HYPER_ARGUMENTS_MAX);
        struct hyper_argument *argument = &function->arguments[function->count++];
        bool plain =
            plain_kind(word, &argument->kind) && argument->kind != HYPER_VOID && argument->kind != HYPER_POINTER;
        if (!plain && !memory_kind(word, argument))
            return wrong(
                place,
                "'%s' is no kind of argument; expected i32, u32, i64, u64, string, in[N], out[N] or inout[N], N "
                "being a number, @ARGUMENT or *ARGUMENT",
                word);
    }
    if (!check_lengths(function, place))
        return false;
    if (opens) {
        function->address = own ? own_function(name) : (void (*)(void))dlsym(library, name);
        if (!function->address)
            return wrong(place, "the library has no function %s", name);
    }
    list->count++;
    return true;
}

int hyper_list_find(const struct hyper_list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++)
        if (!strcmp(list->functions[i].name, name))
            return (int)i;
    return -1;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool parse_line(struct hyper_list *list, void **library, bool *any, char *line, const struct place *place,
                       bool opens)
{
    char *rest = line, *word;
    *strchrnul(line, '#') = 0;
    word = strtok_r(rest, BLANKS, &rest);
    if (!word)
        return true;
    if (!strcmp(word, "function")) {
        if (!*any)
            return wrong(place, "a function before any %s", "library");
        return parse_function(list, *library, opens && !*library, rest, place, opens);
    }
    const char *name = strcmp(word, "library") ? NULL : strtok_r(rest, BLANKS, &rest);
    if (!name || strtok_r(rest, BLANKS, &rest))
        return wrong(place, "expected: library NAME, or: function NAME RETURN ARGUMENT... (not '%s')", word);
    *any = true;
    *library = NULL;
    if (!opens || !strcmp(name, "armature"))
        return true;
    *library = dlopen(name, RTLD_NOW | RTLD_LOCAL); /* for as long as the program runs */
    return *library || wrong(place, "%s", dlerror());
}

bool hyper_list_parse(struct hyper_list *list, const char *path, const char *text, bool opens, struct error *error)
{
    struct place place = {path, 0, error};
    char *copy = strdup(text), *rest = copy, *line;
    void *library = NULL;
    bool good = copy != NULL, any = false;
    list->count = 0;
    while (good && (line = strsep(&rest, "\n"))) {
        place.line++;
        good = parse_line(list, &library, &any, line, &place, opens);
    }
    free(copy);
    return good;
}
