/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user asked for: the command line of `armature run`, checked and in units, and the exit statuses.
 */
#ifndef ARMATURE_OPTIONS_H
#define ARMATURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "isa/arm64/features.h"
#include "machine/contract/disk_option.h"
#include "machine/contract/error.h"
#include "machine/contract/host.h"

struct net_switch;
struct tape;

/** The exit statuses of `armature`; the manual page and the help list them. */
enum exit_status {
    EXIT_STATUS_POWER_OFF = 0, /* the guest powered off, or the user left with Ctrl-A X */
    EXIT_STATUS_HOST = 1,      /* the host could not do something: a file, memory, a socket */
    EXIT_STATUS_USAGE = 2,     /* the command line makes no sense */
    EXIT_STATUS_PANIC = 3,     /* --exit-on-panic: the guest's kernel panicked */
    EXIT_STATUS_TIMEOUT = 4,   /* --timeout, --stop-after: that much guest time, so many instructions have passed */
    EXIT_STATUS_RESET = 5,     /* --no-reboot: the guest asked for a reset */
};

#define MAX_CPUS         64
#define MAX_GIC2_CPUS    8
#define MAX_DISKS        16
#define MAX_NETS         4
#define MAX_NET_QUEUES   4
#define MAX_FORWARDS     16
#define MAX_SHARES       8
#define MAX_HASHES       16
#define MAX_SAVES        16
#define MAX_AT           64
#define MIN_MEMORY_BYTES (16ull << 20)
#define MAX_MEMORY_BYTES (64ull << 30)
#define MIN_JIT_CACHE_BYTES (2ull << 20)
#define MAX_JIT_CACHE_BYTES (1ull << 30)

/** Where a serial line or console ends on the host. */
enum serial_kind {
    SERIAL_NONE,  /* nowhere: output is dropped, nothing comes in; there is no such console */
    SERIAL_NULL,  /* nowhere, but the device is there */
    SERIAL_STDIO, /* the program's own input and output, raw with a Ctrl-A escape where it is a terminal */
    SERIAL_FILE,  /* output goes into a file, made or emptied */
    SERIAL_UNIX,  /* a Unix socket that the program listens on; one client at a time */
    SERIAL_PAGE,  /* a text page, in the window and for screenshots */
    SERIAL_PTY,   /* a new pseudo-terminal, whose name is printed on standard error */
};

struct serial_option {
    enum serial_kind kind;
    const char *path; /* FILE and UNIX */
};

/** A snapshot that is to be written once. */
struct save_option {
    uint64_t at_insns; /* when CPU 0 has run that many; 0: not so */
    const char *text;  /* when the guest has printed it; NULL: not so */
    const char *path;
    bool moves; /* the machine moves to the address `path`, in place of being saved there */
};

/** One port of the host that leads into the guest. The address is IPv4 in host byte order: INADDR_ANY (0) for
 * all of the host's, 127.0.0.1 by default. */
struct forward_option {
    bool udp;
    uint32_t host_address;
    uint16_t host_port, guest_port;
};

/** A TCP port of an address in the guest's network (IPv4, host byte order) that leads to a Unix socket of the host. */
struct guest_forward_option {
    uint32_t address;
    uint16_t port;
    char path[108];
};

enum net_kind {
    NET_USER,   /* user-mode networking */
    NET_NONE,   /* nothing */
    NET_TAP,    /* an interface of the host */
    NET_SOCKET, /* another machine, by a stream socket */
    NET_SWITCH, /* the other machines of a cluster */
};

/** One network card, and what is at the other end of its cable. */
struct net_option {
    enum net_kind kind;
    char place[256];         /* TAP: the interface; SOCKET: unix:PATH or tcp:HOST:PORT; SWITCH: the network's name */
    bool listens;            /* SOCKET */
    bool restricted;         /* USER: only forwards lead out and in */
    bool mac_given;
    uint8_t mac[6];
    unsigned queues;         /* pairs of them, 1 to MAX_NET_QUEUES; 0: as the bus and the processors say */
    char dump[1024];         /* a file for all frames; "": none */
    struct forward_option forwards[MAX_FORWARDS];
    unsigned forward_count;
    struct guest_forward_option guest_forwards[MAX_FORWARDS];
    unsigned guest_forward_count;
};

/** A virtio-vsock: sockets between the guest and Unix sockets of the host. */
struct vsock_option {
    char path[108]; /* the host connects here; the guest's connections go to PATH_PORT. "": it leads nowhere */
    uint32_t cid;   /* the guest's address, 3 to 2^32 - 2; 0: there is no vsock */
};

/** What the real-time clock shows at power-on under --clock virtual, where nothing may depend on the host:
 *  2026-01-01 00:00:00 UTC. */
#define RTC_VIRTUAL_S 1767225600u

/** A directory of the host's that the guest may mount by its tag. */
struct share_option {
    char tag[32];
    char path[4096]; /* "": it is not known where it lies (of a snapshot or log) */
    bool read_only, mapped;
};

enum display_kind {
    DISPLAY_ABSENT, /* the machine has no screen, keyboard or tablet */
    DISPLAY_NONE,   /* it has, and nobody looks */
    DISPLAY_SDL,    /* in a window */
};

struct display_option {
    enum display_kind kind;
    uint32_t width, height; /* of the window at first; default 1024 by 768 */
    bool full_screen, windows; /* windows: one for each text page, too, from the beginning */
};

enum sound_kind {
    SOUND_ABSENT, /* the machine has no sound card */
    SOUND_NONE,   /* it has, and nobody listens */
    SOUND_SDL,    /* the host's sound */
    SOUND_WAV,    /* a file */
};

struct sound_option {
    enum sound_kind kind;
    char path[1024];    /* WAV: what is played */
    char capture[1024]; /* a file that is recorded; "": silence, or with SDL the host's microphone */
};

/** Something that is done at a time of the guest. */
struct at_option {
    uint64_t at_ns;
    const char *action; /* as machine/actions.h has them */
};

enum engine_choice { ENGINE_CHOICE_AUTO, ENGINE_CHOICE_INTERP, ENGINE_CHOICE_JIT, ENGINE_CHOICE_LOCKSTEP };
enum bus_choice { BUS_CHOICE_MMIO, BUS_CHOICE_PCI };
enum gic_version { GIC_VERSION_3, GIC_VERSION_2 };
enum input_choice { INPUT_CHOICE_VIRTIO, INPUT_CHOICE_USB };
enum clock_choice { CLOCK_CHOICE_PACED, CLOCK_CHOICE_VIRTUAL };

/** `armature run`. Strings belong to argv (after a restore, to the snapshot). Every member is within its range; what is
 * absent has its default.
 */
struct run_options {
    const char *kernel;    /* never NULL after a successful parse, unless dump_dtb or firmware is set */
    const char *initrd;    /* NULL: none */
    const char *append;    /* the kernel's command line; "" when not given */
    const char *dtb;       /* NULL: generated from the board */
    const char *firmware;  /* what the first CPU runs, from flash; NULL: the kernel itself */
    const char *firmware_vars; /* the file in which the second bank of flash persists; NULL: none */
    const char *dump_dtb;  /* write the device tree the guest would get there, and end */
    uint64_t memory_bytes; /* MIN_MEMORY_BYTES to MAX_MEMORY_BYTES, a multiple of 1 MiB; default 1 GiB */
    unsigned cpus;         /* 1 to MAX_CPUS; default 1 */
    unsigned disk_count;
    struct net_option nets[MAX_NETS];
    unsigned net_count;
    struct vsock_option vsock;
    unsigned share_count;
    struct serial_option serial;  /* the board's PL011; default STDIO */
    const char *serial_input;     /* a file that is typed on it; NULL: none */
    const char *serial_log;       /* a file that gets what the guest prints on it, too; NULL: none */
    struct serial_option console; /* a virtio-console; NONE: the board has none */
    enum input_choice input; /* what keyboard and tablet are; default VIRTIO, which they are with a display alone */
    enum bus_choice bus; /* how virtio devices are reached; default MMIO */
    enum gic_version gic; /* default GIC_VERSION_3 */
    bool el2;             /* processors have EL2 and start there */
    bool balloon;
    const char *hostcall; /* the list of functions that the guest may call; NULL: there are no such calls; "": it is not
                             known */
    const char
        *semihosting; /* the folder of its files; NULL: there is none; "": it is not known (of a snapshot or log) */
    const char *policy; /* a file of rules for calls of the host (hostcall/policy.h); NULL: there are none */
    struct display_option display;
    struct sound_option sound;
    bool clipboard; /* the guest shares one */
    const char *screenshot; /* where the screen is written at the end; NULL: nowhere */
    struct at_option at[MAX_AT];
    unsigned at_count;
    enum engine_choice engine;
    enum host_level host_features; /* default HOST_LEVEL_NATIVE */
    uint64_t jit_cache_bytes;      /* MIN_ to MAX_JIT_CACHE_BYTES, a multiple of 1 MiB; default 32 MiB */
    const char *jit_dump;          /* a file for every unit that is translated; NULL: none */
    bool jit_statistics, perf_map;
    enum cpu_model cpu;      /* default CPU_V8_2 */
    enum clock_choice clock; /* default: PACED where standard input is a terminal, else VIRTUAL */
    bool clock_asked;        /* it was given */
    bool parallel;
    uint64_t seed;           /* default 0 */
    uint32_t rtc_s;          /* what the real-time clock shows at power-on, in seconds since 1970; 0: --clock says */
    const char *record, *replay; /* a log of the run, to be written, or to be followed; NULL: none */
    const struct tape *tape;     /* what does that: main's to set */
    const char *cluster;         /* a file that says which machines run together; NULL: it is one */
    struct net_switch *net_switch; /* what joins them: main's to set */
    uint64_t timeout_ns;     /* guest time; 0: none */
    uint64_t stop_after_insns; /* of CPU 0, from where the run begins; 0: never */
    unsigned cpu_limit;      /* per cent of a processor of the host, 1 to 100 * MAX_CPUS; 0: no limit */
    uint64_t io_bytes_per_s, io_per_s; /* of each disk, in guest time; 0: no limit */
    bool no_isolation, verbose;
    bool exit_on_panic, no_reboot;
    uint64_t hash_at[MAX_HASHES]; /* where hashes of the state are printed: instructions of CPU 0, ascending, not 0 */
    unsigned hash_count;
    const char *script;  /* commands of the debugger, done before the guest starts; NULL: none */
    const char *control, *gdb; /* where the debugger listens: unix:PATH, tcp:[ADDRESS:]PORT; NULL: nowhere */
    const char *symbols; /* a file with symbols for the debugger; NULL: none */
    uint64_t history_bytes; /* memory for going back in time; 0: none */
    const char *restore; /* a snapshot to go on from, in place of booting a kernel; NULL: none */
    const char *incoming; /* where a machine is awaited that comes from another process; NULL: nowhere */
    bool fresh_identity; /* the restored machine is a clone, whose identity `seed` makes */
    struct save_option saves[MAX_SAVES];
    unsigned save_count;
    bool compress;  /* snapshots are compressed */
    const char *failure_snapshot; /* where a snapshot is written when a command of the script fails; NULL: nowhere */
    bool incremental; /* they hold what changed since the one before */
    uint64_t given[2]; /* a bit for each option that was given, by its place in the table */
    /* Large, so last, and what is behind the counts is nothing: it is not even cleared. */
    struct disk_option disks[MAX_DISKS];
    struct share_option shares[MAX_SHARES];
};

/** Firmware that Debian packages, by the word that stands for its file. The last has no word. */
extern const struct packaged_firmware {
    const char *word, *path, *package;
} packaged_firmware[];

/** Adds a shared folder, for which there is room, as --share says it. */
bool share_option_add(struct run_options *options, const char *value, struct error *error);

/** Fills `options` with the defaults. */
void run_options_default(struct run_options *options);

/** Names each option that says what machine it is and how it ends, with its value in one spelling ("" for a flag). What
 *  paths lead to is the machine's, where they lie is not. */
void run_options_describe(const struct run_options *options,
                          void (*each)(void *context, const char *name, const char *value), void *context);

/** Whether `name` is one of these, and whether its value is the host's business: a path, where output goes. */
bool run_options_describes(const char *name, bool *of_host);

/** Takes an option that was described so. The value must stay. False: `error` says what was expected. */
bool run_options_take(struct run_options *options, const char *name, const char *value, struct error *error);

/** What the real-time clock shows at power-on, as rtc_s or the kind of clock says. */
uint32_t run_options_rtc_s(const struct run_options *options);

/** Parses the arguments after `armature run` into `options` (which holds the defaults, or what run_options_take() took;
 * disks and networks that are given replace these). False: `error` has
 * the one line that says what was expected. */
bool run_options_parse(struct run_options *options, int argc, char *const argv[], struct error *error);

/** Takes one option by its name, as run_options_parse() does. For what a snapshot says of its machine. */
bool run_options_take(struct run_options *options, const char *name, const char *value, struct error *error);

/** Whether the option `name` was given on the command line. */
bool run_options_given(const struct run_options *options, const char *name);

#endif
