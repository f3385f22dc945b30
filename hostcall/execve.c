/* SPDX-License-Identifier: GPL-3.0-or-later */
/* execve(): of a program of the guest's this program anew, of a host's that. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/target.h"
#include "hostcall/trail.h"

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
    char **all = calloc(options->own_option_count + strings_count(arguments) + 9, sizeof *all);
    unsigned used = 0;
    if (!all)
        return NULL;
    for (unsigned i = 0; i < options->own_option_count; i++)
        all[used++] = options->own_options[i];
    if (paths_root()[0]) {
        all[used++] = (char *)"--root";
        all[used++] = (char *)paths_root();
    }
    if (trail_records() && !thread_self->vforked && trail_next_name(log, sizeof log)) {
        all[used++] = (char *)"--record";
        all[used++] = log;
    }
    all[used++] = (char *)"--argv0";
    all[used++] = arguments[0];
    all[used++] = (char *)target->guest;
    memcpy(all + used, arguments + 1, (strings_count(arguments) - 1) * sizeof *all);
    return all;
}

struct becoming {
    char **arguments, **environment; /* as the guest gives them */
    char **whole, **own;             /* with a script's interpreter; of this program. Their strings are others' */
    struct target target;
};

void process_execve_over(struct thread *thread)
{
    struct becoming *becoming = thread->becoming;
    thread->becoming = NULL;
    if (!becoming)
        return;
    free(becoming->own);
    free(becoming->whole);
    free_strings(becoming->arguments);
    free_strings(becoming->environment);
    free(becoming);
}

static int64_t prepare(struct thread *thread, struct becoming *becoming, const char *path, uint64_t arguments_at,
                       uint64_t environment_at)
{
    struct target *target = &becoming->target;
    int64_t result = read_strings(thread, arguments_at, &becoming->arguments);
    if (!result)
        result = read_strings(thread, environment_at, &becoming->environment);
    if (result)
        return result;
    if (proc_is_exe(path))
        path = paths_to_guest(process.program_host);
    snprintf(target->guest, sizeof target->guest, "%s", path);
    result = paths_to_host(thread, AT_FDCWD, path, target->host, true);
    if (!result)
        result = target_find(target);
    if (result)
        return result;
    becoming->whole = target_arguments(target, becoming->arguments);
    if (becoming->whole && target->kind == PROGRAM_GUEST)
        becoming->own = own_arguments(target, becoming->whole);
    return becoming->whole && (target->kind != PROGRAM_GUEST || becoming->own) ? 0 : -ENOMEM;
}

int64_t process_execve(struct thread *thread, const char *path, uint64_t arguments_at, uint64_t environment_at)
{
    if (trail_replays()) {
        trail_became(thread);
        return 0;
    }
    struct becoming *becoming = thread->becoming = calloc(1, sizeof *becoming);
    if (!becoming)
        return -ENOMEM;
    int64_t result = prepare(thread, becoming, path, arguments_at, environment_at);
    if (!result) {
        char **own = becoming->own;
        fflush(NULL);
        if (process.trail)
            trail_become(own);
        signals_apply_mask(thread);
        const uint64_t mask = thread->mask;
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
        execve(own ? process.self : becoming->target.host, own ? own : becoming->whole, becoming->environment);
        result = -errno;
        signals_apply_mask(thread);
    }
    process_execve_over(thread);
    return result;
}
