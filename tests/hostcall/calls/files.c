/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files and directories. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "say.h"

static void say_stat(const char *path)
{
    struct stat st;
    if (lstat(path, &st)) {
        printf("lstat %s %s\n", path, strerrorname_np(errno));
        return;
    }
    const long now = time(NULL), written = (long)st.st_mtime;
    printf("%s mode %o size %ld links %ld blocks %d uid %d mtime %ld\n", path, st.st_mode, (long)st.st_size,
           (long)st.st_nlink, st.st_blocks > 0, st.st_uid == getuid(), now - written < 100 ? 0 : written);
}

int main(void)
{
    char text[64] = "";
    umask(022);
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    SAY(fd >= 0);
    SAY(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    SAY(write(fd, "hello world", 11));
    SAY(lseek(fd, 6, SEEK_SET));
    SAY(read(fd, text, 5));
    puts(text);
    SAY(pread(fd, text, 5, 0));
    puts(text);
    SAY(pwrite(fd, "J", 1, 0));
    SAY(read(fd, (void *)-4096l, 5));
    SAY(write(fd, (void *)8, 5));
    SAY(read(fd, NULL, 0));
    struct iovec parts[2] = {{text, 3}, {text + 10, 4}};
    SAY(preadv(fd, parts, 2, 0));
    printf("%.3s %.4s\n", text, text + 10);
    SAY(ftruncate(fd, 5000));
    SAY(fallocate(fd, 0, 0, 8192));
    struct timespec times[2] = {{1000, 5}, {2000, 6}};
    SAY(futimens(fd, times));
    say_stat("a");
    printf("flags %x\n", fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_DIRECTORY | O_NOFOLLOW | O_DIRECT));
    SAY(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));
    printf("flags %d %d\n", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0);
    SAY(fcntl(fd, F_GETFD));
    SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SAY(fcntl(fd, F_GETFD));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    SAY(fcntl(fd, F_SETLK, &lock));
    SAY(fcntl(fd, F_GETLK, &lock));
    printf("lock type %d\n", lock.l_type == F_UNLCK);
    SAY(flock(fd, LOCK_EX | LOCK_NB));
    SAY(mkdir("d", 0755));
    SAY(mkdir("d", 0755));
    SAY(symlink("../a", "d/link"));
    SAY(link("a", "d/hard"));
    SAY(rename("d/hard", "b"));
    SAY(access("b", R_OK));
    SAY(access("c", R_OK));
    say_stat("b");
    say_stat("d/link");
    memset(text, 0, sizeof text);
    SAY(readlink("d/link", text, sizeof text));
    puts(text);
    SAY(readlink("a", text, sizeof text));
    SAY(open("d", O_WRONLY));
    int directory = open("d", O_RDONLY | O_DIRECTORY);
    SAY(directory >= 0);
    SAY(open("a", O_RDONLY | O_DIRECTORY));
    SAY(open("d/link", O_RDONLY | O_NOFOLLOW));
    SAY(openat(directory, "missing", O_RDONLY));
    int other = openat(directory, "link", O_RDONLY);
    SAY(other >= 0);
    SAY(read(other, text, 5));
    printf("%.5s\n", text);
    SAY(fstatat(directory, "link", &(struct stat){0}, AT_SYMLINK_NOFOLLOW));
    SAY(faccessat(directory, "link", W_OK, 0));
    SAY(fchmodat(directory, "link", 0600, 0));
    SAY(unlinkat(directory, "link", AT_REMOVEDIR));
    SAY(mkdirat(directory, "e", 0700));
    DIR *list = opendir("d");
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    printf("entries %d\n", count);
    closedir(list);
    SAY(rmdir("d"));
    SAY(unlinkat(directory, "e", AT_REMOVEDIR));
    SAY(unlink("d/link"));
    SAY(rmdir("d"));
    SAY(chdir("d"));
    char before[4096], now[4096];
    SAY(getcwd(before, sizeof before) != NULL);
    SAY(mkdir("sub", 0755));
    SAY(chdir("sub"));
    SAY(getcwd(now, sizeof now) != NULL);
    printf("%s\n", now + strlen(before));
    SAY(syscall(17 * 0 + 1000000)); /* a number that nobody has */
    SAY(chdir(".."));
    struct statfs about;
    SAY(statfs(".", &about));
    struct statx more;
    SAY(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &more));
    printf("statx %o %ld\n", more.stx_mode, (long)more.stx_size);
    int out = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t from = 0;
    SAY(sendfile(out, fd, &from, 11));
    SAY((long)from);
    SAY(copy_file_range(fd, &(off64_t){0}, out, &(off64_t){20}, 5, 0));
    SAY(lseek(out, 0, SEEK_END));
    SAY(fsync(out));
    SAY(setxattr("a", "user.x", "1", 1, 0) == 0 || errno == ENOTSUP);
    SAY(dup2(out, 77));
    SAY(close(77));
    SAY(close(77));
    SAY(truncate("copy", 3));
    SAY(truncate("nothing", 3));
    SAY(chmod("copy", 04755));
    say_stat("copy");
    SAY(mkfifo("fifo", 0600));
    say_stat("fifo");
    SAY(unlink("nothing"));
    SAY(unlink((char *)0x10));
    SAY(open((char *)0x7000000000000000, O_RDONLY));
    return 0;
}
