/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GICv2: the virtual interfaces in memory (IHI 0048B, chapter 5): GICH, by which a hypervisor fills list registers, and
 * GICV, which a virtual machine gets in place of a CPU interface. Both are those of the CPU that accesses.
 *
 * What they work on is gic_virtual.c's, which has the forms of version 3; here they are translated. An interrupt's
 * number there is the one that GICV_IAR gives: with an SGI's source above it. */
#include "peripherals/gicv2_internal.h"

/* GICH_LR<n> (5.3.9). */
#define GICH_LR_NUMBER       0x3ffu
#define GICH_LR_SOURCE       (7u << 10) /* of an SGI, without hardware */
#define GICH_LR_PHYSICAL     (0x3ffu << 10)
#define GICH_LR_EOI          (1u << 19) /* without hardware */
#define GICH_LR_PRIORITY     (0x1fu << 23)
#define GICH_LR_STATE        (3u << 28)
#define GICH_LR_GROUP_1      (1u << 30)
#define GICH_LR_HARDWARE     (1u << 31)

/* The same in ICH_LR<n>_EL2. */
#define ICH_LR_PHYSICAL_SHIFT 32
#define ICH_LR_EOI            (1ull << 41)
#define ICH_LR_PRIORITY_SHIFT 51
#define ICH_LR_GROUP_SHIFT    60
#define ICH_LR_STATE_SHIFT    62
#define ICH_LR_HARDWARE       (1ull << 61)

enum { NUMBER_MASK = 0x3ff, ANSWER_MASK = 0x1fff, OTHER_GROUP = 1022 };
enum { HCR_V2 = 0xff, HCR_COUNT = 31 << 27 };

/* GICV_CTLR is this part of GICH_VMCR (5.3.3), as are the mask and the points. */
enum {
    VMCR_ACK_CTL = 1 << 2,
    VMCR_CONTROL = 0x21f,
    VMCR_ALIAS_POINT_SHIFT = 18,
    VMCR_POINT_SHIFT = 21,
    VMCR_MASK_SHIFT = 24,
};

static struct gic_virtual *virtual_of(void *device)
{
    return &gicv2_requester(device)->virtual_;
}

/* --- GICH ------------------------------------------------------------------------------------------ */

static uint64_t list_from_v2(uint32_t lr)
{
    uint32_t number = lr & GICH_LR_NUMBER;
    bool hardware = lr & GICH_LR_HARDWARE;
    uint64_t list = number;
    if (hardware)
        list |= ICH_LR_HARDWARE | (uint64_t)((lr & GICH_LR_PHYSICAL) >> 10) << ICH_LR_PHYSICAL_SHIFT;
    else
        list |= (number < GICV2_SGIS ? lr & GICH_LR_SOURCE : 0) | (lr & GICH_LR_EOI ? ICH_LR_EOI : 0);
    list |= (uint64_t)((lr & GICH_LR_PRIORITY) >> 23) << ICH_LR_PRIORITY_SHIFT;
    list |= (uint64_t)(lr & GICH_LR_GROUP_1 ? 1 : 0) << ICH_LR_GROUP_SHIFT;
    return list | (uint64_t)((lr & GICH_LR_STATE) >> 28) << ICH_LR_STATE_SHIFT;
}

static uint32_t list_to_v2(uint64_t list)
{
    uint32_t lr = (uint32_t)list & GICH_LR_NUMBER;
    if (list & ICH_LR_HARDWARE)
        lr |= GICH_LR_HARDWARE | ((uint32_t)(list >> ICH_LR_PHYSICAL_SHIFT) << 10 & GICH_LR_PHYSICAL);
    else
        lr |= ((uint32_t)list & GICH_LR_SOURCE) | (list & ICH_LR_EOI ? GICH_LR_EOI : 0);
    lr |= (uint32_t)(list >> ICH_LR_PRIORITY_SHIFT) << 23 & GICH_LR_PRIORITY;
    lr |= list >> ICH_LR_GROUP_SHIFT & 1 ? GICH_LR_GROUP_1 : 0;
    return lr | (uint32_t)(list >> ICH_LR_STATE_SHIFT) << 28;
}

static uint64_t read_hcr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_HCR);
}

static void write_hcr(void *device, unsigned index, uint64_t value)
{
    gic_virtual_hyp_write(virtual_of(device), ICH_HCR, value & (HCR_V2 | (uint32_t)HCR_COUNT));
}

static uint64_t read_vmcr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_VMCR);
}

static void write_vmcr(void *device, unsigned index, uint64_t value)
{
    gic_virtual_hyp_write(virtual_of(device), ICH_VMCR, value);
}

static uint64_t read_misr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_MISR);
}

static uint64_t read_eisr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_EISR);
}

static uint64_t read_elrsr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_ELRSR);
}

static uint64_t read_apr(void *device, unsigned index)
{
    return gic_virtual_hyp_read(virtual_of(device), ICH_AP0R0);
}

static void write_apr(void *device, unsigned index, uint64_t value)
{
    gic_virtual_hyp_write(virtual_of(device), ICH_AP0R0, value);
}

static uint64_t read_list(void *device, unsigned index)
{
    return list_to_v2(gic_virtual_hyp_read(virtual_of(device), ICH_LR0 + index));
}

static void write_list(void *device, unsigned index, uint64_t value)
{
    gic_virtual_hyp_write(virtual_of(device), ICH_LR0 + index, list_from_v2((uint32_t)value));
}

/* --- GICV ------------------------------------------------------------------------------------------ */

static uint32_t machine_of(void *device)
{
    return (uint32_t)gic_virtual_hyp_read(virtual_of(device), ICH_VMCR);
}

static void change_machine(void *device, uint32_t mask, uint32_t bits)
{
    gic_virtual_hyp_write(virtual_of(device), ICH_VMCR, (machine_of(device) & ~mask) | (bits & mask));
}

static uint64_t read_control(void *device, unsigned index)
{
    return machine_of(device) & VMCR_CONTROL;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    change_machine(device, VMCR_CONTROL, (uint32_t)value);
}

static uint64_t read_mask(void *device, unsigned index)
{
    return machine_of(device) >> VMCR_MASK_SHIFT;
}

static void write_mask(void *device, unsigned index, uint64_t value)
{
    change_machine(device, 0xffu << VMCR_MASK_SHIFT, (uint32_t)value << VMCR_MASK_SHIFT);
}

static uint64_t read_point(void *device, unsigned index)
{
    return machine_of(device) >> VMCR_POINT_SHIFT & 7;
}

static void write_point(void *device, unsigned index, uint64_t value)
{
    change_machine(device, 7u << VMCR_POINT_SHIFT, ((uint32_t)value & 7) << VMCR_POINT_SHIFT);
}

static uint64_t read_alias_point(void *device, unsigned index)
{
    return machine_of(device) >> VMCR_ALIAS_POINT_SHIFT & 7;
}

static void write_alias_point(void *device, unsigned index, uint64_t value)
{
    change_machine(device, 7u << VMCR_ALIAS_POINT_SHIFT, ((uint32_t)value & 7) << VMCR_ALIAS_POINT_SHIFT);
}

/* Group 1 is seen by the first set of registers only if AckCtl says so; else that it is there. */
static uint64_t read_acknowledge(void *device, unsigned index)
{
    struct gic_virtual *v = virtual_of(device);
    bool signals = v->signalled[0] || v->signalled[1];
    uint64_t answer = gic_virtual_read(v, ICC_IAR0);
    if (answer != GIC_SPURIOUS || !signals)
        return answer;
    return machine_of(device) & VMCR_ACK_CTL ? gic_virtual_read(v, ICC_IAR1) : OTHER_GROUP;
}

static uint64_t read_alias_acknowledge(void *device, unsigned index)
{
    return gic_virtual_read(virtual_of(device), ICC_IAR1);
}

static uint64_t read_highest(void *device, unsigned index)
{
    struct gic_virtual *v = virtual_of(device);
    uint64_t zero = gic_virtual_read(v, ICC_HPPIR0), one = gic_virtual_read(v, ICC_HPPIR1);
    if (zero != GIC_SPURIOUS || one == GIC_SPURIOUS)
        return zero;
    return machine_of(device) & VMCR_ACK_CTL ? one : OTHER_GROUP;
}

static uint64_t read_alias_highest(void *device, unsigned index)
{
    return gic_virtual_read(virtual_of(device), ICC_HPPIR1);
}

/* Either drops the priority that runs, whichever group it is of. */
static void write_end(void *device, unsigned index, uint64_t value)
{
    if (!gic_is_special(value & NUMBER_MASK))
        gic_virtual_write(virtual_of(device), ICC_EOIR0, value & ANSWER_MASK);
}

static void write_deactivate(void *device, unsigned index, uint64_t value)
{
    if (!gic_is_special(value & NUMBER_MASK))
        gic_virtual_write(virtual_of(device), ICC_DIR, value & ANSWER_MASK);
}

static uint64_t read_running(void *device, unsigned index)
{
    return gic_virtual_read(virtual_of(device), ICC_RPR);
}

/* --- registers ------------------------------------------------------------------------------------- */

#define NO_FIELD .field_offset = REG_NO_FIELD

static const struct reg hyp_registers[] = {
    {0x000, "GICH_HCR", 4, NO_FIELD, .read = read_hcr, .write = write_hcr},
    {0x004, "GICH_VTR", 4, NO_FIELD, .reset = 4u << 29 | 4u << 26 | (GIC_LIST_REGISTERS - 1)},
    {0x008, "GICH_VMCR", 4, NO_FIELD, .read = read_vmcr, .write = write_vmcr},
    {0x010, "GICH_MISR", 4, NO_FIELD, .read = read_misr},
    {0x020, "GICH_EISR0", 4, NO_FIELD, .read = read_eisr},
    {0x030, "GICH_ELRSR0", 4, NO_FIELD, .read = read_elrsr},
    {0x0f0, "GICH_APR", 4, NO_FIELD, .read = read_apr, .write = write_apr},
    {0x100, "GICH_LR", 4, GIC_LIST_REGISTERS, NO_FIELD, .read = read_list, .write = write_list},
};
static const struct reg_bank hyp_bank = {hyp_registers, sizeof hyp_registers / sizeof hyp_registers[0], 4};

static const struct reg virtual_registers[] = {
    {0x0000, "GICV_CTLR", 4, NO_FIELD, .read = read_control, .write = write_control},
    {0x0004, "GICV_PMR", 4, NO_FIELD, .read = read_mask, .write = write_mask},
    {0x0008, "GICV_BPR", 4, NO_FIELD, .read = read_point, .write = write_point},
    {0x000c, "GICV_IAR", 4, NO_FIELD, .read = read_acknowledge, .read_acts = true},
    {0x0010, "GICV_EOIR", 4, NO_FIELD, .write = write_end},
    {0x0014, "GICV_RPR", 4, NO_FIELD, .read = read_running},
    {0x0018, "GICV_HPPIR", 4, NO_FIELD, .read = read_highest},
    {0x001c, "GICV_ABPR", 4, NO_FIELD, .read = read_alias_point, .write = write_alias_point},
    {0x0020, "GICV_AIAR", 4, NO_FIELD, .read = read_alias_acknowledge, .read_acts = true},
    {0x0024, "GICV_AEOIR", 4, NO_FIELD, .write = write_end},
    {0x0028, "GICV_AHPPIR", 4, NO_FIELD, .read = read_alias_highest},
    {0x00d0, "GICV_APR0", 4, NO_FIELD, .read = read_apr, .write = write_apr},
    {0x00fc, "GICV_IIDR", 4, NO_FIELD, .reset = 0x0202143b},
    {0x1000, "GICV_DIR", 4, NO_FIELD, .write = write_deactivate},
};
static const struct reg_bank virtual_bank = {virtual_registers, sizeof virtual_registers / sizeof virtual_registers[0],
                                             4};

const struct reg_bank *const gicv2_hyp_regs = &hyp_bank;
const struct reg_bank *const gicv2_virtual_regs = &virtual_bank;

/* Words alone; other widths read as zero and are ignored. */
static bool hyp_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return size != 4 || regs_read(&hyp_bank, device, offset, size, value);
}

static bool hyp_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return size != 4 || regs_write(&hyp_bank, device, offset, size, value);
}

static bool virtual_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return size != 4 || regs_read(&virtual_bank, device, offset, size, value);
}

static bool virtual_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return size != 4 || regs_write(&virtual_bank, device, offset, size, value);
}

const struct mmio_ops gicv2_hyp_mmio = {hyp_read, hyp_write};
const struct mmio_ops gicv2_virtual_mmio = {virtual_read, virtual_write};
