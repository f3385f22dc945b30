/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Register tables: finding the rows that an access touches, and the parts of them. */
#include <string.h>
#include "machine/contract/device.h"

/* The part of one register that an access covers. */
struct reg_part {
    const struct reg *reg;
    unsigned index;       /* in the row */
    unsigned first, size; /* bytes within the register */
};

static unsigned reg_count(const struct reg *reg)
{
    return reg->count ? reg->count : 1;
}

static unsigned reg_stride(const struct reg *reg)
{
    return reg->stride ? reg->stride : reg->size;
}

static uint64_t size_mask(unsigned size)
{
    return ~0ull >> (64 - 8 * size);
}

static bool row_holds(const struct reg *reg, uint64_t offset, struct reg_part *part)
{
    uint64_t into = offset - reg->offset;
    uint64_t index = into / reg_stride(reg);
    unsigned first = (unsigned)(into % reg_stride(reg));
    if (index >= reg_count(reg) || first >= reg->size)
        return false;
    *part = (struct reg_part){reg, (unsigned)index, first, reg->size - first};
    return true;
}

/* Finds the register that holds the byte at `offset`. Rows with a stride may lie inside each other, so the
 * row that starts last before the byte need not be the one. */
static bool find_part(const struct reg_bank *bank, uint64_t offset, struct reg_part *part)
{
    unsigned low = 0, high = bank->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (bank->list[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > 0) {
        if (row_holds(&bank->list[--low], offset, part))
            return true;
    }
    return false;
}

static uint64_t field_load(const struct reg *reg, const void *device, unsigned index)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)device + reg->field_offset + (size_t)index * reg->size, reg->size);
    return value;
}

static void field_store(const struct reg *reg, void *device, unsigned index, uint64_t value)
{
    memcpy((uint8_t *)device + reg->field_offset + (size_t)index * reg->size, &value, reg->size);
}

static uint64_t reg_read(const struct reg *reg, void *device, unsigned index)
{
    if (reg->read)
        return reg->read(device, index);
    return reg->field_offset == REG_NO_FIELD ? reg->reset : field_load(reg, device, index);
}

static void reg_write(const struct reg_part *part, void *device, uint64_t value)
{
    const struct reg *reg = part->reg;
    uint64_t kept = reg->field_offset == REG_NO_FIELD ? 0 : field_load(reg, device, part->index);
    uint64_t mask = size_mask(part->size) << 8 * part->first;
    uint64_t merged = (kept & ~mask) | (value << 8 * part->first & mask);
    if (reg->write)
        reg->write(device, part->index, merged);
    else if (reg->field_offset != REG_NO_FIELD)
        field_store(reg, device, part->index, (kept & ~reg->write_mask) | (merged & reg->write_mask));
}

bool regs_read(const struct reg_bank *bank, void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    if (!(bank->widths & size))
        return false;
    for (unsigned done = 0; done < size;) {
        struct reg_part part;
        if (!find_part(bank, offset + done, &part)) {
            done++;
            continue;
        }
        if (part.size > size - done)
            part.size = size - done;
        uint64_t bits = reg_read(part.reg, device, part.index) >> 8 * part.first & size_mask(part.size);
        *value |= bits << 8 * done;
        done += part.size;
    }
    return true;
}

bool regs_write(const struct reg_bank *bank, void *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (!(bank->widths & size))
        return false;
    for (unsigned done = 0; done < size;) {
        struct reg_part part;
        if (!find_part(bank, offset + done, &part)) {
            done++;
            continue;
        }
        if (part.size > size - done)
            part.size = size - done;
        reg_write(&part, device, value >> 8 * done);
        done += part.size;
    }
    return true;
}

void regs_reset(const struct reg_bank *bank, void *device)
{
    for (unsigned row = 0; row < bank->count; row++) {
        const struct reg *reg = &bank->list[row];
        if (reg->field_offset == REG_NO_FIELD)
            continue;
        for (unsigned index = 0; index < reg_count(reg); index++)
            field_store(reg, device, index, reg->reset);
    }
}
