/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What interrupt controllers of all versions have alike: interrupts in blocks of 32, the choice of the most urgent one,
 * priorities and preemption. 32 priorities.
 *
 * Interrupts lie in blocks of 32, one bit each: a CPU's SGIs and PPIs are one block of its own, the SPIs are
 * blocks 1, 2, ... of the distributor (block 0 stays empty, so that a block's number is its register's
 * index). */
#ifndef ARMATURE_GIC_H
#define ARMATURE_GIC_H

#include "machine/contract/device.h"

enum {
    GIC_PRIVATE = 32,          /* SGIs and PPIs */
    GIC_FIRST_SPECIAL = 1020,  /* from here to GIC_SPURIOUS, INTIDs are no interrupts */
    GIC_SPURIOUS = 1023,       /* INTID that means: nothing */
    GIC_IDLE = 0xff,           /* the running priority when nothing runs */
    GIC_PRIORITY_MASK = 0xf8,
    GIC_PRIORITY_SHIFT = 3, /* 8 less the bits of priority */
    GIC_LEAST_POINT = GIC_PRIORITY_SHIFT - 1, /* the least binary point of group 0; that of group 1 is one more */
    GIC_SGI_MASK = 0xffff,  /* of a CPU's block */
};

/** 32 interrupts. */
struct gic_block {
    uint32_t group; /* 1: group 1 */
    uint32_t enabled;
    uint32_t latched; /* pending by an edge, an SGI or a write to ISPENDR */
    uint32_t active;
    uint32_t edge;  /* 1: edge-triggered */
    uint32_t level; /* the wires */
    uint8_t priority[32];
};

extern const struct fields gic_block_fields;

/** An interrupt that might be signalled, and the choice between several. */
struct gic_choice {
    unsigned intid; /* GIC_SPURIOUS: there is none */
    uint8_t priority, group;
};

static inline uint32_t gic_pending(const struct gic_block *block)
{
    return block->latched | (block->level & ~block->edge);
}

/** Everything as after power-on but the wires' levels, which belong to those who drive them. */
void gic_block_reset(struct gic_block *block, uint32_t always_edge);

/** A wire's new level. Returns whether that may have changed what is pending. */
bool gic_block_set_level(struct gic_block *block, uint32_t bit, bool level);

/** Interrupts of a block that could be signalled, were they urgent enough; `group_mask`: which groups may. */
uint32_t gic_candidates(const struct gic_block *block, const uint32_t group_mask[2]);

/** Takes the most urgent of `ready` where it beats what was found; of equals, the lowest INTID wins. */
void gic_choose(struct gic_choice *best, const struct gic_block *block, unsigned first_intid, uint32_t ready);

/** The most urgent interrupt that could be signalled to a CPU: of its own block, and of the distributor's those of
 *  `targeted`, by block. */
void gic_choose_among(struct gic_choice *best, const struct gic_block *own, const struct gic_block *blocks,
                      const uint32_t *targeted, unsigned block_count, const uint32_t group_mask[2]);

/** Has the wire `which` of a CPU's two signal, and not the other; 2: neither. `carries` is what they carry. */
void gic_signal(bool carries[2], const struct irq_line wires[2], unsigned which);

/** A priority with the bits that do not count for preemption cleared (IHI 0069, 4.8.6; IHI 0048, 3.3.3). `point` is as
 *  group 0's register has it. */
static inline uint8_t gic_preemption(unsigned point, uint8_t priority)
{
    return (uint8_t)(priority & 0xfe << point);
}

/** The bit of the active priorities that stands for a group priority. */
static inline uint32_t gic_active_bit(uint8_t group_priority)
{
    return 1u << (group_priority >> GIC_PRIORITY_SHIFT);
}

/** The group priority of what runs by the active priorities of both groups, or GIC_IDLE. */
uint8_t gic_running(const uint32_t active_priorities[2]);

/** Which group the most urgent active priority belongs to; 2 when nothing is active. */
unsigned gic_running_group(const uint32_t active_priorities[2]);

static inline bool gic_is_special(unsigned intid)
{
    return intid >= GIC_FIRST_SPECIAL && intid <= GIC_SPURIOUS;
}

/** Binary points that registers could not hold are made the least ones: saved state comes from a file. */
void gic_bound_binary_points(uint32_t binary_point[2]);

#endif
