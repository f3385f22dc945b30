/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the data of an NVMe command lies: physical region pages (4.3), scatter gather lists (4.4). */
#include <string.h>
#include "peripherals/nvme_internal.h"

/* Adds a piece, which grows the last where it follows that. */
static enum nvme_status add_piece(struct nvme *nvme, struct nvme_data *data, uint64_t address, uint64_t length,
                                  bool writes)
{
    uint8_t *at = writes ? bus_dma_writable(nvme->bus, address, length) : ram_at(&nvme->bus->ram, address, length);
    if (!at)
        return NVME_TRANSFER_ERROR;
    struct iovec *last = data->count ? &data->pieces[data->count - 1] : NULL;
    if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
        last->iov_len += length;
        return NVME_OK;
    }
    if (data->count == NVME_PIECES_MAX)
        return NVME_INVALID_SGL_COUNT;
    data->pieces[data->count++] = (struct iovec){at, length};
    return NVME_OK;
}

/* --- PRP ------------------------------------------------------------------------------------------- */

static uint64_t page_bytes(const struct nvme *nvme)
{
    return 1ull << (NVME_PAGE_BITS_MIN + (nvme->configuration >> 7 & 15));
}

/* The entries of a list, which goes on where its last one points while there is more than that page holds. */
static enum nvme_status map_prp_list(struct nvme *nvme, uint64_t list, uint64_t left, bool writes,
                                     struct nvme_data *data)
{
    const uint64_t page = page_bytes(nvme);
    while (left) {
        uint64_t entry, length = left < page ? left : page;
        if (list % 8)
            return NVME_INVALID_PRP_OFFSET;
        if (!bus_dma_read(nvme->bus, list, &entry, sizeof entry))
            return NVME_TRANSFER_ERROR;
        if (entry % page)
            return NVME_INVALID_PRP_OFFSET;
        if (list % page == page - 8 && left > page) {
            list = entry;
            continue;
        }
        enum nvme_status status = add_piece(nvme, data, entry, length, writes);
        if (status != NVME_OK)
            return status;
        list += 8;
        left -= length;
    }
    return NVME_OK;
}

static enum nvme_status map_prp(struct nvme *nvme, const struct nvme_command *command, uint64_t length, bool writes,
                                struct nvme_data *data)
{
    const uint64_t page = page_bytes(nvme);
    uint64_t entries[2];
    memcpy(entries, command->data, sizeof entries);
    if (entries[0] % 4)
        return NVME_INVALID_PRP_OFFSET;
    uint64_t first = page - entries[0] % page;
    if (first > length)
        first = length;
    enum nvme_status status = add_piece(nvme, data, entries[0], first, writes);
    if (status != NVME_OK || first == length)
        return status;
    if (length - first > page)
        return map_prp_list(nvme, entries[1], length - first, writes, data);
    if (entries[1] % page)
        return NVME_INVALID_PRP_OFFSET;
    return add_piece(nvme, data, entries[1], length - first, writes);
}

/* --- SGL ------------------------------------------------------------------------------------------- */

struct sgl_descriptor {
    uint64_t address;
    uint32_t length;
    uint8_t unused[3], type; /* the type above the subtype, which is 0: an address */
};

enum { SGL_DATA = 0x00, SGL_SEGMENT = 0x20, SGL_LAST_SEGMENT = 0x30 };
#define SGL_SEGMENTS_MAX 256u /* a list that leads in circles ends here */

static enum nvme_status map_sgl_data(struct nvme *nvme, const struct sgl_descriptor *at, uint64_t *left, bool writes,
                                     struct nvme_data *data)
{
    uint64_t length = at->length < *left ? at->length : *left;
    if (length == 0)
        return NVME_OK;
    *left -= length;
    return add_piece(nvme, data, at->address, length, writes);
}

/* A segment's last descriptor may lead to the next one. */
static enum nvme_status map_sgl(struct nvme *nvme, const struct nvme_command *command, uint64_t left, bool writes,
                                struct nvme_data *data)
{
    struct sgl_descriptor next;
    enum nvme_status status = NVME_OK;
    memcpy(&next, command->data, sizeof next);
    if (next.type == SGL_DATA)
        status = map_sgl_data(nvme, &next, &left, writes, data);
    for (unsigned segments = 0; status == NVME_OK && next.type != SGL_DATA; segments++) {
        struct sgl_descriptor segment = next, at;
        if (segment.type != SGL_SEGMENT && segment.type != SGL_LAST_SEGMENT)
            return NVME_INVALID_SGL_TYPE;
        uint32_t count = segment.length / sizeof at;
        if (segment.length % sizeof at || !count || count > NVME_PIECES_MAX || segments == SGL_SEGMENTS_MAX)
            return NVME_INVALID_SGL_SEGMENT;
        next.type = SGL_DATA;
        for (uint32_t i = 0; status == NVME_OK && i < count; i++) {
            if (!bus_dma_read(nvme->bus, segment.address + i * sizeof at, &at, sizeof at))
                return NVME_TRANSFER_ERROR;
            if (at.type == SGL_DATA)
                status = map_sgl_data(nvme, &at, &left, writes, data);
            else if (i + 1 == count && segment.type == SGL_SEGMENT)
                next = at;
            else
                return at.type == SGL_SEGMENT || at.type == SGL_LAST_SEGMENT ? NVME_INVALID_SGL_SEGMENT
                                                                             : NVME_INVALID_SGL_TYPE;
        }
    }
    return status == NVME_OK && left ? NVME_INVALID_SGL_LENGTH : status;
}

/* --- for commands ---------------------------------------------------------------------------------- */

enum nvme_status nvme_map(struct nvme *nvme, const struct nvme_command *command, uint32_t length, bool writes,
                          struct nvme_data *data)
{
    data->count = 0;
    switch (command->flags >> 6) {
    case 0: return map_prp(nvme, command, length, writes, data);
    case 1:
    case 2: return map_sgl(nvme, command, length, writes, data);
    default: return NVME_INVALID_FIELD;
    }
}

/* Administration knows PRPs alone (4.4: over PCI Express it has no SGLs). */
static enum nvme_status copy(struct nvme *nvme, const struct nvme_command *command, uint8_t *bytes, uint32_t length,
                             bool writes)
{
    struct nvme_data data;
    enum nvme_status status = nvme_map(nvme, command, length, writes, &data);
    for (int i = 0; status == NVME_OK && i < data.count; i++) {
        struct iovec *piece = &data.pieces[i];
        if (writes)
            memcpy(piece->iov_base, bytes, piece->iov_len);
        else
            memcpy(bytes, piece->iov_base, piece->iov_len);
        bytes += piece->iov_len;
    }
    return status;
}

enum nvme_status nvme_send(struct nvme *nvme, const struct nvme_command *command, const void *from, uint32_t length)
{
    return copy(nvme, command, (uint8_t *)from, length, true);
}

enum nvme_status nvme_receive(struct nvme *nvme, const struct nvme_command *command, void *to, uint32_t length)
{
    return copy(nvme, command, to, length, false);
}
