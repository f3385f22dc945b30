/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The intermediate form as text, and where its blocks went. */
#ifndef ARMATURE_JIT_IR_PRINT_H
#define ARMATURE_JIT_IR_PRINT_H

#include <stdio.h>
#include "jit/translate.h"

/** Of the unit that was compiled last. */
struct unit_layout {
    const int8_t *host_of;  /* the host register of each guest register, or -1 */
    uint8_t *const *labels; /* of a region: where the code of each block begins (write address) */
};

struct unit_layout compiler_layout(const struct compiler *compiler);

/** Prints the form: registers, blocks, edges, operations. `behind` (may be NULL) is called behind each block. */
void ir_print(FILE *to, const struct ir *ir, const int8_t *host_of,
              void (*behind)(FILE *to, const void *context, unsigned block), const void *context);

#endif
