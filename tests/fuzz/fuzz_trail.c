/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: logs of recorded programs (hostcall/trail.h). A small program is recorded once. An input changes entries
 * of its log, eight bytes a change; the replay, a process of its own, must end by itself, with one line at most. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "hostcall/start.h"
#include "hostcall/trail.h"
#include "interp/interp.h"
#include "snapshot/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRIES_MAX  4096u
#define CHANGES_MAX  8u
#define OUTPUT_BYTES 65536u
#define LONGEST_S    60u /* of a replay: on any host it takes a second at most */

enum change { CHANGE_VALUE, CHANGE_SOURCE, CHANGE_STAMP, CHANGE_BYTES, CHANGE_LENGTH, DROP, REPEAT, SWAP, CHANGES };

static struct log_entry recorded[ENTRIES_MAX], changed[2 * ENTRIES_MAX];
static unsigned recorded_count;
static struct log_reader *model; /* its header */
static int log_fd, output_fd;
static char log_path[64];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "fuzz_trail: %s\n", what);
    abort();
}

/* --- a process that records or replays --------------------------------------------------------------- */

/* Its status; what it printed is in `output_fd`. */
static int run(const char *program, bool replays)
{
    const pid_t pid = fork();
    if (pid < 0)
        fail("no process");
    if (!pid) {
        static struct process_options options;
        static char *none[] = {NULL};
        struct error error = {""};
        int status = 0;
        alarm(LONGEST_S);
        for (int signal_number = 1; signal_number < 32; signal_number++) /* standalone.c's */
            if (signal_number != SIGKILL && signal_number != SIGSTOP)
                signal(signal_number, SIG_DFL);
        dup2(output_fd, STDOUT_FILENO);
        dup2(output_fd, STDERR_FILENO);
        options = (struct process_options){.engine = &interp_engine,
                                           .cpu = CPU_MAX,
                                           .program = program,
                                           .arguments = none,
                                           .own_options = none,
                                           .record = replays ? NULL : log_path,
                                           .replay = replays ? log_path : NULL};
        if (!replays || trail_open(log_path, &options, &error))
            process_exec(&options, &status, &error);
        dprintf(STDERR_FILENO, "armature: %s\n", error.text);
        _exit(HOST_FAILURE_STATUS);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid)
        fail("its process is gone");
    return status;
}

/* --- the model --------------------------------------------------------------------------------------- */

static void make_model(void)
{
    const char *program = getenv("ARMATURE_FUZZ_MODEL");
    struct error error;
    struct log_entry entry;
    log_fd = memfd_create("log", MFD_CLOEXEC);
    output_fd = memfd_create("output", MFD_CLOEXEC);
    if (!program || log_fd < 0 || output_fd < 0)
        fail("ARMATURE_FUZZ_MODEL names no program");
    snprintf(log_path, sizeof log_path, "/proc/%d/fd/%d", getpid(), log_fd);
    const int status = run(program, false);
    model = log_open(log_path, &error);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 5 || !model)
        fail("the program was not recorded");
    while (log_next(model, &entry, &error) == LOG_ENTRY) {
        if (recorded_count == ENTRIES_MAX)
            fail("its log is longer than was thought");
        uint8_t *bytes = malloc(entry.length + 1);
        if (!bytes)
            abort();
        memcpy(bytes, entry.bytes, entry.length);
        entry.bytes = bytes;
        recorded[recorded_count++] = entry;
    }
}

/* --- changes ----------------------------------------------------------------------------------------- */

static const uint64_t remarkable[] = {
    0,          1,          2,                3,          8,          255,   256,         1023,         1024, 4096,
    1ull << 31, 1ull << 46, (1ull << 46) - 8, 1ull << 47, 1ull << 63, ~0ull, ~0ull - 21, ~0ull - 511,
};

static uint64_t number_of(const uint8_t *data, uint64_t before)
{
    const unsigned kind = data[0] % 24;
    if (kind < sizeof remarkable / sizeof *remarkable)
        return remarkable[kind];
    return kind < 21 ? before + data[1] - 128u : data[1];
}

static unsigned change(struct log_entry *entries, unsigned count, const uint8_t data[8])
{
    static uint8_t pool[CHANGES_MAX][512];
    static unsigned used;
    const unsigned at = (data[1] | data[2] << 8) % count, other = (data[3] | data[4] << 8) % count;
    struct log_entry *entry = &entries[at], before = *entry;
    uint8_t *room = pool[used++ % CHANGES_MAX];
    switch ((enum change)(data[0] % CHANGES)) {
    case CHANGE_VALUE: entry->value = number_of(data + 5, entry->value); break;
    case CHANGE_SOURCE: entry->number = data[5] % (TRAIL_SOURCES + 2); break;
    case CHANGE_STAMP: entry->at.insns = number_of(data + 5, entry->at.insns) & INT64_MAX; break;
    case CHANGE_BYTES:
        if (!entry->length || entry->length > sizeof pool[0])
            break;
        memcpy(room, entry->bytes, entry->length);
        for (unsigned i = 0; i < 4; i++)
            room[(data[5] * (i + 1) + data[6]) % entry->length] ^= data[7] + i;
        entry->bytes = room;
        break;
    case CHANGE_LENGTH:
        memset(room, data[5], sizeof pool[0]);
        entry->bytes = room;
        entry->length = data[6] * 2u;
        break;
    case DROP:
        memmove(entry, entry + 1, (count - at - 1) * sizeof *entry);
        return count - 1;
    case REPEAT:
        memmove(entry + 1, entry, (count - at) * sizeof *entry);
        return count + 1;
    case SWAP:
        *entry = entries[other];
        entries[other] = before;
        break;
    case CHANGES: break;
    }
    return count;
}

static void write_log(const struct log_entry *entries, unsigned count)
{
    struct error error;
    uint64_t last = 0;
    struct log_writer *writer = log_create(log_path, log_reader_header(model), &error);
    if (!writer)
        fail(error.text);
    for (unsigned i = 0; i < count; i++) { /* a stamp never goes back: the format has none such */
        struct log_entry entry = entries[i];
        last = entry.at.insns = entry.at.insns < last ? last : entry.at.insns;
        log_put(writer, &entry);
    }
    if (!log_close(writer, &error))
        fail(error.text);
}

/* --- the judge --------------------------------------------------------------------------------------- */

static void judge(void)
{
    static char output[OUTPUT_BYTES + 1];
    static const char *const mistakes[] = {"mistake in armature", "Sanitizer", "runtime error:", "Assertion"};
    const ssize_t length = pread(output_fd, output, OUTPUT_BYTES, 0);
    unsigned lines = 0;
    output[length < 0 ? 0 : length] = 0;
    for (char *at = output; (at = memchr(at, 'a', (size_t)(output + length - at))); at++)
        lines += !strncmp(at, "armature: ", 10);
    for (unsigned i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        if (memmem(output, (size_t)length, mistakes[i], strlen(mistakes[i])))
            lines = 2;
    if (lines > 1) {
        fwrite(output, 1, (size_t)length, stderr);
        fail("that is no clear line");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timespec from, to;
    if (!model)
        make_model();
    unsigned count = recorded_count;
    memcpy(changed, recorded, count * sizeof *recorded);
    const unsigned changes = size ? 1 + data[0] / CHANGES % CHANGES_MAX : 0;
    for (unsigned i = 0; i < changes && size >= 8 && count; i++, data += 8, size -= 8)
        count = change(changed, count, data);
    write_log(changed, count);
    if (ftruncate(output_fd, 0) || lseek(output_fd, 0, SEEK_SET))
        abort();
    clock_gettime(CLOCK_MONOTONIC, &from);
    run("", true);
    clock_gettime(CLOCK_MONOTONIC, &to);
    if (to.tv_sec - from.tv_sec >= LONGEST_S - 1)
        fail("a replay does not end");
    judge();
    return 0;
}
