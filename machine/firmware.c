/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --firmware: the file that is run from flash, the flash's own files on the host, and what firmware is told. */
#include "machine/firmware.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "peripherals/fw_cfg.h"

bool firmware_read(const struct run_options *options, size_t limit_bytes, struct file *file, struct error *error)
{
    const char *path = options->firmware;
    for (const struct packaged_firmware *known = packaged_firmware; known->word; known++)
        if (!strcmp(path, known->path) && access(path, R_OK))
            return error_set(error, "firmware %s: %s; install Debian's package %s, or give a file", path,
                             strerror(errno), known->package);
    if (!file_read(file, "firmware", path, limit_bytes, "give an image that fits into a bank of flash", error))
        return false;
    if (file->length)
        return true;
    file_free(file);
    return error_set(error, "firmware %s: the file is empty; give another", path);
}

bool firmware_make_vars(const char *path, uint64_t size_bytes, struct error *error)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, "--firmware-vars %s: %s; give the path of a file that can be written", path,
                         strerror(errno));
    bool good = fstat(fd, &status) == 0;
    if (good && S_ISREG(status.st_mode) && (uint64_t)status.st_size < size_bytes)
        good = ftruncate(fd, (off_t)size_bytes) == 0;
    if (!good)
        error_set(error, "--firmware-vars %s: cannot become as large as a bank of flash: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > size_bytes)
        good = error_set(error, "--firmware-vars %s: is no file of at most %llu MiB, the size of a bank of flash", path,
                         (unsigned long long)(size_bytes >> 20));
    close(fd);
    return good;
}

/* A kernel, an initial RAM disk: an item with the size, one with the content. */
static bool add_file(struct fw_cfg *fw_cfg, const char *what, const char *path, uint64_t limit_bytes,
                     enum fw_cfg_key size_key, enum fw_cfg_key data_key, struct error *error)
{
    struct file file = {.name = path};
    if (path && !file_read(&file, what, path, limit_bytes, "give more --memory", error))
        return false;
    fw_cfg_add_u32(fw_cfg, size_key, (uint32_t)file.length);
    fw_cfg_add(fw_cfg, data_key, file.bytes, file.length);
    file_free(&file);
    return true;
}

bool firmware_describe(const struct run_options *options, struct fw_cfg *fw_cfg, struct error *error)
{
    fw_cfg_add_u16(fw_cfg, FW_CFG_CPU_COUNT, (uint16_t)options->cpus);
    fw_cfg_add_u16(fw_cfg, FW_CFG_CPU_MAX, (uint16_t)options->cpus);
    if (!options->firmware || !options->kernel)
        return true; /* without firmware the kernel is in RAM */
    uint64_t limit = options->memory_bytes < UINT32_MAX ? options->memory_bytes : UINT32_MAX;
    size_t length = strlen(options->append) + 1;
    fw_cfg_add_u32(fw_cfg, FW_CFG_COMMAND_LINE_SIZE, (uint32_t)length);
    fw_cfg_add(fw_cfg, FW_CFG_COMMAND_LINE_DATA, options->append, length);
    return add_file(fw_cfg, "kernel", options->kernel, limit, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, error) &&
           add_file(fw_cfg, "initrd", options->initrd, limit, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, error);
}
