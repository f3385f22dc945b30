/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An xHCI controller: registers (5), ports (4.19), interrupts (4.17).
 *
 * What the driver asks for by a doorbell is done at once, as far as there is room for the events that it has; a
 * transfer of a report waits for the report. So all that is under way is the doorbells that wait. */
#include "peripherals/usb/xhci.h"
#include <stdlib.h>
#include <string.h>
#include "peripherals/usb/xhci_internal.h"

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field ring_list[] = {FIELD(struct xhci_ring, at), FIELD(struct xhci_ring, cycle), FIELDS_END};
static const struct fields ring_fields = {"xhci_ring", sizeof(struct xhci_ring), ring_list};

static const struct field endpoint_list[] = {
    FIELD(struct xhci_endpoint, state),
    FIELD(struct xhci_endpoint, type),
    FIELD_STRUCT(struct xhci_endpoint, ring, &ring_fields),
    FIELDS_END,
};
static const struct fields endpoint_fields = {"xhci_endpoint", sizeof(struct xhci_endpoint), endpoint_list};

static const struct field slot_list[] = {
    FIELD(struct xhci_slot, enabled),
    FIELD(struct xhci_slot, state),
    FIELD(struct xhci_slot, port),
    FIELD(struct xhci_slot, context),
    FIELD_STRUCT_ARRAY(struct xhci_slot, endpoints, &endpoint_fields),
    FIELD_BYTES(struct xhci_slot, setup),
    FIELD_BYTES(struct xhci_slot, data),
    FIELD(struct xhci_slot, data_bytes),
    FIELD(struct xhci_slot, data_done),
    FIELD(struct xhci_slot, stalled),
    FIELD(struct xhci_slot, answered),
    FIELDS_END,
};
static const struct fields slot_fields = {"xhci_slot", sizeof(struct xhci_slot), slot_list};

static const struct field xhci_list[] = {
    FIELD_STRUCT(struct xhci, function, &pci_function_fields),
    FIELD_STRUCT(struct xhci, msix, &pci_msix_fields),
    FIELD_HOST(struct xhci, bus),
    FIELD_STRUCT_ARRAY(struct xhci, devices, &usb_hid_fields),
    FIELD(struct xhci, command),
    FIELD(struct xhci, status),
    FIELD(struct xhci, notifications),
    FIELD(struct xhci, configuration),
    FIELD(struct xhci, command_pointer),
    FIELD(struct xhci, contexts),
    FIELD_STRUCT(struct xhci, command_ring, &ring_fields),
    FIELD(struct xhci, command_running),
    FIELD_ARRAY(struct xhci, ports),
    FIELD_ARRAY(struct xhci, told),
    FIELD_ARRAY(struct xhci, link_states),
    FIELD(struct xhci, management),
    FIELD(struct xhci, moderation),
    FIELD(struct xhci, segments),
    FIELD(struct xhci, segment_table),
    FIELD(struct xhci, dequeue),
    FIELD(struct xhci, event_segment),
    FIELD(struct xhci, event_index),
    FIELD(struct xhci, event_cycle),
    FIELD_STRUCT_ARRAY(struct xhci, slots, &slot_fields),
    FIELD_ARRAY(struct xhci, rung),
    FIELD(struct xhci, master),
    FIELDS_END,
};
static const struct fields xhci_fields = {"xhci", sizeof(struct xhci), xhci_list};

/* --- tables ---------------------------------------------------------------------------------------- */

#define BAR_REGISTERS  0u
#define BAR_MSIX       4u
#define BAR_BYTES      0x4000u
#define OPERATIONAL    0x40u
#define PORTS          0x440u
#define RUNTIME        0x1000u
#define DOORBELLS      0x2000u
#define EXTENDED       0x3000u
#define SEGMENTS_BITS  4u /* so many segments, in powers of two */
#define USB2_PORTS     4u

enum command { COMMAND_RUN = 1, COMMAND_RESET = 2, COMMAND_INTERRUPTS = 4, COMMAND_KEPT = 0xc0d };
enum status { STATUS_HALTED = 1, STATUS_HOST_ERROR = 4, STATUS_EVENT = 8, STATUS_PORT = 16, STATUS_CLEARED = 0x41c };
enum management { MANAGEMENT_PENDING = 1, MANAGEMENT_ENABLED = 2 };
#define DEQUEUE_BUSY 8ull

/* PORTSC (5.4.8). */
enum port {
    PORT_CONNECTED = 1,
    PORT_ENABLED = 2,
    PORT_RESET = 1 << 4,
    PORT_LINK = 15 << 5,
    PORT_POWER = 1 << 9,
    PORT_SPEED_HIGH = 3 << 10,
    PORT_INDICATOR = 3 << 14,
    PORT_LINK_WRITE = 1 << 16,
    PORT_CONNECT_CHANGE = 1 << 17,
    PORT_RESET_CHANGE = 1 << 21,
    PORT_LINK_CHANGE = 1 << 22,
    PORT_CHANGES = 0x7f << 17,
    PORT_WAKES = 7 << 25,
    PORT_WARM_RESET = (int)(1u << 31),
};
enum link { LINK_U0 = 0, LINK_U3 = 3, LINK_DETECT = 5, LINK_POLLING = 7, LINK_RESUME = 15 };

/* --- interrupts ------------------------------------------------------------------------------------ */

/* 4.17.2: an event makes the interrupt pending unless the driver is at work on those before (the handler is busy). */
static void drive_interrupt(struct xhci *xhci)
{
    bool asserted = (xhci->management & 3) == 3 && xhci->command & COMMAND_INTERRUPTS;
    if (pci_msix_enabled(&xhci->msix)) {
        pci_set_intx(&xhci->function, false);
        if (asserted && !(xhci->dequeue & DEQUEUE_BUSY)) {
            xhci->management &= ~(uint32_t)MANAGEMENT_PENDING; /* a message takes it back */
            xhci->dequeue |= DEQUEUE_BUSY;
            pci_msix_notify(&xhci->msix, 0);
        }
        return;
    }
    if (asserted)
        xhci->dequeue |= DEQUEUE_BUSY;
    pci_set_intx(&xhci->function, asserted);
}

void xhci_host_error(struct xhci *xhci)
{
    xhci->status |= STATUS_HOST_ERROR | STATUS_HALTED;
    xhci->command &= ~(uint32_t)COMMAND_RUN;
}

/* --- what is under way ----------------------------------------------------------------------------- */

static bool running(const struct xhci *xhci)
{
    return xhci->master && xhci->command & COMMAND_RUN && !(xhci->status & (STATUS_HALTED | STATUS_HOST_ERROR));
}

/* 4.19.2: each change is told once. */
static void tell_ports(struct xhci *xhci)
{
    for (unsigned port = 0; port < XHCI_PORTS; port++) {
        uint32_t changes = xhci->ports[port] & (uint32_t)PORT_CHANGES;
        if (changes & ~xhci->told[port] && running(xhci) && xhci_has_room(xhci)) {
            xhci->status |= STATUS_PORT;
            xhci->told[port] |= changes;
            xhci_post(xhci, (uint64_t)(port + 1) << 24, (uint32_t)CODE_SUCCESS << 24, TRB_PORT_EVENT << 10);
        }
        xhci->told[port] &= changes;
    }
}

static void run(struct xhci *xhci)
{
    tell_ports(xhci);
    if (running(xhci) && xhci->rung[0]) {
        xhci->command_running = true;
        if (xhci_run_commands(xhci))
            xhci->rung[0] = 0;
    }
    for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
        for (uint32_t left = xhci->rung[slot]; left && running(xhci); left &= left - 1) {
            unsigned endpoint = (unsigned)__builtin_ctz(left);
            if (xhci_run_endpoint(xhci, slot, endpoint))
                xhci->rung[slot] &= ~(1u << endpoint);
        }
    drive_interrupt(xhci);
}

/* --- ports ----------------------------------------------------------------------------------------- */

static void set_link(struct xhci *xhci, unsigned port, enum link link)
{
    xhci->ports[port] = (xhci->ports[port] & ~(uint32_t)PORT_LINK) | (uint32_t)link << 5;
}

static void reset_ports(struct xhci *xhci)
{
    for (unsigned port = 0; port < XHCI_PORTS; port++) {
        xhci->ports[port] = PORT_POWER;
        xhci->told[port] = xhci->link_states[port] = 0;
        set_link(xhci, port, port < XHCI_DEVICES ? LINK_POLLING : LINK_DETECT);
        if (port < XHCI_DEVICES) {
            xhci->ports[port] |= PORT_CONNECTED | PORT_SPEED_HIGH | PORT_CONNECT_CHANGE;
            usb_hid_reset(&xhci->devices[port]);
        }
    }
}

static void reset_port(struct xhci *xhci, unsigned port)
{
    if (port < XHCI_DEVICES) {
        usb_hid_reset(&xhci->devices[port]);
        set_link(xhci, port, LINK_U0);
        xhci->ports[port] |= PORT_ENABLED | PORT_RESET_CHANGE;
    } else if (port >= USB2_PORTS) {
        xhci->ports[port] |= PORT_RESET_CHANGE;
    }
}

static void port_write(struct xhci *xhci, unsigned port, uint32_t value)
{
    const uint32_t kept = PORT_WAKES | PORT_INDICATOR;
    uint32_t *now = &xhci->ports[port];
    *now = (*now & ~(value & (uint32_t)PORT_CHANGES) & ~kept) | (value & kept);
    if (value & PORT_ENABLED)
        *now &= ~(uint32_t)PORT_ENABLED; /* writing 1 disables it */
    if (value & PORT_RESET || (value & (uint32_t)PORT_WARM_RESET && port >= USB2_PORTS))
        reset_port(xhci, port);
    unsigned link = value >> 5 & 15;
    if (value & PORT_LINK_WRITE && *now & PORT_ENABLED && (link == LINK_U0 || link == LINK_U3 || link == LINK_RESUME)) {
        if ((*now & PORT_LINK) >> 5 != LINK_U0 && link == LINK_U0)
            *now |= PORT_LINK_CHANGE;
        set_link(xhci, port, link);
    }
    run(xhci);
}

/* --- registers ------------------------------------------------------------------------------------- */

static void reset_controller(struct xhci *xhci)
{
    xhci->command = xhci->notifications = xhci->configuration = 0;
    xhci->status = STATUS_HALTED;
    xhci->command_pointer = xhci->contexts = 0;
    xhci->command_ring = (struct xhci_ring){0};
    xhci->command_running = false;
    xhci->management = 0;
    xhci->moderation = 4000;
    xhci->segments = 0;
    xhci->segment_table = xhci->dequeue = 0;
    xhci->event_segment = xhci->event_index = 0;
    xhci->event_cycle = true;
    memset(xhci->slots, 0, sizeof xhci->slots);
    memset(xhci->rung, 0, sizeof xhci->rung);
    reset_ports(xhci);
}

static void command_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    if (value & COMMAND_RESET) {
        reset_controller(xhci);
        drive_interrupt(xhci);
        return;
    }
    xhci->command = (uint32_t)value & COMMAND_KEPT;
    if (value & COMMAND_RUN && !(xhci->status & STATUS_HOST_ERROR))
        xhci->status &= ~(uint32_t)STATUS_HALTED;
    else {
        xhci->status |= STATUS_HALTED;
        xhci->command_running = false;
    }
    /* Saving and restoring are done as soon as they are asked for: the state stays where it is. */
    run(xhci);
}

static void status_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    xhci->status &= ~((uint32_t)value & STATUS_CLEARED & ~(uint32_t)STATUS_HOST_ERROR);
}

/* 5.4.5: reads as zeroes, but for whether the ring runs. Writing stops it, or says where it begins. */
static uint64_t command_ring_read(void *device, unsigned index)
{
    return ((struct xhci *)device)->command_running ? 8 : 0;
}

static void command_ring_write(void *device, unsigned index, uint64_t value)
{
    enum { STOP = 2, ABORT = 4 };
    struct xhci *xhci = device;
    if (xhci->command_running) {
        if (!(value & (STOP | ABORT)))
            return;
        xhci->command_running = false;
        xhci->rung[0] = 0;
        if (running(xhci) && xhci_has_room(xhci))
            xhci_post(xhci, xhci->command_ring.at, (uint32_t)CODE_RING_STOPPED << 24, TRB_COMMAND_EVENT << 10);
        drive_interrupt(xhci);
        return;
    }
    xhci->command_pointer = value & ~0x3eull; /* the halves may come one after the other */
    xhci->command_ring = (struct xhci_ring){value & ~0x3full, value & 1};
}

static void management_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    xhci->management = (xhci->management & ~((uint32_t)value & MANAGEMENT_PENDING) & ~(uint32_t)MANAGEMENT_ENABLED) |
                       ((uint32_t)value & MANAGEMENT_ENABLED);
    drive_interrupt(xhci);
}

static void segments_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    uint32_t segments = (uint32_t)value & 0xffff;
    xhci->segments = segments > 1u << SEGMENTS_BITS ? 1u << SEGMENTS_BITS : segments;
}

/* 4.9.4: the ring of events begins anew. */
static void segment_table_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    xhci->segment_table = value & ~0x3full;
    xhci->event_segment = xhci->event_index = 0;
    xhci->event_cycle = true;
}

static bool has_unread(const struct xhci *xhci)
{
    uint64_t base = 0;
    bus_dma_read(xhci->bus, xhci->segment_table + xhci->event_segment * 16ull, &base, sizeof base);
    return ((base & ~63ull) + xhci->event_index * 16ull) != (xhci->dequeue & ~15ull);
}

/* The driver has read so far. With the busy bit it says that it has finished: what came meanwhile is told now. */
static void dequeue_write(void *device, unsigned index, uint64_t value)
{
    struct xhci *xhci = device;
    uint64_t busy = xhci->dequeue & ~value & DEQUEUE_BUSY;
    xhci->dequeue = (value & ~DEQUEUE_BUSY) | busy;
    if (value & DEQUEUE_BUSY && xhci->segments && has_unread(xhci))
        xhci->management |= MANAGEMENT_PENDING;
    run(xhci);
}

#define FIELD_ROW(member) .field_offset = REG_FIELD(struct xhci, member)
#define HOOKED            .field_offset = REG_NO_FIELD

static const struct reg registers[] = {
    {0x00, "CAPLENGTH", 4, HOOKED, .reset = 0x01000000 | OPERATIONAL},
    {0x04, "HCSPARAMS1", 4, HOOKED, .reset = XHCI_SLOTS | 1 << 8 | XHCI_PORTS << 24},
    {0x08, "HCSPARAMS2", 4, HOOKED, .reset = SEGMENTS_BITS << 4 | 1},
    {0x10, "HCCPARAMS1", 4, HOOKED, .reset = EXTENDED / 4 << 16 | 1},
    {0x14, "DBOFF", 4, HOOKED, .reset = DOORBELLS},
    {0x18, "RTSOFF", 4, HOOKED, .reset = RUNTIME},
    {0x40, "USBCMD", 4, FIELD_ROW(command), .write = command_write},
    {0x44, "USBSTS", 4, FIELD_ROW(status), .reset = STATUS_HALTED, .write = status_write},
    {0x48, "PAGESIZE", 4, HOOKED, .reset = 1},
    {0x54, "DNCTRL", 4, FIELD_ROW(notifications), .write_mask = 0xffff},
    {0x58, "CRCR", 8, FIELD_ROW(command_pointer), .read = command_ring_read, .write = command_ring_write},
    {0x70, "DCBAAP", 8, FIELD_ROW(contexts), .write_mask = ~0x3full},
    {0x78, "CONFIG", 4, FIELD_ROW(configuration), .write_mask = 0x3ff},
    {0x1020, "IMAN", 4, FIELD_ROW(management), .write = management_write},
    {0x1024, "IMOD", 4, FIELD_ROW(moderation), .reset = 4000, .write_mask = 0xffffffff},
    {0x1028, "ERSTSZ", 4, FIELD_ROW(segments), .write = segments_write},
    {0x1030, "ERSTBA", 8, FIELD_ROW(segment_table), .write = segment_table_write},
    {0x1038, "ERDP", 8, FIELD_ROW(dequeue), .write = dequeue_write},
    /* 7.2: which ports are of which USB. */
    {0x3000, "USB2", 4, HOOKED, .reset = 0x02000402},
    {0x3004, "USB2NAME", 4, HOOKED, .reset = 0x20425355},
    {0x3008, "USB2PORTS", 4, HOOKED, .reset = 1 | USB2_PORTS << 8},
    {0x3010, "USB3", 4, HOOKED, .reset = 0x03000002},
    {0x3014, "USB3NAME", 4, HOOKED, .reset = 0x20425355},
    {0x3018, "USB3PORTS", 4, HOOKED, .reset = (USB2_PORTS + 1) | (XHCI_PORTS - USB2_PORTS) << 8},
};
static const struct reg_bank bank = {registers, sizeof registers / sizeof registers[0], 1 | 2 | 4 | 8};

static bool port_access(struct xhci *xhci, uint64_t offset, uint64_t *value, bool write)
{
    unsigned port = (unsigned)(offset - PORTS) / 16, which = (unsigned)offset % 16;
    if (which == 0) {
        if (write)
            port_write(xhci, port, (uint32_t)*value);
        else
            *value = xhci->ports[port];
    } else if (which == 4) {
        if (write)
            xhci->link_states[port] = (uint32_t)*value & 0xffff;
        else
            *value = xhci->link_states[port];
    }
    return true;
}

static bool is_port(uint64_t offset, unsigned size)
{
    return offset >= PORTS && offset < PORTS + 16 * XHCI_PORTS && size == 4;
}

static bool xhci_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return is_port(offset, size) ? port_access(device, offset, value, false)
                                 : regs_read(&bank, device, offset, size, value);
}

/* 5.6: the target is an endpoint, or 0 for the command ring. */
static void ring_doorbell(struct xhci *xhci, unsigned slot, uint32_t value)
{
    unsigned target = value & 255;
    if (slot == 0 && target == 0)
        xhci->rung[0] = 1;
    else if (slot >= 1 && slot <= XHCI_SLOTS && target >= 1 && target < XHCI_ENDPOINTS)
        xhci->rung[slot] |= 1u << target;
    run(xhci);
}

static bool xhci_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (is_port(offset, size))
        return port_access(device, offset, &value, true);
    if (offset >= DOORBELLS && offset < DOORBELLS + 4 * (XHCI_SLOTS + 1) && size == 4) {
        ring_doorbell(device, (unsigned)(offset - DOORBELLS) / 4, (uint32_t)value);
        return true;
    }
    if (offset == 0x103c && size == 4) { /* the upper half of ERDP, which has nothing to do with the busy bit */
        struct xhci *xhci = device;
        xhci->dequeue = (uint32_t)xhci->dequeue | value << 32;
        run(xhci);
        return true;
    }
    return regs_write(&bank, device, offset, size, value);
}

static const struct mmio_ops xhci_mmio = {xhci_read, xhci_write};

/* --- input ----------------------------------------------------------------------------------------- */

static void deliver(struct xhci *xhci, unsigned device, const void *bytes, size_t length)
{
    usb_hid_events(&xhci->devices[device], bytes, length);
    run(xhci);
}

static void deliver_keyboard(void *device, const void *bytes, size_t length)
{
    deliver(device, USB_HID_KEYBOARD, bytes, length);
}

static void deliver_tablet(void *device, const void *bytes, size_t length)
{
    deliver(device, USB_HID_TABLET, bytes, length);
}

/* A guest that is behind is waited for. */
static size_t keyboard_ready(void *device)
{
    return usb_hid_has_room(&((struct xhci *)device)->devices[USB_HID_KEYBOARD]) ? SIZE_MAX : 0;
}

static size_t tablet_ready(void *device)
{
    return usb_hid_has_room(&((struct xhci *)device)->devices[USB_HID_TABLET]) ? SIZE_MAX : 0;
}

/* --- the device ------------------------------------------------------------------------------------ */

static void config_written(struct pci_function *function, unsigned offset, unsigned size)
{
    struct xhci *xhci = function->device;
    xhci->master = pci_command_has(function, PCI_COMMAND_MASTER);
    pci_msix_config_written(&xhci->msix);
    run(xhci);
}

static const struct pci_function_ops function_ops = {.config_written = config_written};

static void xhci_reset(void *device)
{
    struct xhci *xhci = device;
    reset_controller(xhci);
    xhci->master = false;
    pci_msix_reset(&xhci->msix);
    pci_function_reset(&xhci->function);
}

/* Saved state comes from a file. */
static void xhci_restored(void *device)
{
    struct xhci *xhci = device;
    for (unsigned i = 0; i < XHCI_DEVICES; i++)
        usb_hid_restored(&xhci->devices[i]);
    for (unsigned i = 0; i <= XHCI_SLOTS; i++) {
        struct xhci_slot *slot = &xhci->slots[i];
        if (slot->data_bytes > USB_CONTROL_BYTES_MAX || slot->data_done > USB_CONTROL_BYTES_MAX ||
            (slot->setup[0] & 0x80 && slot->data_done > slot->data_bytes))
            slot->data_bytes = slot->data_done = 0;
        if (i)
            xhci->rung[i] &= ~1u;
    }
    if (xhci->segments > 1u << SEGMENTS_BITS)
        xhci->segments = 0;
    xhci->rung[0] &= 1;
    pci_msix_restored(&xhci->msix);
    pci_function_restored(&xhci->function);
    xhci->master = pci_command_has(&xhci->function, PCI_COMMAND_MASTER);
    if (!pci_msix_enabled(&xhci->msix))
        drive_interrupt(xhci);
}

const struct device_class xhci_class = {
    .name = "xhci",
    .state = &xhci_fields,
    .regs = &bank,
    .reset = xhci_reset,
    .restored = xhci_restored,
    .free = free,
};

struct xhci *xhci_create(struct bus *bus, struct inputs *inputs)
{
    struct xhci *xhci = host_alloc(1, sizeof *xhci);
    const struct pci_identity identity = {
        .vendor = 0x1b36,
        .device = 0x000d, /* QEMU's, which firmware and kernels know */
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x0c0330,
        .revision = 1,
        .interrupts = true,
    };
    xhci->bus = bus;
    pci_function_init(&xhci->function, &identity, &function_ops, xhci);
    pci_add_bar(&xhci->function, BAR_REGISTERS, &(struct pci_bar){BAR_BYTES, true, &xhci_mmio, xhci});
    pci_msix_init(&xhci->msix, &xhci->function, BAR_MSIX, 1);
    pci_add_express(&xhci->function);
    xhci->devices[USB_HID_KEYBOARD].kind = USB_HID_KEYBOARD;
    xhci->devices[USB_HID_TABLET].kind = USB_HID_TABLET;
    xhci->devices[USB_HID_KEYBOARD].source =
        input_register(inputs, &(struct input_source){.name = "usb-keyboard0.events", .deliver = deliver_keyboard,
                                                      .ready = keyboard_ready, .device = xhci});
    xhci->devices[USB_HID_TABLET].source =
        input_register(inputs, &(struct input_source){.name = "usb-tablet0.events", .deliver = deliver_tablet,
                                                      .ready = tablet_ready, .device = xhci});
    return xhci;
}
