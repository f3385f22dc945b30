/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SCSI disks and CD drives: what commands do, whatever brings them (SPC-4, SBC-3, MMC-6). */
#ifndef ARMATURE_SCSI_DISK_H
#define ARMATURE_SCSI_DISK_H

#include "machine/contract/device.h"
#include "peripherals/disk/disk_drive.h"

#define SCSI_CDB_BYTES       32u
#define SCSI_SENSE_BYTES     18u
#define SCSI_CD_BLOCK_BYTES  2048u
#define SCSI_TRANSFER_MAX    (16u << 20) /* bytes of a command */

enum scsi_status { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02 };

struct scsi_disk {
    struct disk_drive drive;
    bool is_cd;
    uint32_t attention;  /* sense (key, ASC, ASCQ: 8 bits each) that the next command is told, once; 0: none */
    bool write_cache, locked, open; /* its tray; what is in it stays there */
    bool medium_event;   /* a change that GET EVENT STATUS NOTIFICATION has not told yet */
};

extern const struct device_class scsi_disk_class;

/** Makes a disk, or a CD drive, of `disk`, which it owns from now on. */
struct scsi_disk *scsi_disk_create(struct disk *disk, bool is_cd, const char *name);

/** A command. The data is host memory, which lasts as long as the call. */
struct scsi_request {
    uint8_t cdb[SCSI_CDB_BYTES];
    struct iovec *in, *out; /* to and from the initiator; shortened as is needed */
    int in_count, out_count;
    uint64_t in_bytes, out_bytes;
    uint64_t done; /* how many bytes were transferred */
    enum scsi_status status;
    uint8_t sense[SCSI_SENSE_BYTES]; /* of a check condition, else zeroes */
    bool overrun; /* there was no room for the data: nothing was done */
};

/** Does a command. */
void scsi_disk_do(struct scsi_disk *disk, struct scsi_request *request);

/** How long its medium is busy with a command. */
uint64_t scsi_disk_service_ns(const struct scsi_disk *disk, const uint8_t *cdb);

/** Lets the host begin what a command will need. */
void scsi_disk_announce(struct scsi_disk *disk, const uint8_t *cdb);

/** Resets it, as a bus or a task management function does. */
void scsi_disk_reset(struct scsi_disk *disk);

/** What REPORT LUNS says where there is one unit: for a controller that is asked for it itself. */
#define SCSI_REPORT_LUNS 0xa0u

#endif
