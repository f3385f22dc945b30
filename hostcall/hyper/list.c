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

/* Words of kinds: as an argument, and as a result; where there is no such thing, -1. */
static const struct word {
    const char *word;
    int8_t argument, result;
} words[] = {{"void", -1, RESULT_VOID},       {"i32", ARG_I32, RESULT_I32},  {"u32", ARG_U32, RESULT_U32},
             {"i64", ARG_VALUE, RESULT_WORD}, {"u64", ARG_BITS, RESULT_WORD}, {"pointer", -1, RESULT_POINTER},
             {"string", ARG_STRING, -1}};

static const struct word *find_word(const char *text)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i].word))
            return &words[i];
    return NULL;
}

/* in[24], out[@2], inout[*1] */
static bool memory_kind(const char *word, struct call_arg *argument)
{
    static const struct {
        const char *word;
        enum call_kind kind;
    } kinds[] = {{"in[", ARG_IN}, {"out[", ARG_OUT}, {"inout[", ARG_IN_OUT}};
    char *end;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].word);
        if (strncmp(word, kinds[i].word, length))
            continue;
        word += length;
        const bool measured = *word == '@' || *word == '*';
        *argument = (struct call_arg){.kind = kinds[i].kind, .pointed = *word == '*', .bytes = 1};
        word += measured;
        if (*word < '0' || *word > '9')
            return false;
        const unsigned long long number = strtoull(word, &end, 10);
        if (strcmp(end, "]") || number > (measured ? 99 : 16u << 20))
            return false;
        if (measured)
            argument->of = (uint8_t)(number + 1);
        else
            argument->bytes = (uint32_t)number;
        return true;
    }
    return false;
}

static bool is_number(const struct call_arg *argument)
{
    return argument->kind == ARG_I32 || argument->kind == ARG_U32 || argument->kind == ARG_VALUE ||
           argument->kind == ARG_BITS;
}

/* What an argument says of another must be true of that. */
static bool check_lengths(const struct call *function, const struct place *place)
{
    const unsigned count = call_arg_count(function);
    for (unsigned i = 0; i < count; i++) {
        const struct call_arg *argument = &function->args[i];
        if (!argument->of)
            continue;
        const unsigned number = argument->of - 1u;
        if (number >= count)
            return wrong(place, "%s has no argument %u, by which argument %u is measured", function->name, number, i);
        const struct call_arg *of = &function->args[number];
        const bool pointer = (of->kind == ARG_IN || of->kind == ARG_IN_OUT) && !of->of && of->bytes == 8;
        if (argument->pointed ? !pointer : !is_number(of))
            return wrong(place, "argument %u of %s must be %s, as argument %u is measured by it", number,
                         function->name, argument->pointed ? "in[8] or inout[8]" : "a number", i);
    }
    return true;
}

static bool parse_function(struct hyper_list *list, void *library, bool own, char *rest, const struct place *place,
                           bool opens)
{
    const char *name = strtok_r(rest, BLANKS, &rest), *word;
    if (list->count == HYPER_FUNCTIONS_MAX)
        return wrong(place, "more than %u functions", HYPER_FUNCTIONS_MAX);
    struct call *function = &list->functions[list->count];
    *function = (struct call){.name = list->names[list->count], .host = -1};
    word = name ? strtok_r(rest, BLANKS, &rest) : NULL;
    if (!word || strlen(name) >= HYPER_NAME_MAX)
        return wrong(place, "expected: function %s", "NAME RETURN ARGUMENT...");
    if (hyper_list_find(list, name) >= 0)
        return wrong(place, "%s is there twice", name);
    strcpy(list->names[list->count], name);
    const struct word *known = find_word(word);
    if (!known || known->result < 0)
        return wrong(place, "'%s' is no kind of result; expected void, i32, u32, i64, u64 or pointer", word);
    function->result = (uint8_t)known->result;
    for (unsigned i = 0; (word = strtok_r(rest, BLANKS, &rest)); i++) {
        if (i == CALL_MAX_ARGS)
            return wrong(place, "%s has more than %u arguments", name, CALL_MAX_ARGS);
        known = find_word(word);
        if (known && known->argument >= 0)
            function->args[i].kind = (uint8_t)known->argument;
        else if (!memory_kind(word, &function->args[i]))
            return wrong(
                place,
                "'%s' is no kind of argument; expected i32, u32, i64, u64, string, in[N], out[N] or inout[N], N "
                "being a number, @ARGUMENT or *ARGUMENT",
                word);
    }
    if (!check_lengths(function, place))
        return false;
    if (opens) {
        function->function = own ? own_function(name) : (void (*)(void))dlsym(library, name);
        if (!function->function)
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
