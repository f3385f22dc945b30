/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of /proc is not as the host's kernel shows it: it knows this program, not the guest's. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/process.h"

/* What follows /proc/self/, /proc/thread-self/ or /proc/PID/ of this process, or NULL. */
static const char *own_file(const char *path)
{
    char pid[32];
    snprintf(pid, sizeof pid, "/proc/%d/", (int)getpid());
    const char *const prefixes[] = {"/proc/self/", "/proc/thread-self/", pid};
    for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(path, prefixes[i], strlen(prefixes[i])))
            return path + strlen(prefixes[i]);
    return NULL;
}

bool proc_is_exe(const char *host)
{
    const char *file = own_file(host);
    return file && !strcmp(file, "exe");
}

/* The host's lines of the guest's areas, with the guest's rights and names. */
static void write_maps(FILE *to)
{
    static const char *const names[] = {[AREA_STACK] = "[stack]", [AREA_HEAP] = "[heap]", [AREA_VDSO] = "[vdso]"};
    FILE *from = fopen("/proc/self/maps", "re");
    char line[PROCESS_PATH_BYTES + 128];
    while (from && fgets(line, sizeof line, from)) {
        uint64_t start, end, offset;
        char rights[5], device[16];
        unsigned long long inode;
        int path = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %15s %llu %n", &start, &end, rights, &offset, device,
                   &inode, &path) < 6 ||
            start >= USER_SPACE_BYTES)
            continue;
        line[strcspn(line, "\n")] = 0;
        struct area area;
        /* The host may have joined what the guest has apart. */
        for (uint64_t at = start; at < end && space_area_from(&process.space, at, &area) && area.start < end;
             at = area.end) {
            const uint64_t first = area.start > start ? area.start : start, last = area.end < end ? area.end : end;
            const char *name = names[area.name] ? names[area.name] : paths_to_guest(line + path);
            fprintf(to, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %s %llu", first, last,
                    area.prot & PROT_READ ? 'r' : '-', area.prot & PROT_WRITE ? 'w' : '-',
                    area.prot & PROT_EXEC ? 'x' : '-', area.shared ? 's' : 'p', inode ? offset + (first - start) : 0,
                    device, inode);
            fprintf(to, *name ? " %*s%s\n" : "\n", *name ? 24 : 0, "", name);
        }
    }
    if (from)
        fclose(from);
}

static void write_guest(FILE *to, uint64_t start, uint64_t end)
{
    char bytes[4096];
    while (start < end) {
        const size_t part = end - start < sizeof bytes ? end - start : sizeof bytes;
        if (!guard_copy(bytes, (const void *)start, part))
            return;
        fwrite(bytes, 1, part, to);
        start += part;
    }
}

static void write_cmdline(FILE *to)
{
    write_guest(to, process.arguments_start, process.arguments_end);
}

static void write_environ(FILE *to)
{
    write_guest(to, process.arguments_end, process.environment_end);
}

static void write_auxv(FILE *to)
{
    write_guest(to, process.auxv, process.auxv + process.auxv_bytes);
}

/* As Linux on AArch64 writes it (arch/arm64/kernel/cpuinfo.c). */
static void write_cpuinfo(FILE *to)
{
    static const char *const words[] = {
        "fp",     "asimd",   "evtstrm", "aes",   "pmull",  "sha1",   "sha2",  "crc32",  "atomics", "fphp",   "asimdhp",
        "cpuid",  "asimdrdm", "jscvt",  "fcma",  "lrcpc",  "dcpop",  "sha3",  "sm3",    "sm4",     "asimddp", "sha512",
        "sve",    "asimdfhm", "dit",    "uscat", "ilrcpc", "flagm",  "ssbs",  "sb",     "paca",    "pacg"};
    const struct cpu *cpu = process.cpus[0];
    const uint64_t hwcap = linux_hwcap(cpu);
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 0; i < count; i++) {
        fprintf(to, "processor\t: %ld\nBogoMIPS\t: 125.00\nFeatures\t:", i);
        for (unsigned bit = 0; bit < sizeof words / sizeof *words; bit++)
            if (hwcap >> bit & 1)
                fprintf(to, " %s", words[bit]);
        fputs("\nCPU implementer\t: 0x00\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0x0a5\nCPU revision\t: "
              "0\n\n",
              to);
    }
}

static int open_written(const char *name, void (*write)(FILE *to), int flags)
{
    int fd = memfd_create(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *to = copy < 0 ? NULL : fdopen(copy, "w");
    if (!to) {
        if (copy >= 0)
            close(copy);
        if (fd >= 0)
            close(fd);
        return -errno;
    }
    write(to);
    if (fclose(to) != 0) {
        close(fd);
        return -ENOMEM;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

int proc_open(const char *host, int flags)
{
    static const struct {
        const char *name;
        void (*write)(FILE *to);
    } files[] = {
        {"maps", write_maps}, {"cmdline", write_cmdline}, {"auxv", write_auxv}, {"environ", write_environ}};
    if (strncmp(host, "/proc/", 6) != 0)
        return PROC_ORDINARY;
    if (!strcmp(host, "/proc/cpuinfo"))
        return open_written("cpuinfo", write_cpuinfo, flags);
    const char *file = own_file(host);
    for (unsigned i = 0; file && i < sizeof files / sizeof *files; i++)
        if (!strcmp(file, files[i].name))
            return open_written(file, files[i].write, flags);
    return PROC_ORDINARY;
}
