/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's virtio devices, in slots or on PCI, and what is behind them on the host. */
#include "machine/board_parts.h"
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hostcall/share/share.h"
#include "machine/fdt_write.h"
#include "peripherals/agent.h"
#include "peripherals/disk/disk_open.h"
#include "peripherals/net/slirp.h"
#include "peripherals/net/socket.h"
#include "peripherals/net/switch.h"
#include "peripherals/net/tap.h"
#include "peripherals/nvme.h"
#include "peripherals/pci.h"
#include "peripherals/ramfb.h"
#include "peripherals/sound/wav.h"
#include "peripherals/usb/xhci.h"
#include "peripherals/virtio/virtio_9p.h"
#include "peripherals/virtio/virtio_balloon.h"
#include "peripherals/virtio/virtio_blk.h"
#include "peripherals/virtio/virtio_console.h"
#include "peripherals/virtio/virtio_gpu.h"
#include "peripherals/virtio/virtio_input.h"
#include "peripherals/virtio/virtio_mmio.h"
#include "peripherals/virtio/virtio_net.h"
#include "peripherals/virtio/virtio_pci.h"
#include "peripherals/virtio/virtio_rng.h"
#include "peripherals/virtio/virtio_scsi.h"
#include "peripherals/virtio/virtio_snd.h"
#include "peripherals/virtio/virtio_vsock.h"

#define DISK_QUEUES_MAX 8u

/* --- virtio ---------------------------------------------------------------------------------------- */

bool board_virtio_on_pci(const struct machine *machine)
{
    return machine->options->bus == BUS_CHOICE_PCI;
}

static bool no_slot(struct error *error)
{
    return error_set(error,
                     "more devices are asked for than the board has slots: give fewer disks, networks or shares");
}

/* Puts a function into the next slot of PCI, and tells which that is. */
static bool add_function(struct machine *machine, struct pci_function *function, unsigned *slot, struct error *error)
{
    return pci_host_add(machine->pci, function, slot) || no_slot(error);
}

/* Puts a device into the next slot of the bus that has virtio devices, and tells which that is; NULL: an empty one.
 * Linux numbers devices in the order of the slots. */
static bool fill_slot(struct machine *machine, const struct board_row *row, struct virtio_device *virtio,
                      unsigned *slot, struct error *error)
{
    static char names[BOARD_VIRTIO_SLOTS][16];
    unsigned number = machine->virtio_slots_used;
    if (number == BOARD_VIRTIO_SLOTS)
        return no_slot(error);
    machine->virtio_slots_used++;
    snprintf(names[number], sizeof names[number], "virtio%u", number);
    if (board_virtio_on_pci(machine)) {
        struct virtio_pci *pci = virtio_pci_create(virtio);
        machine_add_device(machine, &virtio_pci_class, names[number], pci);
        return add_function(machine, &pci->function, slot, error);
    }
    struct virtio_mmio *mmio = virtio_mmio_create(virtio, board_spi(machine, row->spi + number));
    machine_add_device(machine, &virtio_mmio_class, names[number], mmio);
    bus_add_window(&machine->bus, names[number], row->base + number * row->size_bytes, row->size_bytes,
                   &virtio_mmio_ops, mmio);
    *slot = number;
    return true;
}

/* A virtio device, in the next slot, which is told. */
static bool add_virtio(struct machine *machine, const struct board_row *row, const struct device_class *class,
                       const char *name, void *instance, struct virtio_device *virtio, unsigned *slot,
                       struct error *error)
{
    machine_add_device(machine, class, name, instance);
    return fill_slot(machine, row, virtio, slot, error);
}

/* What Open Firmware would call what is in a slot that fill_slot() gave: `unit` is the disk behind it. */
static void name_boot_path(struct machine *machine, const struct board_row *row, unsigned disk, unsigned slot,
                           const char *unit)
{
    char *path = machine->boot_paths[disk];
    if (board_virtio_on_pci(machine))
        snprintf(path, sizeof machine->boot_paths[disk], "/pci@i0cf8/scsi@%x/%s", slot, unit);
    else
        snprintf(path, sizeof machine->boot_paths[disk], "/virtio-mmio@%016llx/%s",
                 (unsigned long long)(row->base + slot * row->size_bytes), unit);
}

/* What a recording does before a piece of a disk changes. */
static void keep_block(void *context, unsigned number, uint64_t offset, const void *bytes, size_t length)
{
    const struct tape *tape = context;
    if (bytes)
        tape->keep_block(tape->context, number, offset, bytes, length);
    else
        tape->blocks_kept(tape->context);
}

static void put_kept_block(void *overlay, uint64_t offset, const void *bytes, size_t length)
{
    disk_overlay_put(overlay, offset, bytes, length);
}

/* A replay sees the disk as it was when the recording began, and leaves it alone. */
static struct disk *open_disk(struct machine *machine, unsigned number, struct error *error)
{
    const struct disk_option *option = &machine->options->disks[number];
    const struct tape *tape = machine->options->tape;
    const bool overlay = option->overlay || option->zero_bytes || tape_replays(tape),
               changes = !option->read_only && !overlay;
    struct disk_option how = *option;
    how.overlay = overlay;
    struct disk *disk = option->zero_bytes ? disk_zero_create(option->zero_bytes) : disk_open(&how, error);
    if (disk && overlay)
        disk = disk_overlay_create(disk, option->read_only);
    if (!disk)
        return NULL;
    if (tape_replays(tape))
        tape->each_kept_block(tape->context, number, put_kept_block, disk);
    machine->disks[number] = (struct machine_disk){disk->size_bytes, disk_identity(disk)};
    return tape && changes ? disk_keep_create(disk, number, keep_block, (void *)tape) : disk;
}

/* --io-limit */
static void limit_drive(const struct machine *machine, struct disk_drive *drive)
{
    drive->bytes_per_s = machine->options->io_bytes_per_s;
    drive->per_s = machine->options->io_per_s;
}

static bool add_virtio_disk(struct machine *machine, const struct board_row *row, unsigned number, struct disk *disk,
                            const char *name, struct error *error)
{
    unsigned slot;
    struct virtio_blk *blk = virtio_blk_create(&machine->bus, &machine->clock, disk, name);
    limit_drive(machine, &blk->drive);
    if (board_virtio_on_pci(machine)) /* a vector each is what makes several of use */
        virtio_blk_add_queues(blk, machine->cpu_count < DISK_QUEUES_MAX ? machine->cpu_count : DISK_QUEUES_MAX);
    if (!add_virtio(machine, row, &virtio_blk_class, name, blk, &blk->virtio, &slot, error))
        return false;
    name_boot_path(machine, row, number, slot, "disk@0,0");
    return true;
}

static bool add_nvme_disk(struct machine *machine, unsigned number, struct disk *disk, const char *name,
                          struct error *error)
{
    unsigned slot;
    struct nvme *nvme = nvme_create(&machine->bus, &machine->clock, disk, name);
    limit_drive(machine, &nvme->drive);
    machine_add_device(machine, &nvme_class, name, nvme);
    if (!add_function(machine, &nvme->function, &slot, error))
        return false;
    uint64_t eui64; /* as EDK2 reads it, which has the bytes for a little-endian number */
    nvme_put_eui64(nvme, (uint8_t *)&eui64);
    snprintf(machine->boot_paths[number], sizeof machine->boot_paths[number],
             "/pci@i0cf8/pci8086,5845@%x/namespace@1,%" PRIx64, slot, eui64);
    return true;
}

/* All SCSI disks and CD drives are targets of one host device, which is there with the first of them. */
static bool add_scsi_disk(struct machine *machine, const struct board_row *row, unsigned number, struct disk *disk,
                          const char *name, struct virtio_scsi **scsi, unsigned *slot, struct error *error)
{
    bool cd = machine->options->disks[number].attachment == DISK_ATTACH_CD;
    struct scsi_disk *made = scsi_disk_create(disk, cd, name);
    char unit[32];
    limit_drive(machine, &made->drive);
    machine_add_device(machine, &scsi_disk_class, name, made);
    if (!*scsi) {
        *scsi = virtio_scsi_create(&machine->bus, &machine->clock, 1);
        if (!add_virtio(machine, row, &virtio_scsi_class, "scsi0", *scsi, &(*scsi)->virtio, slot, error))
            return false;
    }
    snprintf(unit, sizeof unit, "channel@0/disk@%x,0", virtio_scsi_add(*scsi, made));
    name_boot_path(machine, row, number, *slot, unit);
    return true;
}

static bool build_disks(struct machine *machine, const struct board_row *row, struct error *error)
{
    static char names[MAX_DISKS][16];
    struct virtio_scsi *scsi = NULL;
    unsigned scsi_slot = 0;
    for (unsigned i = 0; i < machine->options->disk_count; i++) {
        struct disk *disk = open_disk(machine, i, error);
        if (!disk)
            return false;
        snprintf(names[i], sizeof names[i], "disk%u", i);
        bool good = false;
        switch (machine->options->disks[i].attachment) {
        case DISK_ATTACH_VIRTIO: good = add_virtio_disk(machine, row, i, disk, names[i], error); break;
        case DISK_ATTACH_NVME: good = add_nvme_disk(machine, i, disk, names[i], error); break;
        case DISK_ATTACH_SCSI:
        case DISK_ATTACH_CD: good = add_scsi_disk(machine, row, i, disk, names[i], &scsi, &scsi_slot, error); break;
        }
        if (!good)
            return false;
    }
    return true;
}

static struct net_backend *open_user_net(struct machine *machine, const struct net_option *option, struct error *error)
{
    struct net_backend *backend = net_slirp_open(&machine->clock, option->restricted, error);
    bool good = backend;
    for (unsigned f = 0; good && f < option->forward_count; f++) {
        const struct forward_option *forward = &option->forwards[f];
        good = net_slirp_forward(backend, forward->udp, forward->host_address, forward->host_port, forward->guest_port,
                                 error);
    }
    for (unsigned f = 0; good && f < option->guest_forward_count; f++) {
        const struct guest_forward_option *forward = &option->guest_forwards[f];
        good = net_slirp_guest_forward(backend, forward->address, forward->port, forward->path, error);
    }
    if (good)
        return backend;
    net_backend_free(backend);
    return NULL;
}

static struct net_backend *open_net(struct machine *machine, const struct net_option *option, struct error *error)
{
    if (tape_replays(machine->options->tape) || option->kind == NET_NONE)
        return net_none_create(option->kind == NET_USER);
    switch (option->kind) {
    case NET_NONE: break;
    case NET_USER: return open_user_net(machine, option, error);
    case NET_TAP: return net_tap_open(option->place, error);
    case NET_SOCKET: return net_socket_open(option->place, option->listens, error);
    case NET_SWITCH: return net_switch_port(machine->options->net_switch, option->place, &machine->clock, error);
    }
    return NULL;
}

/* How many pairs of queues a card has: on PCI, where each has an interrupt of its own, one a processor. */
static unsigned net_queues(const struct machine *machine, const struct net_option *option)
{
    if (option->queues)
        return option->queues;
    return !machine->pci ? 1 : machine->cpu_count < MAX_NET_QUEUES ? machine->cpu_count : MAX_NET_QUEUES;
}

static bool build_nets(struct machine *machine, const struct board_row *row, struct error *error)
{
    static const char *const names[MAX_NETS] = {"net0", "net1", "net2", "net3"};
    unsigned slot;
    for (unsigned i = 0; i < machine->options->net_count; i++) {
        const struct net_option *option = &machine->options->nets[i];
        struct net_dump *dump = *option->dump ? net_dump_open(option->dump, &machine->clock, error) : NULL;
        struct net_backend *backend = *option->dump && !dump ? NULL : open_net(machine, option, error);
        if (!backend) {
            net_dump_close(dump);
            return false;
        }
        struct virtio_net *net =
            virtio_net_create(&machine->bus, machine->inputs, backend, names[i], machine->options->seed);
        if (net_queues(machine, option) > 1)
            virtio_net_add_pairs(net, net_queues(machine, option) - 1);
        if (option->mac_given)
            virtio_net_set_mac(net, option->mac);
        virtio_net_set_dump(net, dump);
        machine->net_links[machine->net_count++] = net->link_source;
        if (!add_virtio(machine, row, &virtio_net_class, names[i], net, &net->virtio, &slot, error))
            return false;
    }
    return true;
}

/* A replay has the answers in its log. */
static bool build_shares(struct machine *machine, const struct board_row *row, struct error *error)
{
    static char names[MAX_SHARES][16];
    unsigned slot;
    for (unsigned i = 0; i < machine->options->share_count; i++) {
        const struct share_option *option = &machine->options->shares[i];
        struct share_server *server = share_server_open(
            &(struct share_config){
                .path = tape_replays(machine->options->tape) ? NULL : option->path,
                .read_only = option->read_only,
                .mapped = option->mapped,
                .policy = machine->policy,
            },
            error);
        if (!server)
            return false;
        snprintf(names[i], sizeof names[i], "share%u", i);
        struct virtio_9p *share = virtio_9p_create(&machine->bus, machine->inputs, server, names[i], option->tag);
        if (!add_virtio(machine, row, &virtio_9p_class, names[i], share, &share->virtio, &slot, error))
            return false;
    }
    return true;
}

static bool build_balloon(struct machine *machine, const struct board_row *row, struct error *error)
{
    unsigned slot;
    if (!machine->options->balloon)
        return true;
    struct virtio_balloon *balloon = virtio_balloon_create(&machine->bus);
    return add_virtio(machine, row, &virtio_balloon_class, "balloon0", balloon, &balloon->virtio, &slot, error);
}

static bool build_rng(struct machine *machine, const struct board_row *row, struct error *error)
{
    unsigned slot;
    struct virtio_rng *rng = virtio_rng_create(&machine->bus, machine->options->seed);
    return add_virtio(machine, row, &virtio_rng_class, "rng0", rng, &rng->virtio, &slot, error);
}

static bool build_console(struct machine *machine, const struct board_row *row, struct error *error)
{
    unsigned slot;
    if (machine->options->console.kind == SERIAL_NONE)
        return true;
    struct virtio_console *console = virtio_console_create(
        &machine->bus, machine->inputs, "console0",
        (struct virtio_console_sink){.transmit = machine_transmit, .context = &machine->console});
    machine->console.source = virtio_console_source(console, 0);
    return add_virtio(machine, row, &virtio_console_class, "console0", console, &console->virtio, &slot, error);
}

static bool build_vsock(struct machine *machine, const struct board_row *row, struct error *error)
{
    const struct vsock_option *option = &machine->options->vsock;
    unsigned slot;
    if (!option->cid)
        return true;
    struct vsock_backend *backend =
        vsock_unix_open(tape_replays(machine->options->tape) ? "" : option->path, option->cid, error);
    if (!backend)
        return false;
    struct virtio_vsock *vsock =
        virtio_vsock_create(&machine->bus, machine->inputs, backend, "vsock0", option->cid);
    machine->vsock_reset = vsock->reset_source;
    return add_virtio(machine, row, &virtio_vsock_class, "vsock0", vsock, &vsock->virtio, &slot, error);
}

/* Keyboard and tablet, of one kind or the other. */
static bool build_input(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct machine_screen *screen = &machine->screen;
    unsigned slot;
    screen->inputs = machine->inputs;
    if (machine->options->input == INPUT_CHOICE_USB) {
        struct xhci *xhci = xhci_create(&machine->bus, machine->inputs);
        machine_add_device(machine, &xhci_class, "usb0", xhci);
        screen->keyboard_source = xhci->devices[USB_HID_KEYBOARD].source;
        screen->tablet_source = xhci->devices[USB_HID_TABLET].source;
        return add_function(machine, &xhci->function, &slot, error);
    }
    struct virtio_input *keyboard =
        virtio_input_create(&machine->bus, machine->inputs, VIRTIO_INPUT_KEYBOARD, "keyboard0.events");
    struct virtio_input *tablet =
        virtio_input_create(&machine->bus, machine->inputs, VIRTIO_INPUT_TABLET, "tablet0.events");
    screen->keyboard_source = keyboard->source;
    screen->tablet_source = tablet->source;
    machine_add_device(machine, &virtio_input_class, "keyboard0", keyboard);
    machine_add_device(machine, &virtio_input_class, "tablet0", tablet);
    return fill_slot(machine, row, &keyboard->virtio, &slot, error) &&
           fill_slot(machine, row, &tablet->virtio, &slot, error);
}

static bool build_display(struct machine *machine, const struct board_row *row, struct error *error)
{
    const struct display_option *option = &machine->options->display;
    struct machine_screen *screen = &machine->screen;
    unsigned slot;
    if (option->kind == DISPLAY_ABSENT)
        return machine->options->input != INPUT_CHOICE_USB || build_input(machine, row, error);
    screen->display = display_create(error);
    if (!screen->display)
        return false;
    struct virtio_gpu *gpu =
        virtio_gpu_create(&machine->bus, machine->inputs, screen->display, option->width, option->height);
    screen->size_source = gpu->size_source;
    if (!add_virtio(machine, row, &virtio_gpu_class, "gpu0", gpu, &gpu->virtio, &slot, error) ||
        !build_input(machine, row, error))
        return false;
    /* What firmware and an early kernel draw is seen until the graphics device shows something. */
    machine_add_device(machine, &ramfb_class, "ramfb0", ramfb_create(&machine->bus, machine->fw_cfg, screen->display));
    return true;
}

static size_t send_to_agent(void *console, const void *bytes, size_t length)
{
    return virtio_console_send(console, 0, bytes, length);
}

/* A port for the guest's agent, and what is at its other end. */
static bool build_clipboard(struct machine *machine, const struct board_row *row, struct error *error)
{
    unsigned slot;
    if (!machine->options->clipboard)
        return true;
    struct agent *agent = agent_create(machine->inputs);
    struct virtio_console *console = virtio_console_create_port(
        &machine->bus, AGENT_PORT_NAME,
        (struct virtio_console_sink){
            .transmit = agent_receive, .context = agent, .opened = agent_opened, .room = agent_room});
    agent->port = (struct agent_port){send_to_agent, console};
    machine->clipboard = &agent->clipboard;
    machine_add_device(machine, &agent_class, "agent0", agent);
    return add_virtio(machine, row, &virtio_console_class, "agent-port", console, &console->virtio, &slot, error);
}

/* Who is at the other end of sdl's cables comes later (machine/sound.h). A replay has what was recorded in its log. */
static bool build_sound(struct machine *machine, const struct board_row *row, struct error *error)
{
    const struct sound_option *option = &machine->options->sound;
    const char *play = option->kind == SOUND_WAV ? option->path : NULL;
    const char *record = *option->capture && !tape_replays(machine->options->tape) ? option->capture : NULL;
    unsigned slot;
    if (option->kind == SOUND_ABSENT)
        return true;
    struct virtio_snd *snd = virtio_snd_create(&machine->bus, &machine->clock, machine->inputs);
    machine->sound = &snd->port;
    return add_virtio(machine, row, &virtio_snd_class, "sound0", snd, &snd->virtio, &slot, error) &&
           ((!play && !record) || wav_attach(&snd->port, play, record, error));
}

bool board_build_virtio(struct machine *machine, const struct board_row *row, struct error *error)
{
    unsigned slot;
    if (!build_disks(machine, row, error) || !build_nets(machine, row, error) || !build_shares(machine, row, error) ||
        !build_console(machine, row, error) || !build_balloon(machine, row, error) || !build_rng(machine, row, error) ||
        !build_vsock(machine, row, error) || !build_display(machine, row, error) ||
        !build_sound(machine, row, error) || !build_clipboard(machine, row, error))
        return false;
    while (!board_virtio_on_pci(machine) && machine->virtio_slots_used < BOARD_VIRTIO_SLOTS)
        fill_slot(machine, row, NULL, &slot, error);
    return true;
}

void board_describe_virtio(const struct machine *machine, const struct board_row *row, void *fdt)
{
    for (unsigned slot = 0; !board_virtio_on_pci(machine) && slot < BOARD_VIRTIO_SLOTS; slot++) {
        uint64_t base = row->base + slot * row->size_bytes;
        fdt_node_at(fdt, "virtio_mmio", base);
        fdt_property_string(fdt, "compatible", "virtio,mmio");
        fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){base, row->size_bytes});
        fdt_property_spi(fdt, row->spi + slot);
        fdt_property(fdt, "dma-coherent", NULL, 0);
        fdt_end_node(fdt);
    }
}
