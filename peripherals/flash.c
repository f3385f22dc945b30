/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bank of NOR flash: two chips of 16 bits side by side (JEDEC JEP137; Intel P30).
 *
 * Example, erasing block 1 of both chips and programming its first word to 0x12345678:
 *
 *     write 0x40000 0x00200020   erase set-up    write 0x40000 0x00d000d0   confirm: done, status mode
 *     write 0x40000 0x00400040   program set-up  write 0x40000 0x12345678   done, status mode
 *     read  0x40000 -> 0x00800080 (ready)        write 0x40000 0x00ff00ff   array mode: read -> 0x12345678
 */
#include "peripherals/flash.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHIPS        2u
#define BLOCKS       (FLASH_BANK_BYTES / FLASH_BLOCK_BYTES)
#define BLOCK_WORDS  (FLASH_BLOCK_BYTES / 2 / CHIPS) /* of one chip */
#define BUFFER_WORDS 32u /* of a buffered program, of each chip: 64 bytes */

/* What a chip does with reads, or with the next write. */
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

struct flash_chip {
    uint8_t mode;
    uint8_t status;
    uint16_t buffer_count, buffer_filled;
    uint32_t buffer_block; /* word address of the first word of the block that the buffer is for */
    uint16_t buffer_word[BUFFER_WORDS]; /* within the block */
    uint16_t buffer_data[BUFFER_WORDS];
};

struct flash {
    struct flash_chip chips[CHIPS];
    struct bus *bus;
    bool is_rom;
    struct disk *backing;
    uint8_t *content;
    bool used[BLOCKS]; /* may hold something else than zeroes */
};

static const struct field chip_list[] = {
    FIELD(struct flash_chip, mode),
    FIELD(struct flash_chip, status),
    FIELD(struct flash_chip, buffer_count),
    FIELD(struct flash_chip, buffer_filled),
    FIELD(struct flash_chip, buffer_block),
    FIELD_ARRAY(struct flash_chip, buffer_word),
    FIELD_ARRAY(struct flash_chip, buffer_data),
    FIELDS_END,
};
static const struct fields chip_fields = {"flash_chip", sizeof(struct flash_chip), chip_list};

static const struct field flash_list[] = {
    FIELD_STRUCT_ARRAY(struct flash, chips, &chip_fields),
    FIELD_HOST(struct flash, bus),
    FIELD_HOST(struct flash, is_rom),
    FIELD_HOST(struct flash, backing),
    FIELD_HOST(struct flash, content), /* the medium */
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

static unsigned array_chips(const struct flash *flash)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CHIPS; i++)
        count += flash->chips[i].mode == MODE_ARRAY;
    return count;
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
    if (flash->backing->ops->write(flash->backing, first, &piece, 1) == 0 &&
        flash->backing->ops->flush(flash->backing) == 0)
        return true;
    memcpy(flash->content + offset, before, length);
    return false;
}

static uint64_t word_offset(unsigned chip, uint32_t word)
{
    return (uint64_t)word * 2 * CHIPS + 2 * chip;
}

/* Programming makes zeroes of ones, and nothing else. */
static bool program_words(struct flash *flash, unsigned chip, uint32_t block, const uint16_t *words, const uint16_t *data,
                          unsigned count)
{
    unsigned lowest = words[0], highest = words[0];
    for (unsigned i = 1; i < count; i++) {
        lowest = words[i] < lowest ? words[i] : lowest;
        highest = words[i] > highest ? words[i] : highest;
    }
    uint64_t offset = word_offset(chip, block + lowest), length = word_offset(chip, block + highest) + 2 - offset;
    uint8_t *before = malloc(length); /* at most a block */
    if (!before)
        return false;
    memcpy(before, flash->content + offset, length);
    for (unsigned i = 0; i < count; i++) {
        uint16_t old;
        uint8_t *at = flash->content + word_offset(chip, block + words[i]);
        memcpy(&old, at, sizeof old);
        old &= data[i];
        memcpy(at, &old, sizeof old);
    }
    bool kept = keep(flash, offset, before, length);
    free(before);
    return kept;
}

static bool erase_block(struct flash *flash, unsigned chip, uint32_t word)
{
    uint64_t offset = word_offset(0, word) & ~(uint64_t)(FLASH_BLOCK_BYTES - 1);
    uint8_t *before = malloc(FLASH_BLOCK_BYTES), *block = flash->content + offset;
    if (!before)
        return false;
    memcpy(before, block, FLASH_BLOCK_BYTES);
    for (unsigned at = 2 * chip; at < FLASH_BLOCK_BYTES; at += 2 * CHIPS)
        memset(block + at, 0xff, 2);
    bool kept = keep(flash, offset, before, FLASH_BLOCK_BYTES);
    free(before);
    return kept;
}

/* --- commands -------------------------------------------------------------------------------------- */

static uint32_t block_of(uint32_t word)
{
    return word & ~(BLOCK_WORDS - 1);
}

static void finish(struct flash_chip *chip, bool good, uint8_t failed)
{
    chip->status |= STATUS_READY | (good ? 0 : failed);
    chip->mode = MODE_STATUS;
}

/* A first write: the command. */
static void take_command(struct flash_chip *chip, uint32_t word, uint16_t value)
{
    switch ((uint8_t)value) {
    case COMMAND_PROGRAM:
    case COMMAND_PROGRAM_ALTERNATE: chip->mode = MODE_PROGRAM; break;
    case COMMAND_ERASE: chip->mode = MODE_ERASE; break;
    case COMMAND_CLEAR_STATUS: chip->status = STATUS_READY; break;
    case COMMAND_LOCK: chip->mode = MODE_LOCK; break;
    case COMMAND_READ_ID: chip->mode = MODE_ID; break;
    case COMMAND_QUERY: chip->mode = MODE_QUERY; break;
    case COMMAND_CONFIGURATION: chip->mode = MODE_CONFIGURATION; break;
    case COMMAND_BUFFER:
        chip->mode = MODE_BUFFER_COUNT;
        chip->buffer_block = block_of(word);
        break;
    case COMMAND_READ_STATUS:
    case COMMAND_SUSPEND: /* nothing is ever under way */
    case COMMAND_CONFIRM: chip->mode = MODE_STATUS; break;
    default: chip->mode = MODE_ARRAY; break; /* COMMAND_ARRAY, COMMAND_ARRAY_AMD, and what is none */
    }
}

static void take_buffer_count(struct flash_chip *chip, uint16_t value)
{
    if (value >= BUFFER_WORDS) {
        finish(chip, false, STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED); /* a command sequence error */
        return;
    }
    chip->buffer_count = value + 1;
    chip->buffer_filled = 0;
    chip->mode = MODE_BUFFER_DATA;
}

static void take_buffer_data(struct flash_chip *chip, uint32_t word, uint16_t value)
{
    if (block_of(word) != chip->buffer_block) {
        finish(chip, false, STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED);
        return;
    }
    chip->buffer_word[chip->buffer_filled] = (uint16_t)(word - chip->buffer_block);
    chip->buffer_data[chip->buffer_filled++] = value;
    if (chip->buffer_filled == chip->buffer_count)
        chip->mode = MODE_BUFFER_CONFIRM;
}

static void chip_write(struct flash *flash, unsigned index, uint32_t word, uint16_t value)
{
    struct flash_chip *chip = &flash->chips[index];
    bool confirmed = (uint8_t)value == COMMAND_CONFIRM;
    uint16_t within = (uint16_t)(word - block_of(word));
    switch ((enum flash_mode)chip->mode) {
    case MODE_PROGRAM:
        finish(chip, program_words(flash, index, block_of(word), &within, &value, 1), STATUS_PROGRAM_FAILED);
        break;
    case MODE_ERASE:
        if (confirmed)
            finish(chip, erase_block(flash, index, word), STATUS_ERASE_FAILED);
        else
            finish(chip, false, STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED);
        break;
    case MODE_LOCK:
    case MODE_CONFIGURATION: finish(chip, true, 0); break;
    case MODE_BUFFER_COUNT: take_buffer_count(chip, value); break;
    case MODE_BUFFER_DATA: take_buffer_data(chip, word, value); break;
    case MODE_BUFFER_CONFIRM:
        if (confirmed)
            finish(chip, program_words(flash, index, chip->buffer_block, chip->buffer_word, chip->buffer_data, chip->buffer_count),
                   STATUS_PROGRAM_FAILED);
        else
            finish(chip, false, STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED);
        break;
    default: take_command(chip, word, value); break;
    }
}

static uint16_t chip_read(const struct flash *flash, unsigned index, uint32_t word)
{
    const struct flash_chip *chip = &flash->chips[index];
    uint16_t value;
    switch ((enum flash_mode)chip->mode) {
    case MODE_ARRAY: memcpy(&value, flash->content + word_offset(index, word), sizeof value); return value;
    case MODE_ID: word &= 0xff; return word < 2 ? chip_ids[word] : 0; /* word 2: the block is not locked */
    case MODE_QUERY: word = (word & 0xff) - 0x10; return word < sizeof query ? query[word] : 0;
    default: return chip->status;
    }
}

/* --- accesses -------------------------------------------------------------------------------------- */

/* 8 bytes are two words, one after the other; a byte is a part of its chip's halfword. */
static bool flash_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct flash *flash = device;
    *value = 0;
    for (unsigned at = 0; at < (size < 2 ? 2 : size); at += 2) {
        uint64_t half = (offset & ~1ull) + at;
        *value |= (uint64_t)chip_read(flash, half / 2 % CHIPS, (uint32_t)(half / 2 / CHIPS)) << 8 * at;
    }
    if (size == 1)
        *value = *value >> 8 * (offset & 1) & 0xff;
    return true;
}

static bool flash_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct flash *flash = device;
    bool readable = array_chips(flash) == CHIPS;
    if (size == 1) { /* the other byte of a command does not matter; of a datum it stays */
        unsigned shift = 8 * (offset & 1);
        value = value << shift | (flash->chips[offset / 2 % CHIPS].mode == MODE_PROGRAM ? 0xffffu & ~(0xffu << shift) : 0);
    }
    for (unsigned at = 0; at < (size < 2 ? 2 : size); at += 2) {
        uint64_t half = (offset & ~1ull) + at;
        chip_write(flash, half / 2 % CHIPS, (uint32_t)(half / 2 / CHIPS), (uint16_t)(value >> 8 * at));
    }
    if (flash->is_rom && readable != (array_chips(flash) == CHIPS))
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

static const struct medium_ops flash_medium = {flash_identify, flash_next_page, flash_put_page};

/* --- the device ------------------------------------------------------------------------------------ */

static void flash_restored(void *device)
{
    struct flash *flash = device;
    for (unsigned i = 0; i < CHIPS; i++) {
        struct flash_chip *chip = &flash->chips[i];
        bool filling = chip->mode == MODE_BUFFER_DATA || chip->mode == MODE_BUFFER_CONFIRM;
        bool fits = chip->buffer_count && chip->buffer_count <= BUFFER_WORDS &&
                    chip->buffer_filled < chip->buffer_count + (chip->mode == MODE_BUFFER_CONFIRM);
        if (chip->mode >= MODE_COUNT || (filling && !fits))
            chip->mode = MODE_ARRAY;
        chip->buffer_block = block_of(chip->buffer_block % (BLOCKS * BLOCK_WORDS));
        for (unsigned word = 0; word < BUFFER_WORDS; word++)
            chip->buffer_word[word] %= BLOCK_WORDS;
    }
    if (flash->is_rom)
        bus_show_rom(flash->bus, array_chips(flash) == CHIPS);
}

/* Power-on; what is programmed stays. */
static void flash_reset(void *device)
{
    struct flash *flash = device;
    memset(flash->chips, 0, sizeof flash->chips);
    for (unsigned i = 0; i < CHIPS; i++)
        flash->chips[i].status = STATUS_READY;
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
        void *memory = mmap(NULL, FLASH_BANK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
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
    error_set(error, failure ? "the flash's backing file cannot be read: %s" : "no memory on the host for a bank of flash%s",
              failure ? strerror(failure) : "; free some");
    flash_free(flash);
    return NULL;
}
