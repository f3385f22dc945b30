#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared folders, from both sides: Debian's kernel mounts them, and the host looks at what came of it. Status 77: the
guest's disk or kernel is not there.

usage: test_share.py PROGRAM CACHE CASE [OPTION ...]
"""
import fcntl
import hashlib
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

program, cache, case = sys.argv[1:4]
extra = sys.argv[4:]
here = os.path.dirname(os.path.abspath(__file__))
home = tempfile.TemporaryDirectory(prefix="armature-share-")
folder = os.path.join(home.name, "folder")
MOUNT = "mount -t 9p -o trans=virtio,version=9p2000.L"


def check(true, what, output=""):
    if not true:
        sys.exit(f"{output}\n{case}: {what}")


def begin():
    """A folder with a script, a file and links that lead out, and a file beside it that no guest may see or change."""
    os.makedirs(folder)
    shutil.copy(os.path.join(here, "share/posix.py"), folder)
    for name, content in (("held", "locked by the host\n" * 20), ("../secret", "no guest may see this")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
    os.symlink("../secret", os.path.join(folder, "out"))
    os.symlink("..", os.path.join(folder, "up"))


def run(lines, *options, share="", status=0, disk=False, beginning=None):
    """Types the lines at a shell of the guest; returns what it printed, and what the program did."""
    kernel = ["--kernel", f"{cache}/guest/Image", "--initrd", f"{cache}/guest/initrd.gz", "--append",
              "console=ttyAMA0 quiet script=1" + (" root=/dev/vda" if disk else "")] if beginning is None else beginning
    done = subprocess.run(
        [program, "run", *kernel, *(["--share", f"work={folder}{share}"] if share is not None else []),
         "--exit-on-panic", *(["--disk", f"{cache}/programs-few.img,ro"] if disk else []), *options, *extra],
        input="\n".join(lines) + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        errors="replace")
    output = done.stdout.replace("\r", "")
    print(output[-6000:], done.stderr)
    check(done.returncode == status, f"status {done.returncode}, not {status}", output + done.stderr)
    for word in ("Oops", "BUG:", "WARNING: CPU", "Call trace"):
        check(word not in output, f"the kernel says {word}", output)
    return output, done.stderr


def python_in_guest(share, argument):
    """tests/guest/share/posix.py, in the folder."""
    begin()
    with open(os.path.join(folder, "held"), "r+b") as held:
        fcntl.fcntl(held, fcntl.F_OFD_SETLK if hasattr(fcntl, "F_OFD_SETLK") else 37,
                    struct.pack("hhllixxxx", fcntl.F_WRLCK, 0, 100, 10, 0))
        output, _ = run(["mkdir /tmp/s", f"{MOUNT} work /tmp/s; cd /tmp/s; python3 posix.py {argument}",
                         "cd /; umount /tmp/s", "echo o >/proc/sysrq-trigger; sleep 100"], share=share, disk=True)
    for part in ("files", "names", "attributes", "special", "locks", "memory"):
        check(f"{part} ok" in output, f"{part} is not as Linux promises", output)
    with open(os.path.join(home.name, "secret"), encoding="utf-8") as file:
        check(file.read() == "no guest may see this", "a file beside the folder was changed")
    with open(os.path.join(folder, "one"), encoding="utf-8") as file:
        check(file.read() == "first\nsecond\n", "the host reads something else than the guest wrote")


def case_passed():
    """Owners, modes and links are the host's own."""
    python_in_guest("", "")
    status = os.lstat(os.path.join(folder, "attr"))
    if os.geteuid() == 0:
        check((status.st_uid, status.st_gid) == (1234, 567), "the host's file has another owner")
    check(stat.S_IMODE(status.st_mode) & 0o777 == 0o751 and
          status.st_mtime_ns == os.stat(os.path.join(folder, "attr")).st_mtime_ns, "the host's file has another mode")
    check(os.readlink(os.path.join(folder, "d/soft")) == "../one", "the host's link is another")


def case_mapped():
    """They are the guest's own; on the host all are files of the user's, and nothing is a device or a link."""
    python_in_guest(",mapped", "mapped")
    for name in ("attr", "null", "pipe", "d/soft"):
        status = os.lstat(os.path.join(folder, name))
        check(stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid(), f"{name} is more than a file on the host")
    with open(os.path.join(folder, "d/soft"), encoding="utf-8") as file:
        check(file.read() == "../one", "the link's target is lost")


def tree_hash():
    """All that is in the folder."""
    digest = hashlib.sha256()
    for path, folders, names in sorted(os.walk(folder)):
        for name in sorted(folders + names):
            full = os.path.join(path, name)
            status = os.lstat(full)
            digest.update(f"{full} {status.st_mode} {status.st_size} {status.st_nlink} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def case_read_only():
    """Nothing changes a folder that is shared read-only, and what is in it can be read; nothing leads out of it."""
    begin()
    before = tree_hash()
    changes = ["echo >/mnt/new", "echo >>/mnt/held", "rm /mnt/held", "mv /mnt/held /mnt/moved", "mkdir /mnt/d",
               "ln -s a /mnt/l",
               "ln /mnt/held /mnt/l", "chmod 777 /mnt/held", "touch /mnt/held", "mknod /mnt/p p",
               "truncate -s 1 /mnt/held"]
    output, _ = run([f"{MOUNT} work /mnt", "head -n 1 /mnt/held", "readlink /mnt/out; cat /mnt/out", "ls -a /mnt/up",
                     *(f"{change}; echo status $?" for change in changes),
                     f"umount /mnt; {MOUNT},version=9p2000.u work /mnt; echo u $?", "poweroff -f"], share=",ro")
    check("\nlocked by the host" in output, "a file cannot be read", output)
    check("no guest may see this" not in output and "can't open '/mnt/out'" in output, "a link leads out of the folder",
          output)
    check("secret" not in output.split("ls -a /mnt/up")[1].split("echo status")[0], "a link leads to the folder above",
          output)
    check(len(re.findall(r"\nstatus 1\n", output)) == len(changes), "a read-only folder is changed", output)
    check("Read-only file system" in output and re.search(r"\nu [1-9]", output), "not the right errors", output)
    check(tree_hash() == before, "the folder is not as it was")


def case_replay():
    """The log has all that the host answered: the run is done again, under another engine and without the folder."""
    begin()
    log = os.path.join(home.name, "log")
    lines = [f"{MOUNT} work /mnt", "sha256sum /mnt/*.py; ls -la /mnt", "mkdir /mnt/d; cp /mnt/held /mnt/d/copy",
             "i=0; while [ $i -lt 400 ]; do echo $i >/mnt/d/$i; i=$((i+1)); done; cat /mnt/d/* | sha256sum",
             "mv /mnt/d /mnt/e", "rm -r /mnt/e; df /mnt; stat /mnt/held", "poweroff -f"]
    recorded, _ = run(lines, "--record", log)
    shutil.rmtree(folder)
    for engine in ("auto", "interp"):
        replayed, _ = run([], "--engine", engine, share=None, beginning=["--replay", log])
        check(replayed == recorded, f"under {engine} the run is not the recorded one", replayed)


def case_snapshot():
    """A restored guest goes on with its open files, also one that was renamed; what is another file now is stale; and
    so is all where nobody says where the folder lies. Its twin that was never stopped saw the same."""
    begin()
    snapshot = os.path.join(home.name, "snapshot")
    beginning = [f"{MOUNT} work /mnt", "mkdir /mnt/d; echo kept >/mnt/d/kept; echo replaced >/mnt/replaced; cd /mnt/d",
                 "exec 5<>/mnt/d/kept 6</mnt/replaced 7</mnt/held; mv /mnt/d /mnt/moved; head -c 3 /mnt/held "
                 ">/dev/null", "echo NOW-IT-IS"]
    end = ["cat <&5; echo more >>/mnt/moved/kept; cat <&5; pwd; ls", "cat <&6; echo six $?",
           "head -n 1 <&7; cat /mnt/replaced", "echo done >/mnt/result", "poweroff -f"]
    first, _ = run(beginning + end, "--save-on", "\nNOW-IT", snapshot)
    check("\nkept\n" in first and "\nmore\n" in first and "\nreplaced\nsix 0\n" in first,
          "the guest that went on saw something else", first)
    # The same again, from the snapshot.
    with open(os.path.join(folder, "moved/kept"), "w", encoding="utf-8") as file:
        file.write("kept\n")
    again, _ = run(end, beginning=["--restore", snapshot])
    check(again.split("poweroff")[0] in first and "\nkept\n" in again and "\nlocked by the host\n" in again,
          "the restored guest sees something else", again)
    # Another file in the place of one that is open.
    os.unlink(os.path.join(folder, "replaced"))
    with open(os.path.join(folder, "replaced"), "w", encoding="utf-8") as file:
        file.write("the wrong file\n")
    stale, _ = run(end, beginning=["--restore", snapshot])
    answer = stale.split("six $?")[1].split("\n/")[0] if "six $?" in stale else stale
    check("the wrong file" not in answer and "Stale file handle" in answer and "\nlocked by the host\n" in stale,
          "a handle leads to another file than it was of", stale)
    os.unlink(os.path.join(folder, "result"))
    lost, _ = run(end, beginning=["--restore", snapshot], share=None)
    check("Stale file handle" in lost and "locked by the host" not in lost and
          not os.path.exists(os.path.join(folder, "result")), "a folder is there that nobody gave", lost)


if not os.path.exists(f"{cache}/guest/Image") or not os.path.exists(f"{cache}/programs-few.img"):
    print("the guest is missing: run tools/fetch-kernel and tools/make-programs")
    sys.exit(77)
globals()["case_" + case.replace("-", "_")]()
