#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots Debian's kernel, saves the machine and goes on with it: from files, elsewhere, as clones.

usage: test_saved.py PROGRAM GUEST CASE [CPUS [ARMATURE-OPTION...]]
"""
import functools
import hashlib
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from booting import (answer, boot, boot_with_errors, check, command, folder, guest, HOST, options_of_all,
                     POWER_OFF, program, RESET, run_case, TIMEOUT)  # noqa: E402


def states_of(errors):
    """The hashes of --state-hash-at that a run printed."""
    return {int(mark): state for mark, state in re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", errors)}


def snapshot_points(count, incremental=False):
    """Saves the machine at random instructions, half of them of a boot, half of work for disk, network and console,
    restores each under another engine, and looks whether what follows is that of the run that was never saved: the
    console, and the states at the next two of 16 marks (or at what is left, and the end)."""
    image = os.path.join(folder.name, "image")
    with open(image, "wb") as file:
        file.write(os.urandom(4 << 20))
    # The router answers ARP by itself, and the same whatever was before: a new one knows nothing of the old one's.
    script = ("dd if=/dev/vda bs=64k count=32 2>/dev/null | sha256sum\n"
              "ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; arping -c 6 -I eth0 10.0.2.2; ip link set eth0 "
              "down\n"
              "dd if=/dev/urandom of=/dev/vda bs=64k seek=4 count=24; sync\ncat /proc/interrupts\n"
              "for i in 1 2 3 4; do sh -c 'echo $$' & done; wait\n"
              "dd if=/dev/vda bs=64k 2>/dev/null | sha256sum\ncat /proc/uptime\npoweroff -f\n")
    options = ["--clock", "virtual", "--seed", "9", "--disk", f"{image},overlay", "--net", "user", "--timeout", "60s"]
    screen = "console=tty0 console=ttyAMA0 quiet" if "--display" in options_of_all else "quiet"
    # Where the shell begins and the machine goes off, in instructions of the first processor.
    shell, top = (os.path.join(folder.name, name) for name in ("shell", "top"))
    boot(script, *options, "--save-on", "/root # ", shell, "--save-on", "Power down", top, append=screen)
    shell, top = (int(re.search(r"cpu0: (\d+) instr",
                                subprocess.check_output([program, "snapshot", "info", file], text=True))[1])
                  for file in (shell, top))
    marks = [shell * n // 6 for n in range(1, 7)] + [shell + (top - shell) * n // 10 for n in range(1, 11)]
    marks_option = ["--state-hash-at", ",".join(map(str, marks))]
    console, errors = boot_with_errors(script, *options, *marks_option, append=screen)
    states = states_of(errors)
    check(len(states) == len(marks), f"not all states were printed: {errors}", console)
    check(b"Received 6 response(s)" in console, "the router did not answer", console)
    engines = ("auto", "interp", "jit")
    random_points = random.Random(4)

    def judge(point, file, engine, other):
        what = f"saved at {point} under {engine}, restored under {other}"
        later = [mark for mark in marks if mark >= point]
        whole = len(later) <= 2
        stop = [] if whole else ["--stop-after", str(later[1] + 1 - point)]
        expected = {mark: states[mark] for mark in (later if whole else later[:2])}
        done = subprocess.run([program, "run", "--restore", file, "--clock", "virtual", "--engine", other,
                               *marks_option, *stop],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = states_of(done.stderr.decode())
        check(done.returncode == (POWER_OFF if whole else TIMEOUT),
              f"{what}: status {done.returncode}: {done.stderr.decode()}", done.stdout)
        wrong = [mark for mark, state in expected.items() if found.get(mark) != state]
        check(not wrong and len(found) == len(expected), f"{what}: another state at {wrong}")
        check(console.endswith(done.stdout) if whole else done.stdout in console, f"{what}: another console",
              done.stdout)

    for first in range(0, count, 10):
        points = sorted(random_points.randrange(*((shell, top) if number % 2 else (1, shell)))
                        for number in range(min(10, count - first)))
        files = [os.path.join(folder.name, f"{point}.snap") for point in points]
        compress = ["--compress"] if first % 20 else ["--incremental"] if incremental else []
        saves = [word for point, file in zip(points, files) for word in ("--save-at", str(point), file)]
        engine = engines[first // 10 % 3]
        again, errors = boot_with_errors(script, *options, *marks_option, *saves, *compress, "--engine", engine,
                                         append=screen)
        check(again == console, "saving changed the console", again)
        check(states_of(errors) == states, "saving changed the machine")
        for number, (point, file) in enumerate(zip(points, files)):
            judge(point, file, engine, engines[(first // 10 + 1 + number % 2) % 3])
            if not incremental:
                os.unlink(file)
    with open(image, "rb") as file:
        print(f"{count} points; image {hashlib.sha256(file.read()).hexdigest()[:8]}")


def case_snapshot():
    snapshot_points(5)


def case_snapshot_incremental():
    """Each holds what changed since the one before. The family is told, a parent is not deleted, and the youngest is
    worth as much alone when it was compacted."""
    snapshot_points(5, incremental=True)
    files = sorted((name for name in os.listdir(folder.name) if name.endswith(".snap")),
                   key=lambda name: int(name[:-5]))
    paths = [os.path.join(folder.name, name) for name in files]

    def snapshot(*arguments, status=0):
        done = subprocess.run([program, "snapshot", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        check(done.returncode == status, f"snapshot {arguments}: status {done.returncode}: {done.stderr}", done.stdout)
        return done.stdout + done.stderr

    tree = [line for line in snapshot("tree", folder.name).splitlines() if line.endswith(".snap")]
    check([len(line) - len(line.lstrip()) for line in tree] == [0, 4, 8, 12, 16], f"another tree: {tree}")
    check(files[2] in snapshot("delete", paths[1], status=1), "the child is not named")
    whole = os.path.join(folder.name, "whole.snap")
    snapshot("compact", paths[4], whole)
    snapshot("diff", paths[4], whole)
    snapshot("compact", paths[1])  # in place: its children know it still
    snapshot("delete", paths[0])
    snapshot("verify", *paths[1:], whole)
    snapshot("diff", paths[4], whole)
    os.unlink(paths[2])
    check("parent" in snapshot("info", paths[4], status=1), "a missing parent is not told")
    snapshot("info", whole)


def case_snapshot_many():
    snapshot_points(100)


def case_snapshot_text():
    """--save-on saves at the prompt; the machine goes on from there again and again, starts anew when it is reset, and
    refuses an image that was changed."""
    file, image = (os.path.join(folder.name, name) for name in ("prompt.snap", "image"))
    with open(image, "wb") as disk:
        disk.write(bytes(1 << 20))
    disk = ("--disk", f"{image},overlay")
    boot("echo one >/dev/vda; sync\nhead -c 3 /dev/vda | rev\nreboot -f\n", "--clock", "virtual", "--no-reboot",
         "--save-on", "/root # echo one >/dev/vda; sync", file, *disk, status=RESET, from_file=True)
    run = functools.partial(subprocess.run, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    outputs = set()
    for _ in range(2):
        # What was left of the script is in the snapshot, its end too: the shell of the second boot ends by it.
        done = run([program, "run", "--restore", file, "--clock", "virtual"], stdin=subprocess.DEVNULL)
        check(done.returncode == POWER_OFF and b"Power down" in done.stdout, f"status {done.returncode}: {done.stderr}",
              done.stdout)
        check(b"eno" in done.stdout and done.stdout.count(b"Booting Linux") == 1, "no reset as from its start",
              done.stdout)
        outputs.add(done.stdout)
    check(len(outputs) == 1, "two runs from one snapshot differ")
    with open(image, "rb+") as disk:
        check(disk.read(3) == bytes(3), "the image was written")
        disk.write(b"changed")
    done = run([program, "run", "--restore", file], stdin=subprocess.DEVNULL)
    check(done.returncode == HOST and b"the image of disk0 was changed" in done.stderr,
          f"a changed image: {done.stderr}")


def case_clones():
    """Clones of one snapshot have other random numbers, once their kernel has reseeded (a minute, which is skipped);
    the same seed makes the same machine, and without one it is the one that was saved."""
    file = os.path.join(folder.name, "base.snap")
    random = "dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum"
    script = f"echo re''ady\nsleep 200\n{random}\ncat /proc/uptime\ncat /proc/interrupts\npoweroff -f\n"
    original = boot(script, "--clock", "virtual", "--save-on", "ready", file, append="quiet")

    def clone(*options):
        done = subprocess.run([program, "run", "--restore", file, "--clock", "virtual", *options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(done.returncode == POWER_OFF, f"{options}: status {done.returncode}: {done.stderr}", done.stdout)
        return done.stdout

    same, first, second, again = clone(), clone("--seed", "1"), clone("--seed", "2"), clone("--seed", "1", "--engine",
                                                                                            "interp")
    check(original.endswith(same), "without a seed it is another machine", same)
    check(first == again, "one seed made two machines", again)
    numbers = {answer(output, random) for output in (original, first, second)}
    check(len(numbers) == 3, f"clones share their random numbers: {numbers}")


def case_export():
    """An exported snapshot goes on as the one that it was made of, its disks' images being gone."""
    image, fixed, file, whole = (os.path.join(folder.name, name) for name in ("image", "fixed", "a.snap", "whole.snap"))
    for path, size in ((image, 3 << 20), (fixed, 5 * 512)):
        with open(path, "wb") as disk:
            disk.write(os.urandom(size))
            disk.truncate(size * 3)
    script = ("echo new >/dev/vda; sync; echo re''ady\nsha256sum </dev/vda; sha256sum </dev/vdb\n"
              "head -c 3 /dev/vda | rev\n"
              "echo more | dd of=/dev/vda bs=4k seek=900; sha256sum /dev/vda\npoweroff -f\n")
    boot(script, "--clock", "virtual", "--save-on", "ready", file, "--disk", f"{image},overlay", "--disk",
         f"{fixed},ro", append="quiet")

    def go_on(name, *options):
        done = subprocess.run([program, "run", "--restore", name, "--clock", "virtual", *options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(done.returncode == POWER_OFF, f"{name}: status {done.returncode}: {done.stderr}", done.stdout)
        return done.stdout

    first = go_on(file)
    check(b"wen" in first, "the overlay is not there", first)
    run = functools.partial(subprocess.run, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done = run([program, "snapshot", "export", file, whole])
    check(done.returncode == POWER_OFF, f"export: {done.stderr}")
    with open(image, "rb+") as disk:
        disk.write(b"changed")
    done = run([program, "snapshot", "export", file, whole + "2"])
    check(done.returncode == HOST and b"was changed" in done.stderr and not os.path.exists(whole + "2"),
          "a changed image was taken")
    os.unlink(image)
    os.unlink(fixed)
    check(run([program, "snapshot", "verify", whole]).returncode == POWER_OFF, "the exported file is damaged")
    again = os.path.join(folder.name, "again.snap")
    check(go_on(whole, "--save-on", "wen", again) == first, "it is another machine without its images")
    check(first.endswith(go_on(again)), "what was saved of it is another machine")


def migrate(script, port):
    """The run of a script that moves away at "ready"; what it printed and said."""
    done = subprocess.run(command("--clock", "virtual", "--migrate-on", "ready", f"tcp:127.0.0.1:{port}",
                                  append="quiet"),
                          input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr.decode()


def incoming(*options):
    """A process that waits for a machine, and its port."""
    running = subprocess.Popen([program, "run", "--incoming", "tcp:127.0.0.1:0", "--clock", "virtual", *options],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = running.stderr.readline().decode()
    check("waiting for a machine at port" in line, f"it waits for nobody: {line}")
    return running, int(line.split()[-1])


def fake_target(until):
    """A target that breaks off: `until` says when, of the kind of a message. Returns its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def take(connection, length):
        got = b""
        while len(got) < length:
            more = connection.recv(length - len(got))
            if not more:
                return got
            got += more
        return got

    def serve():
        connection, _ = server.accept()
        with connection:
            while True:
                kind, length, _ = struct.unpack("<IIQ", take(connection, 16))
                take(connection, length)
                if kind == until:
                    return
                if kind == 1:  # hello: ready, with the checksum of nothing
                    connection.sendall(struct.pack("<IIQ", 2, 0, 0xf8bb92c91b3f5cc0))

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def case_migrate():
    """A busy machine moves to another process and engine, and goes on as if it had not; where it cannot, it stays."""
    script = ("echo re''ady\nfor i in 1 2 3 4; do dd if=/dev/urandom of=/tmp/x bs=1M count=40 2>/dev/null; sha256sum "
              "/tmp/x; done\n"
              "cat /proc/uptime\ncat /proc/interrupts\npoweroff -f\n")
    plain = boot(script, "--clock", "virtual", append="quiet")
    target, port = incoming("--engine", "jit")
    status, before, errors = migrate(script, port)
    print(errors)
    if status != POWER_OFF:
        target.kill()  # it may be waiting for a machine that will never come
    after, complaints = target.communicate(timeout=300)
    check(status == POWER_OFF and target.returncode == POWER_OFF,
          f"{status}, {target.returncode}: {errors} {complaints}", after)
    check(before + after == plain, "it is another machine since it moved", before + after)
    check(b"ready" in before and b"Power down" in after and b"Power down" not in before, "it did not move", before)

    # Nobody there; nobody any more, at each point of the conversation: in the pages (5), at the end of all (7). The
    # socket that nobody listens on stays, so that no other program gets its port.
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for what, port in {"refused": unused.getsockname()[1], "pages": fake_target(5), "end": fake_target(7)}.items():
            status, output, errors = migrate(script, port)
            check(status == HOST and errors.count("\n") >= 1 and "migration:" in errors, f"{what}: {status} {errors}")
            check(output == plain, f"{what}: the machine did not go on as it was", output)

    # What comes is no machine; it has a disk of which the target knows nothing.
    target, port = incoming()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        check(target.wait() == HOST and target.stderr.read().count(b"\n") == 1, "nonsense was taken")
    target, port = incoming("--disk", f"{guest}/initrd.gz,ro")
    status, output, errors = migrate(script, port)
    check(target.wait() == HOST and status == HOST and "0 disks" in errors, f"another machine: {errors}")
    check(output == plain, "the machine did not go on as it was", output)


run_case(globals())
