/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of a process: its parts, the program in memory, its first stack. */
#include "hostcall/start.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/program.h"
#include "hostcall/target.h"
#include "hostcall/trail.h"
#include "hostcall/vdso.h"
#include "isa/arm64/threads.h"

#define MOVABLE_BASE     0x2aaaaaaaa000ull /* two thirds of the space, as Linux has it */
#define MIN_STACK_BYTES  (8ull << 20)
#define INTERPRETER_BASE (USER_SPACE_BYTES - (1ull << 32) - (64ull << 20)) /* near where other areas go */

#define EXIT_NOT_FOUND   127
#define EXIT_NOT_RUNNING 126

extern char **environ;

/* --- parts ------------------------------------------------------------------------------------------ */

/* Part of the map changes: no CPU may rely on how it was. */
static void on_changed(void *context, uint64_t start, uint64_t end, bool had_code)
{
    struct process *owner = context;
    const uint64_t pages = (end - start) / PAGE_SIZE_BYTES;
    struct thread *thread = thread_self;
    if (!thread)
        return; /* nothing has run yet */
    struct cpu_request request = {REQUEST_FLUSH_ALL, 0, 0};
    const bool few = pages <= 8;
    for (uint64_t i = 0; i < (few ? pages : 1); i++) {
        if (few)
            request = (struct cpu_request){REQUEST_FLUSH_VA, TLB_ANY_ASID, start + i * PAGE_SIZE_BYTES};
        tlb_serve(thread->cpu, &request);
        threads_ask_peers(thread->cpu, &request);
    }
    threads_await(thread->cpu);
    if (had_code && owner->engine)
        process_code_changed(start, end);
}

static bool make_parts(const struct process_options *options, struct error *error)
{
    process.options = options;
    process.trace = options->strace ? stderr : NULL;
    pthread_mutex_init(&process.threads_lock, NULL);
    pthread_mutex_init(&process.actions_lock, NULL);
    pthread_mutex_init(&process.pages.lock, NULL);
    const uint64_t now_ns = process.clock.now_ns; /* of a replay */
    clock_init(&process.clock);
    process.clock.now_ns = now_ns;
    process.clock.live_ns = trail_replays() ? NULL : process_host_ns;
    space_init(&process.space, on_changed, &process);
    process_wire_user(&process);
    if (!bus_init_process(&process.bus, USER_SPACE_BYTES, error))
        return false;
    process.engine_ops = options->engine;
    process.engine = options->engine->create(&process.bus, PROCESS_MAX_THREADS, error);
    if (!process.engine)
        return false;
    struct thread *thread = thread_create(NULL);
    if (!thread)
        return error_set(error, "no memory on the host for the program's first thread");
    process.threads = threads_create(process.cpus, 1, PROCESS_MAX_THREADS, &process.clock, error);
    if (!process.threads)
        return false;
    thread->is_main = true;
    thread->host = pthread_self();
    thread->tid = (uint32_t)gettid();
    thread_self = thread;
    return true;
}

static bool map_vdso(void)
{
    int64_t at = space_map(&process.space, INTERPRETER_BASE - (1 << 20), VDSO_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at < 0)
        return false;
    process.trampoline = (uint64_t)at + vdso_build((uint8_t *)at);
    space_protect(&process.space, (uint64_t)at, VDSO_BYTES, PROT_READ | PROT_EXEC);
    space_name(&process.space, (uint64_t)at, AREA_VDSO);
    process.vdso = (uint64_t)at;
    return true;
}

/* --- the first stack -------------------------------------------------------------------------------- */

struct stack_writer {
    uint64_t at, lowest;
    bool failed;
};

static uint64_t push(struct stack_writer *stack, const void *bytes, size_t count)
{
    if (stack->failed || stack->at - stack->lowest < count) {
        stack->failed = true;
        return 0;
    }
    stack->at -= count;
    memcpy((void *)stack->at, bytes, count);
    return stack->at;
}

/* From the last to the first, so that they lie in order. */
static void push_strings(struct stack_writer *stack, char **strings, unsigned count, uint64_t *addresses)
{
    for (unsigned i = count; i-- > 0;)
        addresses[i] = push(stack, strings[i], strlen(strings[i]) + 1);
}

/* The layout of Linux: argc, argv, NULL, envp, NULL, auxv. Returns the stack pointer, or 0: there is no room. */
static uint64_t build_stack(uint64_t lowest, const struct program_image *image, uint64_t interpreter, uint64_t entry,
                            const char *file, char **arguments, char **environment)
{
    struct stack_writer stack = {PROCESS_STACK_TOP - 16, lowest, false};
    const unsigned argc = strings_count(arguments), envc = strings_count(environment);
    uint64_t *addresses = calloc(argc + envc + 1, sizeof *addresses);
    const struct cpu *cpu = process.cpus[0];
    uint8_t random[16];
    if (!addresses || getrandom(random, sizeof random, 0) != sizeof random) {
        free(addresses);
        return 0;
    }
    const uint64_t file_at = push(&stack, file, strlen(file) + 1);
    process.environment_end = stack.at;
    push_strings(&stack, environment, envc, addresses + argc);
    process.arguments_end = stack.at;
    push_strings(&stack, arguments, argc, addresses);
    process.arguments_start = stack.at;
    const uint64_t platform = push(&stack, "aarch64", 8);
    const uint64_t random_at = push(&stack, random, sizeof random);
    const uint64_t auxv[][2] = {
        {AT_SYSINFO_EHDR, process.vdso},
        {AT_HWCAP, linux_hwcap(cpu)},
        {AT_PAGESZ, PAGE_SIZE_BYTES},
        {AT_CLKTCK, getauxval(AT_CLKTCK)},
        {AT_PHDR, image->headers},
        {AT_PHENT, sizeof(Elf64_Phdr)},
        {AT_PHNUM, image->header_count},
        {AT_BASE, interpreter},
        {AT_FLAGS, 0},
        {AT_ENTRY, entry},
        {AT_UID, getuid()},
        {AT_EUID, geteuid()},
        {AT_GID, getgid()},
        {AT_EGID, getegid()},
        {AT_SECURE, getauxval(AT_SECURE)},
        {AT_RANDOM, random_at},
        {AT_HWCAP2, linux_hwcap2(cpu)},
        {AT_EXECFN, file_at},
        {AT_PLATFORM, platform},
        {AT_MINSIGSTKSZ, 5120},
        {AT_NULL, 0},
    };
    const size_t words = 1 + argc + 1 + envc + 1 + sizeof auxv / 8;
    stack.at = (stack.at & ~15ull) - (words % 2 ? 8 : 0);
    process.auxv = push(&stack, auxv, sizeof auxv);
    process.auxv_bytes = sizeof auxv;
    const uint64_t none = 0, count = argc;
    push(&stack, &none, 8);
    push(&stack, addresses + argc, 8ul * envc);
    push(&stack, &none, 8);
    push(&stack, addresses, 8ul * argc);
    push(&stack, &count, 8);
    free(addresses);
    return stack.failed ? 0 : stack.at;
}

static bool make_stack(uint64_t *lowest, struct error *error)
{
    struct rlimit limit;
    uint64_t bytes = MIN_STACK_BYTES;
    if (trail_replays())
        bytes = PROCESS_STACK_TOP - trail_start()->stack_lowest;
    else if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > bytes)
        bytes = limit.rlim_cur < PROCESS_MAX_STACK_BYTES ? limit.rlim_cur & ~(PAGE_SIZE_BYTES - 1)
                                                         : PROCESS_MAX_STACK_BYTES;
    *lowest = PROCESS_STACK_TOP - bytes;
    if (space_map(&process.space, *lowest, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) < 0)
        return error_set(error, "the host gives no memory for the program's stack: %s", strerror(errno));
    space_name(&process.space, *lowest, AREA_STACK);
    return true;
}

/* --- the program ------------------------------------------------------------------------------------ */

static void set_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : path);
}

static bool load(const char *host, const char *guest, char **arguments, uint64_t *lowest, struct error *error)
{
    struct program_plan plan, other;
    struct program_image image, interpreter = {0};
    if (!trail_file("program", host, error))
        return false;
    int fd = program_open(host, &plan, error);
    if (fd < 0)
        return false;
    bool loaded = program_map(&process.space, &plan, fd, MOVABLE_BASE, host, &image, error);
    close(fd);
    if (!loaded)
        return false;
    space_set_brk(&process.space, image.end);
    if (plan.interpreter[0]) {
        char path[CALL_PATH_BYTES];
        int result = paths_to_host(NULL, AT_FDCWD, plan.interpreter, path, true);
        fd = result ? -1 : program_open(path, &other, error);
        if (fd < 0 && access(result ? "" : path, F_OK) != 0)
            return error_set(error,
                             "%s: needs the interpreter %s, which is not %s; give the directory of an arm64 system "
                             "with --root",
                             host, plan.interpreter, paths_root()[0] ? "below --root" : "on this host");
        if (fd < 0 || !trail_file("interpreter", path, error))
            return false;
        loaded = program_map(&process.space, &other, fd, INTERPRETER_BASE, path, &interpreter, error);
        close(fd);
        if (!loaded)
            return false;
    }
    if (!make_stack(lowest, error) || !map_vdso())
        return false;
    const uint64_t sp = trail_replays() ? trail_fill_stack()
                                        : build_stack(*lowest, &image, interpreter.bias, image.entry, guest,
                                                      arguments, environ);
    if (!sp)
        return error_set(error, "%s: its arguments and environment are longer than its stack", host);
    struct cpu *cpu = process.cpus[0];
    cpu->x[REG_SP] = sp;
    cpu->pc = plan.interpreter[0] ? interpreter.entry : image.entry;
    return true;
}

static void seed(struct cpu *cpu, uint64_t words[PROCESS_SEEDS])
{
    if (trail_replays())
        memcpy(words, trail_start()->seeds, sizeof trail_start()->seeds);
    else if (getrandom(words, 8 * PROCESS_SEEDS, 0) != 8 * PROCESS_SEEDS)
        return;
    cpu_seed_rng(cpu, words[10]);
    uint64_t *const keys[] = {&cpu->sys.APIAKeyLo_EL1, &cpu->sys.APIAKeyHi_EL1, &cpu->sys.APIBKeyLo_EL1,
                              &cpu->sys.APIBKeyHi_EL1, &cpu->sys.APDAKeyLo_EL1, &cpu->sys.APDAKeyHi_EL1,
                              &cpu->sys.APDBKeyLo_EL1, &cpu->sys.APDBKeyHi_EL1, &cpu->sys.APGAKeyLo_EL1,
                              &cpu->sys.APGAKeyHi_EL1};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        *keys[i] = words[i];
}

static bool set_root(const char *root, struct error *error)
{
    const int result = root ? paths_set_root(root) : 0;
    if (result == -ENOTDIR)
        return error_set(error, "--root %s: is no directory", root);
    return !result || error_set(error, "--root %s: %s", root, strerror(-result));
}

/* What make_parts() made, as far as it came: the program cannot begin. */
static void free_parts(void)
{
    threads_free(process.threads);
    if (process.engine)
        process.engine_ops->free(process.engine);
    for (unsigned i = 0; i < process.cpu_count; i++) {
        cpu_free(process.cpus[i]);
        free(process.cpus[i]);
    }
    free(process.thread_of[0]);
    thread_self = process.thread_of[0] = NULL;
    process.cpu_count = 0;
    process.arguments = NULL;
    bus_free(&process.bus);
}

/* Loads the program and whatever it begins with. `target` is static. */
static bool prepare(const struct process_options *options, struct target *target, char **arguments,
                    struct error *error)
{
    struct trail_start start = {0};
    char *absolute = realpath(target->host, NULL);
    process.program_host = absolute ? absolute : target->host;
    snprintf(process.program, sizeof process.program, "%s", paths_to_guest(process.program_host));
    process.arguments = arguments;
    if (!load(target->host, target->guest, arguments, &start.stack_lowest, error))
        return false;
    struct thread *thread = thread_self;
    seed(thread->cpu, start.seeds);
    set_name(target->guest);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &start.mask, sizeof start.mask);
    thread->mask = trail_replays() ? trail_start()->mask : start.mask;
    start.ignored = signals_ignored();
    if (options->record && !trail_create(options->record, &start, error))
        return false;
    signals_init(&process, trail_replays() ? trail_start()->ignored : start.ignored);
    signals_apply_mask(thread);
    return true;
}

int process_exec(const struct process_options *options, int *status, struct error *error)
{
    static struct target target;
    *status = HOST_FAILURE_STATUS;
    if (!set_root(options->root, error))
        return -1;
    if (!options->replay)
        paths_enter_root();
    const ssize_t length = readlink("/proc/self/exe", process.self, sizeof process.self - 1);
    if (length < 0) {
        error_set(error, "/proc/self/exe: %s", strerror(errno));
        return -1;
    }
    int result = 0;
    if (trail_replays()) /* what a script's line led to */
        snprintf(target.host, sizeof target.host, "%s", options->program);
    else if (!(result = target_by_name(options->program, target.guest, target.host)))
        result = target_find(&target);
    if (result) {
        *status = result == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNING;
        error_set(error, "%s: %s", options->program,
                  result == -ENOEXEC ? "is no program for AArch64 Linux" : strerror(-result));
        return -1;
    }
    char *first[2] = {(char *)(options->argv0 ? options->argv0 : options->program), NULL};
    const unsigned count = strings_count(options->arguments);
    char **given = calloc(count + 2, sizeof *given);
    if (!given) {
        error_set(error, "no memory on the host");
        return -1;
    }
    given[0] = first[0];
    memcpy(given + 1, options->arguments, count * sizeof *given);
    char **arguments = target_arguments(&target, given);
    free(given);
    if (target.kind == PROGRAM_HOST && arguments) {
        execve(target.host, arguments, environ);
        error_set(error, "%s: %s", options->program, strerror(errno));
        *status = EXIT_NOT_RUNNING;
        return -1;
    }
    if (!arguments) {
        error_set(error, "no memory on the host");
        return -1;
    }
    const bool made = make_parts(options, error);
    if (made)
        *status = EXIT_NOT_RUNNING;
    if (!made || !prepare(options, &target, arguments, error)) {
        free_parts();
        free(arguments);
        return -1;
    }
    struct thread *thread = thread_self;
    thread_run(thread);
    /* The first thread has ended, and others go on: exit_group() ends all. */
    signals_block_all();
    thread_tell_end(thread);
    process_report();
    process.thread_of[thread->cpu->index] = NULL;
    if (process.trail)
        trail_thread_ended(thread->cpu->index, true, thread->end_status);
    syscall(SYS_exit, thread->end_status);
    abort(); /* the call does not come back */
}
