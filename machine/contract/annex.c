/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Annexes, found by the program's own search path (meson.build has it: the build directory, or lib/armature). */
#include "machine/contract/annex.h"
#include <dlfcn.h>
#include <stdio.h>

const void *annex_open(const char *name, struct error *error)
{
    char file[64];
    snprintf(file, sizeof file, "armature-%s.so", name);
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const void *annex = library ? dlsym(library, "annex") : NULL;
    if (!annex)
        error_set(error, "a part of the program cannot be opened: %s; is it installed as a whole, with its libraries?",
                  dlerror());
    return annex;
}
