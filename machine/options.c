/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of `armature run`: the table of its options, and how each takes its value. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "machine/contract/clock.h"
#include "machine/actions.h"
#include "machine/options_table.h"

/* --- values ---------------------------------------------------------------------------------------- */

/* Reads a plain number (decimal, or 0x and hexadecimal) up to `maximum`; `*end` is what follows it. */
static bool parse_number(const char *text, uint64_t maximum, uint64_t *value, const char **end)
{
    bool hexadecimal = text[0] == '0' && text[1] == 'x';
    const char *digits = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
    const char *first = hexadecimal ? text + 2 : text;
    if (!*first || !strchr(digits, *first))
        return false;
    char *after;
    errno = 0;
    *value = strtoull(text, &after, hexadecimal ? 16 : 10);
    *end = after;
    return errno == 0 && *value <= maximum;
}

static bool parse_whole_number(const char *text, uint64_t maximum, uint64_t *value)
{
    const char *end;
    return parse_number(text, maximum, value, &end) && !*end;
}

/* The place of `text` in `words`, which are separated by blanks; -1 where it is none of them. */
static int find_word(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (int index = 0; *words; index++) {
        size_t word = strcspn(words, " ");
        if (word == length && !memcmp(words, text, length))
            return index;
        words += word + strspn(words + word, " ");
    }
    return -1;
}

static bool take_path(const char **path, const char *what, const char *value, struct error *error)
{
    if (!*value)
        return error_set(error, "%s expects the name of a file", what);
    *path = value;
    return true;
}

/* One of `words`, in the order of an enum. */
static bool take_word(int *choice, const char *what, const char *words, const char *value,
                      struct error *error)
{
    *choice = find_word(words, value);
    if (*choice < 0)
        return error_set(error, "%s expects one of: %s (not '%s')", what, words, value);
    return true;
}

/* --- one function an option ------------------------------------------------------------------------ */

#define ENGINES "auto interp jit lockstep"
#define MODELS  "v8.0 v8.2 max"
#define BUSES   "mmio pci"
#define CLOCKS  "paced virtual"
#define SERIALS "none null stdio pty file: unix:"

static bool take_kernel(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->kernel, "--kernel", value, error);
}

static bool take_initrd(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->initrd, "--initrd", value, error);
}

static bool take_append(struct run_options *options, const char *value, struct error *error)
{
    options->append = value;
    return true;
}

static bool take_dtb(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->dtb, "--dtb", value, error);
}

const struct packaged_firmware packaged_firmware[] = {
    {"uefi", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "qemu-efi-aarch64"},
    {"uboot", "/usr/lib/u-boot/qemu_arm64/u-boot.bin", "u-boot-qemu"},
    {0},
};

static bool take_firmware(struct run_options *options, const char *value, struct error *error)
{
    for (const struct packaged_firmware *known = packaged_firmware; known->word; known++)
        if (!strcmp(value, known->word))
            value = known->path;
    return take_path(&options->firmware, "--firmware", value, error);
}

static bool take_firmware_vars(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->firmware_vars, "--firmware-vars", value, error);
}

static bool take_dump_dtb(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->dump_dtb, "--dump-dtb", value, error);
}

/* A number of MiB or GiB from `minimum` to `maximum`. */
static bool parse_size(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *bytes)
{
    uint64_t number;
    const char *unit;
    if (!parse_number(text, maximum >> 20, &number, &unit) || (strcmp(unit, "M") && strcmp(unit, "G")))
        return false;
    uint64_t size = number << (*unit == 'M' ? 20 : 30);
    if (size < minimum || size > maximum)
        return false;
    *bytes = size;
    return true;
}

static bool take_memory(struct run_options *options, const char *value, struct error *error)
{
    return parse_size(value, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES, &options->memory_bytes) ||
           error_set(error, "--memory expects a size from 16M to 64G, such as 512M or 2G (not '%s')", value);
}

static bool take_cpus(struct run_options *options, const char *value, struct error *error)
{
    uint64_t number;
    if (!parse_whole_number(value, MAX_CPUS, &number) || number == 0)
        return error_set(error, "--cpus expects a number from 1 to %u (not '%s')", MAX_CPUS, value);
    options->cpus = (unsigned)number;
    return true;
}

static bool take_disk(struct run_options *options, const char *value, struct error *error)
{
    if (options->disk_count == MAX_DISKS)
        return error_set(error, "--disk can be given %u times at most", MAX_DISKS);
    if (!disk_option_parse(value, &options->disks[options->disk_count], "--disk", error))
        return false;
    options->disk_count++;
    return true;
}

static bool take_cdrom(struct run_options *options, const char *value, struct error *error)
{
    if (options->disk_count == MAX_DISKS)
        return error_set(error, "--disk and --cdrom can be given %u times at most", MAX_DISKS);
    struct disk_option *disk = &options->disks[options->disk_count];
    *disk = (struct disk_option){.format = DISK_FORMAT_RAW, .attachment = DISK_ATTACH_CD, .read_only = true};
    if (!*value || strlen(value) >= sizeof disk->path)
        return error_set(error, "--cdrom expects the name of a file");
    strcpy(disk->path, value);
    options->disk_count++;
    return true;
}

/* tcp|udp:[ADDRESS:]HOSTPORT:GUESTPORT, `text` being a copy that may be cut up. */
static bool parse_forward(char *text, struct forward_option *forward)
{
    char *part[4];
    unsigned count = 0;
    char *rest = text;
    while (rest && count < 4)
        part[count++] = strsep(&rest, ":");
    if (count < 3 || rest)
        return false;

    struct in_addr address = {htonl(INADDR_LOOPBACK)};
    uint64_t host_port, guest_port;
    int protocol = find_word("tcp udp", part[0]);
    if (protocol < 0 || (count == 4 && inet_pton(AF_INET, part[1], &address) != 1) ||
        !parse_whole_number(part[count - 2], UINT16_MAX, &host_port) || host_port == 0 ||
        !parse_whole_number(part[count - 1], UINT16_MAX, &guest_port) || guest_port == 0)
        return false;
    *forward = (struct forward_option){protocol == 1, ntohl(address.s_addr), (uint16_t)host_port,
                                       (uint16_t)guest_port};
    return true;
}

static bool take_net(struct run_options *options, const char *value, struct error *error)
{
    static const char hostfwd[] = "hostfwd=";
    if (options->net_count == MAX_NETS)
        return error_set(error, "--net can be given %u times at most", MAX_NETS);
    struct net_option *net = &options->nets[options->net_count];
    *net = (struct net_option){0};

    char copy[1024];
    bool good = strlen(value) < sizeof copy;
    char *rest = good ? strcpy(copy, value) : NULL;
    good = good && !strcmp(strsep(&rest, ","), "user");
    while (good && rest) {
        char *part = strsep(&rest, ",");
        good = !strncmp(part, hostfwd, strlen(hostfwd)) && net->forward_count < MAX_FORWARDS &&
               parse_forward(part + strlen(hostfwd), &net->forwards[net->forward_count++]);
    }
    if (!good)
        return error_set(error,
                         "--net expects user, or user,hostfwd=tcp:HOSTPORT:GUESTPORT (also udp:, also with "
                         "the host's address before its port), not '%s'",
                         value);
    options->net_count++;
    return true;
}

static bool take_share(struct run_options *options, const char *value, struct error *error)
{
    if (options->share_count == MAX_SHARES)
        return error_set(error, "--share can be given %u times at most", MAX_SHARES);
    return share_option_add(options, value, error);
}

static bool take_balloon(struct run_options *options, const char *value, struct error *error)
{
    return options->balloon = true;
}

static bool take_hostcall(struct run_options *options, const char *value, struct error *error)
{
    options->hostcall = value;
    return true;
}

static bool take_semihosting(struct run_options *options, const char *value, struct error *error)
{
    options->semihosting = value;
    return true;
}

static bool take_serial_option(struct serial_option *serial, const char *what, const char *value,
                               struct error *error)
{
    static const struct {
        const char *word;
        enum serial_kind kind;
    } kinds[] = {{"none", SERIAL_NONE}, {"null", SERIAL_NULL}, {"stdio", SERIAL_STDIO}, {"pty", SERIAL_PTY}};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(value, kinds[i].word)) {
            *serial = (struct serial_option){kinds[i].kind, NULL};
            return true;
        }
    bool file = !strncmp(value, "file:", 5), socket = !strncmp(value, "unix:", 5);
    if ((file || socket) && value[5]) {
        *serial = (struct serial_option){file ? SERIAL_FILE : SERIAL_UNIX, value + 5};
        return true;
    }
    return error_set(error, "%s expects stdio, file:PATH, unix:PATH, pty, null or none (not '%s')", what, value);
}

static bool take_serial(struct run_options *options, const char *value, struct error *error)
{
    return take_serial_option(&options->serial, "--serial", value, error);
}

static bool take_console(struct run_options *options, const char *value, struct error *error)
{
    return take_serial_option(&options->console, "--console", value, error);
}

static bool take_bus(struct run_options *options, const char *value, struct error *error)
{
    int choice;
    if (!take_word(&choice, "--bus", BUSES, value, error))
        return false;
    options->bus = (enum bus_choice)choice;
    return true;
}

static bool take_engine(struct run_options *options, const char *value, struct error *error)
{
    int choice;
    if (!take_word(&choice, "--engine", ENGINES, value, error))
        return false;
    options->engine = (enum engine_choice)choice;
    return true;
}

static bool take_host_features(struct run_options *options, const char *value, struct error *error)
{
    return host_find_level(value, &options->host_features) ||
           error_set(error, "--host-features expects one of: %s (not '%s')", HOST_LEVELS, value);
}

static bool take_jit_cache(struct run_options *options, const char *value, struct error *error)
{
    return parse_size(value, MIN_JIT_CACHE_BYTES, MAX_JIT_CACHE_BYTES, &options->jit_cache_bytes) ||
           error_set(error, "--jit-cache expects a size from 2M to 1G, such as 8M or 64M (not '%s')", value);
}

static bool take_jit_dump(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->jit_dump, "--jit-dump", value, error);
}

static bool take_jit_statistics(struct run_options *options, const char *value, struct error *error)
{
    options->jit_statistics = true;
    return true;
}

static bool take_perf_map(struct run_options *options, const char *value, struct error *error)
{
    options->perf_map = true;
    return true;
}

static bool take_cpu(struct run_options *options, const char *value, struct error *error)
{
    int choice;
    if (!take_word(&choice, "--cpu", MODELS, value, error))
        return false;
    options->cpu = (enum cpu_model)choice;
    return true;
}

/* sdl|none[,size=WxH][,fullscreen] */
static bool take_display(struct run_options *options, const char *value, struct error *error)
{
    char copy[64] = "", *rest = copy, *word;
    struct display_option *display = &options->display;
    if (strlen(value) < sizeof copy)
        strcpy(copy, value);
    int kind = find_word("none sdl", strsep(&rest, ","));
    bool good = kind >= 0;
    *display = (struct display_option){DISPLAY_NONE + kind, 1024, 768, false};
    while (good && (word = strsep(&rest, ","))) {
        uint64_t width = 0, height = 0;
        const char *end = "";
        if (!strcmp(word, "fullscreen"))
            display->full_screen = true;
        else if (strncmp(word, "size=", 5) || !parse_number(word + 5, 8192, &width, &end) || *end != 'x' ||
                 !parse_whole_number(end + 1, 4320, &height) || width < 64 || height < 64)
            good = false;
        else
            display->width = (uint32_t)width, display->height = (uint32_t)height;
    }
    return good ||
           error_set(error, "--display expects sdl or none, and behind it ,size=WIDTHxHEIGHT or ,fullscreen (not '%s')",
                     value);
}

static bool take_screenshot(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->screenshot, "--screenshot", value, error);
}

static bool take_clock(struct run_options *options, const char *value, struct error *error)
{
    int choice;
    if (!take_word(&choice, "--clock", CLOCKS, value, error))
        return false;
    options->clock = (enum clock_choice)choice;
    options->clock_asked = true;
    return true;
}

static bool take_parallel(struct run_options *options, const char *value, struct error *error)
{
    return options->parallel = true;
}

static bool take_seed(struct run_options *options, const char *value, struct error *error)
{
    if (!parse_whole_number(value, UINT64_MAX, &options->seed))
        return error_set(error, "--seed expects a number of up to 64 bits (not '%s')", value);
    return true;
}

static bool take_rtc(struct run_options *options, const char *value, struct error *error)
{
    uint64_t number;
    if (!parse_whole_number(value, UINT32_MAX, &number) || number == 0)
        return error_set(error, "--rtc expects seconds since 1970, from 1 to 4294967295 (not '%s')", value);
    options->rtc_s = (uint32_t)number;
    return true;
}

static bool take_record(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->record, "--record", value, error);
}

static bool take_replay(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->replay, "--replay", value, error);
}

/* A number and its unit: 500ms, 60s, 5m, 1h. */
static bool parse_time(const char *text, uint64_t *ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ms", 1000000}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}};
    uint64_t number;
    const char *unit;
    if (parse_number(text, UINT64_MAX / units[3].ns, &number, &unit) && number > 0)
        for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
            if (!strcmp(unit, units[i].unit)) {
                *ns = number * units[i].ns;
                return true;
            }
    return false;
}

static bool take_timeout(struct run_options *options, const char *value, struct error *error)
{
    return parse_time(value, &options->timeout_ns) ||
           error_set(error, "--timeout expects a time with its unit (ms, s, m or h), such as 60s (not '%s')", value);
}

static bool take_at(struct run_options *options, const char *first, const char *second, struct error *error)
{
    struct at_option *at = &options->at[options->at_count];
    if (options->at_count == MAX_AT)
        return error_set(error, "--at can be given %u times at most", MAX_AT);
    if (!parse_time(first, &at->at_ns))
        return error_set(
            error, "--at expects a time with its unit, and an action, such as 20s \"screenshot x.png\" (not '%s')",
            first);
    if (!action_check(second, error))
        return false;
    at->action = second;
    options->at_count++;
    return true;
}

static bool take_stop_after(struct run_options *options, const char *value, struct error *error)
{
    if (parse_whole_number(value, UINT64_MAX - 1, &options->stop_after_insns) && options->stop_after_insns > 0)
        return true;
    return error_set(error, "--stop-after expects a number of instructions, such as 1000000 (not '%s')", value);
}

static bool take_state_hash_at(struct run_options *options, const char *value, struct error *error)
{
    const char *rest = value;
    uint64_t number, last = 0;
    bool good = true;
    options->hash_count = 0;
    do {
        good = options->hash_count < MAX_HASHES && parse_number(rest, UINT64_MAX - 1, &number, &rest) && number > last;
        if (good)
            last = options->hash_at[options->hash_count++] = number;
    } while (good && *rest++ == ',');
    if (good && !rest[-1])
        return true;
    return error_set(error, "--state-hash-at expects numbers of instructions, ascending, up to %u of them, such as "
                     "1000000,50000000 (not '%s')", MAX_HASHES, value);
}

/* The next snapshot to be written. */
static struct save_option *next_save(struct run_options *options, const char *path, struct error *error)
{
    if (options->save_count == MAX_SAVES) {
        error_set(error, "--save-at, --save-on and --migrate-on can be given %u times at most", MAX_SAVES);
        return NULL;
    }
    struct save_option *save = &options->saves[options->save_count];
    *save = (struct save_option){.path = NULL};
    if (!take_path(&save->path, "--save-at or --save-on", path, error))
        return NULL;
    options->save_count++;
    return save;
}

static bool take_save_at(struct run_options *options, const char *first, const char *second, struct error *error)
{
    uint64_t number;
    if (!parse_whole_number(first, UINT64_MAX - 1, &number) || number == 0)
        return error_set(error,
                         "--save-at expects a number of instructions and a file, such as 50000000 base.snap (not '%s')",
                         first);
    struct save_option *save = next_save(options, second, error);
    if (save)
        save->at_insns = number;
    return save != NULL;
}

static bool take_save_on(struct run_options *options, const char *first, const char *second, struct error *error)
{
    if (!*first)
        return error_set(error,
                         "--save-on expects a text that the guest will print, and a file, such as login: base.snap");
    struct save_option *save = next_save(options, second, error);
    if (save)
        save->text = first;
    return save != NULL;
}

static bool take_migrate_on(struct run_options *options, const char *first, const char *second, struct error *error)
{
    if (!*first || strncmp(second, "tcp:", 4))
        return error_set(error, "--migrate-on expects a text that the guest will print, and a place, such as login: "
                         "tcp:127.0.0.1:4444");
    struct save_option *save = next_save(options, second, error);
    if (save) {
        save->text = first;
        save->moves = true;
    }
    return save != NULL;
}

static bool take_incoming(struct run_options *options, const char *value, struct error *error)
{
    if (strncmp(value, "tcp:", 4))
        return error_set(error, "--incoming expects a place, such as tcp:127.0.0.1:4444 (not '%s')", value);
    options->incoming = value;
    return true;
}

static bool take_restore(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->restore, "--restore", value, error);
}

static bool take_fresh_identity(struct run_options *options, const char *value, struct error *error)
{
    return options->fresh_identity = true;
}

static bool take_compress(struct run_options *options, const char *value, struct error *error)
{
    return options->compress = true;
}

static bool take_script(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->script, "--script", value, error);
}

static bool take_failure_snapshot(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->failure_snapshot, "--failure-snapshot", value, error);
}

static bool take_symbols(struct run_options *options, const char *value, struct error *error)
{
    return take_path(&options->symbols, "--symbols", value, error);
}

static bool take_listener(const char **listener, const char *what, const char *value, struct error *error)
{
    if ((strncmp(value, "unix:", 5) && strncmp(value, "tcp:", 4)) || !strchr(value, ':')[1])
        return error_set(error, "%s expects unix:PATH or tcp:PORT (also tcp:ADDRESS:PORT), not '%s'", what, value);
    *listener = value;
    return true;
}

static bool take_control(struct run_options *options, const char *value, struct error *error)
{
    return take_listener(&options->control, "--control", value, error);
}

static bool take_incremental(struct run_options *options, const char *value, struct error *error)
{
    return options->incremental = true;
}

static bool take_gdb(struct run_options *options, const char *value, struct error *error)
{
    return take_listener(&options->gdb, "--gdb", value, error);
}

static bool take_history(struct run_options *options, const char *value, struct error *error)
{
    return parse_size(value, 0, MAX_MEMORY_BYTES, &options->history_bytes) ||
           error_set(error, "--history expects a size from 0M to 64G, such as 512M or 4G (not '%s')", value);
}

static bool take_exit_on_panic(struct run_options *options, const char *value, struct error *error)
{
    return options->exit_on_panic = true;
}

static bool take_no_reboot(struct run_options *options, const char *value, struct error *error)
{
    return options->no_reboot = true;
}

/* --- the table ------------------------------------------------------------------------------------- */

const struct cli_option cli_options[] = {
    {"--kernel", "FILE", "", false, "The kernel: an arm64 Image, plain or compressed with gzip, or an ELF file.",
     take_kernel},
    {"--initrd", "FILE", "", false, "An initial RAM disk for the kernel.", take_initrd},
    {"--append", "TEXT", NULL, false, "The kernel's command line, such as \"console=ttyAMA0\".", take_append},
    {"--firmware", "FILE|uefi|uboot", "uefi uboot", false,
     "Start firmware from flash, in place of a kernel: a file, or what Debian's packages qemu-efi-aarch64 and "
     "u-boot-qemu "
     "have. With --kernel, UEFI firmware starts that.",
     take_firmware},
    {"--firmware-vars", "FILE", "", false,
     "Where the second bank of flash, in which firmware keeps its variables, persists; made where there is none. "
     "Without, "
     "variables last as long as the machine.",
     take_firmware_vars},
    {"--memory", "SIZE", NULL, false, "Guest memory, 16M to 64G; default 1G. The host's is taken as it is touched.",
     take_memory},
    {"--cpus", "N", NULL, false, "Number of processors, 1 to 64; default 1.", take_cpus},
    {"--cpu", "v8.0|v8.2|max", MODELS, false,
     "Processor model; default v8.2, which has what a Neoverse N1 has. max adds pointer authentication and "
     "more.",
     take_cpu},
    {"--bus", "mmio|pci", BUSES, false,
     "How virtio devices are attached: mmio, a slot each (the default), or pci, on PCI Express with MSI-X through the "
     "interrupt controller's translation service.",
     take_bus},
    {"--disk", "FILE[,WORD...]", "", true,
     "A disk image as the next virtio disk (/dev/vda, vdb, ...), or with ,bus=nvme an NVMe one (on PCI Express, which "
     "is there then; /dev/nvme0n1), or with ,bus=scsi a SCSI one (virtio-scsi; /dev/sda): qcow2 where its name ends "
     "so, else raw; ,format=raw "
     "and "
     ",format=qcow2 say which. ,ro is read-only; with ,overlay what the guest writes is kept in memory and in "
     "snapshots, "
     "and the image stays as it is; with ,overlay=FILE it is kept in that qcow2 image, which is made where it is not "
     "there. "
     ",snapshot=NAME reads a snapshot in a qcow2 image. Several images are one disk as stripe:A+B (in turn) or "
     "mirror:A+B "
     "(each holds all; one may fail).",
     take_disk},
    {"--cdrom", "FILE", "", true, "An ISO image in a CD drive (virtio-scsi; /dev/sr0), read-only and as it is.",
     take_cdrom},
    {"--net", "user[,hostfwd=...]", "user user,hostfwd=tcp:", true,
     "A network card behind user-mode networking. hostfwd=tcp:2222:22 leads the host's port 2222 to the "
     "guest's 22; "
     "further forwards follow after commas, and hostfwd=tcp:0.0.0.0:2222:22 opens the port to other "
     "machines.",
     take_net},
    {"--share", "TAG=DIR[,ro][,mapped]", "", true,
     "Share a directory with the guest, which mounts it by: mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt. ,ro "
     "makes "
     "it read-only. Owners are the host's; with ,mapped the guest's owners, modes and devices are kept in an extended "
     "attribute. Nothing outside of the directory can be reached.",
     take_share},
    {"--balloon", NULL, NULL, false,
     "Add a virtio balloon, by which the guest gives memory that it does not use back to the host.", take_balloon},
    {"--hostcall", "FILE", "", false,
     "Let the guest call the functions of the host's libraries that the file lists with their arguments, and no "
     "others. Its "
     "side of that is in guest/hypercall.",
     take_hostcall},
    {"--semihosting", "DIR", "", false,
     "Serve Arm's semihosting calls (HLT #0xF000), for programs without an operating system: files beneath DIR, the "
     "console, "
     "time, and the program's exit status, which becomes this one's. The command line is the kernel's name and "
     "--append.",
     take_semihosting},
    {"--serial", "WHERE", SERIALS, false,
     "Where the serial line ends: stdio (the default), file:PATH, unix:PATH (a socket), pty, or null (nowhere) or "
     "none.",
     take_serial},
    {"--console", "WHERE", SERIALS, false,
     "Adds a virtio console (hvc0), which ends in one of the same places; none adds none.", take_console},
    {"--display", "sdl|none[,WORD...]", "sdl none", false,
     "Adds a screen (virtio-gpu, and ramfb for firmware), a keyboard and a tablet: in a window, or none, "
     "where only screenshots show it. "
     ",size=1280x800 "
     "says how large it is at first, ,fullscreen fills the host's screen. Ctrl-Alt-H lists the window's keys.",
     take_display},
    {"--screenshot", "FILE", "", false, "Write the screen there at the end, as PNG. Needs --display.", take_screenshot},
    {"--at", "TIME ACTION", NULL, true,
     "Do something at a time of the guest, such as 20s: \"screenshot FILE.png\", \"key ctrl-alt-f2\", \"type TEXT\" "
     "(with "
     "\\n for Enter), \"mouse X Y\" (pixels), \"click X Y [left|middle|right]\" or \"power\".",
     .take_pair = take_at},
    {"--clock", "paced|virtual", CLOCKS, false,
     "paced keeps guest time near the host's (the default on a terminal); virtual skips idle time, and makes "
     "runs "
     "repeatable (the default otherwise).",
     take_clock},
    {"--parallel", NULL, NULL, false,
     "Run each processor on a host thread of its own, in the host's time. It is faster with several processors on "
     "several cores, and gives up that runs are repeatable.",
     take_parallel},
    {"--seed", "N", NULL, false, "What all randomness in the machine is made from; default 0.", take_seed},
    {"--rtc", "SECONDS", NULL, false,
     "What the real-time clock shows at power-on, in seconds since 1970; default the host's time with --clock paced, "
     "and the beginning of 2026 with --clock virtual.",
     take_rtc},
    {"--record", "FILE", "", false,
     "Write a log of all that reaches the guest from outside, by which --replay can do the run again.", take_record},
    {"--replay", "FILE", "", false,
     "Do a recorded run again, exactly. The machine is the log's: files that lie elsewhere now, --engine and where "
     "output goes may be given. Nothing is taken from the host, disks are not written, and the run ends where the "
     "recording did, or with an error where it comes to differ.",
     take_replay},
    {"--engine", "auto|interp|jit|lockstep", ENGINES, false,
     "What executes the guest: interp interprets, jit translates all of it, auto (the default) translates what runs "
     "often. lockstep does all twice, by jit and by interp, and ends with a report where they differ.",
     take_engine},
    {"--host-features", "LEVEL", HOST_LEVELS, false,
     "Use at most what x86-64-v2, x86-64-v3 or x86-64-v4 includes of the host's processor; native (the default) uses "
     "all it has. The guest sees no difference.",
     take_host_features},
    {"--jit-cache", "SIZE", NULL, false,
     "Memory for translated code, from 2M to 1G; default 32M. Where it is full, what was translated first is dropped, "
     "and translated again if it is still run.",
     take_jit_cache},
    {"--jit-dump", "FILE", "", false,
     "Write all code that is translated there: the guest's, the intermediate form, and the host's bytes of each block.",
     take_jit_dump},
    {"--jit-statistics", NULL, NULL, false,
     "Print on standard error at the end how much was translated and dropped, and the time that took.",
     take_jit_statistics},
    {"--perf-map", NULL, NULL, false,
     "Write /tmp/perf-PID.map, by which Linux perf names translated code: the physical address of a block or a region.",
     take_perf_map},
    {"--timeout", "TIME", NULL, false, "End after that much guest time, such as 500ms, 60s, 5m or 1h.", take_timeout},
    {"--stop-after", "N", NULL, false,
     "End when the first processor has run N instructions more: from the start, or from where a snapshot stands.",
     take_stop_after},
    {"--exit-on-panic", NULL, NULL, false, "End when the guest's kernel panics.", take_exit_on_panic},
    {"--no-reboot", NULL, NULL, false, "End when the guest asks for a reset, in place of starting again.",
     take_no_reboot},
    {"--state-hash-at", "N[,N...]", NULL, false,
     "Print a hash of the whole machine's state on standard error when the first processor has run N instructions: for "
     "comparing runs.",
     take_state_hash_at},
    {"--save-at", "N FILE", NULL, true,
     "Write a snapshot of the whole machine there when the first processor has run N instructions, and go on.",
     .take_pair = take_save_at},
    {"--save-on", "TEXT FILE", NULL, true,
     "Write a snapshot there when the guest has printed TEXT on its serial line or console, and go on.",
     .take_pair = take_save_on},
    {"--compress", NULL, NULL, false,
     "Compress the memory in the snapshots that are written. They are smaller, and slower to restore.", take_compress},
    {"--incremental", NULL, NULL, false,
     "Have the snapshots that are written hold only what changed since the one before, or the restored one, which is "
     "then "
     "needed to restore them.",
     take_incremental},
    {"--restore", "FILE", "", false,
     "Go on with the machine in a snapshot, in place of booting one. What it has is said by the snapshot; --disk, "
     "--net, "
     "--serial and --console may say anew where its devices end on the host. Disks are overlays. With --seed it goes "
     "on as "
     "a clone with an identity of its own: other random numbers, and a generation ID by which the guest sees it.",
     take_restore},
    {"--migrate-on", "TEXT PLACE", NULL, true,
     "Move the running machine to the armature that waits with --incoming at that place, such as tcp:127.0.0.1:4444, "
     "when "
     "the guest has printed TEXT. It runs on meanwhile; where it cannot move it stays.",
     .take_pair = take_migrate_on},
    {"--incoming", "PLACE", NULL, false,
     "Wait at tcp:HOST:PORT for a machine that moves here, and go on with it. --disk must name the images that it had. "
     "Nothing protects what goes over the wire.",
     take_incoming},
    {"--fresh-identity", NULL, NULL, false,
     "With --restore: an identity that no other clone has, from the host's randomness in place of --seed.",
     take_fresh_identity},
    {"--script", "FILE", "", false, "Commands of the debugger, done before the guest starts. Those that run it, do.",
     take_script},
    {"--failure-snapshot", "FILE", "", false, "Write a snapshot there when a command of --script fails.",
     take_failure_snapshot},
    {"--control", "WHERE", "unix: tcp:", false,
     "Take commands of the debugger at unix:PATH or tcp:PORT (of the loopback; tcp:ADDRESS:PORT elsewhere). Replies "
     "are JSON.",
     take_control},
    {"--gdb", "WHERE", "unix: tcp:", false,
     "Serve gdb's remote protocol at unix:PATH or tcp:PORT. The guest runs until gdb comes.", take_gdb},
    {"--history", "SIZE", NULL, false,
     "Memory that the debugger may take to go back in time, 0M to 64G; default 512M. 0M: it cannot go back.",
     take_history},
    {"--symbols", "FILE", "", false, "Symbols for the debugger: an ELF file with or without DWARF, or a System.map.",
     take_symbols},
    {"--dtb", "FILE", "", false, "A device tree for the guest, in place of the generated one.", take_dtb},
    {"--dump-dtb", "FILE", "", false, "Write the device tree that the guest would get, and end.", take_dump_dtb},
    {0},
};

const struct cli_status cli_statuses[] = {
    {EXIT_STATUS_POWER_OFF, "The guest powered off, or the user left with Ctrl-A X."},
    {EXIT_STATUS_HOST, "A file, memory, a socket or the like could not be had from the host."},
    {EXIT_STATUS_USAGE, "The command line makes no sense."},
    {EXIT_STATUS_PANIC, "The guest's kernel panicked (--exit-on-panic)."},
    {EXIT_STATUS_TIMEOUT, "The time of --timeout, or the instructions of --stop-after, are over."},
    {EXIT_STATUS_RESET, "The guest asked for a reset (--no-reboot)."},
    {0},
};
