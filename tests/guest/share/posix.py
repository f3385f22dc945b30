# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest, with a shared folder of its own as the working directory: what Linux promises of files, asked of
it. With "mapped" behind it, owners and devices are the guest's own. What is left there, the host looks at."""
import errno
import fcntl
import mmap
import os
import socket
import stat
import struct
import sys

mapped = "mapped" in sys.argv


def fails(number, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        assert error.errno == number, f"{call} {arguments}: {error}, not {errno.errorcode[number]}"
        return
    raise AssertionError(f"{call} {arguments}: it succeeds")


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def files():
    write("one", b"first\n")
    with open("one", "ab") as file:
        file.write(b"second\n")
    assert read("one") == b"first\nsecond\n"
    fails(errno.EEXIST, os.open, "one", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    fails(errno.ENOENT, os.open, "none", os.O_RDONLY)
    fd = os.open("holes", os.O_RDWR | os.O_CREAT, 0o640)
    os.pwrite(fd, b"end", 1 << 20)
    assert os.fstat(fd).st_size == (1 << 20) + 3 and os.pread(fd, 4, (1 << 20) - 1) == b"\0end"
    os.ftruncate(fd, 5)
    os.fsync(fd)
    os.fdatasync(fd)
    assert os.fstat(fd).st_size == 5 and stat.S_IMODE(os.fstat(fd).st_mode) == 0o640
    os.unlink("holes")
    assert os.pwrite(fd, b"still there", 0) == 11 and os.pread(fd, 5, 6) == b"there"
    os.close(fd)
    big = os.urandom(1 << 16) * 40
    write("big", big)
    assert read("big") == big
    assert os.statvfs(".").f_namemax == 255
    write("n" * 255, b"")
    fails(errno.ENAMETOOLONG, write, "n" * 256, b"")
    os.unlink("n" * 255)


def names():
    os.mkdir("d", 0o750)
    fails(errno.EEXIST, os.mkdir, "d")
    os.makedirs("d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u")  # more than one walk takes
    write("d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/deep", b"deep")
    inside = os.open("d/e/f/g", os.O_RDONLY)
    os.rename("d/e", "d/E")
    assert read("d/E/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/deep") == b"deep"
    assert os.listdir(inside) == ["h"]
    os.close(inside)
    fails(errno.ENOTEMPTY, os.rmdir, "d/E")
    fails(errno.ENOTDIR, os.rmdir, "one")
    fails(errno.EISDIR, os.unlink, "d")
    write("d/old", b"old")
    write("d/new", b"new")
    os.rename("d/new", "d/old")
    assert read("d/old") == b"new" and not os.path.exists("d/new")
    fails(errno.EINVAL, os.rename, "d", "d/E/d")
    os.link("one", "d/hard")
    assert os.stat("one").st_nlink == 2 and os.path.samefile("one", "d/hard")
    os.symlink("../one", "d/soft")
    os.symlink("/etc/hostname", "d/absolute")
    assert os.readlink("d/soft") == "../one" and read("d/soft") == read("one")
    # A link that leads out of the folder on the host leads into the guest here.
    assert os.readlink("d/absolute") == "/etc/hostname"
    assert stat.S_ISLNK(os.lstat("d/soft").st_mode)
    many = [f"entry-{i:04}-{'x' * (i % 60)}" for i in range(1500)]
    os.mkdir("many")
    for name in many:
        os.close(os.open(f"many/{name}", os.O_CREAT | os.O_WRONLY))
    assert sorted(os.listdir("many")) == many
    for name in many[::2]:
        os.unlink(f"many/{name}")
    assert sorted(os.listdir("many")) == many[1::2]
    kinds = {entry.name: (entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in os.scandir("d")}
    assert kinds["E"] == (True, False) and kinds["old"] == (False, False), kinds
    assert mapped or kinds["soft"] == (False, True), kinds


def attributes():
    write("attr", b"x")
    os.chmod("attr", 0o2751)
    assert stat.S_IMODE(os.stat("attr").st_mode) == 0o2751
    os.utime("attr", ns=(1_000_000_000_000_000_000, 1_111_111_111_000_000_000))
    status = os.stat("attr")
    # Linux keeps whole seconds of what is set here.
    assert (status.st_atime_ns, status.st_mtime_ns) == (1_000_000_000_000_000_000, 1_111_111_111_000_000_000)
    os.chown("attr", 1234, 567)
    assert (os.stat("attr").st_uid, os.stat("attr").st_gid) == (1234, 567)
    os.truncate("attr", 100)
    assert os.stat("attr").st_size == 100
    os.symlink("attr", "link")
    os.lchown("link", 11, 12)
    assert (os.lstat("link").st_uid, os.lstat("link").st_gid) == (11, 12)
    os.setxattr("attr", "user.colour", b"green")
    os.setxattr("attr", "user.big", b"B" * 2000)
    assert os.getxattr("attr", "user.colour") == b"green" and os.getxattr("attr", "user.big") == b"B" * 2000
    assert sorted(os.listxattr("attr")) == ["user.big", "user.colour"]
    fails(errno.EEXIST, os.setxattr, "attr", "user.colour", b"blue", os.XATTR_CREATE)
    fails(errno.ENODATA, os.setxattr, "attr", "user.shape", b"round", os.XATTR_REPLACE)
    os.removexattr("attr", "user.big")
    fails(errno.ENODATA, os.getxattr, "attr", "user.big")
    fails(errno.ENODATA, os.getxattr, "attr", "user.armature.owner")
    fails(errno.EPERM, os.setxattr, "attr", "user.armature.owner", b"x")


def special():
    os.mkfifo("pipe")
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    assert stat.S_ISSOCK(os.stat("socket").st_mode)
    if mapped:
        os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        status = os.stat("null")
        assert stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3)
        write("null", b"nothing")
        assert read("null") == b""
    else:
        fails(errno.EPERM, os.mknod, "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))


def locks():
    """Two processes agree; one process has no trouble with itself; what the host locked is locked."""
    first, again = os.open("one", os.O_RDWR), os.open("one", os.O_RDWR)
    fcntl.lockf(first, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
    fcntl.lockf(again, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
    child = os.fork()
    if child == 0:
        other = os.open("one", os.O_RDWR)
        try:
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 12)
        except OSError as error:
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 15)
            os._exit(0 if error.errno in (errno.EAGAIN, errno.EACCES) else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "a lock was given twice, or one too few"
    fcntl.lockf(first, fcntl.LOCK_UN, 15, 0)
    os.close(again)
    os.close(first)
    held = os.open("held", os.O_RDWR)
    fails(errno.EAGAIN, fcntl.lockf, held, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 100)
    answer = fcntl.fcntl(held, fcntl.F_GETLK, struct.pack("hhlli4x", fcntl.F_RDLCK, 0, 90, 100, 0))
    assert struct.unpack("hhlli4x", answer)[:4] == (fcntl.F_WRLCK, 0, 100, 10), struct.unpack("hhlli4x", answer)
    fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB, 100, 0)
    os.close(held)


def memory():
    fd = os.open("big", os.O_RDWR | os.O_DIRECT)
    buffer = mmap.mmap(-1, 8192)
    assert os.readv(fd, [buffer]) == 8192 and buffer[:] == read("big")[:8192]
    os.close(fd)
    with open("big", "r+b") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ,
                                               flags=mmap.MAP_PRIVATE) as mapping:
        assert mapping[100000:100100] == read("big")[100000:100100]


for part in (files, names, attributes, special, locks, memory):
    try:
        part()
        print(f"{part.__name__} ok")
    except BaseException as error:  # the host is told which, and the others run
        import traceback
        traceback.print_exc()
