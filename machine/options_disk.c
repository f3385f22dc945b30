/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disks of the machine. A group of the table of options. */
#include <string.h>
#include "machine/options_values.h"

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

const struct cli_option options_disk[] = {
    {"--disk", "FILE[,WORD...]", "", true,
     "A disk image as the next virtio disk (/dev/vda, vdb, ...), or with ,bus=nvme an NVMe one (/dev/nvme0n1; on PCI "
     "Express, which is there then), or with ,bus=scsi a SCSI one (/dev/sda): qcow2 where its name ends so, else raw; "
     ",format=raw and ,format=qcow2 say which. ,ro is read-only; with ,overlay what the guest writes is kept in "
     "memory and in snapshots, and the image stays as it is; with ,overlay=FILE it is kept in that qcow2 image, "
     "which is made where it is not there. ,snapshot=NAME reads a snapshot in a qcow2 image. Several images are one "
     "disk as stripe:A+B (in turn) or mirror:A+B (each holds all; one may fail).",
     take_disk},
    {"--cdrom", "FILE", "", true, "An ISO image in a CD drive (virtio-scsi; /dev/sr0), read-only and as it is.",
     take_cdrom},
    {0},
};
