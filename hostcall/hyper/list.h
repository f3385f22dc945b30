/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of functions that a guest may call, and what their arguments are.
 *
 *     library NAME                          where the functions behind it are: for dlopen(), or "armature"
 *     function NAME RETURN ARGUMENT...      RETURN: void, i32, u32, i64, u64, or pointer (the guest is told 0 or 1)
 *
 * An argument is a number (i32, u32, i64, u64), a `string` that ends with a NUL, or memory that is read (in), written
 * (out) or both (inout): in[24] of 24 bytes, in[@2] of as many as argument 2 says (the first is 0), out[*1] of as many
 * as the number of 8 bytes says that argument 1 points to. */
#ifndef ARMATURE_HYPER_LIST_H
#define ARMATURE_HYPER_LIST_H

#include "hostcall/call.h"
#include "machine/contract/error.h"

#define HYPER_FUNCTIONS_MAX 256u
#define HYPER_NAME_MAX      64u

struct hyper_list {
    struct call functions[HYPER_FUNCTIONS_MAX]; /* `function` NULL: it was not looked for */
    char names[HYPER_FUNCTIONS_MAX][HYPER_NAME_MAX];
    unsigned count;
};

/** Reads a list's text. `opens`: libraries are opened and functions looked for. False: `error` names the line. */
bool hyper_list_parse(struct hyper_list *list, const char *path, const char *text, bool opens, struct error *error);

/** The function of that name, or -1. */
int hyper_list_find(const struct hyper_list *list, const char *name);

#endif
