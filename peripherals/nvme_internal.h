/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the NVMe controller share: queues and registers (nvme.c), administration (nvme_admin.c), reading
 * and writing (nvme_io.c), where data lies in guest memory (nvme_data.c). */
#ifndef ARMATURE_NVME_INTERNAL_H
#define ARMATURE_NVME_INTERNAL_H

#include "peripherals/nvme.h"

#define NVME_PAGE_BITS_MIN  12u
#define NVME_PAGE_BITS_MAX  16u
#define NVME_TRANSFER_BITS  19u /* 512 KiB at most in a command: MDTS, in powers of the smallest page */
#define NVME_TRANSFER_MAX   (1u << NVME_TRANSFER_BITS)
#define NVME_NAMESPACE      1u
#define NVME_ALL_NAMESPACES 0xffffffffu

/** A command as it lies in memory (4.2). */
struct nvme_command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint32_t unused[2];
    uint64_t metadata;
    uint8_t data[16]; /* two PRP entries, or an SGL descriptor */
    uint32_t dword10, dword11, dword12, dword13, dword14, dword15;
};

/** Status codes with their types (4.6.1), as they are in a completion; NVME_NO_RETRY is their highest bit. */
enum nvme_status {
    NVME_OK = 0x000,
    NVME_INVALID_OPCODE = 0x001,
    NVME_INVALID_FIELD = 0x002,
    NVME_TRANSFER_ERROR = 0x004,
    NVME_INTERNAL_ERROR = 0x006,
    NVME_ABORTED = 0x007,
    NVME_ABORTED_QUEUE = 0x008,
    NVME_INVALID_NAMESPACE = 0x00b,
    NVME_INVALID_SGL_SEGMENT = 0x00d,
    NVME_INVALID_SGL_COUNT = 0x00e,
    NVME_INVALID_SGL_LENGTH = 0x00f,
    NVME_INVALID_SGL_TYPE = 0x011,
    NVME_INVALID_PRP_OFFSET = 0x013,
    NVME_WRITE_PROTECTED = 0x020,
    NVME_LBA_RANGE = 0x080,
    NVME_INVALID_COMPLETION_QUEUE = 0x100,
    NVME_INVALID_QUEUE = 0x101,
    NVME_INVALID_QUEUE_SIZE = 0x102,
    NVME_TOO_MANY_EVENTS = 0x105,
    NVME_INVALID_VECTOR = 0x108,
    NVME_INVALID_LOG = 0x109,
    NVME_INVALID_QUEUE_DELETION = 0x10c,
    NVME_NOT_SAVEABLE = 0x10d,
    NVME_NOT_CHANGEABLE = 0x10e,
    NVME_WRITE_FAULT = 0x280,
    NVME_READ_ERROR = 0x281,
    NVME_COMPARE_FAILURE = 0x285,
    NVME_NO_RETRY = 0x4000,
};

/** A command has no answer yet: it stays, or it was answered already. */
#define NVME_NO_ANSWER 0x8000u

/** Pieces of host memory that a command transfers. */
#define NVME_PIECES_MAX (NVME_TRANSFER_MAX / 4096 + 2)
struct nvme_data {
    struct iovec pieces[NVME_PIECES_MAX];
    int count;
};

/** Finds where the data of a command lies: `length` bytes, at most NVME_TRANSFER_MAX. `writes`: the controller writes
 * there. */
enum nvme_status nvme_map(struct nvme *nvme, const struct nvme_command *command, uint32_t length, bool writes,
                          struct nvme_data *data);

/** Copies to or from the data of a command. */
enum nvme_status nvme_send(struct nvme *nvme, const struct nvme_command *command, const void *from, uint32_t length);
enum nvme_status nvme_receive(struct nvme *nvme, const struct nvme_command *command, void *to, uint32_t length);

/** Carries a command out; `*result` is dword 0 of its completion. May return NVME_NO_ANSWER. */
unsigned nvme_admin(struct nvme *nvme, const struct nvme_command *command, uint32_t *result);
unsigned nvme_io(struct nvme *nvme, const struct nvme_command *command);

/** Posts a completion, for which there should be room. */
bool nvme_can_complete(const struct nvme *nvme, uint32_t queue);
void nvme_complete(struct nvme *nvme, uint32_t queue, uint16_t id, unsigned status, uint32_t result);

/** Takes a request that was not begun out of the line. False: there is none of that name. */
bool nvme_abort(struct nvme *nvme, uint32_t queue, uint16_t id);
/** The same for all of a queue. */
void nvme_abort_all(struct nvme *nvme, uint32_t queue);

/** Something happened that the driver may have asked to be told (5.2): its type, information and log page. */
void nvme_event(struct nvme *nvme, unsigned type, unsigned information, unsigned page);
void nvme_send_event(struct nvme *nvme);

/** Sets the features to their defaults. */
void nvme_default_features(struct nvme *nvme);

#endif
