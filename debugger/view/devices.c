/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Field lists, printed and set. */
#include "debugger/view/devices.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/expression.h"

#define ROW_MAX   256u /* elements of an array that are shown */
#define BYTES_MAX 64u

static uint64_t number_at(const void *at, uint32_t size)
{
    uint64_t number = 0;
    memcpy(&number, at, size < sizeof number ? size : sizeof number);
    return number;
}

static void show_bytes(struct session *session, const uint8_t *bytes, size_t length)
{
    bool zero = true;
    for (size_t i = 0; i < length; i++)
        zero &= !bytes[i];
    if (zero) {
        say(session, "%zu bytes, all 0", length);
        return;
    }
    for (size_t i = 0; i < length && i < BYTES_MAX; i++)
        say(session, "%02x", bytes[i]);
    if (length > BYTES_MAX)
        say(session, "... (%zu bytes)", length);
}

static void show_field(struct session *session, const struct field *field, const void *object, unsigned indent)
{
    const uint8_t *at = (const uint8_t *)object + field->offset;
    switch (field->kind) {
    case FIELD_KIND_UINT: {
        uint32_t last = field->count;
        while (last > 1 && !number_at(at + (size_t)field->size * (last - 1), field->size))
            last--;
        for (uint32_t i = 0; i < last && i < ROW_MAX; i++)
            say(session, "%s0x%" PRIx64, i ? " " : "", number_at(at + (size_t)i * field->size, field->size));
        if (last < field->count)
            say(session, " (and %u of 0)", field->count - last);
        break;
    }
    case FIELD_KIND_BYTES: show_bytes(session, at, (size_t)field->size * field->count); break;
    case FIELD_KIND_BUFFER: {
        size_t length;
        const uint8_t *bytes;
        memcpy(&length, (const uint8_t *)object + field->length_offset, sizeof length);
        memcpy(&bytes, at, sizeof bytes);
        show_bytes(session, bytes, bytes ? length : 0);
        break;
    }
    default: break;
    }
    say(session, "\n");
}

void fields_show(struct session *session, const struct fields *fields, const void *object, unsigned indent)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        if (field->kind == FIELD_KIND_HOST)
            continue;
        if (field->kind != FIELD_KIND_STRUCT) {
            say(session, "%*s", (int)indent, "");
            say_in(session, PAINT_SYMBOL, "%-24s", field->name);
            say(session, " ");
            show_field(session, field, object, indent);
            continue;
        }
        for (uint32_t i = 0; i < field->count; i++) {
            say(session, "%*s", (int)indent, "");
            say_in(session, PAINT_SYMBOL, field->count > 1 ? "%s[%u]\n" : "%s\n", field->name, i);
            fields_show(session, field->fields, (const uint8_t *)object + field->offset + (size_t)i * field->size,
                        indent + 2);
        }
    }
}

static const struct device *find_device(struct session *session, const char *name, size_t length)
{
    for (unsigned i = 0; i < session->machine->device_count; i++) {
        const struct device *device = &session->machine->devices[i];
        if (strlen(device->name) == length && !memcmp(device->name, name, length))
            return device;
    }
    return NULL;
}

/* Registers as the guest reads them, but for those whose reading would change the device. */
static void show_registers(struct session *session, const struct device *device)
{
    const struct reg_bank *bank = device->class->regs;
    for (unsigned i = 0; bank && i < bank->count; i++) {
        const struct reg *reg = &bank->list[i];
        unsigned count = reg->count ? reg->count : 1, shown = 0;
        if (reg->read_acts)
            continue;
        for (unsigned n = 0; n < count; n++) {
            uint64_t value =
                reg->read ? reg->read(device->instance, n)
                : reg->field_offset != REG_NO_FIELD
                    ? number_at((const uint8_t *)device->instance + reg->field_offset + (size_t)n * reg->size,
                                reg->size)
                    : reg->reset;
            if (count > 1 && !value)
                continue;
            unsigned stride = reg->stride ? reg->stride : reg->size;
            say(session, "  0x%04" PRIx64 "  ", reg->offset + (uint64_t)n * stride);
            char name[64];
            snprintf(name, sizeof name, count > 1 ? "%s[%u]" : "%s", reg->name ? reg->name : "?", n);
            say_in(session, PAINT_SYMBOL, "%-22s", name);
            say(session, " 0x%" PRIx64 "\n", value);
            shown++;
        }
        if (!shown && count > 1)
            say(session, "  0x%04" PRIx64 "  %-22s all %u are 0\n", reg->offset, reg->name ? reg->name : "?", count);
    }
}

bool devices_show(struct session *session, const char *name, struct error *error)
{
    const struct device *device = find_device(session, name, strlen(name));
    if (!device)
        return error_set(error, "there is no device '%s'; 'info devices' lists them", name);
    say(session, "%s (%s)\n", device->name, device->class->name);
    if (device->class->regs) {
        say(session, "registers:\n");
        show_registers(session, device);
    }
    if (device->class->state) {
        say(session, "fields:\n");
        fields_show(session, device->class->state, device->instance, 2);
    }
    return true;
}

/* The number that a path such as "lcr" or "queues[1].size" leads to; false: there is none. */
static bool find_number(const struct fields *fields, uint8_t *object, const char *path, size_t length, uint8_t **at,
                        const struct field **found)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        size_t name = strlen(field->name);
        if (field->kind == FIELD_KIND_HOST || name > length || memcmp(field->name, path, name))
            continue;
        const char *rest = path + name;
        size_t left = length - name;
        uint64_t index = 0;
        if (left && *rest == '[') {
            char *end;
            index = strtoull(rest + 1, &end, 0);
            if (*end != ']' || (size_t)(end + 1 - path) > length)
                continue;
            left = length - (size_t)(end + 1 - path);
            rest = end + 1;
        }
        if (index >= field->count)
            continue;
        uint8_t *place = object + field->offset + index * field->size;
        if (!left && field->kind == FIELD_KIND_UINT) {
            *at = place;
            *found = field;
            return true;
        }
        if (left > 1 && *rest == '.' && field->kind == FIELD_KIND_STRUCT &&
            find_number(field->fields, place, rest + 1, left - 1, at, found))
            return true;
    }
    return false;
}

bool devices_set(struct session *session, const char *text, bool *found, struct error *error)
{
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    *found = false;
    if (!dot || !equals || dot > equals)
        return false;
    const struct device *device = find_device(session, text, (size_t)(dot - text));
    if (!device || !device->class->state)
        return false;
    *found = true;
    const char *end = equals;
    while (end > dot && isspace((unsigned char)end[-1]))
        end--;
    uint8_t *at;
    const struct field *field;
    uint64_t number;
    if (!find_number(device->class->state, device->instance, dot + 1, (size_t)(end - dot - 1), &at, &field))
        return error_set(error, "%s has no field '%.*s'; 'info %s' lists them", device->name, (int)(end - dot - 1),
                         dot + 1, device->name);
    if (!expression_number(session, equals + 1, &number, error))
        return false;
    if (field->boolean && number > 1)
        return error_set(error, "%s is 0 or 1", field->name);
    if (field->size < 8 && number >> (8 * field->size))
        return error_set(error, "%s has %u bits", field->name, 8 * field->size);
    memcpy(at, &number, field->size);
    if (device->class->restored) /* wires and events follow what was set */
        device->class->restored(device->instance);
    return true;
}
