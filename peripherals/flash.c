/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bank of NOR flash: two chips of 16 bits side by side (JEDEC JEP137; Intel P30).
 *
 * Example, erasing block 1 of both chips and programming its first word to 0x12345678:
 *
 *     write 0x40000 0x00200020   erase set-up    write 0x40000 0x00d000d0   confirm: done, status mode
 *     write 0x40000 0x00400040   program set-up  write 0x40000 0x12345678   done, status mode
 *     read  0x40000 -> 0x00800080 (ready)        write 0x40000 0x00ff00ff   array mode: read -> 0x12345678
 *
 * A narrower write is a command to both chips all the same: that is how the board is wired that firmware is built for
 * (U-Boot uses 16 bits). A datum changes its own bytes only. */
#include "peripherals/flash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCKS        (FLASH_BANK_BYTES / FLASH_BLOCK_BYTES)
#define BUFFER_WRITES 32u /* of a buffered program: 64 bytes of each chip */

/* What the chips do with reads, or with the next write. */
enum flash_mode {
    MODE_ARRAY,
    MODE_STATUS,
    MODE_ID,
    MODE_QUERY,
    MODE_PROGRAM,        /* the next write is the datum */
    MODE_ERASE,          /* the next write confirms */
    MODE_LOCK,           /* the next write says what; there are no locks, so nothing happens */
    MODE_CONFIGURATION,  /* the next write sets what the STS pin means, which leads nowhere */
    MODE_BUFFER_COUNT,   /* the next write is the number of words less one */
    MODE_BUFFER_DATA,    /* the next writes are data */
    MODE_BUFFER_CONFIRM, /* the next write confirms */
    MODE_COUNT
};

enum flash_command {
    COMMAND_PROGRAM_ALTERNATE = 0x10,
    COMMAND_ERASE = 0x20,
    COMMAND_PROGRAM = 0x40,
    COMMAND_CLEAR_STATUS = 0x50,
    COMMAND_LOCK = 0x60,
    COMMAND_READ_STATUS = 0x70,
    COMMAND_READ_ID = 0x90,
    COMMAND_QUERY = 0x98,
    COMMAND_SUSPEND = 0xb0,
    COMMAND_CONFIGURATION = 0xb8,
    COMMAND_CONFIRM = 0xd0,
    COMMAND_BUFFER = 0xe8,
    COMMAND_ARRAY_AMD = 0xf0, /* what drivers of another command set try */
    COMMAND_ARRAY = 0xff,
};

enum flash_status { STATUS_READY = 0x80, STATUS_ERASE_FAILED = 0x20, STATUS_PROGRAM_FAILED = 0x10 };

struct flash {
    uint8_t mode;
    uint8_t status;
    uint16_t buffer_count, buffer_filled;
    uint64_t buffer_block;                 /* offset of the block that the buffer is for */
    uint32_t buffer_offset[BUFFER_WRITES]; /* within the block */
    uint32_t buffer_data[BUFFER_WRITES];
    uint8_t buffer_size[BUFFER_WRITES]; /* bytes: 1, 2 or 4 */
    struct bus *bus;
    bool is_rom;
    struct disk *backing;
    int said_errno; /* why the backing took nothing, as the user was told; 0: it does */
    uint8_t *content;
    struct page_watch *watches;
    bool used[BLOCKS]; /* may hold something else than zeroes */
};

static const struct field flash_list[] = {
    FIELD(struct flash, mode),
    FIELD(struct flash, status),
    FIELD(struct flash, buffer_count),
    FIELD(struct flash, buffer_filled),
    FIELD(struct flash, buffer_block),
    FIELD_ARRAY(struct flash, buffer_offset),
    FIELD_ARRAY(struct flash, buffer_data),
    FIELD_ARRAY(struct flash, buffer_size),
    FIELD_HOST(struct flash, bus),
    FIELD_HOST(struct flash, is_rom),
    FIELD_HOST(struct flash, backing),
    FIELD_HOST(struct flash, said_errno),
    FIELD_HOST(struct flash, content), /* the medium */
    FIELD_HOST(struct flash, watches),
    FIELD_HOST(struct flash, used),
    FIELDS_END,
};
static const struct fields flash_fields = {"cfi-flash", sizeof(struct flash), flash_list};

/* --- tables ---------------------------------------------------------------------------------------- */

/* The query structure of one chip, a byte a word, from word 0x10 on (JEP137, 4.3). */
static const uint8_t query[] = {
    'Q', 'R', 'Y',
    0x01, 0x00, 0x31, 0x00, /* Intel's extended command set, its table at 0x31 */
    0x00, 0x00, 0x00, 0x00, /* no alternative */
    0x45, 0x55, 0x00, 0x00, /* Vcc 4.5 to 5.5 V; no Vpp */
    0x07, 0x07, 0x0a, 0x00, /* typical times: word and buffer 128 us, block 1 s */
    0x04, 0x04, 0x04, 0x00, /* at most 16 times as much */
    25,                     /* 2^25 bytes */
    0x02, 0x00,             /* x8 and x16 */
    0x06, 0x00,             /* 2^6 bytes at once */
    0x01,                   /* one region of */
    0xff, 0x00, 0x00, 0x02, /* 256 blocks of 512 * 256 bytes */
    'P', 'R', 'I', '1', '0', /* word 0x31: the extended table, version 1.0 */
    0x00, 0x00, 0x00, 0x00, /* no optional feature */
    0x00, 0x00, 0x00,       /* nothing while suspended, no block status */
    0x50, 0x00,             /* Vcc 5 V, no Vpp */
    0x00,                   /* no protection registers */
};

/* Manufacturer and device. */
static const uint16_t chip_ids[] = {0x89, 0x18};

/* --- content --------------------------------------------------------------------------------------- */

/* Before content changes. */
static void tell_watches(struct flash *flash, uint64_t offset, uint64_t length)
{
    for (uint64_t page = offset / PAGE_SIZE_BYTES; page * PAGE_SIZE_BYTES < offset + length; page++)
        page_watch_tell(flash->watches, page, flash->content + page * PAGE_SIZE_BYTES);
}

/* Has what was changed at `offset`, within a block, written to the backing; else it is taken back to `before`. */
static bool keep(struct flash *flash, uint64_t offset, const uint8_t *before, uint64_t length)
{
    flash->used[offset / FLASH_BLOCK_BYTES] = true;
    if (!flash->backing)
        return true;
    uint64_t first = offset & ~(DISK_SECTOR_BYTES - 1);
    uint64_t end = (offset + length + DISK_SECTOR_BYTES - 1) & ~(DISK_SECTOR_BYTES - 1);
    struct iovec piece = {flash->content + first, end - first};
    int failed = flash->backing->ops->write(flash->backing, first, &piece, 1);
    if (!failed)
        failed = flash->backing->ops->flush(flash->backing);
    if (failed && failed != flash->said_errno)
        fprintf(stderr,
                "armature: --firmware-vars: %s; the guest sees that its flash failed, which has what it had before\n",
                strerror(failed));
    flash->said_errno = failed;
    if (failed)
        memcpy(flash->content + offset, before, length);
    return !failed;
}

/* Programming makes zeroes of ones, and nothing else. */
static void clear_bits(uint8_t *at, uint32_t data, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] &= (uint8_t)(data >> 8 * i);
}

static bool program(struct flash *flash, uint64_t offset, uint32_t data, unsigned size)
{
    uint8_t before[4];
    memcpy(before, flash->content + offset, size);
    tell_watches(flash, offset, size);
    clear_bits(flash->content + offset, data, size);
    return keep(flash, offset, before, size);
}

/* All of the buffer, or nothing. */
static bool program_buffer(struct flash *flash)
{
    uint32_t first = FLASH_BLOCK_BYTES, end = 0;
    for (unsigned i = 0; i < flash->buffer_count; i++) {
        uint32_t offset = flash->buffer_offset[i], behind = offset + flash->buffer_size[i];
        first = offset < first ? offset : first;
        end = behind > end ? behind : end;
    }
    uint8_t *at = flash->content + flash->buffer_block, *before = malloc(end - first);
    if (!before)
        return false;
    memcpy(before, at + first, end - first);
    tell_watches(flash, flash->buffer_block + first, end - first);
    for (unsigned i = 0; i < flash->buffer_count; i++)
        clear_bits(at + flash->buffer_offset[i], flash->buffer_data[i], flash->buffer_size[i]);
    bool kept = keep(flash, flash->buffer_block + first, before, end - first);
    free(before);
    return kept;
}

static uint64_t block_of(uint64_t offset)
{
    return offset & ~(uint64_t)(FLASH_BLOCK_BYTES - 1);
}

static bool erase_block(struct flash *flash, uint64_t offset)
{
    uint8_t *before = malloc(FLASH_BLOCK_BYTES), *block = flash->content + block_of(offset);
    if (!before)
        return false;
    memcpy(before, block, FLASH_BLOCK_BYTES);
    tell_watches(flash, block_of(offset), FLASH_BLOCK_BYTES);
    memset(block, 0xff, FLASH_BLOCK_BYTES);
    bool kept = keep(flash, block_of(offset), before, FLASH_BLOCK_BYTES);
    free(before);
    return kept;
}

/* --- commands -------------------------------------------------------------------------------------- */

#define SEQUENCE_ERROR (STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED)

static void finish(struct flash *flash, bool good, uint8_t failed)
{
    flash->status |= STATUS_READY | (good ? 0 : failed);
    flash->mode = MODE_STATUS;
}

/* A first write: the command. */
static void take_command(struct flash *flash, uint64_t offset, uint32_t value)
{
    switch ((uint8_t)value) {
    case COMMAND_PROGRAM:
    case COMMAND_PROGRAM_ALTERNATE: flash->mode = MODE_PROGRAM; break;
    case COMMAND_ERASE: flash->mode = MODE_ERASE; break;
    case COMMAND_CLEAR_STATUS: flash->status = STATUS_READY; break;
    case COMMAND_LOCK: flash->mode = MODE_LOCK; break;
    case COMMAND_READ_ID: flash->mode = MODE_ID; break;
    case COMMAND_QUERY: flash->mode = MODE_QUERY; break;
    case COMMAND_CONFIGURATION: flash->mode = MODE_CONFIGURATION; break;
    case COMMAND_BUFFER:
        flash->mode = MODE_BUFFER_COUNT;
        flash->buffer_block = block_of(offset);
        break;
    case COMMAND_READ_STATUS:
    case COMMAND_SUSPEND: /* nothing is ever under way */
    case COMMAND_CONFIRM: flash->mode = MODE_STATUS; break;
    default: flash->mode = MODE_ARRAY; break; /* COMMAND_ARRAY, COMMAND_ARRAY_AMD, and what is none */
    }
}

static void take_buffer_count(struct flash *flash, uint32_t value)
{
    if ((value & 0xffff) >= BUFFER_WRITES) {
        finish(flash, false, SEQUENCE_ERROR);
        return;
    }
    flash->buffer_count = (uint16_t)((value & 0xffff) + 1);
    flash->buffer_filled = 0;
    flash->mode = MODE_BUFFER_DATA;
}

static void take_buffer_data(struct flash *flash, uint64_t offset, uint32_t value, unsigned size)
{
    if (block_of(offset) != flash->buffer_block) {
        finish(flash, false, SEQUENCE_ERROR);
        return;
    }
    flash->buffer_offset[flash->buffer_filled] = (uint32_t)(offset - flash->buffer_block);
    flash->buffer_size[flash->buffer_filled] = (uint8_t)size;
    flash->buffer_data[flash->buffer_filled++] = value;
    if (flash->buffer_filled == flash->buffer_count)
        flash->mode = MODE_BUFFER_CONFIRM;
}

static void take_write(struct flash *flash, uint64_t offset, uint32_t value, unsigned size)
{
    bool confirmed = (uint8_t)value == COMMAND_CONFIRM;
    switch ((enum flash_mode)flash->mode) {
    case MODE_PROGRAM: finish(flash, program(flash, offset, value, size), STATUS_PROGRAM_FAILED); break;
    case MODE_ERASE:
        if (confirmed)
            finish(flash, erase_block(flash, offset), STATUS_ERASE_FAILED);
        else
            finish(flash, false, SEQUENCE_ERROR);
        break;
    case MODE_LOCK:
    case MODE_CONFIGURATION: finish(flash, true, 0); break;
    case MODE_BUFFER_COUNT: take_buffer_count(flash, value); break;
    case MODE_BUFFER_DATA: take_buffer_data(flash, offset, value, size); break;
    case MODE_BUFFER_CONFIRM:
        if (confirmed)
            finish(flash, program_buffer(flash), STATUS_PROGRAM_FAILED);
        else
            finish(flash, false, SEQUENCE_ERROR);
        break;
    default: take_command(flash, offset, value); break;
    }
}

/* What each chip shows at a word of the bank, outside of array mode. */
static uint16_t chip_shows(const struct flash *flash, uint64_t word)
{
    word &= 0xff;
    if (flash->mode == MODE_ID)
        return word < 2 ? chip_ids[word] : 0; /* word 2: the block is not locked */
    if (flash->mode == MODE_QUERY)
        return word >= 0x10 && word - 0x10 < sizeof query ? query[word - 0x10] : 0;
    return flash->status;
}

/* --- accesses -------------------------------------------------------------------------------------- */

static bool flash_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct flash *flash = device;
    *value = 0;
    if (flash->mode == MODE_ARRAY) {
        memcpy(value, flash->content + offset, size);
        return true;
    }
    for (unsigned i = 0; i < size; i++) /* both chips show the same */
        *value |= (uint64_t)(chip_shows(flash, (offset + i) / 4) >> 8 * ((offset + i) & 1) & 0xff) << 8 * i;
    return true;
}

static bool flash_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct flash *flash = device;
    bool readable = flash->mode == MODE_ARRAY;
    take_write(flash, offset, (uint32_t)value, size > 4 ? 4 : size);
    if (size > 4)
        take_write(flash, offset + 4, (uint32_t)(value >> 32), 4);
    if (flash->is_rom && readable != (flash->mode == MODE_ARRAY))
        bus_show_rom(flash->bus, !readable);
    return true;
}

const struct mmio_ops flash_mmio = {flash_read, flash_write};

/* --- what a snapshot holds ------------------------------------------------------------------------- */

static const uint8_t zeroes[PAGE_SIZE_BYTES];

static bool flash_identify(void *device, struct medium_identity *identity, struct error *error)
{
    *identity = (struct medium_identity){.size_bytes = FLASH_BANK_BYTES};
    return true;
}

static const uint8_t *flash_next_page(void *device, uint64_t *page)
{
    struct flash *flash = device;
    for (; *page < FLASH_BANK_BYTES / PAGE_SIZE_BYTES; ++*page) {
        const uint8_t *content = flash->content + *page * PAGE_SIZE_BYTES;
        if (flash->used[*page * PAGE_SIZE_BYTES / FLASH_BLOCK_BYTES] && memcmp(content, zeroes, PAGE_SIZE_BYTES))
            return content;
    }
    return NULL;
}

static bool flash_put_page(void *device, uint64_t page, uint8_t *content, bool owned)
{
    struct flash *flash = device;
    uint8_t *to = flash->content + page * PAGE_SIZE_BYTES;
    if (page >= FLASH_BANK_BYTES / PAGE_SIZE_BYTES || memcmp(to, zeroes, PAGE_SIZE_BYTES))
        return false;
    flash->used[page * PAGE_SIZE_BYTES / FLASH_BLOCK_BYTES] = true;
    if (content)
        memcpy(to, content, PAGE_SIZE_BYTES);
    if (owned)
        free(content);
    return true;
}

static struct page_watch **flash_watches(void *device, uint64_t *page_count)
{
    *page_count = FLASH_BANK_BYTES / PAGE_SIZE_BYTES;
    return &((struct flash *)device)->watches;
}

static bool flash_revert_page(void *device, uint64_t page, const uint8_t *content)
{
    struct flash *flash = device;
    const uint64_t offset = page * PAGE_SIZE_BYTES;
    uint8_t before[PAGE_SIZE_BYTES];
    memcpy(before, flash->content + offset, sizeof before);
    tell_watches(flash, offset, PAGE_SIZE_BYTES);
    memcpy(flash->content + offset, content, PAGE_SIZE_BYTES);
    return keep(flash, offset, before, PAGE_SIZE_BYTES);
}

static const struct medium_ops flash_medium = {
    .identify = flash_identify,
    .next_page = flash_next_page,
    .put_page = flash_put_page,
    .watches = flash_watches,
    .revert_page = flash_revert_page,
};

/* --- the device ------------------------------------------------------------------------------------ */

static void flash_restored(void *device)
{
    struct flash *flash = device;
    bool filling = flash->mode == MODE_BUFFER_DATA || flash->mode == MODE_BUFFER_CONFIRM;
    bool fits = flash->buffer_count && flash->buffer_count <= BUFFER_WRITES &&
                flash->buffer_filled < flash->buffer_count + (flash->mode == MODE_BUFFER_CONFIRM);
    if (flash->mode >= MODE_COUNT || (filling && !fits))
        flash->mode = MODE_ARRAY;
    flash->buffer_block = block_of(flash->buffer_block % FLASH_BANK_BYTES);
    for (unsigned i = 0; i < BUFFER_WRITES; i++) {
        uint8_t size = flash->buffer_size[i];
        if (size > 4 || size & (size - 1))
            flash->buffer_size[i] = size = 4;
        flash->buffer_offset[i] %= FLASH_BLOCK_BYTES;
        if (size)
            flash->buffer_offset[i] &= ~(uint32_t)(size - 1);
    }
    if (flash->is_rom)
        bus_show_rom(flash->bus, flash->mode == MODE_ARRAY);
}

/* Power-on; what is programmed stays. */
static void flash_reset(void *device)
{
    struct flash *flash = device;
    flash->mode = MODE_ARRAY;
    flash->status = STATUS_READY;
    flash->buffer_count = flash->buffer_filled = 0;
    flash->buffer_block = 0;
    memset(flash->buffer_offset, 0, sizeof flash->buffer_offset);
    memset(flash->buffer_data, 0, sizeof flash->buffer_data);
    memset(flash->buffer_size, 0, sizeof flash->buffer_size);
    flash_restored(flash);
}

static void flash_free(void *device)
{
    struct flash *flash = device;
    if (flash->content && !flash->is_rom)
        munmap(flash->content, FLASH_BANK_BYTES);
    disk_free(flash->backing);
    free(flash);
}

const struct device_class flash_class = {
    .name = "cfi-flash",
    .state = &flash_fields,
    .reset = flash_reset,
    .restored = flash_restored,
    .free = flash_free,
    .medium = &flash_medium,
};

void flash_load(struct flash *flash, const void *bytes, size_t length)
{
    if (length > FLASH_BANK_BYTES)
        length = FLASH_BANK_BYTES;
    memcpy(flash->content, bytes, length);
    for (uint64_t block = 0; block * FLASH_BLOCK_BYTES < length; block++)
        flash->used[block] = true;
}

const uint8_t *flash_content(const struct flash *flash)
{
    return flash->content;
}

struct flash *flash_create(const struct flash_config *config, struct error *error)
{
    struct flash *flash = host_alloc(1, sizeof *flash);
    *flash = (struct flash){.bus = config->bus, .is_rom = config->is_rom, .backing = config->backing};
    if (flash->is_rom) {
        flash->content = rom_host(&flash->bus->ram);
    } else {
        void *memory =
            mmap(NULL, FLASH_BANK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        flash->content = memory == MAP_FAILED ? NULL : memory;
    }
    struct iovec all = {flash->content, FLASH_BANK_BYTES};
    int failure = 0;
    if (flash->content && flash->backing) {
        failure = flash->backing->ops->read(flash->backing, 0, &all, 1);
        memset(flash->used, 1, sizeof flash->used);
    }
    if (flash->content && !failure)
        return flash;
    error_set(error,
              failure ? "the flash's backing file cannot be read: %s" : "no memory on the host for a bank of flash%s",
              failure ? strerror(failure) : "; free some");
    flash_free(flash);
    return NULL;
}
