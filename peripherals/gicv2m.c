/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A frame of GICv2m. It remembers nothing: a message is a pulse on a wire, and software makes the SPI edge-triggered.
 */
#include "peripherals/gicv2m.h"
#include <assert.h>
#include <stdlib.h>

struct gicv2m {
    struct gicv2m_config config;
};

static const struct field gicv2m_field_list[] = {
    FIELD_HOST(struct gicv2m, config),
    FIELDS_END,
};
static const struct fields gicv2m_fields = {"gicv2m", sizeof(struct gicv2m), gicv2m_field_list};

static uint64_t read_type(void *device, unsigned index)
{
    const struct gicv2m *frame = device;
    return frame->config.first_intid << 16 | frame->config.count;
}

/* A message about an SPI of another frame, or of none, is nobody's. */
static void write_set_spi(void *device, unsigned index, uint64_t value)
{
    const struct gicv2m *frame = device;
    unsigned spi = (unsigned)(value & 0x3ff) - frame->config.first_intid;
    if (spi >= frame->config.count)
        return;
    irq_set(&frame->config.spi[spi], true);
    irq_set(&frame->config.spi[spi], false);
}

static const struct reg frame_registers[] = {
    {0x008, "MSI_TYPER", 4, .field_offset = REG_NO_FIELD, .read = read_type},
    {GICV2M_SETSPI, "MSI_SETSPI_NS", 4, .field_offset = REG_NO_FIELD, .write = write_set_spi},
    {0xfcc, "MSI_IIDR", 4, .field_offset = REG_NO_FIELD, .reset = 0x43b},
};
static const struct reg_bank frame_bank = {frame_registers, sizeof frame_registers / sizeof frame_registers[0], 2 | 4};

/* A message may be a halfword (MSI's data is one); all else is words. Other widths read as zero and are ignored. */
static bool takes_width(uint64_t offset, unsigned size)
{
    return size == 4 || (size == 2 && offset == GICV2M_SETSPI);
}

static bool frame_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return !takes_width(offset, size) || regs_read(&frame_bank, device, offset, size, value);
}

static bool frame_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return !takes_width(offset, size) || regs_write(&frame_bank, device, offset, size, value);
}

const struct mmio_ops gicv2m_mmio = {frame_read, frame_write};

const struct device_class gicv2m_class = {
    .name = "gicv2m",
    .state = &gicv2m_fields,
    .regs = &frame_bank,
    .free = free,
};

struct gicv2m *gicv2m_create(const struct gicv2m_config *config)
{
    assert(config->count <= GICV2M_MAX_SPIS && config->first_intid >= 32);
    struct gicv2m *frame = host_alloc(1, sizeof *frame);
    frame->config = *config;
    return frame;
}
