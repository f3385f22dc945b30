/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a SCSI disk share: block commands (scsi_disk.c), what it tells of itself (scsi_inquiry.c), CD
 * drives (scsi_cd.c). */
#ifndef ARMATURE_SCSI_DISK_INTERNAL_H
#define ARMATURE_SCSI_DISK_INTERNAL_H

#include "peripherals/scsi/scsi_disk.h"

/** Sense: key, additional code and its qualifier (SPC-4, tables 48 and following). */
enum scsi_sense {
    SENSE_NONE = 0,
    SENSE_NO_MEDIUM = 0x023a02, /* the tray is open */
    SENSE_READ_ERROR = 0x031100,
    SENSE_WRITE_ERROR = 0x030c00,
    SENSE_INVALID_OPCODE = 0x052000,
    SENSE_LBA_RANGE = 0x052100,
    SENSE_INVALID_FIELD = 0x052400,
    SENSE_INVALID_PARAMETER = 0x052600,
    SENSE_PARAMETER_LENGTH = 0x051a00,
    SENSE_NOT_SAVED = 0x053900,
    SENSE_REMOVAL_PREVENTED = 0x055302,
    SENSE_POWER_ON = 0x062900,
    SENSE_MEDIUM_CHANGED = 0x062800,
    SENSE_WRITE_PROTECTED = 0x072700,
    SENSE_MISCOMPARE = 0x0e1d00,
};

/** Operation codes that more than one part knows. */
enum scsi_opcode {
    SCSI_TEST_UNIT_READY = 0x00,
    SCSI_REQUEST_SENSE = 0x03,
    SCSI_READ_6 = 0x08,
    SCSI_WRITE_6 = 0x0a,
    SCSI_INQUIRY = 0x12,
    SCSI_MODE_SELECT_6 = 0x15,
    SCSI_MODE_SENSE_6 = 0x1a,
    SCSI_START_STOP = 0x1b,
    SCSI_PREVENT_REMOVAL = 0x1e,
    SCSI_READ_CAPACITY_10 = 0x25,
    SCSI_READ_10 = 0x28,
    SCSI_WRITE_10 = 0x2a,
    SCSI_VERIFY_10 = 0x2f,
    SCSI_SYNCHRONIZE_10 = 0x35,
    SCSI_WRITE_SAME_10 = 0x41,
    SCSI_UNMAP = 0x42,
    SCSI_MODE_SELECT_10 = 0x55,
    SCSI_MODE_SENSE_10 = 0x5a,
    SCSI_READ_16 = 0x88,
    SCSI_WRITE_16 = 0x8a,
    SCSI_VERIFY_16 = 0x8f,
    SCSI_SYNCHRONIZE_16 = 0x91,
    SCSI_WRITE_SAME_16 = 0x93,
    SCSI_SERVICE_IN_16 = 0x9e,
    SCSI_READ_12 = 0xa8,
    SCSI_WRITE_12 = 0xaa,
    SCSI_VERIFY_12 = 0xaf,
};

/** Bytes of a block, and how many blocks there are. */
uint32_t scsi_block_bytes(const struct scsi_disk *disk);
uint64_t scsi_block_count(const struct scsi_disk *disk);

/** Answers with at most `allocation` of `length` bytes. */
enum scsi_sense scsi_answer(struct scsi_request *request, const void *bytes, uint64_t length, uint64_t allocation);

/** Takes parameters: `length` bytes, or what there is. Returns how many. */
uint64_t scsi_parameters(struct scsi_request *request, void *to, uint64_t length);

/** Commands that tell of the unit. */
enum scsi_sense scsi_inquiry(struct scsi_disk *disk, struct scsi_request *request);
enum scsi_sense scsi_mode_sense(struct scsi_disk *disk, struct scsi_request *request);
enum scsi_sense scsi_mode_select(struct scsi_disk *disk, struct scsi_request *request);
enum scsi_sense scsi_report_luns(struct scsi_request *request);

/** A command that CD drives alone have; `*known` becomes false where it is none. */
enum scsi_sense scsi_cd(struct scsi_disk *disk, struct scsi_request *request, bool *known);

/** START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL. */
enum scsi_sense scsi_start_stop(struct scsi_disk *disk, const uint8_t *cdb);

/** Reads blocks into the request's data. */
enum scsi_sense scsi_read_blocks(struct scsi_disk *disk, struct scsi_request *request, uint64_t block, uint64_t count);

#endif
