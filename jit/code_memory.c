/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory that translated code is kept in. */
#include "jit/code_memory.h"
#include <sys/mman.h>
#include <unistd.h>

static size_t run_bytes(const struct code_memory *memory)
{
    return memory->bytes + memory->counter_count * sizeof *memory->counters;
}

static bool map(struct code_memory *memory, int fd)
{
    void *write = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    memory->write = write == MAP_FAILED ? NULL : write;
    void *run =
        mmap(NULL, run_bytes(memory), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memory->run = run == MAP_FAILED ? NULL : run;
    if (!write || !memory->run)
        return false;
    memory->counters = (uint32_t *)(memory->run + memory->bytes);
    return mmap(memory->run, memory->bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

static bool create_copied(struct code_memory *memory, struct error *error)
{
    void *at = mmap(NULL, run_bytes(memory), PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return error_set(error, "the host does not let memory be executed; run with --engine interp");
    memory->write = memory->run = at;
    memory->counters = (uint32_t *)(memory->run + memory->bytes);
    return true;
}

bool code_memory_create(struct code_memory *memory, size_t bytes, unsigned counter_count, bool copied,
                        struct error *error)
{
    *memory = (struct code_memory){.bytes = bytes, .counter_count = counter_count};
    if (copied)
        return create_copied(memory, error);
    int fd = memfd_create("armature-jit", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
        error_set(error, "the host gives no memory for translated code; run with --engine interp");
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool mapped = map(memory, fd);
    close(fd);
    if (!mapped) {
        error_set(error, "the host does not let memory be executed; run with --engine interp");
        code_memory_free(memory);
    }
    return mapped;
}

/* A host that does not know how gives them one by one. */
void code_memory_touch(const struct code_memory *memory, uint8_t *from, size_t bytes)
{
    const ptrdiff_t offset = from - memory->write;
    madvise(from, bytes, MADV_POPULATE_WRITE);
    if (memory->run != memory->write && offset >= 0 && (size_t)offset < memory->bytes)
        madvise(memory->run + offset, bytes, MADV_POPULATE_READ);
}

void code_memory_free(struct code_memory *memory)
{
    if (memory->write && memory->write != memory->run)
        munmap(memory->write, memory->bytes);
    if (memory->run)
        munmap(memory->run, run_bytes(memory));
    memory->write = memory->run = NULL;
}
