/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine starts: a kernel, or firmware. A group of the table of options. */
#include <string.h>
#include "machine/options_values.h"

static bool take_append(struct run_options *options, const char *value, struct error *error)
{
    options->append = value;
    return true;
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
    return option_path(&options->firmware, "--firmware", value, error);
}

const struct cli_option options_start[] = {
    {"--kernel", "FILE", "", false, "The kernel: an arm64 Image, plain or compressed with gzip, or an ELF file.",
     CLI_FILE(kernel)},
    {"--initrd", "FILE", "", false, "An initial RAM disk for the kernel.", CLI_FILE(initrd)},
    {"--append", "TEXT", NULL, false, "The kernel's command line, such as \"console=ttyAMA0\".", take_append},
    {"--firmware", "FILE|uefi|uboot", "uefi uboot", false,
     "Start firmware from flash, in place of a kernel: a file, or what Debian's packages qemu-efi-aarch64 and "
     "u-boot-qemu have. With --kernel, UEFI firmware starts that.",
     take_firmware},
    {"--firmware-vars", "FILE", "", false,
     "Where the second bank of flash, in which firmware keeps its variables, persists; made where there is none. "
     "Without, variables last as long as the machine.",
     CLI_FILE(firmware_vars)},
    {"--dtb", "FILE", "", false, "A device tree for the guest, in place of the generated one.", CLI_FILE(dtb)},
    {"--dump-dtb", "FILE", "", false, "Write the device tree that the guest would get, and end.", CLI_FILE(dump_dtb)},
    {0},
};
