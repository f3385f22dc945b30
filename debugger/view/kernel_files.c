/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files, mappings and mounts of processes, and the kernel's interrupts. Paths are walked from an entry up to the root,
 * over mounts; mappings are in a maple tree since 6.1 (include/linux/maple_tree.h), in a list before. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/kernel_views.h"

#define TASK       "((struct task_struct *)0x%" PRIx64 ")"
#define DENTRY     "((struct dentry *)0x%" PRIx64 ")"
#define MOUNT      "((struct mount *)0x%" PRIx64 ")"
#define FILE_OF    "((struct file *)0x%" PRIx64 ")"
#define AREA       "((struct vm_area_struct *)0x%" PRIx64 ")"
#define PARTS_MAX  64u
#define FILES_MAX  65536u
#define AREAS_MAX  65536u
#define TREE_DEPTH 16u
#define IRQS_MAX   2048u

/* --- paths ----------------------------------------------------------------------------------------- */

/* Puts "/NAME" in front of what stands at the end of `path`; returns the new beginning. */
static size_t prepend(char *path, size_t at, const char *name)
{
    size_t length = strlen(name);
    if (at < length + 1)
        return at;
    at -= length;
    memcpy(path + at, name, length);
    path[--at] = '/';
    return at;
}

/* The path of `dentry` in the mount whose struct vfsmount is at `vfsmount`. */
static void path_of(struct session *session, uint64_t vfsmount, uint64_t dentry, char *to, size_t capacity)
{
    char path[1024], name[256];
    size_t at = sizeof path - 1;
    uint64_t mnt_at = 0, mount, root, parent, mount_parent, address;
    path[at] = 0;
    kernel_offset(session, "mount", "mnt", &mnt_at);
    mount = vfsmount - mnt_at;
    for (unsigned i = 0; i < PARTS_MAX; i++) {
        if (kernel_number(session, &root, MOUNT "->mnt.mnt_root", mount) && dentry == root) {
            if (!kernel_number(session, &mount_parent, MOUNT "->mnt_parent", mount) || mount_parent == mount ||
                !kernel_number(session, &dentry, MOUNT "->mnt_mountpoint", mount))
                break;
            mount = mount_parent;
            continue;
        }
        if (!kernel_number(session, &parent, DENTRY "->d_parent", dentry) || parent == dentry ||
            !kernel_number(session, &address, DENTRY "->d_name.name", dentry) ||
            !kernel_string(session, address, name, sizeof name))
            break;
        at = prepend(path, at, name);
        dentry = parent;
    }
    snprintf(to, capacity, "%s", path[at] ? path + at : "/");
}

static bool string_of(struct session *session, char *to, size_t capacity, uint64_t address)
{
    return address && kernel_string(session, address, to, capacity);
}

/* As readlink of /proc/PID/fd/N has it: also of what has no path. */
static void name_of_file(struct session *session, uint64_t file, char *to, size_t capacity)
{
    uint64_t dentry, vfsmount, type, inode, address;
    char kind[32] = "", name[128] = "";
    if (!kernel_number(session, &dentry, FILE_OF "->f_path.dentry", file) ||
        !kernel_number(session, &vfsmount, FILE_OF "->f_path.mnt", file)) {
        snprintf(to, capacity, "?");
        return;
    }
    if (kernel_number(session, &type, DENTRY "->d_sb->s_type->name", dentry))
        string_of(session, kind, sizeof kind, type);
    kernel_number(session, &inode, DENTRY "->d_inode->i_ino", dentry);
    if (!strcmp(kind, "pipefs") || !strcmp(kind, "sockfs")) {
        snprintf(to, capacity, "%s:[%" PRIu64 "]", *kind == 'p' ? "pipe" : "socket", inode);
    } else if (!strcmp(kind, "anon_inodefs")) {
        if (kernel_number(session, &address, DENTRY "->d_name.name", dentry))
            string_of(session, name, sizeof name, address);
        snprintf(to, capacity, "anon_inode:%s", name);
    } else {
        path_of(session, vfsmount, dentry, to, capacity);
    }
}

/* --- files ----------------------------------------------------------------------------------------- */

bool kernel_show_files(struct session *session, uint64_t task, struct error *error)
{
    uint64_t most, table, open, file, position, flags;
    struct space space = session_space(session);
    if (!kernel_number(session, &most, TASK "->files->fdt->max_fds", task) ||
        !kernel_number(session, &table, TASK "->files->fdt->fd", task) ||
        !kernel_number(session, &open, TASK "->files->fdt->open_fds", task))
        return error_set(error, "that process has no files that can be read");
    say(session, "  FD  FLAGS     POSITION  FILE\n");
    for (uint64_t fd = 0; fd < most && fd < FILES_MAX; fd++) {
        char name[1024];
        uint64_t bits;
        if (!space_read_u64(&space, open + fd / 64 * 8, &bits) || !(bits >> fd % 64 & 1) ||
            !space_read_u64(&space, table + fd * 8, &file) || !file)
            continue;
        position = flags = 0;
        kernel_number(session, &position, FILE_OF "->f_pos", file);
        kernel_number(session, &flags, FILE_OF "->f_flags", file);
        name_of_file(session, file, name, sizeof name);
        say(session, "%4" PRIu64 "  %s%06" PRIo64 "  %8" PRIu64 "  %s\n", fd,
            (flags & 3) == 0   ? "r  "
            : (flags & 3) == 1 ? "w  "
                               : "rw ",
            flags, position, name);
    }
    return true;
}

/* --- mappings -------------------------------------------------------------------------------------- */

struct areas {
    uint64_t list[4096];
    unsigned count;
};

static void add_area(struct areas *areas, uint64_t area)
{
    if (areas->count < sizeof areas->list / sizeof *areas->list)
        areas->list[areas->count++] = area;
}

static bool is_node(uint64_t entry)
{
    return (entry & 3) == 2 && entry > 4096;
}

/* The slots of a node, whose pointer has the node's type in bits 6:3, in order. */
static void walk_tree(struct session *session, struct areas *areas, uint64_t entry, unsigned depth)
{
    enum { LEAF_64 = 1, RANGE_64 = 2, ARANGE_64 = 3 };
    uint64_t node = entry & ~0xffull, pivots, slots, type = entry >> 3 & 15, last;
    const char *structure = type == ARANGE_64 ? "maple_arange_64" : "maple_range_64";
    unsigned count = type == ARANGE_64 ? 10 : 16;
    struct space space = session_space(session);
    if (depth > TREE_DEPTH || type < LEAF_64 || type > ARANGE_64 ||
        !kernel_offset(session, structure, "pivot", &pivots) || !kernel_offset(session, structure, "slot", &slots))
        return;
    for (unsigned i = 0; i < count; i++) {
        uint64_t slot, pivot = 0;
        bool has_pivot = i + 1 < count && space_read_u64(&space, node + pivots + 8 * i, &pivot);
        if (!space_read_u64(&space, node + slots + 8 * i, &slot))
            return;
        if (i && has_pivot && !pivot) /* behind the last that is used; the last slot may hold what is no slot */
            has_pivot = false, pivot = ~0ull;
        if (i + 1 == count || (has_pivot && pivot == ~0ull) || !has_pivot) {
            last = i + 1 == count;
            if (last && (slot & 0xff) == slot) /* the node's end, kept where a slot is free */
                return;
        }
        if (type == LEAF_64 && slot && !(slot & 3) && slot >> 48)
            add_area(areas, slot);
        else if (type != LEAF_64 && is_node(slot))
            walk_tree(session, areas, slot, depth + 1);
        if (i && !has_pivot)
            return;
    }
}

static void collect_areas(struct session *session, uint64_t task, struct areas *areas)
{
    uint64_t root, area;
    if (kernel_number(session, &root, TASK "->mm->mm_mt.ma_root", task)) {
        if (is_node(root))
            walk_tree(session, areas, root, 0);
        else if (root)
            add_area(areas, root);
        return;
    }
    if (kernel_number(session, &area, TASK "->mm->mmap", task)) /* before 6.1 */
        for (unsigned i = 0; area && i < AREAS_MAX; i++) {
            add_area(areas, area);
            if (!kernel_number(session, &area, AREA "->vm_next", area))
                break;
        }
}

static const char *name_of_area(struct session *session, uint64_t task, uint64_t start, uint64_t end)
{
    uint64_t brk_start, brk, stack, vdso = 0;
    if (kernel_number(session, &brk_start, TASK "->mm->start_brk", task) &&
        kernel_number(session, &brk, TASK "->mm->brk", task) && start <= brk && end >= brk_start)
        return "[heap]";
    if (kernel_number(session, &stack, TASK "->mm->start_stack", task) && start <= stack && end >= stack)
        return "[stack]";
    if (kernel_number(session, &vdso, TASK "->mm->context.vdso", task) && start == vdso)
        return "[vdso]";
    return vdso && end == vdso ? "[vvar]" : "";
}

bool kernel_show_maps(struct session *session, uint64_t task, struct error *error)
{
    static struct areas areas;
    uint64_t mm;
    areas.count = 0;
    if (!kernel_number(session, &mm, TASK "->mm", task) || !mm)
        return error_set(error, "that is a thread of the kernel, which has no memory of its own");
    collect_areas(session, task, &areas);
    for (unsigned i = 0; i < areas.count; i++) {
        uint64_t start, end, flags, file = 0, offset = 0, inode = 0, device = 0;
        char name[1024];
        if (!kernel_number(session, &start, AREA "->vm_start", areas.list[i]) ||
            !kernel_number(session, &end, AREA "->vm_end", areas.list[i]) ||
            !kernel_number(session, &flags, AREA "->vm_flags", areas.list[i]))
            continue;
        kernel_number(session, &file, AREA "->vm_file", areas.list[i]);
        if (file) {
            name_of_file(session, file, name, sizeof name);
            kernel_number(session, &offset, AREA "->vm_pgoff", areas.list[i]);
            kernel_number(session, &inode, FILE_OF "->f_inode->i_ino", file);
            kernel_number(session, &device, FILE_OF "->f_inode->i_sb->s_dev", file);
        } else {
            snprintf(name, sizeof name, "%s", name_of_area(session, task, start, end));
        }
        char text[128];
        int width =
            snprintf(text, sizeof text,
                     "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02" PRIx64 ":%02" PRIx64 " %" PRIu64 " ",
                     start, end, flags & 1 ? 'r' : '-', flags & 2 ? 'w' : '-', flags & 4 ? 'x' : '-',
                     flags & 8 ? 's' : 'p', offset * 4096, device >> 20, device & 0xfffff, inode);
        say(session, *name ? "%-*s%s\n" : "%.*s%s\n", *name ? 73 : width, text, name);
    }
    return true;
}

/* --- mounts ---------------------------------------------------------------------------------------- */

static bool show_mount(struct session *session, uint64_t mount, void *context)
{
    uint64_t mnt_at = 0, root, address, flags = 0;
    char device[256] = "none", type[64] = "?", path[1024];
    kernel_offset(session, "mount", "mnt", &mnt_at);
    if (kernel_number(session, &address, MOUNT "->mnt_devname", mount))
        string_of(session, device, sizeof device, address);
    if (kernel_number(session, &address, MOUNT "->mnt.mnt_sb->s_type->name", mount))
        string_of(session, type, sizeof type, address);
    kernel_number(session, &flags, MOUNT "->mnt.mnt_flags", mount);
    if (!kernel_number(session, &root, MOUNT "->mnt.mnt_root", mount))
        return true;
    path_of(session, mount + mnt_at, root, path, sizeof path);
    say(session, "%s on %s type %s (%s)\n", device, path, type, flags & 0x40 ? "ro" : "rw");
    return true;
}

bool kernel_show_mounts(struct session *session, uint64_t task, struct error *error)
{
    uint64_t head, offset;
    if (!kernel_place(session, &head, TASK "->nsproxy->mnt_ns->list", task) ||
        !kernel_offset(session, "mount", "mnt_list", &offset))
        return error_set(error, "the mounts of this kernel are kept in a way that is not known, or it has no BTF");
    return kernel_each_linked(session, head, offset, show_mount, NULL) ||
           error_set(error, "the list of mounts cannot be read");
}

/* --- interrupts ------------------------------------------------------------------------------------ */

/* An entry of an XArray or radix tree: nodes of 64 slots, whose pointers have bit 1 set. */
static uint64_t tree_look_up(struct session *session, uint64_t entry, uint64_t index)
{
    struct space space = session_space(session);
    uint64_t shift, slots;
    if (!kernel_offset(session, "xa_node", "slots", &slots))
        return 0;
    for (unsigned depth = 0; is_node(entry) && depth < 12; depth++) {
        uint64_t node = entry & ~3ull;
        if (!kernel_number(session, &shift, "((struct xa_node *)0x%" PRIx64 ")->shift", node) || shift >= 64 ||
            (depth == 0 && shift + 6 < 64 && index >> (shift + 6)) ||
            !space_read_u64(&space, node + slots + 8 * (index >> shift & 63), &entry))
            return 0;
    }
    return index && !entry ? 0 : entry;
}

static bool show_irq(struct session *session, uint64_t irq, uint64_t desc)
{
#define DESC "((struct irq_desc *)0x%" PRIx64 ")"
    uint64_t action = 0, name = 0, chip = 0, counts, number = 0;
    char text[64] = "", chip_text[32] = "";
    struct space space = session_space(session);
    if (!kernel_number(session, &action, DESC "->action", desc) || !action)
        return false;
    if (kernel_number(session, &name, DESC "->action->name", desc))
        string_of(session, text, sizeof text, name);
    if (kernel_number(session, &chip, DESC "->irq_data.chip->name", desc))
        string_of(session, chip_text, sizeof chip_text, chip);
    kernel_number(session, &number, DESC "->irq_data.hwirq", desc);
    say(session, "%4" PRIu64 ":", irq);
    for (unsigned i = 0; i < session->machine->cpu_count; i++) { /* TPIDR_EL1 is where the CPU's variables are */
        uint32_t count = 0;
        if (kernel_number(session, &counts, DESC "->kstat_irqs", desc))
            space_read_u32(&space, counts + session->machine->cpus[i]->sys.TPIDR_EL1, &count);
        say(session, " %10u", count);
    }
    say(session, "  %-10s %4" PRIu64 "  %s\n", chip_text, number, text);
    return true;
}

bool kernel_show_irqs(struct session *session, struct error *error)
{
    const struct symbol *radix = kernel_symbol(session, "irq_desc_tree"),
                        *maple = kernel_symbol(session, "sparse_irqs");
    uint64_t root = 0;
    bool any = false;
    if (radix && kernel_number(session, &root, "((struct xarray *)0x%" PRIx64 ")->xa_head", radix->address)) {
        for (uint64_t irq = 0; irq < IRQS_MAX; irq++) {
            uint64_t desc = tree_look_up(session, root, irq);
            if (desc && !(desc & 3))
                any |= show_irq(session, irq, desc);
        }
    } else if (maple &&
               kernel_number(session, &root, "((struct maple_tree *)0x%" PRIx64 ")->ma_root", maple->address)) {
        static struct areas found; /* the tree holds descriptors, in order */
        found.count = 0;
        if (is_node(root))
            walk_tree(session, &found, root, 0);
        for (unsigned i = 0; i < found.count; i++) {
            uint64_t irq = 0;
            if (kernel_number(session, &irq, DESC "->irq_data.irq", found.list[i]))
                any |= show_irq(session, irq, found.list[i]);
        }
    }
    return any ||
           error_set(error, "the interrupts of this kernel are kept in a way that is not known, or it has no BTF");
}
