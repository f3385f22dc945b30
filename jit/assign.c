/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which guest registers a unit holds in host registers.
 *
 * The registers of everywhere are a good choice on average. A region whose loops use others takes those instead: each
 * of them in the place of one that it uses less. At its entries and exits, calls among them, the two change places. */
#include "jit/assign.h"
#include <string.h>
#include "jit/translate.h"

#define MOVES_COST 4u /* what a change of places at an entry and an exit costs, in uses */

uint64_t assign_crossings(const struct ir *ir)
{
    uint64_t inside = 0, count = 1;
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        if (block->ends_in_call)
            count += block->heat;
        if (block->is_loop_head || block->jumps)
            inside += block->heat;
    }
    /* The first block's entries are of unknown origin where it is a loop's. */
    return ir->blocks[0].is_loop_head || inside ? count + ir->blocks[0].heat / 8 : count + ir->blocks[0].heat;
}

void assign_registers(const struct ir *ir, const uint64_t uses[REG_COUNT], int8_t host_of[REG_COUNT], bool lends_rdx)
{
    const uint64_t cost = MOVES_COST * assign_crossings(ir);
    memcpy(host_of, pin_of, REG_COUNT);
    for (;;) {
        int best = -1, worst = -1;
        for (int reg = 0; reg < REG_COUNT; reg++) {
            if (reg == REG_ZERO || reg == REG_SINK)
                continue;
            if (host_of[reg] < 0) {
                if (best < 0 || uses[reg] > uses[best])
                    best = reg;
            } else if (worst < 0 || uses[reg] < uses[worst]) {
                worst = reg;
            }
        }
        if (uses[best] <= uses[worst] + cost) {
            if (lends_rdx && uses[best] > cost / 2) /* nothing else goes there */
                host_of[best] = RDX;
            return;
        }
        host_of[best] = host_of[worst];
        host_of[worst] = -1;
    }
}
