/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of a process: its parts, the program in memory, its first stack; and execve(). */
#include "hostcall/process.h"
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
#include "hostcall/trail.h"
#include "isa/arm64/threads.h"

#define MOVABLE_BASE     0x2aaaaaaaa000ull /* two thirds of the space, as Linux has it */
#define MIN_STACK_BYTES  (8ull << 20)
#define INTERPRETER_BASE (USER_SPACE_BYTES - (1ull << 32) - (64ull << 20)) /* near where other areas go */

#define SCRIPT_BYTES  256u
#define SCRIPT_DEPTH  4u

#define EXIT_NOT_FOUND   127
#define EXIT_NOT_RUNNING 126

extern char **environ;

struct process process;

/* --- parts ------------------------------------------------------------------------------------------ */

/* CNTVCT_EL0 counts the host's monotonic time. */
uint64_t process_host_ns(void *context)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

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
    thread_self = thread;
    return true;
}

/* The code that a signal's handler returns to: MOV X8, #139 (rt_sigreturn); SVC #0. Who walks stacks knows it. */
static bool make_trampoline(void)
{
    static const uint32_t code[] = {0xd503201f, 0xd2801168, 0xd4000001};
    int64_t at = space_map(&process.space, INTERPRETER_BASE - (1 << 20), PAGE_SIZE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at < 0)
        return false;
    memcpy((void *)at, code, sizeof code);
    space_protect(&process.space, (uint64_t)at, PAGE_SIZE_BYTES, PROT_READ | PROT_EXEC);
    space_name(&process.space, (uint64_t)at, AREA_SIGNAL);
    process.trampoline = (uint64_t)at + 4;
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

static unsigned count_of(char **strings)
{
    unsigned count = 0;
    while (strings[count])
        count++;
    return count;
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
    const unsigned argc = count_of(arguments), envc = count_of(environment);
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
                             host, plan.interpreter, process.root[0] ? "below --root" : "on this host");
        if (fd < 0 || !trail_file("interpreter", path, error))
            return false;
        loaded = program_map(&process.space, &other, fd, INTERPRETER_BASE, path, &interpreter, error);
        close(fd);
        if (!loaded)
            return false;
    }
    if (!make_stack(lowest, error) || !make_trampoline())
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
    if (!root)
        return true;
    if (!realpath(root, process.root))
        return error_set(error, "--root %s: %s", root, strerror(errno));
    struct stat about;
    if (stat(process.root, &about) != 0 || !S_ISDIR(about.st_mode))
        return error_set(error, "--root %s: is no directory", root);
    if (!strcmp(process.root, "/"))
        process.root[0] = 0;
    return true;
}

/* The program by name: as a path, or along PATH. */
static int find_program(const char *name, char guest[CALL_PATH_BYTES], char host[CALL_PATH_BYTES])
{
    const char *path = strchr(name, '/') ? NULL : getenv("PATH");
    if (!path) {
        snprintf(guest, CALL_PATH_BYTES, "%s", name);
        return paths_to_host(NULL, AT_FDCWD, name, host, true);
    }
    for (; *path; path += strcspn(path, ":"), path += *path == ':') {
        const int length = (int)strcspn(path, ":");
        snprintf(guest, CALL_PATH_BYTES, "%.*s/%s", length ? length : 1, length ? path : ".", name);
        if (!paths_to_host(NULL, AT_FDCWD, guest, host, true) && access(host, X_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

static ssize_t read_head(const char *host, uint8_t *head, size_t bytes)
{
    int fd = open(host, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, head, bytes);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return length;
}

/* A script's first line gives two words: the interpreter, and one argument with all the rest, or "". */
static bool parse_script(uint8_t *head, size_t length, char **interpreter, char **argument)
{
    head[length] = 0;
    char *line = (char *)head + 2;
    char *end = strpbrk(line, "\n");
    if (!end)
        return false;
    *end = 0;
    while (end > line && strchr(" \t\r", end[-1]) && end[-1])
        *--end = 0;
    line += strspn(line, " \t");
    *interpreter = line;
    line += strcspn(line, " \t");
    if (*line)
        *line++ = 0;
    *argument = line + strspn(line, " \t");
    return **interpreter;
}

/* What is run for a path: guest and host path of the program itself, and the arguments of scripts before the others. */
struct target {
    char guest[CALL_PATH_BYTES], host[CALL_PATH_BYTES];
    enum program_kind kind;
    char *before[2 * SCRIPT_DEPTH + 1]; /* replace argv[0]; NULL: none */
    unsigned before_count;
    uint8_t heads[SCRIPT_DEPTH][SCRIPT_BYTES + 1];
    char scripts[SCRIPT_DEPTH][CALL_PATH_BYTES];
};

static int find_target(struct target *target)
{
    target->before_count = 0;
    for (unsigned depth = 0;; depth++) {
        if (depth == SCRIPT_DEPTH)
            return -ELOOP;
        uint8_t *head = target->heads[depth];
        struct stat about;
        if (stat(target->host, &about) != 0)
            return -errno;
        if (!S_ISREG(about.st_mode) || access(target->host, X_OK) != 0)
            return -EACCES;
        const ssize_t length = read_head(target->host, head, SCRIPT_BYTES);
        if (length < 0)
            return -errno;
        target->kind = program_kind(head, (size_t)length);
        if (target->kind != PROGRAM_SCRIPT)
            return target->kind == PROGRAM_NONE ? -ENOEXEC : 0;
        char *interpreter, *argument;
        if (!parse_script(head, (size_t)length, &interpreter, &argument))
            return -ENOEXEC;
        strcpy(target->scripts[depth], target->guest);
        /* the script's path stands for its argv[0]; of a script's script, before that */
        if (target->before_count)
            memmove(target->before + 1 + (*argument != 0), target->before,
                    target->before_count * sizeof *target->before);
        unsigned added = 0;
        if (*argument)
            target->before[added++] = argument;
        target->before[added] = target->scripts[depth];
        target->before_count += added + 1;
        snprintf(target->guest, sizeof target->guest, "%s", interpreter);
        int error = paths_to_host(NULL, AT_FDCWD, target->guest, target->host, true);
        if (error)
            return error;
    }
}

/* argv as the target wants it: its own arguments[0], or the script's words. */
static char **target_arguments(const struct target *target, char **arguments)
{
    const unsigned count = count_of(arguments);
    char **all = calloc(count + target->before_count + 2, sizeof *all);
    unsigned used = 0;
    if (!all)
        return NULL;
    if (target->before_count) {
        all[used++] = (char *)target->guest;
        memcpy(all + used, target->before, target->before_count * sizeof *all);
        used += target->before_count;
    } else {
        all[used++] = count ? arguments[0] : (char *)"";
    }
    if (count > 1)
        memcpy(all + used, arguments + 1, (count - 1) * sizeof *all);
    return all;
}

void process_report(void)
{
    if (!process.options->statistics || !process.engine_ops->describe)
        return;
    fprintf(stderr, "armature: translated code of %s:\n", process.program);
    process.engine_ops->describe(process.engine, stderr);
}

int process_exec(const struct process_options *options, int *status, struct error *error)
{
    static struct target target;
    *status = HOST_FAILURE_STATUS;
    if (!set_root(options->root, error))
        return -1;
    const ssize_t length = readlink("/proc/self/exe", process.self, sizeof process.self - 1);
    if (length < 0) {
        error_set(error, "/proc/self/exe: %s", strerror(errno));
        return -1;
    }
    int result = 0;
    if (trail_replays()) /* what a script's line led to */
        snprintf(target.host, sizeof target.host, "%s", options->program);
    else if (!(result = find_program(options->program, target.guest, target.host)))
        result = find_target(&target);
    if (result) {
        *status = result == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNING;
        error_set(error, "%s: %s", options->program,
                  result == -ENOEXEC ? "is no program for AArch64 Linux" : strerror(-result));
        return -1;
    }
    char *first[2] = {(char *)(options->argv0 ? options->argv0 : options->program), NULL};
    const unsigned count = count_of(options->arguments);
    char **given = calloc(count + 2, sizeof *given);
    if (!given) {
        error_set(error, "no memory on the host");
        return -1;
    }
    given[0] = first[0];
    memcpy(given + 1, options->arguments, count * sizeof *given);
    char **arguments = target_arguments(&target, given);
    if (target.kind == PROGRAM_HOST && arguments) {
        execve(target.host, arguments, environ);
        error_set(error, "%s: %s", options->program, strerror(errno));
        *status = EXIT_NOT_RUNNING;
        return -1;
    }
    if (!arguments || !make_parts(options, error))
        return -1;
    *status = EXIT_NOT_RUNNING;
    struct thread *thread = thread_self;
    struct trail_start start = {0};
    char *absolute = realpath(target.host, NULL);
    snprintf(process.program, sizeof process.program, "%s", paths_to_guest(absolute ? absolute : target.host));
    free(absolute);
    process.arguments = arguments;
    process.program_host = target.host;
    if (!load(target.host, target.guest, arguments, &start.stack_lowest, error))
        return -1;
    seed(thread->cpu, start.seeds);
    set_name(target.guest);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &start.mask, sizeof start.mask);
    thread->mask = trail_replays() ? trail_start()->mask : start.mask;
    start.ignored = signals_ignored();
    if (options->record && !trail_create(options->record, &start, error))
        return -1;
    signals_init(&process, trail_replays() ? trail_start()->ignored : start.ignored);
    signals_apply_mask(thread);
    thread_run(thread);
    /* The first thread has ended, and others go on: exit_group() ends all. */
    signals_block_all();
    process_report();
    trail_end((uint8_t)thread->end_status);
    syscall(SYS_exit, thread->end_status);
    abort(); /* the call does not come back */
}

/* --- execve ----------------------------------------------------------------------------------------- */

/* Copies a vector of strings of the guest's; each is allocated. */
static int64_t read_strings(struct thread *thread, uint64_t address, char ***strings)
{
    size_t count = 0, capacity = 64;
    char **all = calloc(capacity, sizeof *all);
    char *text = malloc(128 << 10);
    int64_t error = all && text ? 0 : -ENOMEM;
    for (; address && !error; address += 8) {
        uint64_t at;
        if (!guest_read(thread, &at, address, sizeof at)) {
            error = -EFAULT;
            break;
        }
        if (!at)
            break;
        error = call_string(&thread->call, at, text, 128 << 10);
        if (error == -ENAMETOOLONG)
            error = -E2BIG;
        if (count + 2 > capacity) {
            char **more = realloc(all, 2 * capacity * sizeof *all);
            if (!more) {
                error = -ENOMEM;
                break;
            }
            memset(more + capacity, 0, capacity * sizeof *more);
            all = more;
            capacity *= 2;
        }
        if (!error && !(all[count++] = strdup(text)))
            error = -ENOMEM;
    }
    free(text);
    *strings = all;
    return error;
}

static void free_strings(char **strings)
{
    for (char **at = strings; at && *at; at++)
        free(*at);
    free(strings);
}

/* This program, to run the guest's. */
static char **own_arguments(const struct target *target, char **arguments)
{
    const struct process_options *options = process.options;
    static char log[PROCESS_PATH_BYTES];
    char **all = calloc(options->own_option_count + count_of(arguments) + 7, sizeof *all);
    unsigned used = 0;
    if (!all)
        return NULL;
    for (unsigned i = 0; i < options->own_option_count; i++)
        all[used++] = options->own_options[i];
    if (trail_records() && !thread_self->vforked && trail_next_name(log, sizeof log)) {
        all[used++] = (char *)"--record";
        all[used++] = log;
    }
    all[used++] = (char *)"--argv0";
    all[used++] = arguments[0];
    all[used++] = (char *)target->guest;
    memcpy(all + used, arguments + 1, (count_of(arguments) - 1) * sizeof *all);
    return all;
}

int64_t process_execve(struct thread *thread, const char *path, uint64_t arguments_at, uint64_t environment_at)
{
    char **arguments = NULL, **environment = NULL, **whole = NULL, **own = NULL;
    if (trail_replays()) {
        trail_became(thread);
        return 0;
    }
    struct target *target = calloc(1, sizeof *target);
    int64_t result = target ? read_strings(thread, arguments_at, &arguments) : -ENOMEM;
    if (!result)
        result = read_strings(thread, environment_at, &environment);
    if (!result) {
        if (proc_is_exe(path))
            path = process.program;
        snprintf(target->guest, sizeof target->guest, "%s", path);
        result = paths_to_host(thread, AT_FDCWD, path, target->host, true);
    }
    if (!result)
        result = find_target(target);
    if (!result)
        whole = target_arguments(target, arguments);
    if (whole && target->kind == PROGRAM_GUEST)
        own = own_arguments(target, whole);
    if (!result && (!whole || (target->kind == PROGRAM_GUEST && !own)))
        result = -ENOMEM;
    if (!result) {
        fflush(NULL);
        if (process.trail)
            trail_become(own);
        signals_apply_mask(thread);
        const uint64_t mask = thread->mask;
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
        execve(own ? process.self : target->host, own ? own : whole, environment);
        result = -errno;
        signals_apply_mask(thread);
    }
    free(own);
    free(whole);
    free_strings(arguments);
    free_strings(environment);
    free(target);
    return result;
}
