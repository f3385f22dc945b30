/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a SCSI unit tells of itself: inquiry (SPC-4, 6.4 and 7.8), mode pages (6.11, SBC-3 6.4, MMC-6 annex). */
#include <string.h>
#include "machine/contract/endian.h"
#include "peripherals/scsi/scsi_disk_internal.h"

#define TYPE_DISK   0x00
#define TYPE_CD     0x05
#define UNMAP_MAX   4095u       /* descriptors of one UNMAP */
#define BLOCKS_MAX  (1u << 22)  /* of one UNMAP or WRITE SAME */

static uint8_t type_of(const struct scsi_disk *disk)
{
    return disk->is_cd ? TYPE_CD : TYPE_DISK;
}

static void put_text(uint8_t *to, unsigned room, const char *text)
{
    memset(to, ' ', room);
    memcpy(to, text, strnlen(text, room));
}

/* --- inquiry --------------------------------------------------------------------------------------- */

static unsigned put_serial(const struct scsi_disk *disk, uint8_t *to)
{
    unsigned length = (unsigned)strnlen(disk->drive.name, DISK_DRIVE_NAME_BYTES);
    memcpy(to, disk->drive.name, length);
    return length;
}

/* 7.8.6: a name of the vendor's (T10), and one of 8 bytes as IEEE gives them, locally administered. */
static unsigned put_identification(const struct scsi_disk *disk, uint8_t *to)
{
    uint64_t hash = hash_bytes(disk->drive.name, DISK_DRIVE_NAME_BYTES, FIELDS_HASH_SEED);
    to[0] = 2; /* ASCII */
    to[1] = 1;
    put_text(to + 4, 8, "ARMATURE");
    to[3] = (uint8_t)(8 + put_serial(disk, to + 12));
    uint8_t *next = to + 4 + to[3];
    next[0] = 1; /* binary */
    next[1] = 3; /* NAA */
    next[3] = 8;
    put_be64(next + 4, 0x3ull << 60 | hash >> 4);
    return 4 + to[3] + 12u;
}

static unsigned put_limits(uint8_t *to)
{
    put_be16(to + 2, 8);                      /* blocks that a transfer is best a multiple of */
    put_be32(to + 4, SCSI_TRANSFER_MAX / 512);
    put_be32(to + 16, BLOCKS_MAX);            /* of an UNMAP, its descriptors, where they are best aligned */
    put_be32(to + 20, UNMAP_MAX);
    put_be32(to + 24, 8);
    put_be64(to + 32, BLOCKS_MAX);            /* of a WRITE SAME */
    return 60;
}

static enum scsi_sense vital_product_data(struct scsi_disk *disk, struct scsi_request *request, unsigned allocation)
{
    enum { SUPPORTED = 0x00, SERIAL = 0x80, IDENTIFICATION = 0x83, LIMITS = 0xb0, CHARACTERISTICS, PROVISIONING };
    static const uint8_t pages[] = {SUPPORTED, SERIAL, IDENTIFICATION, LIMITS, CHARACTERISTICS, PROVISIONING};
    uint8_t answer[256] = {type_of(disk), request->cdb[2]};
    unsigned page = request->cdb[2], length;
    if (disk->is_cd && page >= LIMITS)
        return SENSE_INVALID_FIELD;
    switch (page) {
    case SUPPORTED:
        length = disk->is_cd ? 3 : sizeof pages;
        memcpy(answer + 4, pages, length);
        break;
    case SERIAL: length = put_serial(disk, answer + 4); break;
    case IDENTIFICATION: length = put_identification(disk, answer + 4); break;
    case LIMITS: length = put_limits(answer + 4); break;
    case CHARACTERISTICS:
        put_be16(answer + 4, 1); /* it does not rotate */
        length = 60;
        break;
    case PROVISIONING:
        answer[5] = 0xe0; /* UNMAP, WRITE SAME of 16 and 10 bytes */
        answer[6] = 2;    /* thin */
        length = 4;
        break;
    default: return SENSE_INVALID_FIELD;
    }
    put_be16(answer + 2, (uint16_t)length);
    return scsi_answer(request, answer, 4 + length, allocation);
}

enum scsi_sense scsi_inquiry(struct scsi_disk *disk, struct scsi_request *request)
{
    static const uint16_t versions[] = {0x0460 /* SPC-4 */, 0x04c0 /* SBC-3 */}, cd_versions[] = {0x0460, 0x04a0};
    unsigned allocation = get_be16(request->cdb + 3);
    uint8_t answer[96] = {type_of(disk), disk->is_cd ? 0x80 : 0, 6, 0x12, sizeof answer - 5};
    if (request->cdb[1] & 1)
        return vital_product_data(disk, request, allocation);
    if (request->cdb[2])
        return SENSE_INVALID_FIELD;
    answer[7] = 2; /* it takes several commands at a time */
    put_text(answer + 8, 8, "ARMATURE");
    put_text(answer + 16, 16, disk->is_cd ? "CD-ROM" : "DISK");
    put_text(answer + 32, 4, "1.0");
    for (unsigned i = 0; i < 2; i++)
        put_be16(answer + 58 + 2 * i, disk->is_cd ? cd_versions[i] : versions[i]);
    return scsi_answer(request, answer, sizeof answer, allocation);
}

enum scsi_sense scsi_report_luns(struct scsi_request *request)
{
    uint8_t answer[16] = {0, 0, 0, 8}; /* unit 0, whose number is all zeroes */
    unsigned select = request->cdb[2];
    if (select > 2)
        return SENSE_INVALID_FIELD;
    if (select == 1) /* well-known units alone, of which there are none */
        answer[3] = 0;
    return scsi_answer(request, answer, 8u + answer[3], get_be32(request->cdb + 6));
}

/* --- mode pages ------------------------------------------------------------------------------------ */

enum mode_page { PAGE_ERRORS = 0x01, PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_CD = 0x2a, PAGE_ALL = 0x3f };

/* Puts a page; `control` as MODE SENSE has it: now, what may be changed, at first. Returns its length. */
static unsigned put_page(const struct scsi_disk *disk, enum mode_page page, unsigned control, uint8_t *to)
{
    enum { CURRENT, CHANGEABLE };
    static const uint8_t lengths[64] = {
        [PAGE_ERRORS] = 10, [PAGE_CACHING] = 18, [PAGE_CONTROL] = 10, [PAGE_CD] = 20};
    if (!lengths[page] || (page == PAGE_CD) > disk->is_cd || (page == PAGE_CACHING && disk->is_cd))
        return 0;
    memset(to, 0, 2u + lengths[page]);
    to[0] = page;
    to[1] = lengths[page];
    if (page == PAGE_CACHING)
        to[2] = control == CURRENT ? (uint8_t)(disk->write_cache << 2) : 4; /* WCE */
    if (control == CHANGEABLE)
        return 2u + lengths[page];
    if (page == PAGE_ERRORS)
        to[2] = disk->is_cd ? 0 : 0xc0; /* blocks are replaced by themselves */
    if (page == PAGE_CONTROL)
        to[2] = 2; /* D_SENSE 0; GLTSD */
    if (page == PAGE_CD) {
        to[2] = 0x3b;       /* reads CD-R, CD-RW, DVD-ROM, DVD-R */
        to[4] = 0x01 << 6;  /* several sessions */
        to[6] = 0x29;       /* a tray, that opens, and can be locked */
        put_be16(to + 8, 706);
        put_be16(to + 10, 2);
        put_be16(to + 14, 706);
    }
    return 2u + lengths[page];
}

enum scsi_sense scsi_mode_sense(struct scsi_disk *disk, struct scsi_request *request)
{
    const uint8_t *cdb = request->cdb;
    bool ten = cdb[0] == SCSI_MODE_SENSE_10, with_block = !(cdb[1] & 8) && !disk->is_cd;
    unsigned page = cdb[2] & 0x3f, control = cdb[2] >> 6, header = ten ? 8 : 4, length = header;
    uint8_t answer[256] = {0};
    if (control == 3)
        return SENSE_NOT_SAVED;
    if (cdb[3] != 0 && !(page == PAGE_ALL && cdb[3] == 0xff))
        return SENSE_INVALID_FIELD;
    if (with_block) {
        uint64_t blocks = scsi_block_count(disk);
        put_be32(answer + length, blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks);
        put_be32(answer + length + 4, scsi_block_bytes(disk));
        length += 8;
    }
    unsigned before = length;
    for (unsigned i = 0; i < PAGE_ALL; i++)
        if (page == PAGE_ALL || page == i)
            length += put_page(disk, i, control, answer + length);
    if (length == before)
        return SENSE_INVALID_FIELD;
    /* Write protection, and that FUA is known. */
    uint8_t special = disk->is_cd ? 0 : (uint8_t)(disk->drive.disk->read_only << 7 | 0x10);
    if (ten) {
        put_be16(answer, (uint16_t)(length - 2));
        answer[3] = special;
        answer[7] = with_block ? 8 : 0;
    } else {
        answer[0] = (uint8_t)(length - 1);
        answer[2] = special;
        answer[3] = with_block ? 8 : 0;
    }
    return scsi_answer(request, answer, length, ten ? get_be16(cdb + 7) : cdb[4]);
}

/* One page of parameters: what may not be changed has to be as it is. */
static enum scsi_sense select_page(struct scsi_disk *disk, const uint8_t *page, unsigned length, bool check)
{
    uint8_t now[64], changeable[64];
    unsigned own = put_page(disk, page[0] & 0x3f, 0, now);
    if (!own || own != length)
        return SENSE_INVALID_PARAMETER;
    put_page(disk, page[0] & 0x3f, 1, changeable);
    for (unsigned i = 2; i < own; i++)
        if ((page[i] ^ now[i]) & ~changeable[i])
            return SENSE_INVALID_PARAMETER;
    if (!check && (page[0] & 0x3f) == PAGE_CACHING)
        disk->write_cache = page[2] & 4;
    return SENSE_NONE;
}

/* All of it is looked at before any of it counts. */
enum scsi_sense scsi_mode_select(struct scsi_disk *disk, struct scsi_request *request)
{
    const uint8_t *cdb = request->cdb;
    bool ten = cdb[0] == SCSI_MODE_SELECT_10;
    uint8_t bytes[256] = {0};
    uint64_t length = ten ? get_be16(cdb + 7) : cdb[4];
    unsigned header = ten ? 8 : 4;
    if (!(cdb[1] & 0x10) || cdb[1] & 1) /* pages in the standard's form, not saved */
        return SENSE_INVALID_FIELD;
    if (length == 0)
        return SENSE_NONE;
    if (length > sizeof bytes || scsi_parameters(request, bytes, length) < length || length < header)
        return SENSE_PARAMETER_LENGTH;
    unsigned begin = header + (ten ? get_be16(bytes + 6) : bytes[3]);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned at = begin; at < length; at += 2u + bytes[at + 1]) {
            if (at + 2 > length || at + 2u + bytes[at + 1] > length)
                return SENSE_PARAMETER_LENGTH;
            enum scsi_sense sense = select_page(disk, bytes + at, 2u + bytes[at + 1], pass == 0);
            if (sense != SENSE_NONE)
                return sense;
        }
    return begin > length ? SENSE_PARAMETER_LENGTH : SENSE_NONE;
}
