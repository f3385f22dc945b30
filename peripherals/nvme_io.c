/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NVM command set (NVM Express 1.4, chapter 6). */
#include <stdlib.h>
#include <string.h>
#include "peripherals/nvme_internal.h"

enum opcode {
    OPCODE_FLUSH = 0x00,
    OPCODE_WRITE = 0x01,
    OPCODE_READ = 0x02,
    OPCODE_COMPARE = 0x05,
    OPCODE_WRITE_ZEROES = 0x08,
    OPCODE_DATASET_MANAGEMENT = 0x09,
};

#define FORCE_UNIT_ACCESS (1u << 30) /* of dword 12 */
#define DEALLOCATE        (1u << 25)
#define PROTECTION        0x3c000000u /* protection information, which there is none of */
#define RANGES_MAX        256u
#define DSM_DEALLOCATE    4u

/* The blocks that a command names. */
static uint64_t first_block(const struct nvme_command *command)
{
    return command->dword10 | (uint64_t)command->dword11 << 32;
}

static uint64_t block_count(const struct nvme_command *command)
{
    return (command->dword12 & 0xffff) + 1ull;
}

static bool did(struct nvme *nvme, int result)
{
    return disk_drive_did(&nvme->drive, result);
}

static unsigned flush(struct nvme *nvme)
{
    return did(nvme, nvme->drive.disk->ops->flush(nvme->drive.disk)) ? NVME_OK : NVME_WRITE_FAULT;
}

/* With the volatile write cache switched off (feature 6), a write ends on stable storage. */
static bool writes_through(const struct nvme *nvme, const struct nvme_command *command)
{
    return command->dword12 & FORCE_UNIT_ACCESS || !(nvme->features[6] & 1);
}

static int compare(struct nvme *nvme, uint64_t offset, uint64_t length, const struct nvme_data *data, bool *equal)
{
    uint8_t *bytes = host_alloc(1, length), *at = bytes;
    struct iovec whole = {bytes, length};
    int result = nvme->drive.disk->ops->read(nvme->drive.disk, offset, &whole, 1);
    *equal = true;
    for (int i = 0; i < data->count; at += data->pieces[i++].iov_len)
        *equal = *equal && !memcmp(data->pieces[i].iov_base, at, data->pieces[i].iov_len);
    free(bytes);
    return result;
}

static unsigned transfer(struct nvme *nvme, const struct nvme_command *command)
{
    struct disk *disk = nvme->drive.disk;
    struct nvme_data data;
    uint64_t offset = first_block(command) * DISK_SECTOR_BYTES, length = block_count(command) * DISK_SECTOR_BYTES;
    if (length > NVME_TRANSFER_MAX || command->dword12 & PROTECTION)
        return NVME_INVALID_FIELD;
    enum nvme_status status =
        nvme_map(nvme, command, (uint32_t)length, command->opcode == OPCODE_READ, &data);
    if (status != NVME_OK)
        return status;
    if (command->opcode == OPCODE_READ) {
        nvme->reads++;
        nvme->blocks_read += block_count(command);
        return did(nvme, disk->ops->read(disk, offset, data.pieces, data.count)) ? NVME_OK : NVME_READ_ERROR;
    }
    if (command->opcode == OPCODE_COMPARE) {
        bool equal;
        nvme->reads++;
        if (!did(nvme, compare(nvme, offset, length, &data, &equal)))
            return NVME_READ_ERROR;
        return equal ? NVME_OK : NVME_COMPARE_FAILURE;
    }
    nvme->writes++;
    nvme->blocks_written += block_count(command);
    if (!did(nvme, disk->ops->write(disk, offset, data.pieces, data.count)))
        return NVME_WRITE_FAULT;
    return writes_through(nvme, command) ? flush(nvme) : NVME_OK;
}

static unsigned write_zeroes(struct nvme *nvme, const struct nvme_command *command)
{
    struct disk *disk = nvme->drive.disk;
    if (command->dword12 & PROTECTION)
        return NVME_INVALID_FIELD;
    nvme->writes++;
    if (!did(nvme, disk->ops->write_zeroes(disk, first_block(command) * DISK_SECTOR_BYTES,
                                           block_count(command) * DISK_SECTOR_BYTES, command->dword12 & DEALLOCATE)))
        return NVME_WRITE_FAULT;
    return writes_through(nvme, command) ? flush(nvme) : NVME_OK;
}

/* 6.7: all ranges are checked before any is touched; what they say beside "deallocate" are hints. */
static unsigned manage(struct nvme *nvme, const struct nvme_command *command)
{
    struct {
        uint32_t attributes, blocks;
        uint64_t first;
    } ranges[RANGES_MAX];
    struct disk *disk = nvme->drive.disk;
    unsigned count = (command->dword10 & 0xff) + 1;
    enum nvme_status status = nvme_receive(nvme, command, ranges, count * (uint32_t)sizeof ranges[0]);
    for (unsigned i = 0; status == NVME_OK && i < count; i++)
        if (!disk_drive_has(&nvme->drive, ranges[i].first, ranges[i].blocks * DISK_SECTOR_BYTES))
            status = NVME_LBA_RANGE;
    for (unsigned i = 0; status == NVME_OK && command->dword11 & DSM_DEALLOCATE && i < count; i++)
        if (ranges[i].blocks && !did(nvme, disk->ops->discard(disk, ranges[i].first * DISK_SECTOR_BYTES,
                                                              ranges[i].blocks * DISK_SECTOR_BYTES)))
            status = NVME_WRITE_FAULT;
    return status;
}

unsigned nvme_io(struct nvme *nvme, const struct nvme_command *command)
{
    bool changes = command->opcode == OPCODE_WRITE || command->opcode == OPCODE_WRITE_ZEROES ||
                   command->opcode == OPCODE_DATASET_MANAGEMENT;
    bool known = changes || command->opcode == OPCODE_FLUSH || command->opcode == OPCODE_READ ||
                 command->opcode == OPCODE_COMPARE;
    if (!known)
        return NVME_INVALID_OPCODE | NVME_NO_RETRY;
    if (command->nsid != NVME_NAMESPACE &&
        !(command->opcode == OPCODE_FLUSH && command->nsid == NVME_ALL_NAMESPACES))
        return NVME_INVALID_NAMESPACE | NVME_NO_RETRY;
    if (command->flags & 3) /* fused operations */
        return NVME_INVALID_FIELD | NVME_NO_RETRY;
    if (changes && nvme->drive.disk->read_only)
        return NVME_WRITE_PROTECTED | NVME_NO_RETRY;
    if (command->opcode == OPCODE_FLUSH)
        return flush(nvme);
    if (command->opcode == OPCODE_DATASET_MANAGEMENT)
        return manage(nvme, command);
    if (!disk_drive_has(&nvme->drive, first_block(command), block_count(command) * DISK_SECTOR_BYTES))
        return NVME_LBA_RANGE | NVME_NO_RETRY;
    return command->opcode == OPCODE_WRITE_ZEROES ? write_zeroes(nvme, command) : transfer(nvme, command);
}
