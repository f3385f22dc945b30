/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine: everything that belongs to one guest, from its power-on to its end. */
#ifndef ARMATURE_MACHINE_H
#define ARMATURE_MACHINE_H

#include "isa/arm64/cpu.h"
#include "machine/contract/device.h"
#include "machine/options.h"
#include "machine/panic.h"
#include "machine/psci.h"
#include "machine/run.h"
#include "machine/screen.h"

struct migration;
struct serial;
struct timed_action;
struct fw_cfg;
struct pci_host;
struct gicv3_its;
struct clipboard;
struct machine;
struct sound_port;

/** A serial line or console of the guest, and its end on the host. */
struct machine_line {
    struct machine *machine;
    struct serial *serial; /* NULL: the board has no such line, or it leads nowhere */
    unsigned source;       /* what the host sends */
    struct panic_watch panic;
};

#define MACHINE_DEVICES_MAX 128 /* those of the table, 32 slots of each bus with what is in them, SCSI disks */

/** What a disk held when the machine was built, by which a replay finds it again. */
struct machine_disk {
    uint64_t size_bytes, identity;
};

/** Why a machine stopped running. */
enum machine_stop {
    MACHINE_RUNNING,
    MACHINE_POWER_OFF, /* by the guest, or the user left */
    MACHINE_RESET,     /* the guest asked for it: not an end unless --no-reboot */
    MACHINE_PANIC,
    MACHINE_TIMEOUT,
    MACHINE_EXIT,   /* the guest gave an exit status (semihosting) */
    MACHINE_HALTED, /* a replay has nothing more to go by */
    MACHINE_MOVED,  /* it runs elsewhere now */
};

struct machine {
    const struct run_options *options;
    struct bus bus;
    struct clock clock;
    struct inputs *inputs;
    struct cpu *cpus[MAX_CPUS];
    unsigned cpu_count;
    const struct engine_ops *engine_ops;
    struct engine *engine;
    struct device devices[MACHINE_DEVICES_MAX]; /* in the order of the board's table */
    unsigned device_count;
    unsigned virtio_slots_used;
    struct pci_host *pci;  /* NULL: the board has no PCI Express */
    struct gicv3_its *its; /* NULL: messages on PCI are writes to memory */
    char boot_paths[MAX_DISKS][64]; /* of the disks, as Open Firmware would name them */
    struct machine_disk disks[MAX_DISKS]; /* where the run is recorded or replayed */
    struct policy *policy; /* of --policy; one of `devices`. NULL: there is none */
    struct fw_cfg *fw_cfg; /* what firmware is told; one of `devices` */
    struct machine_line uart, console;
    unsigned break_source; /* the UART's line held in break */
    unsigned power_source; /* the power key */
    unsigned net_links[MAX_NETS]; /* the cables of the network cards: 1 is in, 0 is out */
    unsigned net_count;
    unsigned vsock_reset; /* tells the guest that its connections are gone; where there is a vsock */
    struct machine_screen screen;
    struct clipboard *clipboard; /* which the guest shares; NULL: none */
    struct sound_port *sound; /* the sound card's cables; NULL: there is none */
    struct timed_action *timed_actions; /* of options->at */
    struct psci psci;
    struct run_loop loop;
    struct event panic_end, timeout;
    unsigned hashes_printed; /* of options->hash_at */
    uint64_t stop_insns;     /* --stop-after: where CPU 0 is then; UINT64_MAX: nowhere */
    struct machine_saving {
        /* Begins to save the machine, which stands between two instructions and may go on. Set by main; NULL: it cannot
         * be saved. */
        bool (*save)(struct machine *machine, const char *path, struct error *error);
        /* Whether what was begun came about. If it is not known yet: waits, or says true. */
        bool (*finish)(struct machine *machine, bool wait, struct error *error);
        struct saver *saver; /* main's */
        struct save_watch {
            unsigned matched; /* how much of the text has been printed */
            bool wanted, done;
        } watches[MAX_SAVES]; /* of options->saves */
        bool failed;          /* one could not be written, which was said */
    } saving;
    /* A debugger that was wired in. `halted` is called when the machine stands still between two instructions: before
     * it starts if `at_start`, when run_loop_halt() was called, and at its end, which `stop` tells; it may run the
     * machine itself by machine_resume(). False: the run ends. */
    struct machine_debugger {
        bool (*halted)(void *context);
        void *context;
        bool at_start;
        void (*key)(void *context); /* Ctrl-A D, or Ctrl-C where `prompt` */
        void (*output)(void *context, const void *bytes, size_t length); /* what the guest prints; NULL: nobody asks */
        void *output_context;
        bool output_found; /* `output` has halted the machine */
        bool prompt;                /* standard input belongs to it while the machine stands still */
    } debugger;
    struct machine_moving {
        /* Begins to move the machine to an address; takes the next step; tells what failed. Set by main; NULL: it
         * stays. */
        bool (*start)(struct migration *migration, const char *address, struct error *error);
        void (*step)(struct migration *migration);
        bool (*failed)(struct migration *migration, struct error *error);
        bool (*busy)(const struct migration *migration);
        struct migration *migration; /* main's */
    } moving;
    bool restored; /* from a snapshot: it is not booted, but goes on */
    bool left;     /* the user ended it, by a key or by closing its window: who looks at it has to go too */
    enum machine_stop stop;
    uint8_t exit_status; /* MACHINE_EXIT */
    uint64_t resets; /* how often the guest was started again */
};

/** What of struct machine itself is state; devices, CPUs, clock and loop have lists of their own. */
extern const struct fields machine_fields;

/** After machine_fields were replaced. */
void machine_restored(struct machine *machine);

/** Builds the machine that `options` asks for (they stay the caller's), on the engine given. NULL: `error`
 * says what the host could not give. */
struct machine *machine_create(const struct run_options *options, const struct engine_ops *engine_ops,
                               struct error *error);
void machine_free(struct machine *machine);

#define MACHINE_EXIT_BASE 0x100

/** Loads what the options name and runs the guest to its end. Returns the program's exit status (enum
 * exit_status); for EXIT_STATUS_HOST `error` says why. Where the guest gave one it is that and MACHINE_EXIT_BASE. */
int machine_run(struct machine *machine, struct error *error);

/** Runs the guest until it halts (machine->loop.halted) or ends (machine->stop), starting it again after a reset that
 * is no end. For a debugger. False: the host could not, and `error` says what. */
bool machine_resume(struct machine *machine, struct error *error);

/** Ends the run, as the user asked for it. On the machine's thread. */
void machine_quit(struct machine *machine);

/** Writes the device tree that the guest would get to options->dump_dtb. */
bool machine_dump_dtb(struct machine *machine, struct error *error);

/** Ends the run behind the instruction that is running. On the machine's thread only. */
void machine_stop_for(struct machine *machine, enum machine_stop reason);

/** Cold reset: CPUs, devices, RAM. Virtual time goes on. */
void machine_reset(struct machine *machine);

/** Makes the restored machine a clone with the identity that options->seed makes: other random numbers from now on, and
 * a generation ID by which the guest sees that. */
void machine_reidentify(struct machine *machine);

/** Watches the changes of RAM, from now on. Not under --parallel. */
void machine_watch_ram(struct machine *machine, struct page_watch *watch);

/** Takes what scripts have ready for the machine's lines, which is part of it once it is saved. */
void machine_collect_scripts(struct machine *machine);

/** Has the next store of each CPU to any page look at the page's flags. */
void machine_drop_write_tags(struct machine *machine);

/** A hash over the whole state: CPUs, devices, RAM. Equal machines have equal hashes. */
uint64_t machine_hash(const struct machine *machine);

/** Adds a device to the list that is reset, saved and freed. */
void machine_add_device(struct machine *machine, const struct device_class *class, const char *name,
                        void *instance);

/** Ends the run, the guest having given the program's exit status. */
void machine_exit(void *machine, uint8_t status);

/** The guest says that its kernel panicked: this is told, and with --exit-on-panic the machine ends soon. `recovers`: a
 * kernel for that case goes on, and it is only told. */
void machine_panicked(struct machine *machine, bool recovers);

/** The transmit hook of a serial line or console (`line`: a struct machine_line): looks for a kernel panic
 * and hands on to the host's end. */
void machine_transmit(void *line, const void *bytes, size_t length);

#endif
