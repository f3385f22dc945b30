/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory: maps, protection, moving, the heap; code that is written. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include "say.h"

#define PAGE 4096ul

static char *map(size_t length, int prot)
{
    return mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A function that returns `value`. */
static void write_function(void *to, int value)
{
#ifdef __aarch64__
    uint32_t code[] = {0x52800000u | (uint32_t)value << 5, 0xd65f03c0};
#else
    uint8_t code[] = {0xb8, (uint8_t)value, 0, 0, 0, 0xc3};
#endif
    memcpy(to, code, sizeof code);
    __builtin___clear_cache((char *)to, (char *)to + sizeof code);
}

int main(void)
{
    char *a = map(4 * PAGE, PROT_READ | PROT_WRITE);
    SAY(a != MAP_FAILED);
    a[0] = 1, a[3 * PAGE] = 2;
    SAY(munmap(a + PAGE, PAGE));
    SAY(mprotect(a, PAGE, PROT_READ));
    SAY(mprotect(a + PAGE, PAGE, PROT_READ));
    SAY(mprotect(a + 1, PAGE, PROT_READ));
    SAY(munmap(a + 1, PAGE));
    SAY(munmap(a, 0));
    SAY(mmap(a + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == a + PAGE);
    SAY(mmap(a, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? errno : 0);
    SAY(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
    SAY(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
    SAY(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED ? errno : 0);
    SAY(mmap(NULL, ~0ul << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
    printf("%d %d\n", a[0], a[3 * PAGE]);
    char *hint = (char *)0x200000000000; /* honoured where it is free */
    SAY(mmap(hint, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == hint);
    SAY(munmap(hint, PAGE));

    char *b = map(2 * PAGE, PROT_READ | PROT_WRITE);
    memset(b, 7, 2 * PAGE);
    char *c = mremap(b, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    SAY(c != MAP_FAILED);
    printf("%d %d %d\n", c[0], c[2 * PAGE - 1], c[2 * PAGE]);
    SAY(mremap(c, 64 * PAGE, PAGE, 0) == c);
    SAY(mremap(c + 1, PAGE, PAGE, 0) == MAP_FAILED ? errno : 0);
    SAY(mremap(c, PAGE, 0, 0) == MAP_FAILED ? errno : 0);
    char *place = map(PAGE, PROT_NONE);
    SAY(mremap(c, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    printf("%d\n", place[5]);

    char *heap = sbrk(0);
    SAY(sbrk(100000) == heap);
    memset(heap, 1, 100000);
    SAY(sbrk(-100000) == heap + 100000);
    SAY(sbrk(0) == heap);

    int fd = open("file", O_RDWR | O_CREAT, 0600);
    SAY(ftruncate(fd, 3 * PAGE));
    char *shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
    shared[PAGE] = 'x';
    private[1] = 'y';
    char read_back = 0;
    SAY(pread(fd, &read_back, 1, PAGE));
    printf("%c %c %d\n", read_back, private[0], shared[PAGE + 1]);
    SAY(msync(shared, PAGE, MS_SYNC));
    SAY(madvise(private, PAGE, MADV_DONTNEED));
    printf("%d\n", private[1]);
    unsigned char resident[3];
    SAY(mincore(shared, 3 * PAGE, resident));
    SAY(mlock(a, PAGE));
    SAY(munlock(a, PAGE));
    SAY(madvise((void *)1, PAGE, MADV_NORMAL));

    int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
    char *segment = shmat(id, NULL, 0), *again = shmat(id, NULL, SHM_RDONLY);
    SAY(segment != (char *)-1);
    segment[4999] = 'z';
    printf("%c\n", again[4999]);
    struct shmid_ds about;
    SAY(shmctl(id, IPC_STAT, &about));
    printf("%lu %lu\n", (unsigned long)about.shm_segsz, (unsigned long)about.shm_nattch);
    SAY(shmdt(segment));
    SAY(shmdt(segment));
    SAY(shmdt(again));
    SAY(shmctl(id, IPC_RMID, NULL));

    /* Code, written again and again, at the same place; then other code mapped there. */
    char *code = map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    int sum = 0;
    for (int i = 0; i < 200; i++) {
        write_function(code, i % 100);
        for (int k = 0; k < 60; k++)
            sum += ((int (*)(void))code)();
    }
    printf("sum %d\n", sum);
    SAY(munmap(code, PAGE));
    SAY(mmap(code, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == code);
    write_function(code, 42);
    SAY(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
    printf("%d\n", ((int (*)(void))code)());
    /* The same code under two addresses. */
    int twice = memfd_create("code", 0);
    SAY(ftruncate(twice, PAGE));
    char *w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, twice, 0);
    char *x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, twice, 0);
    for (int i = 0; i < 3; i++) {
        write_function(w, 10 + i);
        __builtin___clear_cache(x, x + 8);
        printf("%d\n", ((int (*)(void))x)());
    }
    return 0;
}
