/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jumps by register, hot enough that translated code keeps them within itself: by a switch, by labels' addresses, to
 * other functions, to places that come into use late, with flags and floating point alive on the way, while signals
 * arrive and threads do the same. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "say.h"

#define OPS 12u

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static uint64_t __attribute__((noinline)) by_switch(const uint8_t *code, unsigned count, unsigned rounds, double *real)
{
    uint64_t a = 1, b = 2;
    double x = 0.5;
    for (; rounds; rounds--)
        for (unsigned i = 0; i < count; i++) {
            switch (code[i]) {
            case 0: a += b; break;
            case 1: b ^= a >> 3; break;
            case 2: a *= 3; break;
            case 3: x += (double)(a & 15); break;
            case 4: b = a < b ? a : b + 1; break;
            case 5: x *= 0.75; break;
            case 6: a -= i; break;
            case 7: b += (uint64_t)x; break;
            case 8: a = a << 7 | a >> 57; break;
            case 9: b = ~b; break;
            case 10: a ^= code[(i + 1) % count]; break;
            default: b += a & 1 ? 5 : 7; break;
            }
        }
    *real = x;
    return a ^ b;
}

static uint64_t __attribute__((noinline)) by_labels(const uint8_t *code, unsigned count, unsigned rounds)
{
    static const void *const labels[OPS] = {&&add, &&or, &&shift, &&back, &&add, &&less, &&mix, &&or, &&shift, &&less,
                                            &&mix, &&add};
    uint64_t a = 7, b = 11;
    const uint8_t *at = code, *const end = code + count;
#define NEXT                                                                                                 \
    do {                                                                                                     \
        if (at == end) {                                                                                     \
            if (!--rounds)                                                                                   \
                return a ^ b;                                                                                \
            at = code;                                                                                       \
        }                                                                                                    \
        goto *labels[*at++];                                                                                 \
    } while (0)
    NEXT;
add:
    a += b;
    NEXT;
or:
    b |= a & 0xff00;
    NEXT;
shift:
    a >>= 1;
    NEXT;
back:
    b -= a;
    NEXT;
less:
    a = a < b ? a * 5 : b;
    NEXT;
mix:
    b = (b ^ a) * 0x9e3779b97f4a7c15;
    NEXT;
}

/* Calls at the end become jumps. */
#define TAIL __attribute__((noinline, optimize("O2")))
struct steps;
typedef uint64_t step(const struct steps *steps, uint64_t left, uint64_t value);
struct steps {
    step *at[4];
};

static TAIL uint64_t step_add(const struct steps *steps, uint64_t left, uint64_t value)
{
    return left ? steps->at[value % 4](steps, left - 1, value + 3) : value;
}

static TAIL uint64_t step_mix(const struct steps *steps, uint64_t left, uint64_t value)
{
    return left ? steps->at[value >> 9 & 3](steps, left - 1, value * 0x9e3779b97f4a7c15 + 1) : value;
}

static TAIL __attribute__((aligned(8192))) uint64_t step_far(const struct steps *steps, uint64_t left, uint64_t value)
{
    return left ? steps->at[value >> 5 & 3](steps, left - 1, value ^ value >> 11) : value;
}

/* The comparison is before the jump, what asks for it behind. No other jumps are in its page. */
static uint64_t __attribute__((noinline, aligned(4096))) with_flags(uint64_t rounds)
{
    uint64_t value = 12345, sum = 0;
    for (; rounds; rounds--) {
        value = value * 6364136223846793005ull + 1442695040888963407ull;
        const uint64_t way = value >> 60 & 1, a = value >> 20 & 7, b = value >> 40 & 7;
        uint64_t result;
#ifdef __aarch64__
        uint64_t target;
        __asm__("adr %1, 1f\n add %1, %1, %2, lsl #3\n cmp %3, %4\n br %1\n"
                "1: cset %0, lo\n b 2f\n cset %0, eq\n b 2f\n2:\n"
                : "=&r"(result), "=&r"(target)
                : "r"(way), "r"(a), "r"(b)
                : "cc");
#else
        result = way ? a == b : a < b;
#endif
        sum = sum * 3 + result;
    }
    return sum;
}

/* Flags whose operands are gone when the last instruction of a block reads them: blocks end at multiples of 256
 * bytes. */
static uint64_t __attribute__((noinline, aligned(4096))) read_last(uint64_t first, uint64_t second)
{
    uint64_t result;
#ifdef __aarch64__
    __asm__("mov x0, %1\n b 2f\n .balign 256\n .rept 61\n nop\n .endr\n"
            "2: cmp x0, #0\n orr x0, x0, %2\n cset w1, ne\n"
            "cbnz x0, 3f\n mov %0, #4\n tst %2, #2\n b.ne 4f\n b 5f\n"
            "3: mov %0, #0\n tst %2, #4\n b.ne 5f\n 4: cbz w1, 5f\n add %0, %0, #1\n"
            "5: cmp %2, #0\n"
            : "=&r"(result)
            : "r"(first), "r"(second)
            : "x0", "x1", "cc");
#else
    result = first | second ? first && !(second & 4) : 4;
#endif
    return result;
}

static __attribute__((aligned(4096))) void fill(uint8_t *code, unsigned count, unsigned kinds, uint64_t seed)
{
    for (unsigned i = 0; i < count; i++)
        code[i] = (uint8_t)(next_random(&seed) % kinds);
}

static void *run_all(void *argument)
{
    uint8_t code[97];
    uint64_t *sum = argument, seed = *sum;
    *sum = 0;
    for (unsigned kinds = 2; kinds <= OPS; kinds += 2) { /* ever more of them are used */
        double real;
        fill(code, sizeof code, kinds, seed + kinds);
        *sum = *sum * 31 + by_switch(code, sizeof code, 400, &real);
        *sum = *sum * 31 + (uint64_t)(real * 1000) + by_labels(code, sizeof code, 400);
    }
    const struct steps near = {{step_add, step_mix, step_add, step_mix}};
    const struct steps far = {{step_add, step_mix, step_far, step_mix}};
    *sum = *sum * 31 + step_add(&near, 60000, seed);
    *sum = *sum * 31 + step_add(&far, 60000, seed);
    *sum = *sum * 31 + with_flags(60000);
    for (unsigned i = 0; i < 60000; i++)
        *sum = *sum * 3 + read_last(i & 1, i & 2);
    return NULL;
}

static volatile sig_atomic_t ticks;

static void on_tick(int signal)
{
    ticks++;
}

/* Code of the guest's that jumps within its page and is made a guarded page then: what was translated knows. */
static int guarded(void)
{
#ifdef __aarch64__
    static const uint32_t code[] = {
        0x10000082, /* adr x2, 1f */
        0xd61f0040, /* again: br x2 */
        0xd503201f, 0xd503201f,
        0xf1000400, /* 1: subs x0, x0, #1 */
        0x54ffff81, /* b.ne again */
        0xd65f03c0, /* ret */
    };
    uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    __builtin___clear_cache((char *)page, (char *)page + sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    void (*call)(uint64_t) = (void (*)(uint64_t))page;
    call(200000);
    const pid_t child = fork();
    if (!child) {
        mprotect(page, 4096, PROT_READ | PROT_EXEC | 0x10 /* PROT_BTI */);
        call(200000);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
#else
    return SIGILL;
#endif
}

int main(void)
{
    uint64_t sums[4] = {1, 2, 3, 4};
    run_all(&sums[0]);
    printf("%llx\n", (unsigned long long)sums[0]);
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &often, NULL);
    run_all(&sums[1]);
    while (!ticks)
        pause();
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%llx\n", (unsigned long long)sums[1]);
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_all, &sums[2 + i]);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        printf("%llx\n", (unsigned long long)sums[2 + i]);
    }
    SAY(guarded());
    return 0;
}
