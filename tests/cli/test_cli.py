#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program from outside: bad usage and bad files each get one line and the right status; tiny guests made here end
in every way there is; serial lines reach their ends.

usage: test_cli.py PROGRAM
"""
import gzip
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
POWER_OFF, HOST, USAGE, PANIC, TIMEOUT, RESET = range(6)
SANITIZED = b"__asan_init" in open(PROGRAM, "rb").read()


def image(code, data=b"", size=None):
    """An arm64 Image (Linux, Documentation/arm64/booting.rst) of instruction words and what follows them."""
    body = struct.pack(f"<{len(code)}I", *code) + data
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0, size or 64 + len(body), 0xA, 0, 0, 0, b"ARM\x64", 0)
    return header + body


def psci(function):
    """mov w0, #function (0x8400....); hvc #0; wfi; b .-4"""
    return [0x52B08000, 0x72800000 | (function & 0xFFFF) << 5, 0xD4000002, 0xD503207F, 0x17FFFFFF]


def printing(text, then):
    """Writes text to the UART, then goes on with the words of `then`."""
    words = [0xD2A12001,          # movz x1, #0x0900, lsl #16
             0x10000000 | (5 + len(then)) << 5 | 2,  # adr x2, text
             0x38401443,          # ldrb w3, [x2], #1
             0x34000063,          # cbz w3, .+12
             0x39000023,          # strb w3, [x1]
             0x17FFFFFD]          # b .-12
    return image(words + then, text + b"\0")


# Sends back what comes, plus one; after a 'q' it powers off. x1: UART; FR at 0x18, bit 4: nothing received.
ECHO = image([0xD2A12001,         # movz x1, #0x0900, lsl #16
              0xB9401822,         # ldr w2, [x1, #0x18]
              0x3727FFE2,         # tbnz w2, #4, .-4
              0xB9400022,         # ldr w2, [x1]
              0x7101C45F,         # cmp w2, #'q'
              0x54000080,         # b.eq .+16
              0x11000442,         # add w2, w2, #1
              0xB9000022,         # str w2, [x1]
              0x17FFFFF9] +       # b .-28
             psci(8))
OFF, RESTART, SLEEP = image(psci(8)), image(psci(9)), image([0xD503207F, 0x17FFFFFF])


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="armature-cli-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def sparse(self, name, size):
        with open(self.path(name), "wb") as file:
            file.truncate(size)
        return self.path(name)

    def run_program(self, *arguments, **options):
        options = {"stdin": subprocess.DEVNULL, "timeout": 60} | options
        return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def refused(self, status, word, *arguments, **options):
        """One line on standard error that has `word`, nothing else, and the status."""
        done = self.run_program(*arguments, **options)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, status, f"{arguments}: {message}")
        self.assertEqual(message.count("\n"), 1, message)
        self.assertTrue(message.startswith("armature: "), message)
        self.assertIn(word, message)
        self.assertLess(len(message), 400)
        self.assertEqual(done.stdout, b"")

    def run_guest(self, kernel, *arguments, **options):
        return self.run_program("run", "--kernel", self.file("guest", kernel), "--memory", "64M", *arguments, **options)


class Usage(Case):
    def test_refused(self):
        self.refused(USAGE, "--help")
        self.refused(USAGE, "'walk'", "walk")
        self.refused(USAGE, "run", "--help", "--version")
        self.refused(USAGE, "--kernel", "run")
        self.refused(USAGE, "FILE", "run", "--kernel")
        self.refused(USAGE, "--bogus", "run", "--kernel", "x", "--bogus")
        self.refused(USAGE, "16M to 64G", "run", "--kernel", "x", "--memory", "lots")
        self.refused(USAGE, "1 to 64", "run", "--kernel", "x", "--cpus", "65")

    def test_texts(self):
        for arguments, word in ((["--help"], b"armature run"), (["run", "--help"], b"--exit-on-panic"),
                                (["--version"], b"armature 0."), (["run", "--kernel", "x", "--help"], b"--cpus")):
            done = self.run_program(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(word, done.stdout)

    def test_output_full(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, HOST)
        self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_completion(self):
        script = self.file("completion", self.run_program("--bash-completion").stdout)

        def complete(*words):
            probe = (f'. {script}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _armature 2>/dev/null; '
                     'echo "${COMPREPLY[*]}"')
            return subprocess.check_output(["bash", "-c", probe], text=True, cwd=self.folder.name).split()
        self.assertEqual(complete("armature", "ru"), ["run"])
        self.assertEqual(complete("armature", "run", "--cpu", "v8"), ["v8.0", "v8.2"])
        self.assertEqual(complete("armature", "run", "--exit"), ["--exit-on-panic"])
        self.assertEqual(complete("armature", "run", "--kernel", "compl"), ["completion"])
        self.assertEqual(complete("armature", "run", "--serial", "un"), ["unix:"])
        self.assertEqual(complete("armature", "run", "--serial", "file", ":", "compl"), ["completion"])


class Snapshots(Case):
    def saved(self, *arguments):
        """A snapshot made where the guest has printed half of its text."""
        done = self.run_guest(printing(b"first half, second half\n", psci(8)), "--save-on", "half,", self.path("snap"),
                              *arguments)
        self.assertEqual((done.returncode, done.stdout), (POWER_OFF, b"first half, second half\n"), done.stderr)
        return self.path("snap")

    def test_goes_on(self):
        for arguments in (), ("--compress",):
            snap = self.saved(*arguments)
            for engine in "interp", "jit":
                done = self.run_program("run", "--restore", snap, "--engine", engine)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (POWER_OFF, b" second half\n", b""))

    def test_look(self):
        snap = self.saved()
        done = self.run_program("snapshot", "info", snap)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"--memory 64M", done.stdout)
        self.assertEqual(self.run_program("snapshot", "verify", snap).returncode, 0)
        self.assertEqual(self.run_program("snapshot", "diff", snap, snap).stdout, b"")
        later = self.path("later")
        self.run_program("run", "--restore", snap, "--save-on", "second", later)
        done = self.run_program("snapshot", "diff", snap, later)
        self.assertEqual(done.returncode, HOST)
        self.assertIn(b"cpu0: icount", done.stdout)

    def test_damaged(self):
        snap = self.saved()
        with open(snap, "rb") as file:
            content = file.read()
        for word, changed in (("too short", b"x"), ("no snapshot", b"x" * 4096), ("cut short", content[:-1]),
                              ("header", content[:20] + b"x" + content[21:]),
                              ("version 9", content[:8] + b"\x09" + content[9:])):
            bad = self.file("bad", changed)
            self.refused(HOST, word, "run", "--restore", bad)
            self.refused(HOST, "bad", "snapshot", "info", bad)
        bad = self.file("bad", content[:4100] + bytes([content[4100] ^ 1]) + content[4101:])
        self.refused(HOST, "stored page 0 is damaged", "snapshot", "verify", bad)
        self.refused(HOST, "No such file", "run", "--restore", self.path("none"))

    def test_refused(self):
        snap = self.saved()
        self.refused(USAGE, "--memory", "run", "--restore", snap, "--memory", "1G")
        self.refused(USAGE, "--save-at", "run", "--kernel", "x", "--save-at", "5")
        self.refused(USAGE, ",overlay", "run", "--kernel", "x", "--disk", "y", "--save-at", "5", "z")
        self.refused(HOST, "--disk", "run", "--restore", snap, "--disk", "x")
        self.refused(USAGE, "snapshot expects", "snapshot", "look")

    def test_never_saved(self):
        done = self.run_guest(OFF, "--save-on", "never said", self.path("snap"))
        self.assertEqual(done.returncode, HOST)
        self.assertIn(b"never said", done.stderr)
        self.assertFalse(os.path.exists(self.path("snap")))

    def test_old_file_stays(self):
        """A disk that is full leaves the old file, and no other; the machine runs on."""
        snap = self.saved()
        with open(snap, "rb") as file:
            content = file.read()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        done = self.run_guest(printing(b"some text\n", psci(8)), "--save-on", "text", snap, "--engine", "interp",
                              preexec_fn=limit)
        self.assertEqual((done.returncode, done.stdout), (HOST, b"some text\n"))
        self.assertIn(b"cannot be written", done.stderr)
        with open(snap, "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["guest", "snap"])


class BadFiles(Case):
    def kernel(self, status, word, content, *arguments):
        self.refused(status, word, "run", "--kernel", self.file("kernel", content), "--memory", "64M", *arguments)

    def test_kernel(self):
        self.refused(HOST, "/no/such", "run", "--kernel", "/no/such")
        self.refused(HOST, self.folder.name, "run", "--kernel", self.folder.name)
        self.kernel(HOST, "kernel", b"")
        self.kernel(HOST, "kernel", b"no kernel at all" * 100)
        self.kernel(HOST, "kernel", OFF[:40])
        self.kernel(HOST, "kernel", OFF[:60])
        self.kernel(HOST, "kernel", image(psci(8), size=128 << 20))
        self.kernel(HOST, "kernel", image(psci(8), size=(1 << 64) - 1))
        packed = gzip.compress(OFF + os.urandom(4096))
        self.kernel(HOST, "kernel", packed[:len(packed) // 2])
        self.kernel(HOST, "kernel", packed[:12])
        self.kernel(HOST, "kernel", gzip.compress(b"text, not a kernel"))
        with open(PROGRAM, "rb") as own:
            elf = own.read(200000)
        self.kernel(HOST, "kernel", elf)
        arm_elf = elf[:18] + struct.pack("<H", 183) + elf[20:]
        self.kernel(HOST, "kernel", arm_elf[:70])
        self.kernel(HOST, "kernel", arm_elf)
        self.refused(HOST, "kernel", "run", "--kernel", self.sparse("kernel", 100 << 20), "--memory", "64M")

    def test_kernel_that_never_ends(self):
        self.refused(HOST, "/dev/zero", "run", "--kernel", "/dev/zero", "--memory", "16M")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable(self):
        os.chmod(self.file("kernel", OFF), 0)
        self.refused(HOST, "kernel", "run", "--kernel", self.path("kernel"))

    def test_initrd(self):
        self.kernel(HOST, "/no/such", OFF, "--initrd", "/no/such")
        self.kernel(HOST, "initrd", OFF, "--initrd", self.sparse("initrd", 64 << 20))

    def test_device_tree(self):
        self.kernel(HOST, "/no/such", OFF, "--dtb", "/no/such")
        self.kernel(HOST, "tree", OFF, "--dtb", self.file("tree", b""))
        self.kernel(HOST, "tree", OFF, "--dtb", self.file("tree", b"\xd0\x0d\xfe\xed" + b"\xff" * 60))
        self.kernel(HOST, "/no/", OFF, "--dump-dtb", "/no/such")
        done = self.run_program("run", "--dump-dtb", self.path("tree"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        with open(self.path("tree"), "rb") as file:
            tree = file.read()
        self.assertEqual(tree[:4], b"\xd0\x0d\xfe\xed")
        self.assertIn(b"arm,pl011", tree)
        self.kernel(HOST, "tree", OFF, "--dtb", self.file("tree", tree[:len(tree) // 2]))
        self.assertEqual(self.run_guest(OFF, "--dtb", self.file("whole", tree)).returncode, POWER_OFF)

    def test_disk(self):
        self.kernel(HOST, "/no/such", OFF, "--disk", "/no/such")
        self.kernel(HOST, self.folder.name, OFF, "--disk", self.folder.name)
        self.kernel(HOST, "empty", OFF, "--disk", self.file("empty", b""))
        self.kernel(HOST, "odd", OFF, "--disk", self.file("odd", b"x" * 1000))
        self.kernel(HOST, "twice", OFF, "--disk", self.sparse("twice", 1 << 20), "--disk", self.path("twice"))
        with open(self.path("odd"), "rb") as file:
            self.assertEqual(file.read(), b"x" * 1000)

    def test_disk_of_another_machine(self):
        disk = self.sparse("disk", 1 << 20)
        first = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("echo", ECHO), "--memory", "64M", "--clock",
                                  "paced",
                                  "--disk", disk, "--serial", f"unix:{self.path('line')}"], stdin=subprocess.DEVNULL)
        try:
            while not os.path.exists(self.path("line")):
                self.assertIsNone(first.poll())
                time.sleep(0.01)
            time.sleep(0.3)
            self.kernel(HOST, "disk", OFF, "--disk", disk)
        finally:
            first.terminate()
            first.wait()
        self.assertEqual(self.run_guest(OFF, "--disk", disk).returncode, POWER_OFF)

    def test_serial(self):
        self.kernel(HOST, "/no/such", OFF, "--serial", "file:/no/such")
        self.kernel(HOST, "/no/such", OFF, "--serial", "unix:/no/such")
        self.kernel(HOST, "too long", OFF, "--serial", "unix:/tmp/" + "x" * 200)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.kernel(HOST, str(port), OFF, "--net", f"user,hostfwd=tcp:{port}:22")

    def test_too_many_devices(self):
        disk = self.file("disk.img", bytes(512))
        for bus in "mmio", "pci":
            self.kernel(HOST, "give fewer disks", OFF, "--bus", bus, *["--disk", f"{disk},ro"] * 16,
                        *[word for i in range(8) for word in ("--share", f"tag{i}={self.folder.name}")],
                        *["--net", "none"] * 4, "--display", "none", "--balloon")

    @unittest.skipIf(SANITIZED, "the sanitizer needs address space of its own")
    def test_memory_refused(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        self.refused(HOST, "emory", "run", "--kernel", self.file("kernel", OFF), "--memory", "64G", preexec_fn=limit)


class Guests(Case):
    def test_ends(self):
        for kernel, arguments, status in (
                (OFF, [], POWER_OFF), (gzip.compress(OFF), [], POWER_OFF),
                (OFF, ["--no-reboot", "--exit-on-panic", "--timeout", "5s"], POWER_OFF),
                (RESTART, ["--no-reboot"], RESET),
                (SLEEP, ["--timeout", "1h"], TIMEOUT), (image([0x14000000]), ["--timeout", "20ms"], TIMEOUT),
                (printing(b"Kernel panic - not syncing: test\n", [0x14000000]), ["--exit-on-panic"], PANIC),
                (printing(b"Kernel panic - not syncing: test\n", psci(8)), [], POWER_OFF)):
            done = self.run_guest(kernel, *arguments)
            self.assertEqual((done.returncode, done.stderr), (status, b""), (arguments, status))

    def test_output(self):
        text = bytes(range(32, 127)) * 40 + b"\n"
        guest = printing(text, psci(8))
        self.assertEqual(self.run_guest(guest).stdout, text)
        self.assertEqual(self.run_guest(guest, "--serial", f"file:{self.path('out')}").stdout, b"")
        with open(self.path("out"), "rb") as file:
            self.assertEqual(file.read(), text)
        self.assertEqual(self.run_guest(guest, "--serial", "none").stdout, b"")

    def test_translation_is_told(self):
        guest, dump = printing(b"line\n" * 100, psci(8)), self.path("dump")
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("guest", guest), "--memory", "64M",
                                    "--engine", "jit",
                                    "--jit-dump", dump, "--jit-statistics", "--perf-map"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        errors = program.communicate(timeout=20)[1].decode()
        name = f"/tmp/perf-{program.pid}.map"
        with open(name) as file:
            names = file.read()
        os.unlink(name)
        self.assertEqual(program.returncode, POWER_OFF)
        with open(dump) as file:
            text = file.read()
        blocks, regions = (int(re.search(rf"  {what} compiled +(\d+)\n", errors)[1]) for what in ("blocks", "regions"))
        self.assertGreater(blocks, 1)
        self.assertGreater(regions, 0)
        self.assertEqual((len(re.findall(r"^arm64 0x", text, re.M)), len(re.findall(r"^region 0x", text, re.M))),
                         (blocks, regions))
        self.assertRegex(text, r"\n    0x[0-9a-f]+  d4000002  hvc #0\n")
        self.assertRegex(text, r"\n    host code\n      0x[0-9a-f]+  [0-9a-f]{2} ")
        self.assertRegex(names, r"(?m)^[0-9a-f]+ [0-9a-f]+ stub:enter$")
        self.assertRegex(names, r"(?m)^[0-9a-f]+ [0-9a-f]+ region:0x[0-9a-f]+$")
        self.assertEqual(len(re.findall(r" arm64:0x[0-9a-f]+$", names, re.M)), blocks)
        done = self.run_guest(guest, "--jit-dump", self.path("no/such"))
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (HOST, 1))
        done = self.run_guest(guest, "--jit-dump", "/dev/full")
        self.assertIn(b"/dev/full", done.stderr)

    def test_disk_full(self):
        done = self.run_guest(printing(b"line\n" * 100, psci(8)), "--serial", "file:/dev/full")
        self.assertEqual(done.returncode, POWER_OFF)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"/dev/full", done.stderr)

    def test_file_may_not_grow(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        done = self.run_guest(printing(b"line\n" * 100, psci(8)), "--engine", "interp",
                              "--serial", f"file:{self.path('out')}", preexec_fn=limit)
        self.assertEqual(done.returncode, POWER_OFF)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"out: File too large", done.stderr)
        self.assertEqual(os.path.getsize(self.path("out")), 100)

    def test_piped_in_the_hosts_time(self):
        """A driver that starts throws away what the UART holds: what is piped comes once it listens."""
        starts = [0xD2A12001,        # movz x1, #0x0900, lsl #16
                  0xD2A04003,        # movz x3, #0x0200, lsl #16
                  0xD1000463,        # sub x3, x3, #1
                  0xB5FFFFE3,        # cbnz x3, .-4
                  0xB9002C3F,        # str wzr, [x1, #0x2c]: no FIFOs
                  0x52800E02,        # mov w2, #0x70: 8 bits, FIFOs
                  0xB9002C22]        # str w2, [x1, #0x2c]
        words = list(struct.unpack(f"<{(len(ECHO) - 64) // 4}I", ECHO[64:]))
        for options, said in (([], b""), (["--parallel"], b"armature: --parallel: processors run at the same time; no "
                                                          b"two "
                                                          b"runs are the same\n")):
            with open(self.file("typed", b"HAL9000 sees you all, does it?q"), "rb") as typed:
                done = self.run_guest(image(starts + words), "--clock", "paced", *options, stdin=typed)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (POWER_OFF, bytes(byte + 1 for byte in b"HAL9000 sees you all, does it?"), said))

    def test_part_of_a_processor(self):
        """A guest that never rests gets the part of a processor that --cpu-limit says; a busy host gives it less."""
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("loop", image([0x14000000])), "--memory",
                                    "64M", "--cpu-limit", "20%"], stdin=subprocess.DEVNULL)
        time.sleep(1)  # what it takes to start is not the guest's
        began, used_before = time.monotonic(), time.clock_gettime(~program.pid << 3 | 2)
        time.sleep(2)
        elapsed, used = time.monotonic() - began, time.clock_gettime(~program.pid << 3 | 2) - used_before
        program.terminate()
        self.assertEqual(program.wait(), -15)
        self.assertLess(used, 0.4 * elapsed)

    def test_left_while_somebody_looks(self):
        """Ctrl-A X ends the machine, though it runs for a client of the control socket, who is told."""
        main, terminal = os.openpty()
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("echo", ECHO), "--memory", "64M", "--control",
                                    f"unix:{self.path('control')}"],
                                   stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            while not os.path.exists(self.path("control")):
                self.assertIsNone(program.poll())
                time.sleep(0.01)
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(self.path("control"))
                replies = client.makefile("r")
                client.sendall(b"stop\n")
                self.assertIn('"ok":true', replies.readline())
                client.sendall(b"continue\n")
                while b"-icanon" not in subprocess.check_output(["stty", "-a"], stdin=terminal):
                    time.sleep(0.01)
                os.write(main, b"\x01x")
                self.assertIn('"reason":"ended"', replies.readline())
                self.assertEqual(program.wait(20), POWER_OFF)
                self.assertEqual(replies.readline(), "")
        finally:
            program.kill()
            program.wait()
            os.close(main)
            os.close(terminal)

    def test_socket(self):
        line = self.path("line")
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("echo", ECHO), "--memory", "64M", "--clock",
                                    "paced", "--serial", f"unix:{line}"], stdin=subprocess.DEVNULL)
        try:
            while not os.path.exists(line):
                self.assertIsNone(program.poll())
                time.sleep(0.01)
            for word in (b"HAL", b"abc"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(20)
                    client.connect(line)
                    client.sendall(word)
                    answer = b""
                    while len(answer) < 3:
                        answer += client.recv(100)
                    self.assertEqual(answer, bytes(byte + 1 for byte in word))
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(line)
                client.sendall(b"q")
                self.assertEqual(program.wait(20), POWER_OFF)
        finally:
            program.kill()
            program.wait()
        self.assertFalse(os.path.exists(line))

    def test_pseudo_terminal(self):
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("echo", ECHO), "--memory", "64M", "--clock",
                                    "paced", "--serial", "pty"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            name = program.stderr.readline().decode().split()[-1]
            with open(os.open(name, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0) as terminal:
                terminal.write(b"HAL")
                answer = b""
                while len(answer) < 3:
                    answer += terminal.read(3)
                self.assertEqual(answer, b"IBM")
                terminal.write(b"q")
                self.assertEqual(program.wait(20), POWER_OFF)
        finally:
            program.kill()
            program.wait()
            program.stderr.close()

    def test_terminal(self):
        """On a terminal: raw, Ctrl-A keys, and all as it was afterwards."""
        main, terminal = os.openpty()
        before = subprocess.check_output(["stty", "-a"], stdin=terminal)
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("echo", ECHO), "--memory", "64M"],
                                   stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, start_new_session=True)
        try:
            while subprocess.check_output(["stty", "-a"], stdin=terminal) == before:
                self.assertIsNone(program.poll())
                time.sleep(0.01)
            os.write(main, b"\x03")
            self.assertEqual(os.read(main, 1), b"\x04")  # Ctrl-C is the guest's
            os.write(main, b"\x01h\x01a")
            self.assertEqual(os.read(main, 1), b"\x02")
            os.write(main, b"\x01x")
            self.assertEqual(program.wait(20), POWER_OFF)
            self.assertIn(b"X  ends the machine", program.stderr.read())
        finally:
            program.kill()
            program.wait()
            program.stderr.close()
        self.assertEqual(subprocess.check_output(["stty", "-a"], stdin=terminal), before)
        os.close(main)
        os.close(terminal)

    def test_power_key(self):
        """Ctrl-A P is seen at the GPIO pin; this guest waits for it and powers off."""
        guest = image([0xD2A12061,  # movz x1, #0x903, lsl #16
                       0xB9402022,  # ldr w2, [x1, #0x20]: pin 3
                       0x34FFFFE2,  # cbz w2, back
                       0x52800100, 0x72B08000, 0xD4000002])  # PSCI SYSTEM_OFF
        main, terminal = os.openpty()
        before = subprocess.check_output(["stty", "-a"], stdin=terminal)
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("power", guest), "--memory", "64M"],
                                   stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            while subprocess.check_output(["stty", "-a"], stdin=terminal) == before:
                self.assertIsNone(program.poll())
                time.sleep(0.01)
            os.write(main, b"\x01p")
            self.assertEqual(program.wait(20), POWER_OFF)
        finally:
            program.kill()
            program.wait()
        os.close(main)
        os.close(terminal)

    def test_reader_gone(self):
        """A pipe that nobody reads any more ends the program, without a word, as it ends others."""
        program = subprocess.Popen([PROGRAM, "run", "--kernel",
                                    self.file("loop", printing(b"line\n" * 9, [0x17FFFFFA])),
                                    "--memory", "64M"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        program.stdout.read(20)
        program.stdout.close()
        self.assertLess(program.wait(20), 0)
        self.assertEqual(program.stderr.read(), b"")
        program.stderr.close()

    def test_killed(self):
        program = subprocess.Popen([PROGRAM, "run", "--kernel", self.file("loop", image([0x14000000])), "--memory",
                                    "64M"],
                                   stdin=subprocess.DEVNULL)
        time.sleep(0.3)
        program.terminate()
        self.assertEqual(program.wait(20), -15)


unittest.main(argv=sys.argv[:1], verbosity=2)
