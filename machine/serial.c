/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a serial line. Output is collected and written a line at a time, or when the host is
 * polled; descriptors that we share with other programs (standard output) are never made non-blocking: a
 * write that poll() allows and that is no larger than PIPE_BUF does not wait. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "machine/page.h"
#include "machine/serial.h"

#define END_OF_INPUT     0x04 /* Ctrl-D */
#define READ_BYTES       4096
#define CLOSE_TIMEOUT_MS 2000 /* how long a socket's client may leave the last output unread */

struct serial {
    const char *name;
    enum serial_kind kind;
    const char *path;
    int in_fd, out_fd, listen_fd; /* -1: none (now) */
    FILE *log;                    /* a file that gets all output too; NULL: none (any more) */
    struct host_poller log_poller;
    struct page *page;            /* of SERIAL_PAGE */
    int pty_fd;                   /* the other side of the pseudo-terminal, held so that it never hangs up */
    struct host_watch in_watch, out_watch, listen_watch;
    struct inputs *inputs; /* NULL until attached */
    unsigned source;
    unsigned char last_input; /* the last byte read; 0: none yet */
    bool scripted, error_reported;
    bool output_only; /* what arrives is dropped */
    bool on_terminal;
    struct terminal_keys keys;
    size_t used;
    unsigned char buffer[SERIAL_BUFFER_BYTES];
};

/* --- output ---------------------------------------------------------------------------------------- */

static void client_gone(struct serial *serial);

/* The host refused output. True: there is no use in trying on. */
static bool output_failed(struct serial *serial)
{
    if (errno == EINTR || errno == EAGAIN)
        return errno == EAGAIN;
    if (serial->kind == SERIAL_UNIX) {
        client_gone(serial);
        return true;
    }
    if (serial->kind == SERIAL_STDIO && errno == EPIPE) {
        /* Nobody reads us any more: end as programs do. */
        terminal_restore();
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    if (!serial->error_reported)
        fprintf(stderr, "armature: %s: %s: %s; what the guest sends there is lost until that is put right\n",
                serial->name, serial->path ? serial->path : "standard output", strerror(errno));
    serial->error_reported = true;
    serial->used = 0;
    return true;
}

/* Some output waits for the host, or none does any longer. */
static void watch_output(struct serial *serial)
{
    short events = serial->used && serial->out_fd >= 0 ? POLLOUT : 0;
    if (events && !serial->out_watch.events && serial->inputs)
        host_waits_changed(serial->inputs);
    serial->out_watch.events = events;
}

/* Writes what the host takes, waiting for it up to `timeout_ms` at a time (-1: without end). */
static void flush(struct serial *serial, int timeout_ms)
{
    size_t done = 0;
    while (serial->out_fd >= 0 && done < serial->used) {
        struct pollfd out = {serial->out_fd, POLLOUT, 0};
        int ready = poll(&out, 1, timeout_ms);
        if (ready == 0)
            break;
        if (ready < 0)
            continue;
        size_t length = serial->used - done;
        ssize_t written = write(serial->out_fd, serial->buffer + done, length < PIPE_BUF ? length : PIPE_BUF);
        if (written >= 0)
            done += (size_t)written;
        else if (output_failed(serial) && timeout_ms == 0)
            break;
        if (serial->used == 0)
            return; /* given up */
    }
    memmove(serial->buffer, serial->buffer + done, serial->used - done);
    serial->used -= done;
    watch_output(serial);
}

/* Makes room in a full buffer. A line that nobody listens on keeps its latest half. */
static void make_room(struct serial *serial)
{
    bool may_wait = serial->kind == SERIAL_STDIO || serial->kind == SERIAL_FILE ||
                    (serial->kind == SERIAL_UNIX && serial->out_fd >= 0);
    flush(serial, may_wait ? -1 : 0);
    if (serial->used == SERIAL_BUFFER_BYTES) {
        serial->used /= 2;
        memmove(serial->buffer, serial->buffer + serial->used, serial->used);
    }
}

static void give_up_log(struct serial *serial)
{
    fprintf(stderr, "armature: %s: its log cannot be written: %s; no more is kept\n", serial->name, strerror(errno));
    fclose(serial->log);
    serial->log = NULL;
}

bool serial_log_to(struct serial *serial, const char *path, struct error *error)
{
    serial->log = fopen(path, "ae");
    if (!serial->log)
        return error_set(error, "%s: %s cannot be written: %s", serial->name, path, strerror(errno));
    setvbuf(serial->log, NULL, _IOFBF, 4096);
    return true;
}

bool serial_input_from(struct serial *serial, const char *path, struct error *error)
{
    serial->in_fd = open(path, O_RDONLY | O_CLOEXEC);
    return serial->in_fd >= 0 || error_set(error, "%s: %s cannot be read: %s", serial->name, path, strerror(errno));
}

/* Input comes from a pipe or a file. */
static bool is_piped(const struct serial *serial)
{
    return (serial->kind == SERIAL_STDIO && !serial->on_terminal) ||
           (serial->kind == SERIAL_FILE && serial->in_fd >= 0);
}

/* Whenever the host is looked at, so that who reads the log sees a prompt too. */
static int flush_log(void *backend, struct pollfd *fds, int capacity, int *timeout_ms)
{
    struct serial *serial = backend;
    if (serial->log && fflush(serial->log) != 0)
        give_up_log(serial);
    return 0;
}

static void log_polled(void *backend, const struct pollfd *fds, int count, bool poll_failed)
{
}

void serial_transmit(void *context, const void *bytes, size_t length)
{
    struct serial *serial = context;
    const unsigned char *from = bytes;
    if (serial->kind == SERIAL_NONE || serial->kind == SERIAL_NULL)
        return;
    bool line_ends = false;
    if (serial->page)
        page_write(serial->page, bytes, length);
    if (serial->log && fwrite(bytes, length, 1, serial->log) != 1)
        give_up_log(serial);
    for (size_t i = 0; i < length && !serial->page; i++) {
        if (serial->used == SERIAL_BUFFER_BYTES)
            make_room(serial);
        serial->buffer[serial->used++] = from[i];
        line_ends |= from[i] == '\n';
    }
    if (line_ends)
        flush(serial, 0);
    watch_output(serial);
}

static void on_writable(void *backend, short revents)
{
    flush(backend, 0);
}

/* --- input ----------------------------------------------------------------------------------------- */

/* The end of piped input. As at a terminal, Ctrl-D tells the guest's shell; with nothing typed before,
 * nothing is said: /dev/null is no user who leaves. */
static void input_ended(struct serial *serial)
{
    serial->in_watch.events = 0;
    if (serial->output_only || !is_piped(serial))
        return;
    if (serial->last_input && serial->last_input != '\n')
        input_post(serial->inputs, serial->source, "\n", 1);
    if (serial->last_input)
        input_post(serial->inputs, serial->source, (const char[]){END_OF_INPUT}, 1);
    if (serial->scripted)
        input_script_end(serial->inputs, serial->source);
}

static void on_readable(void *backend, short revents)
{
    struct serial *serial = backend;
    unsigned char bytes[READ_BYTES];
    size_t room = serial->output_only ? sizeof bytes + 1 : input_room(serial->inputs, serial->source);
    if (room <= sizeof bytes)
        return; /* it stays with the host until the guest has taken some */
    ssize_t length = read(serial->in_fd, bytes, sizeof bytes);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (length <= 0 && serial->kind == SERIAL_UNIX) {
        client_gone(serial);
        return;
    }
    if (length <= 0) {
        input_ended(serial);
        return;
    }
    if (serial->output_only)
        return;
    size_t kept =
        serial->on_terminal ? terminal_keys_filter(&serial->keys, bytes, (size_t)length) : (size_t)length;
    serial->last_input = bytes[length - 1];
    if (kept)
        input_post(serial->inputs, serial->source, bytes, kept);
}

void serial_collect(struct serial *serial)
{
    struct pollfd in = {.fd = serial ? serial->in_fd : -1, .events = POLLIN};
    while (serial && serial->scripted && serial->in_watch.events &&
           input_room(serial->inputs, serial->source) > READ_BYTES && poll(&in, 1, 0) > 0)
        on_readable(serial, in.revents);
}

static void watch_line(struct serial *serial)
{
    serial->in_watch = (struct host_watch){serial->in_fd, POLLIN, on_readable, serial};
    serial->out_watch = (struct host_watch){serial->out_fd, serial->used ? POLLOUT : 0, on_writable, serial};
    if (serial->in_fd >= 0 && !(serial->output_only && serial->kind == SERIAL_STDIO))
        host_watch_add(serial->inputs, &serial->in_watch);
    if (serial->out_fd >= 0)
        host_watch_add(serial->inputs, &serial->out_watch);
}

/* --- the socket ------------------------------------------------------------------------------------ */

static void client_gone(struct serial *serial)
{
    if (serial->out_fd < 0)
        return;
    host_watch_remove(serial->inputs, &serial->in_watch);
    host_watch_remove(serial->inputs, &serial->out_watch);
    close(serial->out_fd);
    serial->in_fd = serial->out_fd = -1;
    serial->listen_watch.events = POLLIN;
}

static void on_client(void *backend, short revents)
{
    struct serial *serial = backend;
    int fd = accept4(serial->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    serial->in_fd = serial->out_fd = fd;
    serial->listen_watch.events = 0; /* one at a time */
    watch_line(serial);
}

/* Binds to `path`, over a socket that a program left behind when it was killed. */
static bool open_unix(struct serial *serial, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(serial->path) >= sizeof address.sun_path)
        return error_set(error, "%s: %s: the name is too long for a socket; use one of up to %zu bytes",
                         serial->name, serial->path, sizeof address.sun_path - 1);
    strcpy(address.sun_path, serial->path);
    const struct sockaddr *to = (const struct sockaddr *)&address;

    serial->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = serial->listen_fd >= 0 && bind(serial->listen_fd, to, sizeof address) == 0;
    if (!bound && serial->listen_fd >= 0 && errno == EADDRINUSE) {
        struct stat information;
        if (lstat(serial->path, &information) < 0 || !S_ISSOCK(information.st_mode) ||
            connect(serial->listen_fd, to, sizeof address) == 0 || errno != ECONNREFUSED)
            return error_set(error,
                             "%s: %s is in use by another program or is no socket; choose another name",
                             serial->name, serial->path);
        bound = unlink(serial->path) == 0 && bind(serial->listen_fd, to, sizeof address) == 0;
    }
    if (!bound || listen(serial->listen_fd, 1) < 0)
        return error_set(error, "%s: the socket %s cannot be made: %s", serial->name, serial->path,
                         strerror(errno));
    return true;
}

/* Watches the descriptors there are, or for a client to come. */
static void watch_host(struct serial *serial)
{
    if (serial->log) {
        serial->log_poller = (struct host_poller){.fill = flush_log, .done = log_polled, .backend = serial};
        host_poller_add(serial->inputs, &serial->log_poller);
    }
    if (serial->kind == SERIAL_UNIX) {
        serial->listen_watch = (struct host_watch){serial->listen_fd, POLLIN, on_client, serial};
        host_watch_add(serial->inputs, &serial->listen_watch);
    } else {
        watch_line(serial);
    }
}

/* --- the others ------------------------------------------------------------------------------------ */

static bool open_file(struct serial *serial, struct error *error)
{
    serial->out_fd = open(serial->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (serial->out_fd < 0)
        return error_set(error, "%s: %s cannot be written: %s", serial->name, serial->path, strerror(errno));
    return true;
}

static bool open_pty(struct serial *serial, struct error *error)
{
    char name[64];
    struct termios termios;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    serial->in_fd = serial->out_fd = fd;
    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof name) != 0)
        return error_set(error, "%s: no pseudo-terminal from the host: %s", serial->name, strerror(errno));
    serial->pty_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (serial->pty_fd < 0 || tcgetattr(serial->pty_fd, &termios) < 0)
        return error_set(error, "%s: %s cannot be opened: %s", serial->name, name, strerror(errno));
    cfmakeraw(&termios);
    tcsetattr(serial->pty_fd, TCSANOW, &termios);
    fprintf(stderr, "armature: %s: %s\n", serial->name, name);
    return true;
}

/* What is typed on the page, or the terminal answers. */
static void from_page(void *context, const void *bytes, size_t length)
{
    struct serial *serial = context;
    if (serial->inputs && !serial->output_only)
        input_post(serial->inputs, serial->source, bytes, length);
}

struct page *serial_page(const struct serial *serial)
{
    return serial ? serial->page : NULL;
}

static bool open_line(struct serial *serial, struct error *error)
{
    switch (serial->kind) {
    case SERIAL_NONE:
    case SERIAL_NULL: return true;
    case SERIAL_STDIO:
        serial->in_fd = STDIN_FILENO;
        serial->out_fd = STDOUT_FILENO;
        return true;
    case SERIAL_FILE: return open_file(serial, error);
    case SERIAL_UNIX: return open_unix(serial, error);
    case SERIAL_PTY: return open_pty(serial, error);
    case SERIAL_PAGE: return (serial->page = page_create(from_page, serial, error)) != NULL;
    }
    assert(!"a kind of serial line");
    return false;
}

/* --- entry points ---------------------------------------------------------------------------------- */

struct serial *serial_open(const char *name, const struct serial_option *option, struct error *error)
{
    struct serial *serial = calloc(1, sizeof *serial);
    if (!serial) {
        error_set(error, "%s: no memory from the host; close other programs", name);
        return NULL;
    }
    serial->name = name;
    serial->kind = option->kind;
    serial->path = option->path;
    serial->in_fd = serial->out_fd = serial->listen_fd = serial->pty_fd = -1;
    if (!open_line(serial, error)) {
        serial_close(serial);
        return NULL;
    }
    return serial;
}

bool serial_attach(struct serial *serial, struct inputs *inputs, unsigned source, bool scripted,
                   const struct terminal_actions *actions, struct error *error)
{
    serial->inputs = inputs;
    serial->source = source;
    if (actions)
        serial->keys.actions = *actions;
    serial->on_terminal = serial->kind == SERIAL_STDIO && isatty(STDIN_FILENO);
    if (actions && actions->prompt && serial->kind == SERIAL_STDIO && !serial->on_terminal) {
        serial->in_fd = -1;
        scripted = false;
    }
    serial->scripted = scripted && is_piped(serial);
    if (serial->on_terminal && !terminal_raw(STDIN_FILENO, error))
        return false;
    if (serial->scripted)
        input_script(inputs, source);
    else if (is_piped(serial))
        input_await_listener(inputs, source);
    watch_host(serial);
    return true;
}

void serial_flush(struct serial *serial)
{
    if (serial && (serial->kind == SERIAL_STDIO || serial->kind == SERIAL_FILE))
        flush(serial, -1);
}

void serial_suspend(struct serial *serial)
{
    serial_flush(serial);
    if (!serial || !serial->on_terminal)
        return;
    serial->in_watch.events = 0;
    terminal_restore();
}

void serial_resume(struct serial *serial)
{
    if (!serial || !serial->on_terminal)
        return;
    serial->in_watch.events = POLLIN;
    terminal_raw_again();
}

void serial_attach_output(struct serial *serial, struct inputs *inputs)
{
    serial->inputs = inputs;
    serial->output_only = true;
    watch_host(serial);
}

void serial_close(struct serial *serial)
{
    if (!serial)
        return;
    flush(serial, serial->kind == SERIAL_UNIX ? CLOSE_TIMEOUT_MS : serial->kind == SERIAL_PTY ? 0 : -1);
    if (serial->on_terminal)
        terminal_restore();
    if (serial->inputs) {
        host_watch_remove(serial->inputs, &serial->in_watch);
        host_watch_remove(serial->inputs, &serial->out_watch);
        host_watch_remove(serial->inputs, &serial->listen_watch);
    }
    if (serial->kind == SERIAL_UNIX && serial->inputs)
        unlink(serial->path);
    if (serial->out_fd >= 0 && serial->kind != SERIAL_STDIO)
        close(serial->out_fd);
    if (serial->in_fd >= 0 && serial->kind == SERIAL_FILE)
        close(serial->in_fd);
    if (serial->listen_fd >= 0)
        close(serial->listen_fd);
    if (serial->pty_fd >= 0)
        close(serial->pty_fd);
    if (serial->log)
        fclose(serial->log);
    page_free(serial->page);
    free(serial);
}
