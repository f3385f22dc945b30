/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SCSI disks: the block commands (SBC-3), sense (SPC-4). */
#include "peripherals/scsi/scsi_disk.h"
#include <stdlib.h>
#include <string.h>
#include "machine/contract/endian.h"
#include "peripherals/scsi/scsi_disk_internal.h"

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field scsi_disk_list[] = {
    FIELD_HOST(struct scsi_disk, drive),     FIELD_HOST(struct scsi_disk, is_cd),  FIELD(struct scsi_disk, attention),
    FIELD(struct scsi_disk, write_cache),    FIELD(struct scsi_disk, locked),      FIELD(struct scsi_disk, open),
    FIELD(struct scsi_disk, medium_event),   FIELDS_END,
};
static const struct fields scsi_disk_fields = {"scsi-disk", sizeof(struct scsi_disk), scsi_disk_list};

/* --- for the parts --------------------------------------------------------------------------------- */

uint32_t scsi_block_bytes(const struct scsi_disk *disk)
{
    return disk->is_cd ? SCSI_CD_BLOCK_BYTES : (uint32_t)DISK_SECTOR_BYTES;
}

uint64_t scsi_block_count(const struct scsi_disk *disk)
{
    return disk->drive.disk->size_bytes / scsi_block_bytes(disk);
}

/* Shortens pieces of memory to `length` bytes, which they have. */
static void shorten(struct iovec *pieces, int *count, uint64_t length)
{
    int kept = 0;
    for (; length; kept++) {
        if (pieces[kept].iov_len > length)
            pieces[kept].iov_len = length;
        length -= pieces[kept].iov_len;
    }
    *count = kept;
}

enum scsi_sense scsi_answer(struct scsi_request *request, const void *bytes, uint64_t length, uint64_t allocation)
{
    const uint8_t *from = bytes;
    if (length > allocation)
        length = allocation;
    if (length > request->in_bytes) {
        request->overrun = true;
        return SENSE_NONE;
    }
    request->done = length;
    shorten(request->in, &request->in_count, length);
    for (int i = 0; i < request->in_count; from += request->in[i++].iov_len)
        memcpy(request->in[i].iov_base, from, request->in[i].iov_len);
    return SENSE_NONE;
}

uint64_t scsi_parameters(struct scsi_request *request, void *to, uint64_t length)
{
    uint8_t *at = to;
    if (length > request->out_bytes)
        length = request->out_bytes;
    request->done = length;
    shorten(request->out, &request->out_count, length);
    for (int i = 0; i < request->out_count; at += request->out[i++].iov_len)
        memcpy(at, request->out[i].iov_base, request->out[i].iov_len);
    return length;
}

/* --- where a command goes -------------------------------------------------------------------------- */

struct place {
    uint64_t block, count;
};

/* The blocks that a command of 6, 10, 12 or 16 bytes names (its group says how long it is). */
static struct place place_of(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: return (struct place){get_be32(cdb) & 0x1fffff, cdb[4] ? cdb[4] : 256u};
    case 4: return (struct place){get_be64(cdb + 2), get_be32(cdb + 10)};
    case 5: return (struct place){get_be32(cdb + 2), get_be32(cdb + 6)};
    default: return (struct place){get_be32(cdb + 2), get_be16(cdb + 7)};
    }
}

static bool within(const struct scsi_disk *disk, struct place place)
{
    uint64_t blocks = scsi_block_count(disk);
    return place.block <= blocks && place.count <= blocks - place.block;
}

static enum scsi_sense did(struct scsi_disk *disk, int result, enum scsi_sense otherwise)
{
    return disk_drive_did(&disk->drive, result) ? SENSE_NONE : otherwise;
}

static enum scsi_sense flush(struct scsi_disk *disk)
{
    return did(disk, disk->drive.disk->ops->flush(disk->drive.disk), SENSE_WRITE_ERROR);
}

/* Whether the data has room, and not more than a command may have. */
static bool fits(struct scsi_request *request, uint64_t bytes, uint64_t room)
{
    request->overrun = bytes > room;
    return !request->overrun;
}

/* --- reading and writing --------------------------------------------------------------------------- */

enum scsi_sense scsi_read_blocks(struct scsi_disk *disk, struct scsi_request *request, uint64_t block, uint64_t count)
{
    uint64_t bytes = count * scsi_block_bytes(disk);
    if (!within(disk, (struct place){block, count}))
        return SENSE_LBA_RANGE;
    if (bytes > SCSI_TRANSFER_MAX)
        return SENSE_INVALID_FIELD;
    if (!fits(request, bytes, request->in_bytes) || count == 0)
        return SENSE_NONE;
    shorten(request->in, &request->in_count, bytes);
    request->done = bytes;
    return did(disk, disk->drive.disk->ops->read(disk->drive.disk, block * scsi_block_bytes(disk), request->in,
                                                 request->in_count),
               SENSE_READ_ERROR);
}

/* A write that is to be on the medium when it ends: by FUA, or as there is no cache. */
static enum scsi_sense settle(struct scsi_disk *disk, const uint8_t *cdb)
{
    bool now = cdb[0] != SCSI_WRITE_6 && cdb[1] & 8;
    return now || !disk->write_cache ? flush(disk) : SENSE_NONE;
}

static enum scsi_sense write_blocks(struct scsi_disk *disk, struct scsi_request *request)
{
    struct place place = place_of(request->cdb);
    uint64_t bytes = place.count * scsi_block_bytes(disk);
    if (!within(disk, place))
        return SENSE_LBA_RANGE;
    if (bytes > SCSI_TRANSFER_MAX)
        return SENSE_INVALID_FIELD;
    if (!fits(request, bytes, request->out_bytes) || bytes == 0)
        return SENSE_NONE;
    shorten(request->out, &request->out_count, bytes);
    request->done = bytes;
    enum scsi_sense sense = did(disk, disk->drive.disk->ops->write(disk->drive.disk, place.block * DISK_SECTOR_BYTES,
                                                                   request->out, request->out_count),
                                SENSE_WRITE_ERROR);
    return sense == SENSE_NONE ? settle(disk, request->cdb) : sense;
}

/* 5.29 and following: the medium is read; with BYTCHK 1 it is compared with what the initiator sends. */
static enum scsi_sense verify(struct scsi_disk *disk, struct scsi_request *request)
{
    struct place place = place_of(request->cdb);
    uint64_t bytes = place.count * scsi_block_bytes(disk);
    unsigned check = request->cdb[1] >> 1 & 3;
    if (!within(disk, place))
        return SENSE_LBA_RANGE;
    if (check > 1 || (check && bytes > SCSI_TRANSFER_MAX))
        return SENSE_INVALID_FIELD;
    if (!check || !fits(request, bytes, request->out_bytes) || bytes == 0)
        return SENSE_NONE;
    uint8_t *medium = host_alloc(1, bytes), *sent = host_alloc(1, bytes);
    struct iovec whole = {medium, bytes};
    scsi_parameters(request, sent, bytes);
    enum scsi_sense sense =
        did(disk, disk->drive.disk->ops->read(disk->drive.disk, place.block * scsi_block_bytes(disk), &whole, 1),
            SENSE_READ_ERROR);
    if (sense == SENSE_NONE && memcmp(medium, sent, bytes))
        sense = SENSE_MISCOMPARE;
    free(medium);
    free(sent);
    return sense;
}

/* 5.45: one block many times; zeroes are the disk's to write. A count of 0 is all to the end. */
static enum scsi_sense write_same(struct scsi_disk *disk, struct scsi_request *request)
{
    struct disk *medium = disk->drive.disk;
    struct place place = place_of(request->cdb);
    uint8_t block[DISK_SECTOR_BYTES] = {0};
    const bool unmap = request->cdb[1] & 8, no_data = request->cdb[0] == SCSI_WRITE_SAME_16 && request->cdb[1] & 1;
    if (!within(disk, place))
        return SENSE_LBA_RANGE;
    if (request->cdb[1] & 0xe6)
        return SENSE_INVALID_FIELD;
    if (place.count == 0)
        place.count = scsi_block_count(disk) - place.block;
    if (place.count > 1u << 22) /* as the limits say */
        return SENSE_INVALID_FIELD;
    if (!no_data && scsi_parameters(request, block, sizeof block) < sizeof block) {
        request->overrun = true;
        return SENSE_NONE;
    }
    bool zero = true;
    for (unsigned i = 0; i < sizeof block; i++)
        zero = zero && block[i] == 0;
    int result = 0;
    if (zero && place.count) {
        result = medium->ops->write_zeroes(medium, place.block * DISK_SECTOR_BYTES, place.count * DISK_SECTOR_BYTES,
                                           unmap);
    } else {
        struct iovec piece = {block, sizeof block};
        for (uint64_t i = 0; i < place.count && result == 0; i++)
            result = medium->ops->write(medium, (place.block + i) * DISK_SECTOR_BYTES, &piece, 1);
    }
    enum scsi_sense sense = did(disk, result, SENSE_WRITE_ERROR);
    return sense == SENSE_NONE && !disk->write_cache ? flush(disk) : sense;
}

/* 5.28: all descriptors are looked at before any counts. */
static enum scsi_sense unmap(struct scsi_disk *disk, struct scsi_request *request)
{
    enum { HEADER = 8, DESCRIPTOR = 16, DESCRIPTORS_MAX = 4096 };
    struct disk *medium = disk->drive.disk;
    uint64_t length = get_be16(request->cdb + 7);
    if (request->cdb[1] & 1)
        return SENSE_INVALID_FIELD;
    if (length == 0)
        return SENSE_NONE;
    uint8_t *list = host_alloc(1, length);
    enum scsi_sense sense = SENSE_NONE;
    if (length < HEADER || scsi_parameters(request, list, length) < length || get_be16(list + 2) > length - HEADER)
        sense = SENSE_PARAMETER_LENGTH;
    unsigned count = sense == SENSE_NONE ? get_be16(list + 2) / DESCRIPTOR : 0;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; sense == SENSE_NONE && i < count; i++) {
            const uint8_t *at = list + HEADER + i * DESCRIPTOR;
            struct place place = {get_be64(at), get_be32(at + 8)};
            if (!within(disk, place))
                sense = SENSE_LBA_RANGE;
            else if (pass == 1 && place.count)
                sense = did(disk, medium->ops->discard(medium, place.block * DISK_SECTOR_BYTES,
                                                       place.count * DISK_SECTOR_BYTES),
                            SENSE_WRITE_ERROR);
        }
    free(list);
    return sense;
}

static enum scsi_sense read_capacity(struct scsi_disk *disk, struct scsi_request *request)
{
    uint64_t last = scsi_block_count(disk) - 1;
    uint8_t answer[32] = {0};
    if (request->cdb[0] == SCSI_READ_CAPACITY_10) {
        put_be32(answer, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
        put_be32(answer + 4, scsi_block_bytes(disk));
        return scsi_answer(request, answer, 8, 8);
    }
    if ((request->cdb[1] & 0x1f) != 0x10)
        return SENSE_INVALID_FIELD;
    put_be64(answer, last);
    put_be32(answer + 8, scsi_block_bytes(disk));
    answer[13] = 3;    /* 8 blocks in a physical one */
    answer[14] = 0x80; /* thin */
    return scsi_answer(request, answer, sizeof answer, get_be32(request->cdb + 10));
}

enum scsi_sense scsi_start_stop(struct scsi_disk *disk, const uint8_t *cdb)
{
    bool load_or_eject = cdb[4] & 2, start = cdb[4] & 1;
    if (disk->is_cd && load_or_eject && disk->open == start) {
        if (!start && disk->locked)
            return SENSE_REMOVAL_PREVENTED;
        disk->open = !start;
        disk->medium_event = true;
        if (start)
            disk->attention = SENSE_MEDIUM_CHANGED;
    }
    return SENSE_NONE;
}

/* --- commands -------------------------------------------------------------------------------------- */

static bool needs_medium(uint8_t opcode)
{
    switch (opcode) {
    case SCSI_TEST_UNIT_READY:
    case SCSI_READ_6:
    case SCSI_READ_10:
    case SCSI_READ_12:
    case SCSI_READ_16:
    case SCSI_READ_CAPACITY_10:
    case SCSI_SERVICE_IN_16:
    case SCSI_VERIFY_10:
    case SCSI_VERIFY_12:
    case SCSI_VERIFY_16: return true;
    default: return false;
    }
}

static bool changes_medium(uint8_t opcode)
{
    switch (opcode) {
    case SCSI_WRITE_6:
    case SCSI_WRITE_10:
    case SCSI_WRITE_12:
    case SCSI_WRITE_16:
    case SCSI_WRITE_SAME_10:
    case SCSI_WRITE_SAME_16:
    case SCSI_UNMAP: return true;
    default: return false;
    }
}

static void put_sense(uint8_t sense[SCSI_SENSE_BYTES], uint32_t code)
{
    memset(sense, 0, SCSI_SENSE_BYTES);
    sense[0] = 0x70; /* current, in fixed form */
    sense[2] = (uint8_t)(code >> 16);
    sense[7] = SCSI_SENSE_BYTES - 8;
    sense[12] = (uint8_t)(code >> 8);
    sense[13] = (uint8_t)code;
}

/* Sense came with the command that it was of: what is left to ask for is an attention. */
static enum scsi_sense request_sense(struct scsi_disk *disk, struct scsi_request *request)
{
    uint8_t sense[SCSI_SENSE_BYTES];
    if (request->cdb[1] & 1) /* in the form of descriptors */
        return SENSE_INVALID_FIELD;
    put_sense(sense, disk->attention);
    disk->attention = SENSE_NONE;
    return scsi_answer(request, sense, sizeof sense, request->cdb[4]);
}

static enum scsi_sense write_command(struct scsi_disk *disk, struct scsi_request *request)
{
    if (disk->drive.disk->read_only)
        return SENSE_WRITE_PROTECTED;
    switch (request->cdb[0]) {
    case SCSI_WRITE_SAME_10:
    case SCSI_WRITE_SAME_16: return write_same(disk, request);
    case SCSI_UNMAP: return unmap(disk, request);
    default: return write_blocks(disk, request);
    }
}

static enum scsi_sense command(struct scsi_disk *disk, struct scsi_request *request)
{
    const uint8_t *cdb = request->cdb;
    bool known = disk->is_cd;
    if (needs_medium(cdb[0]) && disk->open)
        return SENSE_NO_MEDIUM;
    if (!disk->is_cd && changes_medium(cdb[0]))
        return write_command(disk, request);
    switch (cdb[0]) {
    case SCSI_TEST_UNIT_READY: return SENSE_NONE;
    case SCSI_REQUEST_SENSE: return request_sense(disk, request);
    case SCSI_INQUIRY: return scsi_inquiry(disk, request);
    case SCSI_REPORT_LUNS: return scsi_report_luns(request);
    case SCSI_MODE_SENSE_6:
    case SCSI_MODE_SENSE_10: return scsi_mode_sense(disk, request);
    case SCSI_MODE_SELECT_6:
    case SCSI_MODE_SELECT_10: return scsi_mode_select(disk, request);
    case SCSI_START_STOP: return scsi_start_stop(disk, cdb);
    case SCSI_PREVENT_REMOVAL: disk->locked = cdb[4] & 1; return SENSE_NONE;
    case SCSI_READ_CAPACITY_10:
    case SCSI_SERVICE_IN_16: return read_capacity(disk, request);
    case SCSI_READ_6:
    case SCSI_READ_10:
    case SCSI_READ_12:
    case SCSI_READ_16: return scsi_read_blocks(disk, request, place_of(cdb).block, place_of(cdb).count);
    case SCSI_VERIFY_10:
    case SCSI_VERIFY_12:
    case SCSI_VERIFY_16: return verify(disk, request);
    case SCSI_SYNCHRONIZE_10:
    case SCSI_SYNCHRONIZE_16: return flush(disk);
    default:
        if (known) {
            enum scsi_sense sense = scsi_cd(disk, request, &known);
            if (known)
                return sense;
        }
        return SENSE_INVALID_OPCODE;
    }
}

/* SAM-5, 5.14: these are done whatever there is to be told. */
static bool ignores_attention(const struct scsi_disk *disk, uint8_t opcode)
{
    return opcode == SCSI_INQUIRY || opcode == SCSI_REPORT_LUNS || opcode == SCSI_REQUEST_SENSE ||
           (disk->is_cd && (opcode == 0x46 || opcode == 0x4a)); /* configuration, events (MMC-6, 6.5 and 6.6) */
}

void scsi_disk_do(struct scsi_disk *disk, struct scsi_request *request)
{
    uint32_t sense = SENSE_NONE;
    request->done = 0;
    request->overrun = false;
    memset(request->sense, 0, sizeof request->sense);
    if (disk->attention && !ignores_attention(disk, request->cdb[0])) {
        sense = disk->attention;
        disk->attention = SENSE_NONE;
    } else {
        sense = command(disk, request);
    }
    request->status = sense == SENSE_NONE ? SCSI_GOOD : SCSI_CHECK_CONDITION;
    if (sense != SENSE_NONE) {
        request->done = 0;
        put_sense(request->sense, sense);
    }
}

static bool reads(uint8_t opcode)
{
    return opcode == SCSI_READ_6 || opcode == SCSI_READ_10 || opcode == SCSI_READ_12 || opcode == SCSI_READ_16;
}

uint64_t scsi_disk_service_ns(const struct scsi_disk *disk, const uint8_t *cdb)
{
    bool writes =
        cdb[0] == SCSI_WRITE_6 || cdb[0] == SCSI_WRITE_10 || cdb[0] == SCSI_WRITE_12 || cdb[0] == SCSI_WRITE_16;
    if (cdb[0] == SCSI_SYNCHRONIZE_10 || cdb[0] == SCSI_SYNCHRONIZE_16)
        return disk_drive_takes_ns(&disk->drive, 0, DISK_FLUSH_NS);
    if (!reads(cdb[0]) && !writes)
        return 0;
    uint64_t bytes = place_of(cdb).count * scsi_block_bytes(disk);
    bytes = bytes < SCSI_TRANSFER_MAX ? bytes : SCSI_TRANSFER_MAX;
    return disk_drive_takes_ns(&disk->drive, bytes, bytes * 1000 / DISK_BYTES_PER_1000_NS);
}

void scsi_disk_announce(struct scsi_disk *disk, const uint8_t *cdb)
{
    struct disk *medium = disk->drive.disk;
    struct place place = place_of(cdb);
    if (reads(cdb[0]) && medium->ops->expect_read && within(disk, place) && place.count)
        medium->ops->expect_read(medium, place.block * scsi_block_bytes(disk), place.count * scsi_block_bytes(disk));
    if ((cdb[0] == SCSI_SYNCHRONIZE_10 || cdb[0] == SCSI_SYNCHRONIZE_16) && medium->ops->expect_flush)
        medium->ops->expect_flush(medium);
}

/* --- the device ------------------------------------------------------------------------------------ */

void scsi_disk_reset(struct scsi_disk *disk)
{
    disk->attention = SENSE_POWER_ON;
    disk->write_cache = true;
    disk->locked = false;
}

static void cold_reset(void *device)
{
    struct scsi_disk *disk = device;
    scsi_disk_reset(disk);
    disk->open = disk->medium_event = false;
}

static void restored(void *device)
{
    struct scsi_disk *disk = device;
    disk->attention &= 0xffffff;
    disk->open = disk->open && disk->is_cd;
}

static void scsi_disk_free(void *device)
{
    struct scsi_disk *disk = device;
    disk_free(disk->drive.disk);
    free(disk);
}

const struct device_class scsi_disk_class = {
    .name = "scsi-disk",
    .state = &scsi_disk_fields,
    .reset = cold_reset,
    .restored = restored,
    .medium = &disk_drive_medium,
    .free = scsi_disk_free,
};

struct scsi_disk *scsi_disk_create(struct disk *disk, bool is_cd, const char *name)
{
    struct scsi_disk *made = host_alloc(1, sizeof *made);
    disk_drive_init(&made->drive, disk, name);
    made->is_cd = is_cd;
    cold_reset(made);
    return made;
}
