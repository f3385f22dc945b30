/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semihosting's files.
 *
 * A handle is the machine's: which file it is, how it was opened, how far it is read. The descriptor is the host's.
 * Each answer carries what became of a handle (a note, see door.h), so handles are a function of the answers, in a
 * replay too, and a snapshot has them. A restored machine's files are opened again when they are used, by their names;
 * what then is another file than it was, or none, is stale (ESTALE). Notes are
 *
 *     handle[1] kind[1] mode[1] position[8] device[8] inode[8] name[...]    a file is open
 *     handle[1] position[8]                                                 it is read or written up to there
 *     handle[1]                                                             it is closed
 *     0[1] error[4]                                                         what SYS_ERRNO says */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/semihost_internal.h"

#define OPEN_BYTES     27u /* of a note, before the name */
#define POSITION_BYTES 9u
#define ERROR_BYTES    5u
#define MODE_MAX       11u

static const struct field semihost_file_list[] = {
    FIELD(struct semihost_file, kind),
    FIELD(struct semihost_file, mode),
    FIELD(struct semihost_file, position),
    FIELD(struct semihost_file, device),
    FIELD(struct semihost_file, inode),
    FIELD_BYTES(struct semihost_file, name),
    FIELDS_END,
};
const struct fields semihost_file_fields = {"semihosting-file", sizeof(struct semihost_file), semihost_file_list};

/* fopen()'s r, r+, w, w+, a, a+; the modes of SYS_OPEN are these, each also with b. */
static const int modes[] = {O_RDONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC,
                            O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND};

/* What SYS_EXT says (3.2 and 4.2): magic, and EXT_EXIT_EXTENDED and EXT_STDOUT_STDERR. */
static const uint8_t features[] = {0x53, 0x48, 0x46, 0x42, 0x03};

/* --- names ----------------------------------------------------------------------------------------- */

/* The folder is the root of all names, links and "..", so that none leads out. */
static int open_in_folder(const struct semihost *semihost, const char *path, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, semihost->folder, path, &how, sizeof how);
    while (fd < 0 && errno == EAGAIN);
    return fd < 0 ? -errno : (int)fd;
}

/* The directory of a path, in which `*name` is something: a descriptor or -errno. */
static int directory_of(const struct semihost *semihost, char *path, const char **name)
{
    char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
        return -EINVAL;
    if (slash)
        *slash = 0;
    return open_in_folder(semihost, slash && *path ? path : "/", O_PATH | O_DIRECTORY, 0);
}

/* Of a device or pipe nobody here reads or writes. `*status` is that of the file. */
static int open_regular(const struct semihost *semihost, const char *path, int flags, struct stat *status)
{
    int fd = open_in_folder(semihost, path, flags | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        return fd;
    if (!fstat(fd, status) && S_ISREG(status->st_mode))
        return fd;
    close(fd);
    return -EISDIR;
}

/* --- notes ----------------------------------------------------------------------------------------- */

static bool sane(const struct semihost_file *file)
{
    return file->kind <= FILE_FEATURES && file->mode <= MODE_MAX && file->position <= INT64_MAX &&
           memchr(file->name, 0, sizeof file->name);
}

/* What a note makes of a handle. False: it is none. */
static bool apply(struct semihost_file *file, const uint8_t *note, size_t length)
{
    if (length == 1) {
        *file = (struct semihost_file){.kind = FILE_CLOSED};
        return true;
    }
    if (length == POSITION_BYTES) {
        memcpy(&file->position, note + 1, 8);
        return sane(file);
    }
    if (length < OPEN_BYTES || length - OPEN_BYTES >= SEMIHOST_PATH_BYTES)
        return false;
    *file = (struct semihost_file){.kind = note[1], .mode = note[2]};
    memcpy(&file->position, note + 3, 8);
    memcpy(&file->device, note + 11, 8);
    memcpy(&file->inode, note + 19, 8);
    memcpy(file->name, note + OPEN_BYTES, length - OPEN_BYTES);
    return sane(file);
}

bool semihost_noted(void *context, uint64_t call, const void *bytes, size_t length, bool act)
{
    struct semihost *semihost = context;
    const uint8_t *note = bytes;
    /* The host's view has it already, unless who answered was another process. */
    const bool news = call <= semihost->calls_before && !inputs_past(semihost->door->inputs);
    if (length == ERROR_BYTES && note[0] == 0) {
        if (act)
            memcpy(&semihost->error, note + 1, 4);
        if (act && news)
            semihost->now_error = semihost->error;
        return true;
    }
    if (!length || !note[0] || note[0] > SEMIHOST_FILES_MAX)
        return false;
    struct semihost_file file = semihost->files[note[0] - 1];
    if (!apply(&file, note, length))
        return false;
    if (act)
        semihost->files[note[0] - 1] = file;
    if (act && news)
        semihost->now[note[0] - 1] = file;
    return true;
}

void semihost_note_error(struct semihost *semihost, uint32_t error)
{
    uint8_t note[ERROR_BYTES] = {0};
    memcpy(note + 1, &error, 4);
    semihost->now_error = error;
    door_note(semihost->door, note, sizeof note);
}

static void note_open(struct semihost *semihost, unsigned number)
{
    const struct semihost_file *file = &semihost->now[number];
    uint8_t note[OPEN_BYTES + SEMIHOST_PATH_BYTES] = {(uint8_t)(number + 1), file->kind, file->mode};
    const size_t name_bytes = strlen(file->name);
    memcpy(note + 3, &file->position, 8);
    memcpy(note + 11, &file->device, 8);
    memcpy(note + 19, &file->inode, 8);
    memcpy(note + OPEN_BYTES, file->name, name_bytes);
    door_note(semihost->door, note, OPEN_BYTES + name_bytes);
}

static void move_to(struct semihost *semihost, unsigned number, uint64_t position)
{
    uint8_t note[POSITION_BYTES] = {(uint8_t)(number + 1)};
    memcpy(note + 1, &position, 8);
    semihost->now[number].position = position;
    door_note(semihost->door, note, sizeof note);
}

/* --- handles --------------------------------------------------------------------------------------- */

/* Of a request's first field. */
static enum semihost_kind kind_of(const struct semihost_request *request, unsigned *number)
{
    const uint64_t handle = request->fields[0];
    if (handle == HANDLE_CONSOLE_IN || handle == HANDLE_CONSOLE_OUT)
        return handle == HANDLE_CONSOLE_IN ? FILE_CONSOLE_IN : FILE_CONSOLE_OUT;
    if (handle == 0 || handle > SEMIHOST_FILES_MAX)
        return FILE_CLOSED;
    *number = (unsigned)handle - 1;
    return request->semihost->now[*number].kind;
}

/* The file's descriptor, or -errno. */
static int descriptor_of(struct semihost *semihost, unsigned number)
{
    const struct semihost_file *file = &semihost->now[number];
    struct stat status;
    if (semihost->descriptors[number] >= 0)
        return semihost->descriptors[number];
    const int fd = open_regular(semihost, file->name, modes[file->mode / 2] & ~(O_CREAT | O_TRUNC), &status);
    if (fd < 0)
        return -ESTALE;
    if (status.st_dev != file->device || status.st_ino != file->inode ||
        lseek(fd, (off_t)file->position, SEEK_SET) < 0) {
        close(fd);
        return -ESTALE;
    }
    return semihost->descriptors[number] = fd;
}

static int64_t new_handle(struct semihost_request *request, const struct semihost_file *file, int fd)
{
    struct semihost *semihost = request->semihost;
    for (unsigned i = 0; i < SEMIHOST_FILES_MAX; i++)
        if (semihost->now[i].kind == FILE_CLOSED) {
            semihost->now[i] = *file;
            semihost->descriptors[i] = fd;
            note_open(semihost, i);
            return i + 1;
        }
    if (fd >= 0)
        close(fd);
    return semihost_failed(request, EMFILE);
}

void semihost_close_all(struct semihost *semihost)
{
    for (unsigned i = 0; i < SEMIHOST_FILES_MAX; i++) {
        if (semihost->descriptors[i] >= 0)
            close(semihost->descriptors[i]);
        semihost->descriptors[i] = -1;
    }
}

void semihost_files_restored(void *context)
{
    struct semihost *semihost = context;
    for (unsigned i = 0; i < SEMIHOST_FILES_MAX; i++)
        if (!sane(&semihost->files[i]))
            semihost->files[i] = (struct semihost_file){.kind = FILE_CLOSED};
    if (inputs_past(semihost->door->inputs))
        return; /* the present, which comes back, has its files open */
    semihost_close_all(semihost);
    memcpy(semihost->now, semihost->files, sizeof semihost->now);
    semihost->now_error = semihost->error;
    semihost->calls_before = semihost->door->calls;
}

/* --- calls with a handle --------------------------------------------------------------------------- */

/* fields: name, mode, length of the name. */
int64_t semihost_open(struct semihost_request *request)
{
    struct semihost_file file = {.mode = (uint8_t)request->fields[1]};
    struct stat status;
    if (request->fields[1] > MODE_MAX || !semihost_text(request, 0, file.name))
        return semihost_failed(request, EINVAL);
    if (!strcmp(file.name, ":tt"))
        return file.mode < 4 ? HANDLE_CONSOLE_IN : HANDLE_CONSOLE_OUT;
    file.kind = FILE_FEATURES;
    if (!strcmp(file.name, ":semihosting-features"))
        return file.mode < 2 ? new_handle(request, &file, -1) : semihost_failed(request, EACCES);
    const int fd = open_regular(request->semihost, file.name, modes[file.mode / 2], &status);
    if (fd < 0)
        return semihost_failed(request, -fd);
    file.kind = FILE_HOST;
    file.device = status.st_dev;
    file.inode = status.st_ino;
    return new_handle(request, &file, fd);
}

int64_t semihost_close(struct semihost_request *request)
{
    struct semihost *semihost = request->semihost;
    unsigned number = 0;
    const enum semihost_kind kind = kind_of(request, &number);
    if (kind == FILE_CLOSED)
        return semihost_failed(request, EBADF);
    if (kind == FILE_CONSOLE_IN || kind == FILE_CONSOLE_OUT)
        return 0;
    const int fd = semihost->descriptors[number];
    const uint8_t note = (uint8_t)(number + 1);
    semihost->descriptors[number] = -1;
    semihost->now[number].kind = FILE_CLOSED;
    door_note(semihost->door, &note, 1);
    return fd >= 0 && close(fd) ? semihost_failed(request, errno) : 0;
}

/* fields: handle, address, length. The result is how many bytes were not written. */
int64_t semihost_write_file(struct semihost_request *request)
{
    const uint64_t length = request->fields[2];
    uint64_t done = 0;
    uint8_t piece[4096];
    unsigned number = 0;
    const enum semihost_kind kind = kind_of(request, &number);
    if (kind == FILE_CONSOLE_OUT)
        return 0; /* it had them already, see act() */
    const int fd = kind == FILE_HOST ? descriptor_of(request->semihost, number) : -EBADF;
    if (fd < 0) {
        semihost_failed(request, -fd);
        return (int64_t)length;
    }
    while (done < length) {
        uint64_t bytes = length - done < sizeof piece ? length - done : sizeof piece;
        if (!semihost_read(request->cpu, request->fields[1] + done, piece, bytes)) {
            semihost_failed(request, EFAULT);
            break;
        }
        ssize_t put = write(fd, piece, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            semihost_failed(request, put ? errno : EIO);
            break;
        }
        done += (uint64_t)put;
    }
    const off_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0)
        move_to(request->semihost, number, (uint64_t)at);
    return (int64_t)(length - done);
}

static ssize_t read_features(struct semihost *semihost, unsigned number, uint8_t *to, uint64_t length)
{
    const uint64_t at = semihost->now[number].position;
    const uint64_t left = sizeof features - (at < sizeof features ? at : sizeof features);
    if (length > left)
        length = left;
    if (length)
        memcpy(to, features + at, length);
    move_to(semihost, number, at + length);
    return (ssize_t)length;
}

static ssize_t read_host(struct semihost *semihost, unsigned number, uint8_t *to, uint64_t length)
{
    const int fd = descriptor_of(semihost, number);
    if (fd < 0)
        return errno = -fd, -1;
    const ssize_t got = read(fd, to, length);
    if (got > 0)
        move_to(semihost, number, semihost->now[number].position + (uint64_t)got);
    return got;
}

static ssize_t read_console(const struct semihost *semihost, uint8_t *to, uint64_t length)
{
    ssize_t got = 0;
    if (semihost->config.reads_stdin)
        do
            got = read(STDIN_FILENO, to, length);
        while (got < 0 && errno == EINTR);
    return got;
}

/* fields: handle, address, length. The result is how many bytes were not read; all: the end of the file. */
int64_t semihost_read_file(struct semihost_request *request)
{
    const uint64_t length = request->fields[2];
    /* More than an answer holds is asked for again. */
    const uint64_t wanted = length < DOOR_MEMORY_MAX ? length : DOOR_MEMORY_MAX;
    uint8_t *bytes = host_alloc(wanted + 1, 1);
    unsigned number = 0;
    ssize_t got = -1;
    errno = EBADF;
    switch (kind_of(request, &number)) {
    case FILE_HOST: got = read_host(request->semihost, number, bytes, wanted); break;
    case FILE_CONSOLE_IN: got = read_console(request->semihost, bytes, wanted); break;
    case FILE_FEATURES: got = read_features(request->semihost, number, bytes, wanted); break;
    default: break;
    }
    if (got < 0)
        semihost_failed(request, errno);
    else if (!semihost_write(request, request->fields[1], bytes, (uint64_t)got))
        got = semihost_failed(request, EFAULT);
    free(bytes);
    return (int64_t)(length - (got < 0 ? 0 : (uint64_t)got));
}

int64_t semihost_readc(struct semihost_request *request)
{
    uint8_t byte;
    return read_console(request->semihost, &byte, 1) == 1 ? byte : -1;
}

int64_t semihost_istty(struct semihost_request *request)
{
    unsigned number;
    const enum semihost_kind kind = kind_of(request, &number);
    if (kind == FILE_CLOSED)
        return semihost_failed(request, EBADF);
    return kind == FILE_CONSOLE_IN || kind == FILE_CONSOLE_OUT;
}

/* fields: handle, offset from the beginning. */
int64_t semihost_seek(struct semihost_request *request)
{
    const uint64_t to = request->fields[1];
    unsigned number = 0;
    const enum semihost_kind kind = kind_of(request, &number);
    const int fd = kind == FILE_HOST ? descriptor_of(request->semihost, number) : -EBADF;
    if (kind != FILE_FEATURES && fd < 0)
        return semihost_failed(request, -fd);
    if (kind == FILE_FEATURES ? to > sizeof features : lseek(fd, (off_t)to, SEEK_SET) < 0)
        return semihost_failed(request, EINVAL);
    move_to(request->semihost, number, to);
    return 0;
}

int64_t semihost_flen(struct semihost_request *request)
{
    struct stat status;
    unsigned number = 0;
    const enum semihost_kind kind = kind_of(request, &number);
    if (kind == FILE_FEATURES)
        return sizeof features;
    const int fd = kind == FILE_HOST ? descriptor_of(request->semihost, number) : -EBADF;
    if (fd < 0)
        return semihost_failed(request, -fd);
    return fstat(fd, &status) ? semihost_failed(request, errno) : status.st_size;
}

/* --- calls with a name ----------------------------------------------------------------------------- */

/* fields: address, number of the name from 0 to 255, room. */
int64_t semihost_tmpnam(struct semihost_request *request)
{
    char name[24];
    int length = snprintf(name, sizeof name, "semihost-%llu.tmp", (unsigned long long)request->fields[1] & 0xff) + 1;
    if (request->fields[1] > 255 || request->fields[2] < (uint64_t)length)
        return semihost_failed(request, EINVAL);
    return semihost_write(request, request->fields[0], name, (uint64_t)length) ? 0 : semihost_failed(request, EFAULT);
}

/* fields: name, length. */
int64_t semihost_remove(struct semihost_request *request)
{
    char path[SEMIHOST_PATH_BYTES];
    const char *name;
    if (!semihost_text(request, 0, path))
        return semihost_failed(request, EINVAL);
    int directory = directory_of(request->semihost, path, &name);
    if (directory < 0)
        return semihost_failed(request, -directory);
    int error = unlinkat(directory, name, 0) ? errno : 0;
    close(directory);
    return error ? semihost_failed(request, error) : 0;
}

/* fields: old name, length, new name, length. */
int64_t semihost_rename(struct semihost_request *request)
{
    char path[2][SEMIHOST_PATH_BYTES];
    const char *name[2];
    if (!semihost_text(request, 0, path[0]) || !semihost_text(request, 2, path[1]))
        return semihost_failed(request, EINVAL);
    int from = directory_of(request->semihost, path[0], &name[0]);
    int to = directory_of(request->semihost, path[1], &name[1]);
    int error = from < 0 ? -from : to < 0 ? -to : renameat(from, name[0], to, name[1]) ? errno : 0;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return error ? semihost_failed(request, error) : 0;
}

