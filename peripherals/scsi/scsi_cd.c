/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CD and DVD drives (MMC-6): one session, one track of data, which is the image. */
#include <string.h>
#include "machine/contract/endian.h"
#include "peripherals/scsi/scsi_disk_internal.h"

enum opcode {
    OPCODE_READ_TOC = 0x43,
    OPCODE_GET_CONFIGURATION = 0x46,
    OPCODE_GET_EVENT_STATUS = 0x4a,
    OPCODE_READ_DISC = 0x51,
    OPCODE_READ_TRACK = 0x52,
    OPCODE_SET_SPEED = 0xbb,
    OPCODE_MECHANISM_STATUS = 0xbd,
    OPCODE_READ_CD = 0xbe,
};

#define CD_BLOCKS_MAX 450000u /* what is longer is a DVD (100 minutes of 75 blocks a second) */
#define LEAD_IN_BLOCKS 150u   /* before block 0, in minutes, seconds and frames */
#define LEAD_OUT 0xaa

static uint32_t blocks_of(const struct scsi_disk *disk)
{
    uint64_t blocks = scsi_block_count(disk);
    return blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks;
}

/* --- the table of contents (6.25) ------------------------------------------------------------------ */

static void put_place(uint8_t *to, uint32_t block, bool as_time)
{
    uint32_t frames = block + LEAD_IN_BLOCKS;
    put_be32(to, block);
    if (as_time) {
        to[0] = 0;
        to[1] = (uint8_t)(frames / 75 / 60);
        to[2] = (uint8_t)(frames / 75 % 60);
        to[3] = (uint8_t)(frames % 75);
    }
}

static unsigned put_track(uint8_t *to, uint8_t track, uint32_t block, bool as_time)
{
    memset(to, 0, 8);
    to[1] = 0x14; /* data, which may be copied */
    to[2] = track;
    put_place(to + 4, block, as_time);
    return 8;
}

/* The raw table: an entry each for the first track, the last, the end, and the track itself. */
static unsigned put_raw(uint8_t *to, uint32_t end)
{
    static const uint8_t points[4] = {0xa0, 0xa1, 0xa2, 1};
    for (unsigned i = 0; i < 4; i++) {
        uint8_t *entry = to + 11 * i;
        memset(entry, 0, 11);
        entry[0] = 1; /* session */
        entry[1] = 0x14;
        entry[3] = points[i];
        if (i < 2)
            entry[8] = 1;
        else
            put_place(entry + 7, i == 2 ? end : 0, true);
        if (i >= 2)
            entry[7] = 0;
    }
    return 44;
}

static enum scsi_sense read_toc(struct scsi_disk *disk, struct scsi_request *request)
{
    enum { TRACKS, SESSIONS, RAW };
    const uint8_t *cdb = request->cdb;
    bool as_time = cdb[1] & 2;
    unsigned format = cdb[2] & 15, track = cdb[6], length = 4;
    uint8_t answer[64] = {0, 0, 1, 1};
    if (format == 0)
        format = cdb[9] >> 6; /* where earlier standards had it */
    switch (format) {
    case TRACKS:
        if (track > 1 && track != LEAD_OUT)
            return SENSE_INVALID_FIELD;
        if (track <= 1)
            length += put_track(answer + length, 1, 0, as_time);
        length += put_track(answer + length, LEAD_OUT, blocks_of(disk), as_time);
        break;
    case SESSIONS: length += put_track(answer + length, 1, 0, as_time); break;
    case RAW: length += put_raw(answer + length, blocks_of(disk)); break;
    default: return SENSE_INVALID_FIELD;
    }
    put_be16(answer, (uint16_t)(length - 2));
    return scsi_answer(request, answer, length, get_be16(cdb + 7));
}

/* --- what it can do (5.2, 6.5) --------------------------------------------------------------------- */

enum profile { PROFILE_NONE = 0, PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };

static enum profile profile_now(const struct scsi_disk *disk)
{
    return disk->open ? PROFILE_NONE : blocks_of(disk) > CD_BLOCKS_MAX ? PROFILE_DVD : PROFILE_CD;
}

static unsigned put_feature(uint8_t *to, uint16_t code, bool current, const uint8_t *bytes, uint8_t length)
{
    put_be16(to, code);
    to[2] = (uint8_t)(3 | current); /* version 0, persistent as the standard has it */
    if (code > 3)
        to[2] = current;
    to[3] = length;
    memcpy(to + 4, bytes, length);
    return 4u + length;
}

static enum scsi_sense get_configuration(struct scsi_disk *disk, struct scsi_request *request)
{
    enum { PROFILES = 0, CORE = 1, MORPHING = 2, REMOVABLE = 3, RANDOM_READ = 0x10, CD_READ = 0x1e, DVD_READ = 0x1f };
    const uint8_t *cdb = request->cdb;
    enum profile now = profile_now(disk);
    const uint8_t profiles[8] = {0, PROFILE_DVD, now == PROFILE_DVD, 0, 0, PROFILE_CD, now == PROFILE_CD, 0},
                  core[8] = {0, 0, 0, 1}, morphing[4] = {0}, removable[4] = {0x29},
                  random_read[8] = {0, 0, SCSI_CD_BLOCK_BYTES >> 8, 0, 0, 1, 0, 0}, none[4] = {0};
    const struct {
        uint16_t code;
        bool current;
        const uint8_t *bytes;
        uint8_t length;
    } features[] = {
        {PROFILES, true, profiles, 8},    {CORE, true, core, 8},
        {MORPHING, true, morphing, 4},    {REMOVABLE, true, removable, 4},
        {RANDOM_READ, now != PROFILE_NONE, random_read, 8}, {CD_READ, now == PROFILE_CD, none, 4},
        {DVD_READ, now == PROFILE_DVD, none, 4},
    };
    uint8_t answer[128] = {0};
    unsigned length = 8, kind = cdb[1] & 3, first = get_be16(cdb + 2);
    if (kind == 3)
        return SENSE_INVALID_FIELD;
    /* All from the first on, those that are current, or that one. */
    for (unsigned i = 0; i < sizeof features / sizeof *features; i++)
        if (features[i].code >= first && (kind != 1 || features[i].current) && (kind != 2 || features[i].code == first))
            length += put_feature(answer + length, features[i].code, features[i].current, features[i].bytes,
                                  features[i].length);
    put_be32(answer, length - 4);
    put_be16(answer + 6, now);
    return scsi_answer(request, answer, length, get_be16(cdb + 7));
}

/* --- what happened (6.6) --------------------------------------------------------------------------- */

static enum scsi_sense get_event_status(struct scsi_disk *disk, struct scsi_request *request)
{
    enum { CLASS_NONE = 0x80, CLASS_MEDIA = 4, MEDIA_NEW = 2, MEDIA_REMOVAL = 3 };
    const uint8_t *cdb = request->cdb;
    uint8_t answer[8] = {0, 2, CLASS_NONE, 1 << CLASS_MEDIA};
    unsigned length = 4;
    if (!(cdb[1] & 1)) /* it cannot call back */
        return SENSE_INVALID_FIELD;
    if (cdb[4] & 1 << CLASS_MEDIA) {
        length = 8;
        answer[1] = 6;
        answer[2] = CLASS_MEDIA;
        answer[4] = disk->medium_event ? (disk->open ? MEDIA_REMOVAL : MEDIA_NEW) : 0;
        answer[5] = disk->open ? 1 : 2; /* the tray is open; there is a medium */
        disk->medium_event = false;
    }
    return scsi_answer(request, answer, length, get_be16(cdb + 7));
}

/* --- the rest -------------------------------------------------------------------------------------- */

static enum scsi_sense read_disc(struct scsi_request *request)
{
    uint8_t answer[34] = {0, 32, 0x0e, 1, 1, 1, 1, 0x20}; /* complete, one session, track 1 the only one */
    memset(answer + 17, 0xff, 7); /* no lead-in and no lead-out to be written */
    return scsi_answer(request, answer, sizeof answer, get_be16(request->cdb + 7));
}

static enum scsi_sense read_track(struct scsi_disk *disk, struct scsi_request *request)
{
    uint8_t answer[36] = {0, 34, 1, 1, 0, 4, 1};
    uint32_t number = get_be32(request->cdb + 2);
    unsigned kind = request->cdb[1] & 3;
    if (kind == 3 || (kind == 0 ? number >= blocks_of(disk) : number != 1))
        return SENSE_INVALID_FIELD;
    put_be32(answer + 24, blocks_of(disk));
    return scsi_answer(request, answer, sizeof answer, get_be16(request->cdb + 7));
}

/* 6.19, of which data without anything around it is all that an image has. */
static enum scsi_sense read_cd(struct scsi_disk *disk, struct scsi_request *request)
{
    const uint8_t *cdb = request->cdb;
    unsigned sector_type = cdb[1] >> 2 & 7, count = (unsigned)cdb[6] << 16 | get_be16(cdb + 7);
    if ((sector_type != 0 && sector_type != 2 && sector_type != 4) || (cdb[9] & 0xfe) != 0x10 || cdb[10] & 7)
        return SENSE_INVALID_FIELD;
    return scsi_read_blocks(disk, request, get_be32(cdb + 2), count);
}

static enum scsi_sense mechanism_status(struct scsi_disk *disk, struct scsi_request *request)
{
    uint8_t answer[8] = {0, disk->open ? 0x10 : 0, 0, 0, 0, 0, 0, 0};
    return scsi_answer(request, answer, sizeof answer, get_be16(request->cdb + 8));
}

enum scsi_sense scsi_cd(struct scsi_disk *disk, struct scsi_request *request, bool *known)
{
    bool needs_medium = true;
    switch (request->cdb[0]) {
    case OPCODE_GET_CONFIGURATION: return get_configuration(disk, request);
    case OPCODE_GET_EVENT_STATUS: return get_event_status(disk, request);
    case OPCODE_MECHANISM_STATUS: return mechanism_status(disk, request);
    case OPCODE_SET_SPEED: return SENSE_NONE;
    case OPCODE_READ_TOC:
    case OPCODE_READ_DISC:
    case OPCODE_READ_TRACK:
    case OPCODE_READ_CD: break;
    default: needs_medium = *known = false;
    }
    if (needs_medium && disk->open)
        return SENSE_NO_MEDIUM;
    switch (request->cdb[0]) {
    case OPCODE_READ_TOC: return read_toc(disk, request);
    case OPCODE_READ_DISC: return read_disc(request);
    case OPCODE_READ_TRACK: return read_track(disk, request);
    case OPCODE_READ_CD: return read_cd(disk, request);
    default: return SENSE_INVALID_OPCODE;
    }
}
