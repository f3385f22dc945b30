/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtual CPU interface: list registers, priorities, acknowledgement and end of virtual interrupts, maintenance. */
#include "peripherals/gic_virtual.h"
#include <string.h>

/* ICH_LR<n>_EL2 (12.4.5). */
#define LR_INTID(lr)    ((uint32_t)(lr))
#define LR_PHYSICAL(lr) ((unsigned)((lr) >> 32 & 0x1fff))
#define LR_EOI          (1ull << 41) /* of one without hardware: tell the hypervisor of its end */
#define LR_PRIORITY(lr) ((uint8_t)((lr) >> 48 & GIC_PRIORITY_MASK))
#define LR_GROUP(lr)    ((unsigned)((lr) >> 60 & 1))
#define LR_HARDWARE     (1ull << 61)
#define LR_PENDING      (1ull << 62)
#define LR_ACTIVE       (1ull << 63)
#define LR_STATE        (LR_PENDING | LR_ACTIVE)
#define LR_WRITABLE     (~(7ull << 45 | 3ull << 56 | 1ull << 58 | 1ull << 59))

/* ICH_HCR_EL2 (12.4.4). */
enum {
    HCR_EN = 1 << 0,
    HCR_UIE = 1 << 1,
    HCR_LRENPIE = 1 << 2,
    HCR_NPIE = 1 << 3,
    HCR_GROUP_EVENTS = 15 << 4,
    HCR_TRAPS = 1 << 10 | 1 << 11 | 1 << 12 | 1 << 14,
    HCR_EOI_COUNT_SHIFT = 27,
    HCR_WRITABLE = 0xff | HCR_TRAPS,
};
#define HCR_EOI_COUNT (31u << HCR_EOI_COUNT_SHIFT)

/* ICH_VMCR_EL2 (12.4.7). */
enum {
    VMCR_ENABLE_0 = 1 << 0,
    VMCR_ENABLE_1 = 1 << 1,
    VMCR_ACK_CTL = 1 << 2,    /* version 2's alone */
    VMCR_FIQ_ENABLE = 1 << 3, /* version 3 has no other way */
    VMCR_CBPR = 1 << 4,
    VMCR_EOI_MODE = 1 << 9,
    VMCR_BPR1_SHIFT = 18,
    VMCR_BPR0_SHIFT = 21,
    VMCR_PMR_SHIFT = 24,
};
#define VMCR_WRITABLE                                                                                        \
    (3u | VMCR_CBPR | VMCR_EOI_MODE | 0x3fu << VMCR_BPR1_SHIFT |                                             \
     (uint32_t)GIC_PRIORITY_MASK << VMCR_PMR_SHIFT)

/* ICH_VTR_EL2: 32 priorities and levels of preemption, 16 bits of INTID, A3V, no direct injection, TDS. */
#define VTR (4u << 29 | 4u << 26 | 1u << 21 | 1u << 20 | 1u << 19 | (GIC_LIST_REGISTERS - 1))

enum { INTID_MASK = 0xffffff, CTLR_FIXED = 4 << 8 | 1 << 15 };

static const struct field virtual_field_list[] = {
    FIELD_ARRAY(struct gic_virtual, list),
    FIELD(struct gic_virtual, control),
    FIELD(struct gic_virtual, machine),
    FIELD_ARRAY(struct gic_virtual, active_priorities),
    FIELD_HOST(struct gic_virtual, signalled),
    FIELD_HOST(struct gic_virtual, maintenance),
    FIELD_HOST(struct gic_virtual, version_2),
    FIELD_HOST(struct gic_virtual, wire),
    FIELD_HOST(struct gic_virtual, maintenance_wire),
    FIELD_HOST(struct gic_virtual, deactivate),
    FIELD_HOST(struct gic_virtual, context),
    FIELDS_END,
};
const struct fields gic_virtual_fields = {"gic_virtual", sizeof(struct gic_virtual), virtual_field_list};

/* --- what is signalled ----------------------------------------------------------------------------- */

static unsigned binary_point(const struct gic_virtual *v, unsigned group)
{
    bool common = v->machine & VMCR_CBPR;
    unsigned zero = v->machine >> VMCR_BPR0_SHIFT & 7, one = v->machine >> VMCR_BPR1_SHIFT & 7;
    return group && !common ? one - 1 : zero;
}

static uint8_t group_priority(const struct gic_virtual *v, unsigned group, uint8_t priority)
{
    return gic_preemption(binary_point(v, group), priority);
}

static uint8_t priority_mask(const struct gic_virtual *v)
{
    return (uint8_t)(v->machine >> VMCR_PMR_SHIFT);
}

/* The list register with the most urgent pending interrupt of an enabled group, or GIC_LIST_REGISTERS. */
static unsigned most_urgent(const struct gic_virtual *v)
{
    unsigned best = GIC_LIST_REGISTERS;
    for (unsigned i = 0; i < GIC_LIST_REGISTERS; i++) {
        bool ready = (v->list[i] & LR_STATE) == LR_PENDING && v->machine >> LR_GROUP(v->list[i]) & 1;
        if (ready && (best == GIC_LIST_REGISTERS || LR_PRIORITY(v->list[i]) < LR_PRIORITY(v->list[best])))
            best = i;
    }
    return v->control & HCR_EN ? best : GIC_LIST_REGISTERS;
}

static bool may_signal(const struct gic_virtual *v, unsigned index)
{
    if (index == GIC_LIST_REGISTERS)
        return false;
    uint64_t lr = v->list[index];
    return LR_PRIORITY(lr) < priority_mask(v) &&
           group_priority(v, LR_GROUP(lr), LR_PRIORITY(lr)) < gic_running(v->active_priorities);
}

/* A bit for each list register that has ended and is to be told of. */
static uint32_t ended(const struct gic_virtual *v)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < GIC_LIST_REGISTERS; i++)
        if (!(v->list[i] & (LR_STATE | LR_HARDWARE)) && v->list[i] & LR_EOI)
            bits |= 1u << i;
    return bits;
}

static uint32_t empty(const struct gic_virtual *v)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < GIC_LIST_REGISTERS; i++)
        if (!(v->list[i] & LR_STATE) && (v->list[i] & LR_HARDWARE || !(v->list[i] & LR_EOI)))
            bits |= 1u << i;
    return bits;
}

/* ICH_MISR_EL2 (12.4.6). */
static uint32_t maintenance_status(const struct gic_virtual *v)
{
    unsigned valid = 0, pending = 0;
    for (unsigned i = 0; i < GIC_LIST_REGISTERS; i++) {
        valid += (v->list[i] & LR_STATE) != 0;
        pending += (v->list[i] & LR_STATE) == LR_PENDING;
    }
    bool zero = v->machine & VMCR_ENABLE_0, one = v->machine & VMCR_ENABLE_1;
    uint32_t control = v->control, status = ended(v) != 0;
    status |= control & HCR_UIE && valid <= 1 ? 2u : 0;
    status |= control & HCR_LRENPIE && control & HCR_EOI_COUNT ? 4u : 0;
    status |= control & HCR_NPIE && !pending ? 8u : 0;
    uint32_t events = (uint32_t)zero | (uint32_t)!zero << 1 | (uint32_t)one << 2 | (uint32_t)!one << 3;
    return status | (control & HCR_GROUP_EVENTS & events << 4);
}

static void drive(bool *carries, const struct irq_line *wire, bool level, bool anew)
{
    if (*carries == level && !anew)
        return;
    *carries = level;
    irq_set(wire, level);
}

void gic_virtual_update(struct gic_virtual *v, bool anew)
{
    unsigned best = most_urgent(v);
    bool signal = may_signal(v, best);
    unsigned which = signal && (LR_GROUP(v->list[best]) || !(v->machine & VMCR_FIQ_ENABLE));
    for (unsigned wire = 0; wire < 2; wire++)
        drive(&v->signalled[wire], &v->wire[wire], signal && which == wire, anew);
    /* This wire ends in the same controller, which has its level. */
    drive(&v->maintenance, &v->maintenance_wire, v->control & HCR_EN && maintenance_status(v), false);
}

static void set_machine(struct gic_virtual *v, uint32_t value)
{
    uint32_t points[2] = {value >> VMCR_BPR0_SHIFT & 7, value >> VMCR_BPR1_SHIFT & 7};
    gic_bound_binary_points(points);
    uint32_t versions = v->version_2 ? value & (VMCR_ACK_CTL | VMCR_FIQ_ENABLE) : VMCR_FIQ_ENABLE;
    v->machine = (value & VMCR_WRITABLE & ~(0x3fu << VMCR_BPR1_SHIFT)) | versions |
                 points[0] << VMCR_BPR0_SHIFT | points[1] << VMCR_BPR1_SHIFT;
}

void gic_virtual_reset(struct gic_virtual *v)
{
    memset(v->list, 0, sizeof v->list);
    memset(v->active_priorities, 0, sizeof v->active_priorities);
    v->control = 0;
    set_machine(v, 0);
}

void gic_virtual_bound(struct gic_virtual *v)
{
    for (unsigned i = 0; i < GIC_LIST_REGISTERS; i++)
        v->list[i] &= LR_WRITABLE;
    v->control &= HCR_WRITABLE | HCR_EOI_COUNT;
    set_machine(v, v->machine);
}

/* --- the hypervisor's registers -------------------------------------------------------------------- */

uint64_t gic_virtual_hyp_read(struct gic_virtual *v, enum ich_reg reg)
{
    switch (reg) {
    case ICH_AP0R0: return v->active_priorities[0];
    case ICH_AP1R0: return v->active_priorities[1];
    case ICH_HCR: return v->control;
    case ICH_VTR: return VTR;
    case ICH_MISR: return maintenance_status(v);
    case ICH_EISR: return ended(v);
    case ICH_ELRSR: return empty(v);
    case ICH_VMCR: return v->machine;
    case ICH_LR0:
    case ICH_LR1:
    case ICH_LR2:
    case ICH_LR3: return v->list[reg - ICH_LR0];
    default: return 0;
    }
}

void gic_virtual_hyp_write(struct gic_virtual *v, enum ich_reg reg, uint64_t value)
{
    switch (reg) {
    case ICH_AP0R0: v->active_priorities[0] = (uint32_t)value; break;
    case ICH_AP1R0: v->active_priorities[1] = (uint32_t)value; break;
    case ICH_HCR: v->control = (uint32_t)value & (HCR_WRITABLE | HCR_EOI_COUNT); break;
    case ICH_VMCR: set_machine(v, (uint32_t)value); break;
    case ICH_LR0:
    case ICH_LR1:
    case ICH_LR2:
    case ICH_LR3: v->list[reg - ICH_LR0] = value & LR_WRITABLE; break;
    default: break;
    }
    gic_virtual_update(v, false);
}

/* --- the machine's registers ----------------------------------------------------------------------- */

static uint32_t pending_intid(const struct gic_virtual *v, unsigned group)
{
    unsigned best = most_urgent(v);
    return best < GIC_LIST_REGISTERS && LR_GROUP(v->list[best]) == group ? LR_INTID(v->list[best]) : GIC_SPURIOUS;
}

static uint32_t acknowledge(struct gic_virtual *v, unsigned group)
{
    unsigned best = most_urgent(v);
    if (!may_signal(v, best) || LR_GROUP(v->list[best]) != group)
        return GIC_SPURIOUS;
    uint64_t lr = v->list[best];
    v->active_priorities[v->version_2 ? 0 : group] |= gic_active_bit(group_priority(v, group, LR_PRIORITY(lr)));
    bool lpi = LR_INTID(lr) >= 8192; /* which is never active */
    v->list[best] = (lr & ~LR_STATE) | (lpi ? 0 : LR_ACTIVE);
    return LR_INTID(lr);
}

/* The list register in which an interrupt is active, or GIC_LIST_REGISTERS. */
static unsigned active_in(const struct gic_virtual *v, uint32_t intid)
{
    unsigned i = 0;
    while (i < GIC_LIST_REGISTERS && !(v->list[i] & LR_ACTIVE && LR_INTID(v->list[i]) == intid))
        i++;
    return i;
}

/* An end that no list register has is counted for the hypervisor, which keeps the rest. */
static void deactivate(struct gic_virtual *v, uint32_t intid)
{
    unsigned i = active_in(v, intid);
    if (i == GIC_LIST_REGISTERS) {
        uint32_t count = (v->control >> HCR_EOI_COUNT_SHIFT) + 1;
        v->control = (v->control & ~HCR_EOI_COUNT) | (count & 31) << HCR_EOI_COUNT_SHIFT;
        return;
    }
    v->list[i] &= ~LR_ACTIVE;
    if (v->list[i] & LR_HARDWARE && LR_PHYSICAL(v->list[i]) < GIC_FIRST_SPECIAL)
        v->deactivate(v->context, LR_PHYSICAL(v->list[i]));
}

static void end_of_interrupt(struct gic_virtual *v, unsigned group, uint32_t intid)
{
    unsigned running = gic_running_group(v->active_priorities);
    if (gic_is_special(intid) || running == 2 || (running != group && !v->version_2))
        return;
    v->active_priorities[running] &= v->active_priorities[running] - 1;
    if (intid < 8192 && !(v->machine & VMCR_EOI_MODE))
        deactivate(v, intid);
}

static uint64_t read_binary_point_1(const struct gic_virtual *v)
{
    unsigned zero = v->machine >> VMCR_BPR0_SHIFT & 7;
    return v->machine & VMCR_CBPR ? (zero < 7 ? zero + 1 : 7) : v->machine >> VMCR_BPR1_SHIFT & 7;
}

static uint64_t read(struct gic_virtual *v, enum icc_reg reg)
{
    switch (reg) {
    case ICC_PMR: return priority_mask(v);
    case ICC_IAR0: return acknowledge(v, 0);
    case ICC_IAR1: return acknowledge(v, 1);
    case ICC_HPPIR0: return pending_intid(v, 0);
    case ICC_HPPIR1: return pending_intid(v, 1);
    case ICC_BPR0: return v->machine >> VMCR_BPR0_SHIFT & 7;
    case ICC_BPR1: return read_binary_point_1(v);
    case ICC_AP0R0: return v->active_priorities[0];
    case ICC_AP1R0: return v->active_priorities[1];
    case ICC_RPR: return gic_running(v->active_priorities);
    case ICC_CTLR: return (v->machine & VMCR_CBPR ? 1u : 0) | (v->machine & VMCR_EOI_MODE ? 2u : 0) | CTLR_FIXED;
    case ICC_IGRPEN0: return v->machine & 1;
    case ICC_IGRPEN1: return v->machine >> 1 & 1;
    default: return 0;
    }
}

uint64_t gic_virtual_read(struct gic_virtual *v, enum icc_reg reg)
{
    uint64_t value = read(v, reg);
    gic_virtual_update(v, false);
    return value;
}

/* The bits of ICH_VMCR_EL2 in `mask`. */
static void change_machine(struct gic_virtual *v, uint32_t mask, uint32_t bits)
{
    set_machine(v, (v->machine & ~mask) | (bits & mask));
}

void gic_virtual_write(struct gic_virtual *v, enum icc_reg reg, uint64_t value)
{
    uint32_t low = (uint32_t)value;
    switch (reg) {
    case ICC_PMR: change_machine(v, 0xffu << VMCR_PMR_SHIFT, low << VMCR_PMR_SHIFT); break;
    case ICC_EOIR0: end_of_interrupt(v, 0, low & INTID_MASK); break;
    case ICC_EOIR1: end_of_interrupt(v, 1, low & INTID_MASK); break;
    case ICC_DIR:
        if (!gic_is_special(low & INTID_MASK) && v->machine & VMCR_EOI_MODE)
            deactivate(v, low & INTID_MASK);
        break;
    case ICC_BPR0: change_machine(v, 7u << VMCR_BPR0_SHIFT, (low & 7) << VMCR_BPR0_SHIFT); break;
    case ICC_BPR1:
        if (!(v->machine & VMCR_CBPR))
            change_machine(v, 7u << VMCR_BPR1_SHIFT, (low & 7) << VMCR_BPR1_SHIFT);
        break;
    case ICC_AP0R0: v->active_priorities[0] = low; break;
    case ICC_AP1R0: v->active_priorities[1] = low; break;
    case ICC_CTLR:
        change_machine(v, VMCR_CBPR | VMCR_EOI_MODE, (low & 1 ? VMCR_CBPR : 0) | (low & 2 ? VMCR_EOI_MODE : 0));
        break;
    case ICC_IGRPEN0: change_machine(v, VMCR_ENABLE_0, low & 1); break;
    case ICC_IGRPEN1: change_machine(v, VMCR_ENABLE_1, (low & 1) << 1); break;
    default: break;
    }
    gic_virtual_update(v, false);
}
