/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands for machines that stay. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include "machine/options_table.h"
#include "manage/attach.h"
#include "manage/folder.h"
#include "manage/identity.h"
#include "manage/manage.h"

#define START_WAIT_MS 20000
#define STOP_WAIT_S   90
#define LOOK_EVERY_MS 50
#define SSH_WAIT_S    180
#define SSH_GREETING_MS 5000

static void sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

static void file_in(char path[PATH_MAX + 32], const char *folder, const char *name)
{
    snprintf(path, PATH_MAX + 32, "%s/%s", folder, name);
}

/* Makes a folder and those above it. */
static bool make_folder(const char *path, struct error *error)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(part, 0777); /* the last one tells what is wrong */
            *at = '/';
        }
    return mkdir(part, 0700) == 0 || error_set(error, "%s cannot be made: %s", path, strerror(errno));
}

/* --- create ---------------------------------------------------------------------------------------- */

/* What a start gives itself, or what is for one run. */
static bool belongs_to_run(const char *name)
{
    static const char *const of_run[] = {"--serial",   "--serial-log", "--control", "--script", "--restore",
                                         "--incoming", "--replay",   "--record",     "--dump-dtb", "--timeout",
                                         "--stop-after",
                                         "--fresh-identity", "--failure-snapshot", "--state-hash-at"};
    for (unsigned i = 0; i < sizeof of_run / sizeof of_run[0]; i++)
        if (!strcmp(of_run[i], name))
            return true;
    return false;
}

/* Makes the name of a file that is there one that holds in the machine's folder. */
static void write_value(FILE *to, const struct cli_option *option, const char *value)
{
    char whole[PATH_MAX];
    size_t length = strcspn(value, ",");
    const char *file = value;
    if (!strcmp(option->name, "--share") && strchr(value, '=')) {
        file = strchr(value, '=') + 1;
        length = strcspn(file, ",");
        fprintf(to, " %.*s", (int)(file - value), value);
    } else {
        fputc(' ', to);
    }
    char *name = strndup(file, length);
    bool named = option->complete && (!*option->complete || !strcmp(option->name, "--firmware"));
    if (name && named && realpath(name, whole))
        fprintf(to, "%s%s\n", whole, file + length);
    else
        fprintf(to, "%s\n", file);
    free(name);
}

/* A port of the host that is free now, for ssh. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &length) == 0;
    if (fd >= 0)
        close(fd);
    return good ? ntohs(address.sin_port) : 2222;
}

/* Options of `run` that stand for an image that `armature get` made. */
static bool add_image(struct config *words, const char *name, struct error *error)
{
    char relative[PATH_MAX], path[PATH_MAX];
    static const struct {
        const char *option, *file, *rest;
    } parts[] = {{"--kernel", "Image", ""}, {"--initrd", "initrd.gz", ""},
                 {"--disk", "disk.img", ",overlay=disk.qcow2"}};
    if (!folder_path(path, name, error))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(relative, sizeof relative, "images/%.63s/%s", name, parts[i].file);
        if (!folder_home(path, relative, error))
            return false;
        if (access(path, R_OK) < 0)
            return error_set(error, "there is no image '%s' (%s); make it with: armature get %s", name, path, name);
        strncat(path, parts[i].rest, sizeof path - strlen(path) - 1);
        if (!config_add(words, parts[i].option, error) || !config_add(words, path, error))
            return false;
    }
    return config_add(words, "--append", error) && config_add(words, "console=ttyAMA0 quiet root=/dev/vda", error);
}

static bool write_config(const char *path, const struct config *words, const char *machine, struct error *error)
{
    char name[PATH_MAX + 32];
    int at = -1;
    file_in(name, path, "config");
    FILE *file = fopen(name, "we");
    if (!file)
        return error_set(error, "%s cannot be written: %s", name, strerror(errno));
    fprintf(file, "# The machine %s: an option of `armature run` a line, without its dashes.\n", machine);
    for (int i = 0; i < words->count; i++) {
        const struct cli_option *option = cli_find(words->words[i]);
        fputs(option->name + 2, file);
        if (option->value)
            write_value(file, option, words->words[++i]);
        else
            fputc('\n', file);
    }
    if (!config_find(words, "--net", &at))
        fprintf(file, "net user,hostfwd=tcp:%u:22\n", free_port());
    at = -1;
    if (config_find(words, "--firmware", &at) && (at = -1, !config_find(words, "--firmware-vars", &at)))
        fputs("firmware-vars vars.fd\n", file);
    bool good = !ferror(file);
    return (fclose(file) == 0 && good) || error_set(error, "%s cannot be written: %s", name, strerror(errno));
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place)
{
    return remove(path);
}

static int do_create(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    struct config words = {.count = 0};
    struct run_options *options = host_alloc(1, sizeof *options);
    bool good = true, from_image = false, key = true;
    for (int i = 2; good && i < argc; i++)
        if (!strcmp(argv[i], "--from") && i + 1 < argc)
            good = from_image = add_image(&words, argv[++i], error);
        else
            good = config_add(&words, argv[i], error);
    run_options_default(options);
    options->serial.kind = SERIAL_NULL; /* which a start leads elsewhere */
    good = good && run_options_parse(options, words.count, words.words, error);
    for (int i = 0; good && i < words.count; i++) {
        const struct cli_option *option = cli_find(words.words[i]);
        if (option->take_pair || belongs_to_run(option->name))
            good = error_set(error, "%s is for one run, and no part of a machine that stays", option->name);
        i += option->value != NULL;
    }
    bool seeded = good && run_options_given(options, "--seed");
    free(options);
    if (good && access(path, F_OK) == 0)
        good = error_set(error, "there is a machine '%s' already (%s)", argv[1], path);
    good = good && (seeded || identity_seed(&words, error)) && make_folder(path, error);
    if (good && !((!from_image || identity_login(&words, path, argv[1], &key, error)) &&
                  write_config(path, &words, argv[1], error))) {
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        good = false;
    }
    config_free(&words);
    if (good)
        printf("%s: made%s; its configuration is %s/config\n", argv[1],
               key ? "" : " (without a key for ssh, as the package openssh-client is missing)", path);
    return good ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
}

/* --- start ----------------------------------------------------------------------------------------- */

/* Runs the machine in this process, in its folder. Does not come back but with the exit status. */
static int run_here(const char *path, int lock, struct config *config, const struct manage_hooks *hooks,
                    struct error *error)
{
    static const char *const own[] = {"--serial", "unix:console.sock", "--serial-log", "console.log"};
    char text[32];
    int at = -1, length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    bool parallel = false, clock = config_find(config, "--clock", &at);
    for (int i = 0; i < config->count; i++)
        parallel |= !strcmp(config->words[i], "--parallel");
    bool good = chdir(path) == 0 && ftruncate(lock, 0) == 0 && pwrite(lock, text, (size_t)length, 0) == length;
    if (!good) {
        error_set(error, "%s: %s", path, strerror(errno));
        return EXIT_STATUS_HOST;
    }
    unlink("control.sock"); /* of a run that was killed; the lock says that there is none now */
    for (unsigned i = 0; good && i < sizeof own / sizeof own[0]; i++)
        good = config_add(config, own[i], error);
    if (good && !parallel)
        good = config_add(config, "--control", error) && config_add(config, "unix:control.sock", error);
    if (good && !clock)
        good = config_add(config, "--clock", error) && config_add(config, "paced", error);
    if (!good)
        return EXIT_STATUS_HOST;
    return hooks->run(config->count, config->words);
}

/* Waits until the machine has made its sockets, or has ended. */
static bool await_start(const char *path, const char *machine, pid_t child, struct error *error)
{
    char socket_path[PATH_MAX + 32];
    int status;
    file_in(socket_path, path, "console.sock");
    for (unsigned waited = 0; waited < START_WAIT_MS; waited += LOOK_EVERY_MS) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                   error_set(error, "%s did not start; what it said is in %s/log", machine, path);
        if (access(socket_path, F_OK) == 0)
            return true;
        sleep_ms(LOOK_EVERY_MS);
    }
    return error_set(error, "%s does not answer; what it said is in %s/log", machine, path);
}

static int do_start(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char name[PATH_MAX + 32];
    struct config config;
    bool foreground = argc == 3 && !strcmp(argv[2], "--foreground");
    if (argc > 2 && !foreground) {
        error_set(error, "start expects the name of a machine, and maybe --foreground");
        return EXIT_STATUS_USAGE;
    }
    int lock = folder_lock(path, error);
    if (lock < 0 || !config_read(&config, path, error))
        return EXIT_STATUS_HOST;
    file_in(name, path, "console.sock");
    unlink(name); /* of a run that was killed */
    if (foreground)
        return run_here(path, lock, &config, hooks, error);

    file_in(name, path, "log");
    int log = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t child = log >= 0 && nothing >= 0 ? fork() : -1;
    if (child < 0) {
        error_set(error, "%s cannot be started: %s", argv[1], strerror(errno));
        return EXIT_STATUS_HOST;
    }
    if (child == 0) {
        setsid();
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        int status = run_here(path, lock, &config, hooks, error);
        if (status && *error->text)
            fprintf(stderr, "armature: %s\n", error->text);
        fflush(NULL);
        _exit(status);
    }
    close(lock);
    config_free(&config);
    if (!await_start(path, argv[1], child, error))
        return EXIT_STATUS_HOST;
    printf("%s: started; armature shell %s is its serial line\n", argv[1], argv[1]);
    return EXIT_STATUS_POWER_OFF;
}

/* --- stop ------------------------------------------------------------------------------------------ */

static bool await_end(const char *path, unsigned seconds)
{
    for (unsigned waited = 0; waited < seconds * 1000; waited += LOOK_EVERY_MS) {
        if (!folder_runner(path))
            return true;
        sleep_ms(LOOK_EVERY_MS);
    }
    return false;
}

static int do_stop(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char control[PATH_MAX + 32], answer[4096];
    bool force = argc == 3 && !strcmp(argv[2], "--force");
    pid_t runner = folder_runner(path);
    if (argc > 2 && !force) {
        error_set(error, "stop expects the name of a machine, and maybe --force");
        return EXIT_STATUS_USAGE;
    }
    if (!runner) {
        printf("%s: does not run\n", argv[1]);
        return EXIT_STATUS_POWER_OFF;
    }
    file_in(control, path, "control.sock");
    if (!force && !attach_command(control, "key power", answer, sizeof answer, error))
        return EXIT_STATUS_HOST;
    if (!force && !await_end(path, STOP_WAIT_S)) {
        error_set(error, "%s was asked to shut down and has not within %d s; armature stop %s --force pulls its plug",
                  argv[1], STOP_WAIT_S, argv[1]);
        return EXIT_STATUS_HOST;
    }
    if (force && runner > 0 && kill(runner, SIGTERM) == 0 && !await_end(path, 5))
        kill(runner, SIGKILL);
    if (!await_end(path, 5)) {
        error_set(error, "%s does not end", argv[1]);
        return EXIT_STATUS_HOST;
    }
    printf("%s: stopped\n", argv[1]);
    return EXIT_STATUS_POWER_OFF;
}

/* --- list ------------------------------------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int do_list(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char home[PATH_MAX], *names[1024];
    unsigned count = 0;
    if (!folder_home(home, "machines", error))
        return EXIT_STATUS_HOST;
    DIR *folder = opendir(home);
    for (const struct dirent *entry; folder && (entry = readdir(folder)) && count < 1024;)
        if (entry->d_name[0] != '.')
            names[count++] = strdup(entry->d_name);
    if (folder)
        closedir(folder);
    qsort(names, count, sizeof names[0], compare_names);
    for (unsigned i = 0; i < count; i++) {
        char place[PATH_MAX];
        struct config config;
        int at = -1;
        struct error broken = {""};
        if (folder_find(place, names[i], &broken) && config_read(&config, place, &broken)) {
            pid_t runner = folder_runner(place);
            const char *memory = config_find(&config, "--memory", &at);
            printf("%-20s %-8s %8ld  %s\n", names[i], runner ? "runs" : "stopped", (long)(runner > 0 ? runner : 0),
                   memory ? memory : "1G");
            config_free(&config);
        } else {
            printf("%-20s broken: %s\n", names[i], broken.text);
        }
        free(names[i]);
    }
    return EXIT_STATUS_POWER_OFF;
}

/* --- talking to it --------------------------------------------------------------------------------- */

static int do_shell(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char console[PATH_MAX + 32];
    file_in(console, path, "console.sock");
    if (!folder_runner(path)) {
        error_set(error, "%s does not run; start it with: armature start %s", argv[1], argv[1]);
        return EXIT_STATUS_HOST;
    }
    return attach_console(console, error) ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
}

/* The host's port that leads to the guest's port 22; 0: none does. */
static unsigned ssh_port(const struct config *config)
{
    const char *net;
    for (int at = -1; (net = config_find(config, "--net", &at));)
        for (const char *word = net; (word = strstr(word, "hostfwd=tcp:")); word++) {
            char forward[128];
            unsigned a, b;
            snprintf(forward, sizeof forward, "%.*s", (int)strcspn(word + 12, ","), word + 12);
            const char *ports = forward;
            if (sscanf(ports, "%*[0-9.]:%u:%u", &a, &b) == 2 && b == 22)
                return a;
            if (sscanf(ports, "%u:%u", &a, &b) == 2 && b == 22)
                return a;
        }
    return 0;
}

/* Whether an ssh server answers at the port of this host. */
static bool ssh_answers(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char greeting[4];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    struct pollfd in = {fd, POLLIN, 0};
    good = good && poll(&in, 1, SSH_GREETING_MS) == 1 && recv(fd, greeting, 4, MSG_WAITALL) == 4 &&
           !memcmp(greeting, "SSH-", 4);
    if (fd >= 0)
        close(fd);
    return good;
}

/* A guest that starts has no server yet: its forwarded port takes connections, and drops them. */
static bool await_ssh(const char *path, const char *machine, unsigned port, struct error *error)
{
    for (unsigned waited = 0; waited < SSH_WAIT_S && folder_runner(path); waited++) {
        if (ssh_answers(port))
            return true;
        if (!waited)
            fprintf(stderr, "armature: %s: waiting for its ssh server\n", machine);
        sleep_ms(1000);
    }
    return error_set(error,
                     folder_runner(path) ? "%s has no ssh server that answers; armature shell %s is its serial line"
                                         : "%s does not run; start it with: armature start %s",
                     machine, machine);
}

static int do_ssh(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    struct config config;
    char port[16], hosts[PATH_MAX + 64], key[PATH_MAX + 32];
    char **words = host_alloc((size_t)argc + 24, sizeof *words);
    int count = 0;
    if (!config_read(&config, path, error))
        return EXIT_STATUS_HOST;
    if (!ssh_port(&config)) {
        error_set(error,
                  "no port of the host leads to the guest's port 22; add to %s/config: net user,hostfwd=tcp:2222:22",
                  path);
        return EXIT_STATUS_HOST;
    }
    if (!await_ssh(path, argv[1], ssh_port(&config), error))
        return EXIT_STATUS_HOST;
    file_in(key, path, IDENTITY_KEY);
    snprintf(port, sizeof port, "%u", ssh_port(&config));
    snprintf(hosts, sizeof hosts, "UserKnownHostsFile=\"%s/known_hosts\"", path);
    char *const fixed[] = {"ssh", "-p", port, "-o", hosts, "-o", "StrictHostKeyChecking=accept-new",
                           "-o", "HostKeyAlias=armature", "-o", "LogLevel=ERROR", "-l", "root"};
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        words[count++] = fixed[i];
    if (access(key, R_OK) == 0) {
        words[count++] = "-i";
        words[count++] = key;
    }
    words[count++] = "127.0.0.1";
    for (int i = 2; i < argc; i++)
        words[count++] = argv[i];
    execvp("ssh", words);
    error_set(error, "ssh cannot be run: %s; install openssh-client", strerror(errno));
    free(words);
    return EXIT_STATUS_HOST;
}

static int do_logs(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char name[PATH_MAX + 32], bytes[65536];
    bool follow = argc == 3 && !strcmp(argv[2], "--follow"), own = argc == 3 && !strcmp(argv[2], "--armature");
    if (argc > 2 && !follow && !own) {
        error_set(error, "logs expects the name of a machine, and maybe --follow or --armature");
        return EXIT_STATUS_USAGE;
    }
    file_in(name, path, own ? "log" : "console.log");
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(error, "%s cannot be read: %s; it is made by the first start", name, strerror(errno));
        return EXIT_STATUS_HOST;
    }
    for (;;) {
        ssize_t length = read(fd, bytes, sizeof bytes);
        if (length > 0)
            fwrite(bytes, (size_t)length, 1, stdout);
        if (length <= 0 && (!follow || !folder_runner(path)))
            break;
        if (length <= 0) {
            fflush(stdout);
            sleep_ms(LOOK_EVERY_MS * 4);
        }
    }
    close(fd);
    return EXIT_STATUS_POWER_OFF;
}

/* --- names and ends -------------------------------------------------------------------------------- */

static int do_rename(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char to[PATH_MAX];
    if (argc != 3) {
        error_set(error, "rename expects the name of a machine, and its new one");
        return EXIT_STATUS_USAGE;
    }
    int lock = folder_lock(path, error);
    if (lock < 0 || !folder_path(to, argv[2], error))
        return EXIT_STATUS_HOST;
    if (access(to, F_OK) == 0)
        error_set(error, "there is a machine '%s' already", argv[2]);
    else if (rename(path, to) == 0)
        return EXIT_STATUS_POWER_OFF;
    else
        error_set(error, "%s cannot be renamed: %s", argv[1], strerror(errno));
    return EXIT_STATUS_HOST;
}

static int do_delete(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    bool yes = argc == 3 && !strcmp(argv[2], "--yes");
    char answer[16] = "";
    int lock = folder_lock(path, error);
    if (lock < 0)
        return EXIT_STATUS_HOST;
    if (!yes && isatty(STDIN_FILENO)) {
        printf("Delete %s with its disks and snapshots (%s)? [y/N] ", argv[1], path);
        fflush(stdout);
        yes = fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
    }
    if (!yes) {
        error_set(error, "%s stays; armature delete %s --yes deletes it with its disks and snapshots", argv[1],
                  argv[1]);
        return EXIT_STATUS_HOST;
    }
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
        return EXIT_STATUS_POWER_OFF;
    error_set(error, "%s cannot be deleted whole: %s", path, strerror(errno));
    return EXIT_STATUS_HOST;
}

/* --- systemd --------------------------------------------------------------------------------------- */

/* A word of a line of a unit, in quotes: systemd.syntax(7), and systemd.unit(5) for %. */
static void put_unit_word(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        else if (*text == '%')
            putchar('%');
        putchar(*text);
    }
    putchar('"');
}

static int do_unit(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char program[PATH_MAX], whole[PATH_MAX];
    const char *home = getenv("ARMATURE_HOME");
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0 || argc > 2) {
        error_set(error, "unit expects the name of a machine");
        return EXIT_STATUS_USAGE;
    }
    program[length] = 0;
    printf("# ~/.config/systemd/user/armature-%s.service; then: systemctl --user daemon-reload,\n"
           "# systemctl --user enable --now armature-%s\n"
           "[Unit]\nDescription=The ARM64 machine %s\n\n[Service]\n",
           argv[1], argv[1], argv[1]);
    if (home && *home) {
        printf("Environment=\"ARMATURE_HOME=");
        put_unit_word(realpath(home, whole) ? whole : home); /* the service is started elsewhere */
        putchar('\n');
    }
    printf("ExecStart=\"");
    put_unit_word(program);
    printf(" start %s --foreground\nExecStop=\"", argv[1]);
    put_unit_word(program);
    printf(" stop %s\nTimeoutStopSec=120\nRestart=on-failure\n\n[Install]\nWantedBy=default.target\n", argv[1]);
    return EXIT_STATUS_POWER_OFF;
}

/* --- images ---------------------------------------------------------------------------------------- */

static int do_get(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char home[PATH_MAX], script[PATH_MAX], program[PATH_MAX];
    const char *tools = getenv("ARMATURE_TOOLS");
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (argc != 2 || strcmp(argv[1], "debian") || length < 0) {
        error_set(error, "get expects what to get: debian");
        return EXIT_STATUS_USAGE;
    }
    program[length] = 0;
    if (!folder_home(home, "images/debian", error))
        return EXIT_STATUS_HOST;
    snprintf(script, sizeof script, "%s/get-debian", tools && *tools ? tools : ARMATURE_TOOLS);
    setenv("ARMATURE", program, 1);
    execl(script, script, home, (char *)NULL);
    error_set(error, "%s cannot be run: %s; ARMATURE_TOOLS says where the folder tools of the source is", script,
              strerror(errno));
    return EXIT_STATUS_HOST;
}

/* --- the table ------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *arguments, *help;
    int (*run)(const char *path, int argc, char **argv, const struct manage_hooks *hooks, struct error *error);
    enum { NEW, THERE, NONE } machine; /* that argv[1] names */
} commands[] = {
    {"create", "NAME [--from IMAGE] [OPTIONS]", "make a machine that stays, of options of run", do_create, NEW},
    {"start", "NAME [--foreground]", "run it in the background", do_start, THERE},
    {"stop", "NAME [--force]", "press its power key and wait; or pull its plug", do_stop, THERE},
    {"list", "", "the machines, which of them run, and their memory", do_list, NONE},
    {"shell", "NAME", "its serial line on this terminal; Ctrl-] detaches", do_shell, THERE},
    {"ssh", "NAME [COMMAND]", "log into it, by a port that is forwarded", do_ssh, THERE},
    {"logs", "NAME [--follow|--armature]", "what it printed; what armature said", do_logs, THERE},
    {"rename", "NAME NEW", "give it another name", do_rename, THERE},
    {"delete", "NAME [--yes]", "remove it, with its disks and snapshots", do_delete, THERE},
    {"unit", "NAME", "print a unit by which systemd runs it for you", do_unit, THERE},
    {"get", "debian", "make a disk with Debian, for create --from debian", do_get, NONE},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static unsigned find(const char *word)
{
    unsigned i = 0;
    while (i < COMMAND_COUNT && strcmp(commands[i].name, word))
        i++;
    return i;
}

bool manage_is_command(const char *word)
{
    return find(word) < COMMAND_COUNT;
}

void manage_help(FILE *to)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "       armature %s%s%s\n           %s\n", commands[i].name, *commands[i].arguments ? " " : "",
                commands[i].arguments, commands[i].help);
}

void manage_words(FILE *to)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, " %s", commands[i].name);
}

int manage_command(int argc, char **argv, const struct manage_hooks *hooks, struct error *error)
{
    char path[PATH_MAX] = "";
    unsigned i = find(argv[0]);
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        fputs("usage:\n", stdout);
        manage_help(stdout);
        return EXIT_STATUS_POWER_OFF;
    }
    if (commands[i].machine != NONE && argc < 2) {
        error_set(error, "%s expects %s", argv[0], commands[i].arguments);
        return EXIT_STATUS_USAGE;
    }
    bool found = commands[i].machine == NONE ||
                 (commands[i].machine == NEW ? folder_path : folder_find)(path, argv[1], error);
    return found ? commands[i].run(path, argc, argv, hooks, error) : EXIT_STATUS_HOST;
}
