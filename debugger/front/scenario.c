/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenarios: each runs in a process of its own, several at a time, from one snapshot if that is given, whose pages they
 * share. A scenario that fails leaves what it printed, a snapshot of where it failed, and, from a second run, which is
 * the same as the first, a log that replays it. */
#include "debugger/front/scenario.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "debugger/front/junit.h"
#include "machine/options.h"

#define JOBS_MAX 256u

struct scenario {
    char *path, *name; /* the file, and its name without folder and ending */
    char output[PATH_MAX], snapshot[PATH_MAX], log[PATH_MAX];
    pid_t process; /* 0: it does not run */
    struct timespec begun;
    double seconds;
    int status; /* the exit status; -1: a signal ended it */
};

struct testing {
    struct scenario *scenarios;
    unsigned count;
    char **rest; /* the options of run */
    int rest_count;
    unsigned jobs;
    const char *folder, *junit;
    scenario_run *run;
};

/* --- one ------------------------------------------------------------------------------------------- */

static void end_of_child(struct testing *testing, struct scenario *scenario, bool recorded)
{
    char *own[] = {"--script", scenario->path, "--clock", "virtual", recorded ? "--record" : "--failure-snapshot",
                   recorded ? scenario->log : scenario->snapshot};
    const int own_count = sizeof own / sizeof *own;
    char **arguments = host_alloc((size_t)(testing->rest_count + own_count) + 1, sizeof *arguments);
    int null = open("/dev/null", O_RDWR),
        output = recorded ? null : open(scenario->output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    memcpy(arguments, own, sizeof own);
    memcpy(arguments + own_count, testing->rest, (size_t)testing->rest_count * sizeof *arguments);
    if (null < 0 || output < 0)
        _exit(EXIT_STATUS_HOST);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    int status = testing->run(testing->rest_count + own_count, arguments);
    fflush(NULL);
    _exit(status);
}

static bool begin(struct testing *testing, struct scenario *scenario, bool recorded, struct error *error)
{
    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &scenario->begun);
    scenario->process = fork();
    if (scenario->process == 0)
        end_of_child(testing, scenario, recorded);
    return scenario->process > 0 || error_set(error, "the host gives no process: %s", strerror(errno));
}

/* Waits for one of those that run. */
static struct scenario *wait_for_one(struct testing *testing)
{
    struct timespec now;
    int status;
    pid_t process = wait(&status);
    for (unsigned i = 0; i < testing->count; i++) {
        struct scenario *scenario = &testing->scenarios[i];
        if (process <= 0 || scenario->process != process)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
        scenario->seconds =
            (double)(now.tv_sec - scenario->begun.tv_sec) + (double)(now.tv_nsec - scenario->begun.tv_nsec) / 1e9;
        scenario->process = 0;
        scenario->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return scenario;
    }
    return NULL;
}

/* Why it failed: the first complaint in what it printed. */
static void complaint_of(const struct scenario *scenario, char *line, size_t room)
{
    FILE *from = fopen(scenario->output, "re");
    char next[1024];
    snprintf(line, room, scenario->status < 0 ? "it was ended by a signal" : "exit status %d", scenario->status);
    while (from && fgets(next, sizeof next, from)) {
        next[strcspn(next, "\r\n")] = 0;
        if (strncmp(next, "armature: ", 10))
            continue;
        snprintf(line, room, "%s", next + 10);
        break;
    }
    if (from)
        fclose(from);
}

/* The same again, with a log. A scenario that goes back in time cannot be recorded, and leaves none. */
static void record_failure(struct testing *testing, struct scenario *scenario)
{
    struct scenario again = *scenario;
    int status;
    if (!begin(testing, &again, true, NULL))
        return;
    waitpid(again.process, &status, 0);
}

/* --- all ------------------------------------------------------------------------------------------- */

static unsigned running(const struct testing *testing)
{
    unsigned count = 0;
    for (unsigned i = 0; i < testing->count; i++)
        count += testing->scenarios[i].process > 0;
    return count;
}

static void tell(const struct scenario *scenario)
{
    char line[1024];
    if (scenario->status == 0) {
        printf("passed  %s (%.2f s)\n", scenario->name, scenario->seconds);
    } else {
        complaint_of(scenario, line, sizeof line);
        printf("FAILED  %s (%.2f s): %s\n        output %s, snapshot %s, log %s\n", scenario->name, scenario->seconds,
               line, scenario->output, scenario->snapshot, scenario->log);
    }
    fflush(stdout);
}

static bool run_all(struct testing *testing, struct error *error)
{
    unsigned next = 0;
    while (next < testing->count || running(testing)) {
        if (next < testing->count && running(testing) < testing->jobs) {
            if (!begin(testing, &testing->scenarios[next++], false, error))
                return false;
            continue;
        }
        struct scenario *scenario = wait_for_one(testing);
        if (!scenario)
            return error_set(error, "a scenario's process is lost: %s", strerror(errno));
        tell(scenario);
    }
    for (unsigned i = 0; i < testing->count; i++)
        if (testing->scenarios[i].status)
            record_failure(testing, &testing->scenarios[i]);
    return true;
}

static bool write_junit(const struct testing *testing, struct error *error)
{
    struct junit_case *cases = host_alloc(testing->count, sizeof *cases);
    char(*messages)[1024] = host_alloc(testing->count, sizeof *messages);
    for (unsigned i = 0; i < testing->count; i++) {
        const struct scenario *scenario = &testing->scenarios[i];
        complaint_of(scenario, messages[i], sizeof messages[i]);
        cases[i] = (struct junit_case){scenario->name, scenario->status == 0, messages[i], scenario->output,
                                       scenario->seconds};
    }
    bool good = junit_write(testing->junit, cases, testing->count, error);
    free(messages);
    free(cases);
    return good;
}

/* --- the command line ------------------------------------------------------------------------------ */

static bool add_scenario(struct testing *testing, char *path, struct error *error)
{
    testing->scenarios = host_realloc(testing->scenarios, testing->count + 1, sizeof *testing->scenarios);
    struct scenario *scenario = &testing->scenarios[testing->count++];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    *scenario = (struct scenario){.path = path,
                                  .name = strndup(name, dot && dot != name ? (size_t)(dot - name) : strlen(name))};
    for (unsigned i = 0; i + 1 < testing->count; i++)
        if (!strcmp(testing->scenarios[i].name, scenario->name))
            return error_set(error, "two scenarios are called '%s'; what they leave would overwrite each other",
                             scenario->name);
    return access(path, R_OK) == 0 || error_set(error, "scenario %s: %s", path, strerror(errno));
}

static bool take_jobs(struct testing *testing, const char *text, struct error *error)
{
    char *end;
    unsigned long jobs = text ? strtoul(text, &end, 10) : 0;
    testing->jobs = (unsigned)jobs;
    return (jobs > 0 && jobs <= JOBS_MAX && !*end) ||
           error_set(error, "--jobs expects a number from 1 to %u", JOBS_MAX);
}

/* Scenarios come first, then options: those of `armature test`, and those of run. */
static bool parse(struct testing *testing, int argc, char **argv, struct error *error)
{
    int at = 0;
    while (at < argc && argv[at][0] != '-')
        if (!add_scenario(testing, argv[at++], error))
            return false;
    testing->rest = host_alloc((size_t)argc + 1, sizeof *testing->rest);
    for (; at < argc; at++) {
        if (!strcmp(argv[at], "--jobs")) {
            if (!take_jobs(testing, argv[++at], error))
                return false;
        } else if (!strcmp(argv[at], "--junit") || !strcmp(argv[at], "--artefacts")) {
            const char **to = argv[at][2] == 'j' ? &testing->junit : &testing->folder;
            if (!(*to = argv[at + 1]))
                return error_set(error, "%s expects a name behind it", argv[at]);
            at++;
        } else if (!strcmp(argv[at], "--script") || !strcmp(argv[at], "--record") ||
                   !strcmp(argv[at], "--failure-snapshot") || !strcmp(argv[at], "--clock")) {
            return error_set(error, "armature test sets %s itself", argv[at]);
        } else {
            testing->rest[testing->rest_count++] = argv[at];
        }
    }
    return testing->count > 0 ||
           error_set(error, "test expects scenarios, and behind them options; armature test --help tells more");
}

static bool name_artefacts(struct testing *testing, struct error *error)
{
    if (mkdir(testing->folder, 0777) != 0 && errno != EEXIST)
        return error_set(error, "--artefacts %s: %s", testing->folder, strerror(errno));
    for (unsigned i = 0; i < testing->count; i++) {
        struct scenario *scenario = &testing->scenarios[i];
        const struct {
            char *to;
            const char *ending;
        } names[] = {{scenario->output, "txt"}, {scenario->snapshot, "snap"}, {scenario->log, "log"}};
        for (unsigned n = 0; n < 3; n++) {
            if (snprintf(names[n].to, PATH_MAX, "%s/%s.%s", testing->folder, scenario->name, names[n].ending) >=
                PATH_MAX)
                return error_set(error, "--artefacts %s: the name is too long", testing->folder);
            unlink(names[n].to); /* of an earlier run */
        }
    }
    return true;
}

int scenario_command(int argc, char **argv, scenario_run *run, struct error *error)
{
    struct testing testing = {.jobs = 1, .folder = "armature-test", .run = run};
    unsigned failed = 0;
    int status = EXIT_STATUS_USAGE;
    if (parse(&testing, argc, argv, error)) {
        status = EXIT_STATUS_HOST;
        if (name_artefacts(&testing, error) && run_all(&testing, error) &&
            (!testing.junit || write_junit(&testing, error)))
            status = EXIT_STATUS_POWER_OFF;
    }
    for (unsigned i = 0; i < testing.count; i++) {
        failed += testing.scenarios[i].status != 0;
        free(testing.scenarios[i].name);
    }
    if (status == EXIT_STATUS_POWER_OFF) {
        printf("%u passed, %u failed\n", testing.count - failed, failed);
        if (failed) {
            error_set(error, "%u of %u scenarios failed; what they left is in %s", failed, testing.count,
                      testing.folder);
            status = EXIT_STATUS_HOST;
        }
    }
    free(testing.scenarios);
    free(testing.rest);
    return status;
}

void scenario_help(FILE *to)
{
    fputs("usage: armature test SCENARIO... [OPTIONS] [OPTIONS of run]\n"
          "\n"
          "A scenario is a file of the debugger's commands, a line each (armature debug, then help, lists them): "
          "expect, send, wait,\n"
          "assert, mark and reset among them. It passes if none fails and the machine does not end badly. Times are "
          "the guest's.\n"
          "\n"
          "  --jobs N           so many at a time; default 1\n"
          "  --junit FILE       verdicts in JUnit's XML\n"
          "  --artefacts DIR    where what they print goes (NAME.txt), and of one that fails a snapshot (NAME.snap) "
          "and a log\n"
          "                     that replays it (NAME.log); default armature-test\n"
          "\n"
          "With --restore FILE each begins at that snapshot, and they share its pages.\n",
          to);
}
