/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine has: memory, processors, and devices that are no disk, network, line or screen. A group of the table
 * of options. */
#include "machine/options_values.h"

static bool take_memory(struct run_options *options, const char *value, struct error *error)
{
    return option_size(value, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES, &options->memory_bytes) ||
           error_set(error, "--memory expects a size from 16M to 64G, such as 512M or 2G (not '%s')", value);
}

static bool take_cpus(struct run_options *options, const char *value, struct error *error)
{
    uint64_t number;
    if (!option_whole_number(value, MAX_CPUS, &number) || number == 0)
        return error_set(error, "--cpus expects a number from 1 to %u (not '%s')", MAX_CPUS, value);
    options->cpus = (unsigned)number;
    return true;
}

static bool take_share(struct run_options *options, const char *value, struct error *error)
{
    if (options->share_count == MAX_SHARES)
        return error_set(error, "--share can be given %u times at most", MAX_SHARES);
    return share_option_add(options, value, error);
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

const struct cli_option options_board[] = {
    {"--memory", "SIZE", NULL, false, "Guest memory, 16M to 64G; default 1G. The host's is taken as it is touched.",
     take_memory},
    {"--cpus", "N", NULL, false, "Number of processors, 1 to 64; default 1.", take_cpus},
    {"--cpu", "v8.0|v8.2|max", "v8.0 v8.2 max", false,
     "Processor model; default v8.2, which has what a Neoverse N1 has. max adds pointer authentication and more.",
     CLI_WORD(cpu)},
    {"--bus", "mmio|pci", "mmio pci", false,
     "How virtio devices are attached: mmio, a slot each (the default), or pci, on PCI Express with MSI-X through "
     "the interrupt controller's translation service.",
     CLI_WORD(bus)},
    {"--gic", "2|3", "3 2", false,
     "The interrupt controller's version; default 3. 2 is for guests that know no other: up to 8 processors, and "
     "MSI-X on --bus pci through a GICv2m frame. With --el2 it has the virtual interfaces.",
     CLI_WORD(gic)},
    {"--el2", NULL, NULL, false,
     "Processors have EL2, with the host extensions from v8.2 on, and start there: for guests that are hypervisors. "
     "PSCI is called by SMC then.",
     CLI_FLAG(el2)},
    {"--share", "TAG=DIR[,ro][,mapped]", "", true,
     "Share a directory with the guest, which mounts it by: mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt. "
     ",ro makes it read-only. Owners are the host's; with ,mapped the guest's owners, modes and devices are kept in "
     "an extended attribute. Nothing outside of the directory can be reached.",
     take_share},
    {"--balloon", NULL, NULL, false,
     "Add a virtio balloon, by which the guest gives memory that it does not use back to the host.", CLI_FLAG(balloon)},
    {"--policy", "FILE", "", false,
     "Log, deny or change what the guest asks of the host by --share, --hostcall and --semihosting, as the file's "
     "rules say. A replay wants the same.",
     CLI_FILE(policy)},
    {"--hostcall", "FILE", "", false,
     "Let the guest call the functions of the host's libraries that the file lists with their arguments, and no "
     "others. Its side of that is in guest/hypercall.",
     take_hostcall},
    {"--semihosting", "DIR", "", false,
     "Serve Arm's semihosting calls (HLT #0xF000), for programs without an operating system: files beneath DIR, the "
     "console, time, and the program's exit status, which becomes this one's. The command line is the kernel's name "
     "and --append.",
     take_semihosting},
    {0},
};
