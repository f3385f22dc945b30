#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of bare-metal guests, from outside: those of earlier versions of the format, and clones.

usage: test_snapshots.py PROGRAM FOLDER-OF-GUESTS

version-N.snap.xz.base64 is a snapshot in version N of the format, packed to be small and text to be kept. Each was made
once, by the last program that wrote that version, and is never made again:

    version 1  rounds.elf  --memory 16M --cpus 2 --clock virtual --rtc 1767225600 --seed 3 --net user --console null
                           --compress --save-at 600000; before there was a generation ID

The guest goes on in its rounds, looks at the sums that it has computed in registers, vector registers and memory, and
at its timer's interrupts, and says PASS where all are right.
"""
import base64
import lzma
import os
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM, GUESTS = map(os.path.abspath, sys.argv[1:3])
HERE = os.path.dirname(os.path.abspath(__file__))
POWER_OFF, HOST, USAGE, PANIC, TIMEOUT, RESET = range(6)


def run(*arguments, status=POWER_OFF):
    """What a run prints, and what it says on standard error."""
    done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    output, errors = done.stdout.decode().replace("\r", ""), done.stderr.decode()
    if done.returncode != status:
        raise AssertionError(f"{arguments}: status {done.returncode}, not {status}: {output}{errors}")
    return output, errors


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="armature-snapshots-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def unpack(self, name):
        with open(os.path.join(HERE, f"{name}.xz.base64"), "rb") as packed, open(self.path(name), "wb") as file:
            file.write(lzma.decompress(base64.b64decode(packed.read())))
        return self.path(name)


class Earlier(Case):
    def test_version_1(self):
        file = self.unpack("version-1.snap")
        self.assertIn("version 1,", run("snapshot", "info", file)[0])
        run("snapshot", "verify", file)
        for engine in ("interp", "jit"):
            self.assertIn("PASS\n",
                          run("run", "--restore", file, "--clock", "virtual", "--engine", engine, "--timeout", "9s")[0])

    def test_version_1_is_saved_anew(self):
        """What is written now goes on as the old file does."""
        old, new = self.unpack("version-1.snap"), self.path("new.snap")
        marks = ["--clock", "virtual", "--state-hash-at", "600001,750000"]
        first = run("run", "--restore", old, "--save-at", "700000", new, *marks)
        again = run("run", "--restore", new, *marks)
        hashes = re.findall(r"state at .*", first[1])
        self.assertEqual(len(hashes), 2)
        self.assertEqual(re.findall(r"state at .*", again[1]), hashes[1:])
        self.assertIn("PASS\n", again[0])
        self.assertIn("device.vmgenid: only in", run("snapshot", "diff", old, new, status=HOST)[0])


class Clones(Case):
    """tests/system/clone.c prints its generation ID and a number of RNDR, and whether it was told to be a clone."""

    def setUp(self):
        super().setUp()
        self.file = self.path("base.snap")
        self.original = self.end_of(run("run", "--kernel", f"{GUESTS}/clone.elf", "--memory", "16M", "--cpus", "4",
                                        "--cpu",
                                        "max", "--clock", "virtual", "--seed", "3", "--save-on", "waiting",
                                        self.file)[0])

    def end_of(self, output):
        match = re.search(r"(the same|a clone)\nid (0x[0-9a-f]{16})\nrandom (0x[0-9a-f]{16})\nPASS\n", output)
        self.assertTrue(match, output)
        return match.groups()

    def clone(self, *options):
        return self.end_of(run("run", "--restore", self.file, "--clock", "virtual", *options)[0])

    def test_identity(self):
        self.assertEqual(self.original[0], "the same")
        self.assertEqual(self.clone(), self.original)
        of_seeds = [self.clone("--seed", seed) for seed in ("7", "8")]
        fresh = [self.clone("--fresh-identity") for _ in range(2)]
        for column in (1, 2):
            self.assertEqual(len({row[column] for row in (self.original, *of_seeds, *fresh)}), 5)
        self.assertEqual({row[0] for row in of_seeds + fresh}, {"a clone"})
        self.assertEqual(self.clone("--seed", "7", "--engine", "interp"), of_seeds[0])

    def test_saved_again(self):
        """A clone that is saved stays who it is."""
        second = self.path("second.snap")
        first = self.clone("--seed", "7", "--save-on", "a clone", second)
        self.assertIn("--seed 7", run("snapshot", "info", second)[0])
        self.assertNotIn("--fresh-identity", run("snapshot", "info", second)[0])
        output = run("run", "--restore", second, "--clock", "virtual")[0]
        self.assertIn(f"id {first[1]}\nrandom {first[2]}\nPASS", output)

    def test_replayed(self):
        """A replay has the identity that the recorded run had."""
        for options in (["--fresh-identity"], ["--seed", "7"], []):
            log = self.path("run.log")
            recorded = self.clone("--record", log, *options)
            self.assertEqual(self.end_of(run("run", "--replay", log)[0]), recorded)
        message = run("run", "--replay", log, "--fresh-identity", status=HOST)[1]
        self.assertIn("--fresh-identity", message)
        run("run", "--replay", log, "--seed", "8", status=USAGE)

    def test_usage(self):
        message = run("run", "--kernel", "x", "--fresh-identity", status=USAGE)[1]
        self.assertIn("--restore", message)


class Handles(Case):
    """tests/system/handles.c goes on with files that it has opened by semihosting."""

    def setUp(self):
        super().setUp()
        self.folder_of_guest = self.path("folder")
        os.mkdir(self.folder_of_guest)
        self.write("data", "0123456789\n")
        self.file = self.path("base.snap")
        self.machine = ["--kernel", f"{GUESTS}/handles.elf", "--memory", "16M", "--clock", "virtual", "--semihosting",
                        self.folder_of_guest]

    def write(self, name, text):
        with open(os.path.join(self.folder_of_guest, name), "w", encoding="utf-8") as file:
            file.write(text)

    def log(self):
        with open(os.path.join(self.folder_of_guest, "log"), encoding="utf-8") as file:
            return file.read()

    def test_restored(self):
        self.assertIn("PASS\n", run("run", *self.machine, "--save-on", "waiting", self.file)[0])
        self.assertEqual(self.log(), "one two\n")
        os.truncate(os.path.join(self.folder_of_guest, "log"), 4)
        for _ in range(2):
            output = run("run", "--restore", self.file, "--clock", "virtual", "--semihosting", self.folder_of_guest)[0]
            self.assertIn("PASS\n", output)
            self.assertNotIn("another", output)
            self.assertEqual(self.log(), "one two\n")
        os.rename(os.path.join(self.folder_of_guest, "data"), os.path.join(self.folder_of_guest, "old"))
        self.write("data", "abcdefghijklm\n")
        output = run("run", "--restore", self.file, "--clock", "virtual", "--semihosting", self.folder_of_guest)[0]
        self.assertIn("another file\nPASS\n", output)

    def test_replayed(self):
        log = self.path("run.log")
        marks = ["--state-hash-at", "100000,400000"]
        first = run("run", *self.machine, "--record", log, *marks)
        os.unlink(os.path.join(self.folder_of_guest, "log"))
        again = run("run", "--replay", log, *marks)
        self.assertEqual(again[0], first[0])
        hashes = [re.findall("state at .*", errors) for _, errors in (first, again)]
        self.assertEqual(len(hashes[0]), 2)
        self.assertEqual(hashes[0], hashes[1])
        self.assertFalse(os.path.exists(os.path.join(self.folder_of_guest, "log")))

    def test_gone_back(self):
        """What was done in the folder is not done again when the debugger goes back."""
        commands = ('expect "waiting" 10\nskip 5000\nhash\nreverse-stepi 2000\nskip 2000\nhash\ngoto 3000\n'
                    'goto 1000000\ncontinue\n')
        done = subprocess.run([PROGRAM, "debug", *self.machine], input=commands.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        output = done.stdout.decode()
        hashes = re.findall("state at .*", output)
        self.assertEqual(len(hashes), 2, output)
        self.assertEqual(hashes[0], hashes[1])
        self.assertEqual(output.count("PASS"), 1, output)
        self.assertEqual(self.log(), "one two\n")


class Different(Case):
    def test_both_ways(self):
        """What only one of two has is told, whichever it is; nothing is where they are the same."""
        early, late = self.path("early.snap"), self.path("late.snap")
        run("run", "--kernel", f"{GUESTS}/rounds.elf", "--memory", "16M", "--cpus", "2", "--clock", "virtual",
            "--save-at", "1000", early, "--save-at", "500000", late)
        lines = [run("snapshot", "diff", *files, status=HOST)[0].splitlines()
                 for files in ((early, late), (late, early))]
        for output in lines:
            self.assertTrue(any(line.startswith("ram: 0x4") for line in output), output)
            self.assertTrue(any(line.startswith("cpu0: icount") for line in output), output)
        self.assertEqual(len(lines[0]), len(lines[1]))
        self.assertEqual(run("snapshot", "diff", late, late)[0], "")


class StopAfter(Case):
    def test_from_the_start_and_from_a_snapshot(self):
        guest = ["--kernel", f"{GUESTS}/rounds.elf", "--memory", "16M", "--cpus", "2", "--clock", "virtual"]
        file, log = self.path("x.snap"), self.path("x.log")
        # The machine stops where it was asked to: what is saved a step before it is, what is a step behind is not.
        run("run", *guest, "--stop-after", "300000", "--save-at", "300000", file, status=TIMEOUT)
        message = run("run", *guest, "--stop-after", "300000", "--save-at", "300001", file, status=HOST)[1]
        self.assertIn("ended before instruction 300001", message)
        info = run("snapshot", "info", file)[0]
        self.assertIn("cpu0: 300000 instructions", info)
        message = run("run", "--restore", file, "--clock", "virtual", "--stop-after", "1", "--state-hash-at",
                      "300000,300001,300002", status=TIMEOUT)[1]
        self.assertEqual(re.findall(r"at instruction (\d+)", message), ["300000", "300001"])
        run("run", *guest, "--stop-after", "300000", "--record", log, status=TIMEOUT)
        run("run", "--replay", log, status=TIMEOUT)
        run("run", *guest, "--stop-after", "0", status=USAGE)
        run("run", *guest, "--stop-after", "5", "--parallel", status=USAGE)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
