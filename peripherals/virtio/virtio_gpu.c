/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graphics device (virtio 1.2, section 5.7).
 *
 * The guest keeps pictures in its own memory, and has the device copy parts of them into resources; one resource is on
 * the screen, and what the guest flushes of it is drawn. All of a command happens when its queue is notified. */
#include "peripherals/virtio/virtio_gpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- state --- */

static const struct field resource_list[] = {
    FIELD(struct virtio_gpu_resource, id),         FIELD(struct virtio_gpu_resource, format),
    FIELD(struct virtio_gpu_resource, width),      FIELD(struct virtio_gpu_resource, height),
    FIELD(struct virtio_gpu_resource, pixels_at),  FIELD(struct virtio_gpu_resource, backing_at),
    FIELD(struct virtio_gpu_resource, backing_count), FIELDS_END,
};
static const struct fields resource_fields = {"virtio_gpu_resource", sizeof(struct virtio_gpu_resource), resource_list};

static const struct field rect_list[] = {
    FIELD(struct virtio_gpu_rect, x), FIELD(struct virtio_gpu_rect, y), FIELD(struct virtio_gpu_rect, width),
    FIELD(struct virtio_gpu_rect, height), FIELDS_END,
};
static const struct fields rect_fields = {"virtio_gpu_rect", sizeof(struct virtio_gpu_rect), rect_list};

static const struct field virtio_gpu_list[] = {
    FIELD_STRUCT(struct virtio_gpu, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_gpu, display),
    FIELD(struct virtio_gpu, config.events_read),
    FIELD_HOST(struct virtio_gpu, config),
    FIELD_HOST(struct virtio_gpu, store),
    FIELD_HOST(struct virtio_gpu, watches),
    FIELD_STRUCT_ARRAY(struct virtio_gpu, resources, &resource_fields),
    FIELD(struct virtio_gpu, shown),
    FIELD_STRUCT(struct virtio_gpu, shown_rect, &rect_fields),
    FIELD(struct virtio_gpu, lit),
    FIELD(struct virtio_gpu, cursor),
    FIELD(struct virtio_gpu, cursor_x),
    FIELD(struct virtio_gpu, cursor_y),
    FIELD(struct virtio_gpu, cursor_hot_x),
    FIELD(struct virtio_gpu, cursor_hot_y),
    FIELD(struct virtio_gpu, width),
    FIELD(struct virtio_gpu, height),
    FIELD_HOST(struct virtio_gpu, size_source),
    FIELDS_END,
};
static const struct fields virtio_gpu_fields = {"virtio-gpu", sizeof(struct virtio_gpu), virtio_gpu_list};

/* --- tables --- */

#define FEATURE_EDID  (1ull << 1)
#define EVENT_DISPLAY 1u
#define FLAG_FENCE    1u
#define SCANOUTS      16u
#define QUEUE_SIZE    64
#define BACKING_MAX   65536u /* entries of one resource */
#define STORE_PAGES   (VIRTIO_GPU_STORE_BYTES / PAGE_SIZE_BYTES)

enum { QUEUE_CONTROL, QUEUE_CURSOR };

enum command {
    COMMAND_GET_DISPLAY_INFO = 0x100, COMMAND_RESOURCE_CREATE_2D, COMMAND_RESOURCE_UNREF, COMMAND_SET_SCANOUT,
    COMMAND_RESOURCE_FLUSH, COMMAND_TRANSFER_TO_HOST_2D, COMMAND_ATTACH_BACKING, COMMAND_DETACH_BACKING,
    COMMAND_GET_CAPSET_INFO, COMMAND_GET_CAPSET, COMMAND_GET_EDID,
    COMMAND_UPDATE_CURSOR = 0x300, COMMAND_MOVE_CURSOR,
};

enum answer {
    ANSWER_OK = 0x1100,
    ANSWER_DISPLAY_INFO,
    ANSWER_CAPSET_INFO,
    ANSWER_CAPSET,
    ANSWER_EDID,
    ANSWER_UNSPEC = 0x1200,
    ANSWER_OUT_OF_MEMORY,
    ANSWER_INVALID_SCANOUT,
    ANSWER_INVALID_RESOURCE,
    ANSWER_INVALID_CONTEXT,
    ANSWER_INVALID_PARAMETER,
};

struct header {
    uint32_t type, flags;
    uint64_t fence;
    uint32_t context;
    uint8_t ring, unused[3];
};

struct backing {
    uint64_t address;
    uint32_t length, unused;
};

/* 5.7.6.8: the names say the bytes in order. */
static const struct {
    uint32_t number;
    struct display_format format;
} formats[] = {
    {1, {2, 1, 0, 3}},   {2, {2, 1, 0, DISPLAY_NO_ALPHA}},   {3, {1, 2, 3, 0}},   {4, {1, 2, 3, DISPLAY_NO_ALPHA}},
    {67, {0, 1, 2, 3}},  {68, {3, 2, 1, DISPLAY_NO_ALPHA}},  {121, {3, 2, 1, 0}}, {134, {0, 1, 2, DISPLAY_NO_ALPHA}},
};

static const struct display_format *find_format(uint32_t number)
{
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].number == number)
            return &formats[i].format;
    return NULL;
}

/* --- resources, and the store they lie in --- */

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES * PAGE_SIZE_BYTES;
}

static uint64_t pixel_bytes(const struct virtio_gpu_resource *resource)
{
    return page_up((uint64_t)resource->width * resource->height * 4);
}

static uint64_t backing_bytes(const struct virtio_gpu_resource *resource)
{
    return page_up(resource->backing_count * sizeof(struct backing));
}

static struct virtio_gpu_resource *find_resource(struct virtio_gpu *gpu, uint32_t id)
{
    for (unsigned i = 0; id != 0 && i < VIRTIO_GPU_RESOURCES; i++)
        if (gpu->resources[i].id == id)
            return &gpu->resources[i];
    return NULL;
}

/* The end of a piece of the store that lies over the range; 0: none does. */
static uint64_t taken_until(const struct virtio_gpu *gpu, uint64_t at, uint64_t bytes)
{
    for (unsigned i = 0; i < VIRTIO_GPU_RESOURCES; i++) {
        const struct virtio_gpu_resource *resource = &gpu->resources[i];
        uint64_t pixels = resource->pixels_at + pixel_bytes(resource),
                 list = resource->backing_at + backing_bytes(resource);
        if (resource->id == 0)
            continue;
        if (at < pixels && resource->pixels_at < at + bytes)
            return pixels;
        if (resource->backing_count && at < list && resource->backing_at < at + bytes)
            return list;
    }
    return 0;
}

/* A part of the store is about to change. */
static void touch(struct virtio_gpu *gpu, uint64_t at, uint64_t bytes)
{
    for (uint64_t page = at / PAGE_SIZE_BYTES; gpu->watches && page * PAGE_SIZE_BYTES < at + bytes; page++)
        page_watch_tell(gpu->watches, page, gpu->store + page * PAGE_SIZE_BYTES);
}

/* What is given up holds nothing, and costs the host nothing. */
static void give_store(struct virtio_gpu *gpu, uint64_t at, uint64_t bytes)
{
    touch(gpu, at, bytes);
    if (bytes && madvise(gpu->store + at, bytes, MADV_DONTNEED) != 0)
        memset(gpu->store + at, 0, bytes);
}

/* The first piece that is free, made empty: snapshots do not hold what nobody has. False: there is none as large. */
static bool take_store(struct virtio_gpu *gpu, uint64_t bytes, uint64_t *at)
{
    uint64_t end;
    for (*at = 0; (end = taken_until(gpu, *at, bytes)) != 0; *at = end)
        continue;
    if (bytes > VIRTIO_GPU_STORE_BYTES || *at > VIRTIO_GPU_STORE_BYTES - bytes)
        return false;
    give_store(gpu, *at, bytes);
    return true;
}

static void detach(struct virtio_gpu *gpu, struct virtio_gpu_resource *resource)
{
    give_store(gpu, resource->backing_at, backing_bytes(resource));
    resource->backing_count = 0;
    resource->backing_at = 0;
}

/* --- what is seen --- */

static void set_mode(struct virtio_gpu *gpu)
{
    const struct virtio_gpu_rect *shown = &gpu->shown_rect;
    display_mode(gpu->display, gpu->shown ? shown->width : 0, gpu->shown ? shown->height : 0, gpu->lit);
}

static bool has_colour(const uint8_t *pixels, uint64_t stride, uint64_t width, uint64_t height,
                       struct display_format format)
{
    for (; height; height--, pixels += stride)
        for (uint64_t x = 0; x < width * 4; x += 4)
            if (pixels[x + format.red] | pixels[x + format.green] | pixels[x + format.blue])
                return true;
    return false;
}

/* What firmware drew by other means stays to be seen while this is black: EDK2 may switch the screen on for nothing. */
static void draw(struct virtio_gpu *gpu, struct virtio_gpu_rect rect)
{
    const struct virtio_gpu_resource *resource = find_resource(gpu, gpu->shown);
    const struct virtio_gpu_rect *shown = &gpu->shown_rect;
    if (!resource)
        return;
    uint64_t left = rect.x > shown->x ? rect.x : shown->x, top = rect.y > shown->y ? rect.y : shown->y;
    uint64_t right = (uint64_t)rect.x + rect.width, bottom = (uint64_t)rect.y + rect.height;
    if (right > (uint64_t)shown->x + shown->width)
        right = (uint64_t)shown->x + shown->width;
    if (bottom > (uint64_t)shown->y + shown->height)
        bottom = (uint64_t)shown->y + shown->height;
    if (left >= right || top >= bottom)
        return;
    const uint8_t *pixels = gpu->store + resource->pixels_at + (top * resource->width + left) * 4;
    struct display_format format = *find_format(resource->format);
    if (!gpu->lit) {
        if (!has_colour(pixels, resource->width * 4ull, right - left, bottom - top, format))
            return;
        gpu->lit = true;
        set_mode(gpu);
    }
    display_draw(gpu->display,
                 (struct display_area){(uint32_t)(left - shown->x), (uint32_t)(top - shown->y),
                                       (uint32_t)(right - left), (uint32_t)(bottom - top)},
                 format, pixels, resource->width * 4ull);
}

static void show(struct virtio_gpu *gpu)
{
    set_mode(gpu);
    draw(gpu, gpu->shown_rect);
}

static void show_cursor(struct virtio_gpu *gpu, bool picture)
{
    const struct virtio_gpu_resource *resource = find_resource(gpu, gpu->cursor);
    struct display_cursor cursor = {.x = (int32_t)gpu->cursor_x,
                                    .y = (int32_t)gpu->cursor_y,
                                    .hot_x = gpu->cursor_hot_x,
                                    .hot_y = gpu->cursor_hot_y,
                                    .visible = resource != NULL};
    /* 5.7.6.10: a cursor is 64 by 64. */
    bool fits = resource && resource->width == DISPLAY_CURSOR_PIXELS && resource->height == DISPLAY_CURSOR_PIXELS;
    cursor.visible = fits;
    /* Drivers give it a format without alpha, and mean the fourth byte for that all the same. */
    struct display_format format = fits ? *find_format(resource->format) : formats[0].format;
    format.alpha = (uint8_t)(6 - format.red - format.green - format.blue);
    display_cursor(gpu->display, &cursor, format,
                   picture && fits ? gpu->store + resource->pixels_at : NULL);
}

static void hide(struct virtio_gpu *gpu, uint32_t id)
{
    if (gpu->shown == id) {
        gpu->shown = 0;
        gpu->lit = false;
        memset(&gpu->shown_rect, 0, sizeof gpu->shown_rect);
        show(gpu);
    }
    if (gpu->cursor == id) {
        gpu->cursor = 0;
        show_cursor(gpu, false);
    }
}

static void drop(struct virtio_gpu *gpu, struct virtio_gpu_resource *resource)
{
    hide(gpu, resource->id);
    detach(gpu, resource);
    give_store(gpu, resource->pixels_at, pixel_bytes(resource));
    memset(resource, 0, sizeof *resource);
}

/* --- commands: each is given what stands behind the header, and says how it went --- */

/* Reads what a command has behind its header, from `offset` on. False: it is shorter. */
static bool get(struct virtio_gpu *gpu, const struct virtq_chain *chain, uint64_t offset, void *to, size_t length)
{
    return virtq_read(gpu->virtio.bus, chain, sizeof(struct header) + offset, to, length) == length;
}

static enum answer create(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct {
        uint32_t id, format, width, height;
    } request;
    struct virtio_gpu_resource *resource = gpu->resources;
    if (!get(gpu, chain, 0, &request, sizeof request) || !find_format(request.format) || request.width == 0 ||
        request.height == 0 || request.width > 16384 || request.height > 16384)
        return ANSWER_INVALID_PARAMETER;
    if (request.id == 0 || find_resource(gpu, request.id))
        return ANSWER_INVALID_RESOURCE;
    while (resource < gpu->resources + VIRTIO_GPU_RESOURCES && resource->id)
        resource++;
    if (resource == gpu->resources + VIRTIO_GPU_RESOURCES)
        return ANSWER_OUT_OF_MEMORY;
    struct virtio_gpu_resource made = {.format = request.format, .width = request.width, .height = request.height};
    if (!take_store(gpu, pixel_bytes(&made), &made.pixels_at))
        return ANSWER_OUT_OF_MEMORY;
    made.id = request.id;
    *resource = made;
    return ANSWER_OK;
}

/* The resource that a command names at `offset`. */
static struct virtio_gpu_resource *named(struct virtio_gpu *gpu, const struct virtq_chain *chain, uint64_t offset)
{
    uint32_t id;
    return get(gpu, chain, offset, &id, sizeof id) ? find_resource(gpu, id) : NULL;
}

static enum answer unref(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct virtio_gpu_resource *resource = named(gpu, chain, 0);
    if (!resource)
        return ANSWER_INVALID_RESOURCE;
    drop(gpu, resource);
    return ANSWER_OK;
}

static bool rect_within(const struct virtio_gpu_rect *rect, const struct virtio_gpu_resource *resource)
{
    return rect->x <= resource->width && rect->width <= resource->width - rect->x && rect->y <= resource->height &&
           rect->height <= resource->height - rect->y;
}

static enum answer set_scanout(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct {
        struct virtio_gpu_rect rect;
        uint32_t scanout, id;
    } request;
    if (!get(gpu, chain, 0, &request, sizeof request))
        return ANSWER_INVALID_PARAMETER;
    if (request.scanout != 0)
        return ANSWER_INVALID_SCANOUT;
    if (request.id == 0) {
        hide(gpu, gpu->shown);
        return ANSWER_OK;
    }
    const struct virtio_gpu_resource *resource = find_resource(gpu, request.id);
    if (!resource)
        return ANSWER_INVALID_RESOURCE;
    if (!rect_within(&request.rect, resource) || request.rect.width == 0 || request.rect.height == 0 ||
        request.rect.width > DISPLAY_WIDTH_MAX || request.rect.height > DISPLAY_HEIGHT_MAX)
        return ANSWER_INVALID_PARAMETER;
    gpu->shown = request.id;
    gpu->shown_rect = request.rect;
    show(gpu);
    return ANSWER_OK;
}

static enum answer flush(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct virtio_gpu_rect rect;
    const struct virtio_gpu_resource *resource = named(gpu, chain, sizeof rect);
    if (!resource)
        return ANSWER_INVALID_RESOURCE;
    if (!get(gpu, chain, 0, &rect, sizeof rect) || !rect_within(&rect, resource))
        return ANSWER_INVALID_PARAMETER;
    if (resource->id == gpu->shown)
        draw(gpu, rect);
    return ANSWER_OK;
}

/* Copies from the guest's own picture: `length` bytes from `offset` of it on, `*entry` and `*before` being where a
 * search may begin (an entry, and how much lies before it). What the guest does not keep stays as it is. */
static void copy_backing(struct virtio_gpu *gpu, const struct virtio_gpu_resource *resource, uint64_t offset,
                         uint8_t *to, uint64_t length, uint32_t *entry, uint64_t *before)
{
    const struct backing *list = (const struct backing *)(gpu->store + resource->backing_at);
    while (length > 0 && *entry < resource->backing_count) {
        const struct backing *piece = &list[*entry];
        if (offset >= *before + piece->length) {
            *before += piece->length;
            ++*entry;
            continue;
        }
        uint64_t within = offset - *before, now = piece->length - within < length ? piece->length - within : length;
        bus_dma_read(gpu->virtio.bus, piece->address + within, to, now);
        offset += now;
        to += now;
        length -= now;
    }
}

static enum answer transfer(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct {
        struct virtio_gpu_rect rect;
        uint64_t offset;
        uint32_t id, unused;
    } request;
    if (!get(gpu, chain, 0, &request, sizeof request))
        return ANSWER_INVALID_PARAMETER;
    const struct virtio_gpu_resource *resource = find_resource(gpu, request.id);
    if (!resource || !resource->backing_count)
        return ANSWER_INVALID_RESOURCE;
    if (!rect_within(&request.rect, resource) || request.offset > UINT64_MAX / 2)
        return ANSWER_INVALID_PARAMETER;
    uint64_t stride = resource->width * 4ull, before = 0;
    uint32_t entry = 0;
    uint8_t *pixels = gpu->store + resource->pixels_at;
    touch(gpu, resource->pixels_at + request.rect.y * stride, request.rect.height * stride);
    for (uint32_t row = 0; row < request.rect.height; row++)
        copy_backing(gpu, resource, request.offset + row * stride,
                     pixels + (request.rect.y + row) * stride + request.rect.x * 4ull, request.rect.width * 4ull,
                     &entry, &before);
    return ANSWER_OK;
}

static enum answer attach(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct virtio_gpu_resource *resource = named(gpu, chain, 0);
    uint32_t count;
    if (!resource || resource->backing_count)
        return ANSWER_INVALID_RESOURCE;
    if (!get(gpu, chain, 4, &count, sizeof count) || count == 0 || count > BACKING_MAX ||
        chain->readable_bytes < sizeof(struct header) + 8 + count * sizeof(struct backing))
        return ANSWER_INVALID_PARAMETER;
    uint64_t at, bytes = page_up(count * sizeof(struct backing));
    if (!take_store(gpu, bytes, &at))
        return ANSWER_OUT_OF_MEMORY;
    touch(gpu, at, bytes);
    get(gpu, chain, 8, gpu->store + at, count * sizeof(struct backing));
    resource->backing_at = at;
    resource->backing_count = count;
    return ANSWER_OK;
}

static enum answer detach_backing(struct virtio_gpu *gpu, const struct virtq_chain *chain)
{
    struct virtio_gpu_resource *resource = named(gpu, chain, 0);
    if (!resource || !resource->backing_count)
        return ANSWER_INVALID_RESOURCE;
    detach(gpu, resource);
    return ANSWER_OK;
}

static enum answer update_cursor(struct virtio_gpu *gpu, const struct virtq_chain *chain, bool moves_only)
{
    struct {
        uint32_t scanout, x, y, unused, id, hot_x, hot_y, unused2;
    } request;
    if (!get(gpu, chain, 0, &request, sizeof request))
        return ANSWER_INVALID_PARAMETER;
    if (request.scanout != 0)
        return ANSWER_INVALID_SCANOUT;
    gpu->cursor_x = request.x;
    gpu->cursor_y = request.y;
    if (!moves_only) {
        gpu->cursor = find_resource(gpu, request.id) ? request.id : 0;
        gpu->cursor_hot_x = request.hot_x % DISPLAY_CURSOR_PIXELS;
        gpu->cursor_hot_y = request.hot_y % DISPLAY_CURSOR_PIXELS;
    }
    show_cursor(gpu, !moves_only);
    return ANSWER_OK;
}

/* --- answers that are longer --- */

struct display_info {
    struct header header;
    struct {
        struct virtio_gpu_rect rect;
        uint32_t enabled, flags;
    } modes[SCANOUTS];
};

struct edid_answer {
    struct header header;
    uint32_t size, unused;
    uint8_t edid[1024];
};

union answers {
    struct header header;
    struct display_info info;
    struct edid_answer edid;
};

/* Carries out a command. Returns the length of its answer. */
static size_t carry_out(struct virtio_gpu *gpu, const struct virtq_chain *chain, uint32_t type, union answers *answer)
{
    uint32_t scanout;
    switch (type) {
    case COMMAND_GET_DISPLAY_INFO:
        answer->info.modes[0].rect = (struct virtio_gpu_rect){0, 0, gpu->width, gpu->height};
        answer->info.modes[0].enabled = 1;
        answer->header.type = ANSWER_DISPLAY_INFO;
        return sizeof answer->info;
    case COMMAND_GET_EDID:
        answer->header.type = ANSWER_INVALID_SCANOUT;
        if (!virtio_has(&gpu->virtio, FEATURE_EDID) || !get(gpu, chain, 0, &scanout, sizeof scanout) || scanout != 0)
            return sizeof answer->header;
        virtio_gpu_edid(gpu->width, gpu->height, answer->edid.edid);
        answer->edid.size = 128;
        answer->header.type = ANSWER_EDID;
        return sizeof answer->edid;
    case COMMAND_RESOURCE_CREATE_2D: answer->header.type = create(gpu, chain); break;
    case COMMAND_RESOURCE_UNREF: answer->header.type = unref(gpu, chain); break;
    case COMMAND_SET_SCANOUT: answer->header.type = set_scanout(gpu, chain); break;
    case COMMAND_RESOURCE_FLUSH: answer->header.type = flush(gpu, chain); break;
    case COMMAND_TRANSFER_TO_HOST_2D: answer->header.type = transfer(gpu, chain); break;
    case COMMAND_ATTACH_BACKING: answer->header.type = attach(gpu, chain); break;
    case COMMAND_DETACH_BACKING: answer->header.type = detach_backing(gpu, chain); break;
    case COMMAND_UPDATE_CURSOR: answer->header.type = update_cursor(gpu, chain, false); break;
    case COMMAND_MOVE_CURSOR: answer->header.type = update_cursor(gpu, chain, true); break;
    default: answer->header.type = ANSWER_UNSPEC;
    }
    return sizeof answer->header;
}

static void gpu_notify(void *device, unsigned queue)
{
    struct virtio_gpu *gpu = device;
    struct virtq_chain chain;
    while (virtio_pop(&gpu->virtio, queue, &chain)) {
        union answers answer;
        struct header request = {0};
        memset(&answer, 0, sizeof answer);
        size_t length = sizeof answer.header;
        answer.header.type = ANSWER_UNSPEC;
        if (virtq_read(gpu->virtio.bus, &chain, 0, &request, sizeof request) == sizeof request)
            length = carry_out(gpu, &chain, request.type, &answer);
        if (request.flags & FLAG_FENCE) {
            answer.header.flags = FLAG_FENCE;
            answer.header.fence = request.fence;
            answer.header.context = request.context;
        }
        uint32_t written = (uint32_t)virtq_write(gpu->virtio.bus, &chain, 0, &answer, length);
        virtio_put(&gpu->virtio, queue, chain.head, written);
    }
    virtio_signal(&gpu->virtio, queue);
}

/* --- the screen's size --- */

static void size_deliver(void *device, const void *bytes, size_t length)
{
    struct virtio_gpu *gpu = device;
    uint32_t size[2];
    if (length != sizeof size)
        return;
    memcpy(size, bytes, sizeof size);
    if (size[0] < 64 || size[1] < 64 || size[0] > DISPLAY_WIDTH_MAX || size[1] > DISPLAY_HEIGHT_MAX)
        return;
    gpu->width = size[0];
    gpu->height = size[1];
    gpu->config.events_read |= EVENT_DISPLAY;
    virtio_config_changed(&gpu->virtio);
}

static void gpu_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_gpu *gpu = device;
    if (offset == offsetof(struct virtio_gpu_config, events_clear) && size == 4)
        gpu->config.events_read &= ~(uint32_t)value;
}

/* --- the device --- */

static void gpu_reset_by_driver(void *device)
{
    struct virtio_gpu *gpu = device;
    for (unsigned i = 0; i < VIRTIO_GPU_RESOURCES; i++)
        if (gpu->resources[i].id)
            drop(gpu, &gpu->resources[i]);
    gpu->cursor_x = gpu->cursor_y = gpu->cursor_hot_x = gpu->cursor_hot_y = 0;
    gpu->config.events_read = 0;
}

static const struct virtio_device_ops gpu_ops = {
    .id = VIRTIO_ID_GPU,
    .reset = gpu_reset_by_driver,
    .notify = gpu_notify,
    .config_write = gpu_config_write,
};

static void gpu_reset(void *device)
{
    virtio_device_reset(&((struct virtio_gpu *)device)->virtio);
}

/* A resource that a snapshot cannot have meant is none. */
static void distrust(struct virtio_gpu *gpu, struct virtio_gpu_resource *resource)
{
    uint64_t pixels = (uint64_t)resource->width * resource->height * 4;
    bool good = resource->id && find_format(resource->format) && resource->width && resource->width <= 16384 &&
                resource->height && resource->height <= 16384 && resource->pixels_at % PAGE_SIZE_BYTES == 0 &&
                resource->pixels_at <= VIRTIO_GPU_STORE_BYTES &&
                page_up(pixels) <= VIRTIO_GPU_STORE_BYTES - resource->pixels_at &&
                resource->backing_count <= BACKING_MAX && resource->backing_at % PAGE_SIZE_BYTES == 0 &&
                resource->backing_at <= VIRTIO_GPU_STORE_BYTES &&
                backing_bytes(resource) <= VIRTIO_GPU_STORE_BYTES - resource->backing_at;
    if (!good)
        memset(resource, 0, sizeof *resource);
}

static void gpu_restored(void *device)
{
    struct virtio_gpu *gpu = device;
    virtio_device_restored(&gpu->virtio);
    for (unsigned i = 0; i < VIRTIO_GPU_RESOURCES; i++)
        distrust(gpu, &gpu->resources[i]);
    const struct virtio_gpu_resource *shown = find_resource(gpu, gpu->shown);
    if (!shown || !rect_within(&gpu->shown_rect, shown))
        gpu->shown = 0;
    gpu->cursor_hot_x %= DISPLAY_CURSOR_PIXELS;
    gpu->cursor_hot_y %= DISPLAY_CURSOR_PIXELS;
    show(gpu);
    show_cursor(gpu, true);
}

/* --- what a snapshot holds of the store: a medium over nothing --- */

static bool gpu_identify(void *device, struct medium_identity *identity, struct error *error)
{
    *identity = (struct medium_identity){.size_bytes = VIRTIO_GPU_STORE_BYTES};
    return true;
}

static const uint8_t *gpu_next_page(void *device, uint64_t *page)
{
    struct virtio_gpu *gpu = device;
    for (; *page < STORE_PAGES; ++*page)
        if (taken_until(gpu, *page * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES))
            return gpu->store + *page * PAGE_SIZE_BYTES;
    return NULL;
}

static bool gpu_put_page(void *device, uint64_t page, uint8_t *content, bool owned)
{
    struct virtio_gpu *gpu = device;
    if (page >= STORE_PAGES)
        return false;
    if (content)
        memcpy(gpu->store + page * PAGE_SIZE_BYTES, content, PAGE_SIZE_BYTES);
    if (owned)
        free(content);
    return true;
}

static struct page_watch **gpu_watches(void *device, uint64_t *page_count)
{
    *page_count = STORE_PAGES;
    return &((struct virtio_gpu *)device)->watches;
}

static bool gpu_revert_page(void *device, uint64_t page, const uint8_t *content)
{
    struct virtio_gpu *gpu = device;
    uint8_t *to = gpu->store + page * PAGE_SIZE_BYTES;
    if (content)
        memcpy(to, content, PAGE_SIZE_BYTES);
    else
        memset(to, 0, PAGE_SIZE_BYTES);
    return true;
}

static const struct medium_ops gpu_medium = {
    .identify = gpu_identify,
    .next_page = gpu_next_page,
    .put_page = gpu_put_page,
    .watches = gpu_watches,
    .revert_page = gpu_revert_page,
};

static void gpu_free(void *device)
{
    struct virtio_gpu *gpu = device;
    munmap(gpu->store, VIRTIO_GPU_STORE_BYTES);
    free(gpu);
}

const struct device_class virtio_gpu_class = {
    .name = "virtio-gpu",
    .state = &virtio_gpu_fields,
    .reset = gpu_reset,
    .restored = gpu_restored,
    .medium = &gpu_medium,
    .free = gpu_free,
};

struct virtio_gpu *virtio_gpu_create(struct bus *bus, struct inputs *inputs, struct display *display, uint32_t width,
                                     uint32_t height)
{
    struct virtio_gpu *gpu = host_alloc(1, sizeof *gpu);
    gpu->store =
        mmap(NULL, VIRTIO_GPU_STORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (gpu->store == MAP_FAILED)
        abort();
    gpu->display = display;
    gpu->width = width;
    gpu->height = height;
    gpu->config.num_scanouts = 1;
    virtio_device_init(&gpu->virtio, &gpu_ops, gpu, bus, FEATURE_EDID);
    gpu->virtio.config = (const uint8_t *)&gpu->config;
    gpu->virtio.config_bytes = sizeof gpu->config;
    virtio_add_queue(&gpu->virtio, QUEUE_SIZE);
    virtio_add_queue(&gpu->virtio, 16);
    gpu->size_source =
        input_register(inputs, &(struct input_source){.name = "gpu0.size", .deliver = size_deliver, .device = gpu});
    return gpu;
}
