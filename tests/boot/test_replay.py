#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records runs of Debian's kernel, and replays them: the same console, the same state. Status 77: it is not there.

usage: test_replay.py PROGRAM GUEST CASE [CPUS [ENGINES]]

ENGINES: the engine that records and those that replay, with colons between ("auto:interp:jit").
"""
import functools
import hashlib
import http.server
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

program, guest, case = sys.argv[1:4]
cpus = sys.argv[4] if len(sys.argv) > 4 else "1"
recorder, *replayers = (sys.argv[5] if len(sys.argv) > 5 else "auto:interp").split(":")
folder = tempfile.TemporaryDirectory(prefix="armature-replay-")
log = os.path.join(folder.name, "run.log")
POWER_OFF, HOST, USAGE = range(3)


def check(true, what, output=b""):
    if not true:
        sys.stdout.write(output.decode(errors="replace"))
        sys.exit(f"{case}: {what}")


def recording(*arguments, append="quiet"):
    return [program, "run", "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
            f"console=ttyAMA0 script=1 {append}", "--cpus", cpus, "--engine", recorder, "--record", log, *arguments]


def replay(*arguments, status=POWER_OFF, path=log):
    """Replays a log; returns its console and what the emulator said."""
    done = subprocess.run([program, "run", "--replay", path, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    errors = done.stderr.decode()
    check(done.returncode == status, f"{arguments}: status {done.returncode}, not {status}: {errors}", done.stdout)
    return done.stdout, errors


def replay_all(console, *arguments):
    """Under each engine it is the run that was recorded: its console, and as the replay checks itself, its state."""
    print(f"{len(console)} bytes of console, {os.path.getsize(log)} bytes of log")
    for engine in replayers:
        again, errors = replay("--engine", engine, *arguments)
        check(not errors, f"under {engine}: {errors}")
        check(again == console, f"under {engine} the console is another", again)


def record_script(script, *arguments):
    done = subprocess.run(recording(*arguments), input=script.encode(), stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF, f"recording: status {done.returncode}", done.stdout)
    return done.stdout


class Typist:
    """A running machine, and someone who reads what it prints and types."""
    def __init__(self, arguments, terminal):
        self.output = b""
        if terminal:
            self.master, slave = pty.openpty()
            self.process = subprocess.Popen(arguments, stdin=slave, stdout=slave)
            os.close(slave)
        else:
            self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self):
        try:
            return os.read(self.master if hasattr(self, "master") else self.process.stdout.fileno(), 65536)
        except OSError: # the other end of a terminal is gone
            return b""

    def until(self, word, count=1):
        while self.output.count(word) < count:
            more = self.read()
            check(more, f"the guest ended before it said {word}", self.output)
            self.output += more

    def type(self, text):
        os.write(self.master if hasattr(self, "master") else self.process.stdin.fileno(), text.encode())

    def end(self):
        while more := self.read():
            self.output += more
        return self.process.wait()


def case_piped():
    """Piped input under --clock virtual, in which lines come when the guest is idle."""
    console = record_script("dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum\ncat /proc/interrupts\n"
                            "find /proc/sys/kernel | sha256sum\nsleep 100\ncat /proc/uptime\npoweroff -f\n", "--seed",
                            "7")
    check(b"Power down" in console, "no power-off", console)
    replay_all(console)


def case_typed():
    """Someone at a terminal types at arbitrary times, in the host's time, and leaves with Ctrl-A X."""
    typist = Typist(recording(), True)
    typist.until(b"/root # ")
    lines = ("cat /proc/uptime", "date", "find / -xdev | sha256sum", "cat /proc/interrupts")
    for number, line in enumerate(lines, 2):
        for key in line + "\n":
            typist.type(key)
            time.sleep(random.random() / 50)
        typist.until(b"/root # ", number)
    typist.type("while true; do true; done\n")
    time.sleep(0.3 + random.random() / 5)
    typist.type("\x01x")
    check(typist.end() == POWER_OFF, "leaving was no success", typist.output)
    replay_all(typist.output)


def case_disk():
    """What the run writes to a disk is undone for a replay, and what the replay writes is nowhere."""
    image = os.path.join(folder.name, "image")
    before = random.Random(1).randbytes(4 << 20)
    with open(image, "wb") as file:
        file.write(before)
    console = record_script("dd if=/dev/vda bs=64k count=16 2>/dev/null | sha256sum\n"
                            "dd if=/dev/zero of=/dev/vda bs=4k count=100 seek=3 conv=fsync\n"
                            "dd if=/dev/urandom of=/dev/vda bs=512 count=7 seek=5001 conv=fsync\n"
                            "dd if=/dev/vda bs=64k 2>/dev/null | sha256sum\npoweroff -f\n", "--disk", image)
    with open(image, "rb") as file:
        after = file.read()
    check(after != before, "nothing was written", console)
    check(hashlib.sha256(after).hexdigest().encode() in console, "the guest read something else", console)
    replay_all(console)
    with open(image, "rb") as file:
        check(file.read() == after, "the replay wrote to the disk")
    with open(image, "r+b") as file:
        file.write(b"another disk")
    _, errors = replay(status=HOST)
    check("disk 0 is another" in errors, f"another disk: {errors}")


def case_net():
    """A fetch from a server on the host, which is gone when the run is replayed."""
    content = os.urandom(300000)
    with open(os.path.join(folder.name, "file"), "wb") as file:
        file.write(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder.name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    console = record_script(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | sha256sum\nip addr show eth0\n"
                            "poweroff -f\n", "--net", "user")
    server.shutdown()
    server.server_close()
    check(hashlib.sha256(content).hexdigest().encode() in console, "another file than on the host", console)
    replay_all(console)


def case_killed():
    """A recording that is killed replays up to its last entry."""
    typist = Typist(recording("--clock", "paced"), False)
    typist.until(b"/root # ")
    typist.type("echo here we are\n")
    typist.until(b"\nhere we are")
    typist.type("while true; do date >/dev/null; done\n")
    time.sleep(0.5)
    typist.process.send_signal(signal.SIGKILL)
    typist.end()
    for engine in replayers:
        console, errors = replay("--engine", engine)
        check("was cut short" in errors and errors.count("\n") == 1, f"no word about the end: {errors}")
        check(b"\nhere we are" in console, "the replay ends too early", console)
        check(typist.output.startswith(console[:len(typist.output)]), "the console is another", console)


def reworded(content, word, other):
    """A log with another word in its stream, and the right checksums."""
    at = 20 + int.from_bytes(content[12:16], "little")
    head, inflate, stream = content[:at], zlib.decompressobj(), b""
    while at < len(content):
        length = int.from_bytes(content[at:at + 4], "little")
        stream += inflate.decompress(content[at + 12:at + 12 + length])
        at += 12 + length
    check(stream.count(word) == 1 and len(word) == len(other), f"{word} is not in the log")
    deflate = zlib.compressobj()
    packed = deflate.compress(stream.replace(word, other)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    head_of_chunk = struct.pack("<II", len(packed), zlib.crc32(packed))
    return head + head_of_chunk + struct.pack("<I", zlib.crc32(head_of_chunk)) + packed


def case_differs():
    """A run that comes to differ ends there, and says where; so does a log that lies about the end."""
    record_script("echo one\nfind /proc/sys/kernel | sha256sum\npoweroff -f\n")
    with open(log, "rb") as file:
        good = file.read()
    with open(log, "wb") as file:
        file.write(reworded(good, b"echo one\n", b"echo two\n"))
    for engine in replayers:
        _, errors = replay("--engine", engine, status=HOST)
        check(errors.count("\n") == 1 and "the run differs from the recorded one at instruction" in errors, errors)
        print(errors)
    with open(log, "wb") as file:
        file.write(reworded(good, b"poweroff -f\n", b"poweron  -f\n"))
    _, errors = replay("--engine", replayers[0], status=HOST)
    check(errors.count("\n") == 1 and "the run differs" in errors, errors)
    print(errors)


def case_bad():
    """What is no log of this machine is refused with one line."""
    record_script("poweroff -f\n")
    with open(log, "rb") as file:
        good = file.read()
    bad = os.path.join(folder.name, "bad.log")
    other = os.path.join(folder.name, "other")
    with open(f"{guest}/initrd.gz", "rb") as file, open(other, "wb") as copy:
        copy.write(file.read() + b"\0")

    def refuse(content, words, *arguments, status=HOST):
        with open(bad, "wb") as file:
            file.write(content)
        console, errors = replay(*arguments, status=status, path=bad)
        check(errors.count("\n") == 1 and words in errors and not console, f"expected '{words}': {errors}")

    for at in random.Random(2).sample(range(20, len(good)), 60):
        refuse(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1:], "damaged")
    refuse(b"\x7fELF" + good[4:], "no log")
    refuse(b"", "no log")
    refuse(good[:8] + b"\x09" + good[9:], "version 9")
    refuse(good[:15], "cut short")
    refuse(good[:100], "cut short")
    refuse(good, "the initrd is another", "--initrd", other)
    refuse(good, "--memory 1024M, not 512M", "--memory", "512M")
    refuse(good, "--cpus", "--cpus", "3")
    with open(other, "wb") as file:
        file.truncate(1 << 20)
    refuse(good, "--disk given 0 times, not 1", "--disk", other)
    refuse(good, "--parallel", "--parallel", status=USAGE)
    with open(bad, "wb") as file:
        file.write(good[:-3])
    _, errors = replay("--engine", replayers[0], path=bad)
    check("was cut short" in errors, f"cut at its end: {errors}")
    done = subprocess.run([program, "run", "--kernel", f"{guest}/Image", "--record", log, "--parallel"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    check(done.returncode == USAGE and done.stderr.count(b"\n") == 1 and b"--record" in done.stderr, f"{done.stderr}")


if not os.path.exists(f"{guest}/Image"):
    print("no guest: tools/fetch-kernel makes it")
    sys.exit(77)
globals()[f"case_{case}"]()
