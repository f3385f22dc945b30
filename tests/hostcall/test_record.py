#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`armature exec --record` and `--replay`: the same output and end again, under any engine, without what the program
used; and logs that are none.

usage: test_record.py ARMATURE ROOT STATIC_PROGRAM RACING_PROGRAM LOCKING_PROGRAM
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

armature, root, static, races, inherits = (os.path.abspath(path) for path in sys.argv[1:6])
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, timeout=100, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, **more)
    return done.returncode, done.stdout, done.stderr


class Log:
    """A log's entries, to be changed (snapshot/log.h)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        length = int.from_bytes(data[12:16], "little")
        self.head, at = data[:20 + length], 20 + length
        stream = zlib.decompressobj()
        content = b""
        while at < len(data):
            length = int.from_bytes(data[at:at + 4], "little")
            content += stream.decompress(data[at + 12:at + 12 + length])
            at += 12 + length
        self.entries, self.at, self.content = [], 0, content
        while self.at < len(content):
            numbers = [self.number() for _ in range(7)]
            self.entries.append((numbers[:6], content[self.at:self.at + numbers[6]]))
            self.at += numbers[6]

    def number(self):
        value = shift = 0
        while True:
            byte = self.content[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    @staticmethod
    def bytes_of(value):
        value &= 2**64 - 1
        result = bytearray()
        while value > 127:
            result.append(value & 127 | 128)
            value >>= 7
        return bytes(result) + bytes([value])

    def write(self, path, entries):
        stream = zlib.compressobj()
        with open(path, "wb") as file:
            file.write(self.head)
            for start in range(0, len(entries), 50):
                content = b"".join(stream.compress(b"".join(map(self.bytes_of, [*numbers, len(data)])) + data)
                                   for numbers, data in entries[start:start + 50]) + stream.flush(zlib.Z_SYNC_FLUSH)
                front = len(content).to_bytes(4, "little") + zlib.crc32(content).to_bytes(4, "little")
                file.write(front + zlib.crc32(front).to_bytes(4, "little") + content)


class Record(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory(prefix="armature-record-")
        self.addCleanup(self.home.cleanup)
        self.log = os.path.join(self.home.name, "log")

    def record(self, *command, options=()):
        return run(armature, "exec", *options, "--record", self.log, *command)

    def replay(self, *options):
        return run(armature, "exec", *options, "--replay", self.log)

    def same(self, *command):
        first = self.record("--root", root, *command)
        for engine in ("auto", "interp", "jit"):
            self.assertEqual(self.replay("--engine", engine), first, engine)
        return first

    def test_everything(self):
        with tempfile.TemporaryDirectory(dir=os.path.join(root, "tmp")) as inside:
            script = shutil.copy(os.path.join(HERE, "recorded.py"), inside)
            first = self.record("--root", root, "/usr/bin/python3", "/" + os.path.relpath(script, root))
        self.assertEqual((first[0], first[2]), (-signal.SIGTERM, b""))
        self.assertIn(b"to the end", first[1])
        for engine in ("auto", "interp"): # and the script is gone
            self.assertEqual(self.replay("--engine", engine), first, engine)

    def test_programs(self):
        self.assertEqual(self.same("/bin/date", "+%s %N")[0], 0)
        self.assertIn(b"nogroup", self.same("/bin/cat", "/etc/group")[1])
        self.assertEqual(self.same("/bin/ls", "-la", "/not/there")[0], 2)
        self.assertEqual(self.same("/bin/sh", "-c", "kill -TERM $$")[0], -signal.SIGTERM)

    def test_signals_of_a_shell(self):
        first = self.same("/bin/bash", "-c",
                          "trap 'echo trapped' USR1; for i in 1 2 3; do (sleep 0.02; kill -USR1 $$) & wait $!; done; "
                          "exit 7")
        self.assertEqual(first[0], 7)
        self.assertEqual(first[1].count(b"trapped"), 3)

    def test_becomes(self):
        """A script's interpreter becomes another program, which has a log of its own."""
        first = self.same("/bin/sh", "-c",
                          "echo $(date +%N); exec python3 -c 'import time; print(time.time()); raise SystemExit(9)'")
        self.assertEqual(first[0], 9)
        self.assertTrue(os.path.exists(self.log + ".1"))

    def test_threads(self):
        """Which way threads interleave is in the log: what races, spins, waits and is signalled comes out the same."""
        plain = run(armature, "exec", races)
        self.assertEqual((plain[0], plain[2]), (0, b""))
        self.assertIn(b"robust 1\nwoken 1\n", plain[1])
        first = self.record(races)
        self.assertEqual((first[0], first[2]), (0, b""))
        self.assertIn(b"robust 1\nwoken 1\n", first[1])
        self.assertRegex(first[1], rb"random \w+ \w+ 1\nthe first is gone")
        for engine in ("auto", "interp", "jit", "auto"):
            self.assertEqual(self.replay("--engine", engine), first, engine)

    def test_locks_with_inherited_priority(self):
        plain = run(armature, "exec", inherits)
        first = self.record(inherits)
        self.assertEqual(first, plain)
        first = self.record(inherits, "with order")
        self.assertEqual((first[0], first[2]), (0, b""))
        self.assertRegex(first[1], rb"\norder \w+\n")
        for engine in ("auto", "interp", "jit"):
            self.assertEqual(self.replay("--engine", engine), first, engine)
        first = self.record(inherits, "with order", "and a mapping") # the recording ends while threads wait
        self.assertEqual(first[0], 0)
        self.assertTrue(first[1].endswith(b"mapped 1\n" + b"result = 0 \n" * 4 + b"guarded = 2 \n"), first[1])
        status, output, errors = self.replay()
        self.assertEqual((status, output), (1, first[1][:first[1].index(b"mapped 1")]))
        self.assertIn(b"the log ends here: it has memory", errors)

    def test_threads_of_python(self):
        with tempfile.TemporaryDirectory(dir=os.path.join(root, "tmp")) as inside:
            script = shutil.copy(os.path.join(HERE, "threaded.py"), inside)
            first = self.record("--root", root, "/usr/bin/python3", "/" + os.path.relpath(script, root))
        self.assertEqual((first[0], first[2]), (0, b""))
        self.assertIn(b"alarm behind", first[1])
        self.assertIn(b"to the end", first[1])
        for engine in ("auto", "interp"):
            self.assertEqual(self.replay("--engine", engine), first, engine)

    @unittest.skipUnless(os.path.exists(os.path.join(root, "usr/bin/xz")), "no xz below the root")
    def test_compressor(self):
        """xz with two threads; node, which has several of its own."""
        with tempfile.NamedTemporaryFile(dir=os.path.join(root, "tmp")) as file:
            file.write(random.Random(1).randbytes(300000) * 8)
            file.flush()
            first = self.record("--root", root, "/usr/bin/xz", "-0", "-T2", "--block-size=512KiB", "-c",
                                "/tmp/" + os.path.basename(file.name))
        self.assertEqual((first[0], first[1][:6], first[2]), (0, b"\xfd7zXZ\0", b""))
        for engine in ("auto", "auto", "jit"):
            self.assertEqual(self.replay("--engine", engine), first, engine)
        code = ("setTimeout(() => console.log(Date.now(), Math.random()), 20); "
                "console.log(require('fs').readdirSync('/usr').length)")
        self.assertEqual(self.same("/usr/bin/node", "-e", code)[0], 0)

    def test_shared_memory_ends_it(self):
        code = ("import mmap, threading\nprint(1, flush=True)\nt = threading.Thread(target=input)\nt.start()\n"
                "open('/tmp/shared', 'wb').write(b'x' * 4096)\nf = open('/tmp/shared', 'r+b')\n"
                "m = mmap.mmap(f.fileno(), 0)\n"
                "print(2, flush=True)\nt.join()")
        with subprocess.Popen([armature, "exec", "--root", root, "--record", self.log, "/usr/bin/python3", "-c", code],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline() + process.stdout.readline(), b"1\n2\n") # though a thread waits
            output, errors = process.communicate(b"\n", timeout=60)
        os.unlink(os.path.join(root, "tmp/shared"))
        why = b"it has memory that is a file's, which others may write"
        self.assertEqual((process.returncode, output, errors),
                         (0, b"", b"armature: --record: " + why + b"; what follows is not in the log\n"))
        self.assertEqual(self.replay(), (1, b"1\n", b"armature: --replay: the log ends here: " + why + b"\n"))

    def test_killed(self):
        with subprocess.Popen([armature, "exec", "--root", root, "--record", self.log, "/bin/sh", "-c",
                               "echo begun; while :; do :; done"], stdout=subprocess.PIPE,
                               start_new_session=True) as process:
            self.assertEqual(process.stdout.readline(), b"begun\n")
            size = os.path.getsize(self.log)
            for _ in range(3000): # until the log reaches beyond that
                if os.path.getsize(self.log) > size:
                    break
                time.sleep(0.02)
            process.kill()
        self.assertEqual(self.replay(),
                         (1, b"begun\n", b"armature: --replay: the log ends here, as its recording did\n"))

    def test_refused(self):
        def refused(status, word, *options):
            got = run(armature, "exec", *options)
            self.assertEqual((got[0], got[1], got[2].count(b"\n")), (status, b"", 1), got[2])
            self.assertIn(word, got[2].decode())
        program = shutil.copy(static, self.home.name)
        self.assertEqual(self.record(program, "one")[0], 2)
        refused(2, "nothing else makes sense", "--replay", self.log, program)
        refused(2, "--policy makes no sense", "--record", self.log + "2", "--policy", "/dev/null", program)
        refused(126, "cannot be made", "--record", "/not/there/log", program)
        refused(1, "No such file", "--replay", "/not/there")
        with open(program, "ab") as file:
            file.write(b"x")
        refused(126, "is not what it was", "--replay", self.log)
        with open(self.log, "r+b") as file:
            file.truncate(100)
        refused(1, "log", "--replay", self.log)

    def test_hostile(self):
        """Entries that nobody wrote so: one clear line, or an end that the log says."""
        for command, changes in ((static, "one", "two"), 30), ((races,), 20):
            self.change_and_replay(changes, *command)

    def change_and_replay(self, changes, *command):
        end = self.record(*command)[0]
        log = Log(self.log)
        self.assertGreater(len(log.entries), 5)
        dice = random.Random(6)
        ends = set()
        for _ in range(changes):
            entries = [(list(numbers), data) for numbers, data in log.entries]
            for _ in range(dice.randrange(1, 4)):
                at = dice.randrange(len(entries))
                numbers, data = entries[at]
                change = dice.randrange(7)
                if change < 3:
                    numbers[(4, 5, 1)[change]] = dice.choice([0, 1, 2, 3, 5, 7, 8, 9, 4096, 2**46, 2**47, 2**63,
                                                              2**64 - 8, dice.randrange(2**64)])
                elif change == 3:
                    entries[at] = (numbers, dice.randbytes(dice.choice([0, 1, 4, 128, 5000])))
                elif change == 4:
                    del entries[at]
                elif change == 5:
                    entries.insert(at, entries[dice.randrange(len(entries))])
                else:
                    entries[at] = (numbers, bytes(byte ^ (dice.random() < 0.1) for byte in data))
                if not entries:
                    break
            changed = os.path.join(self.home.name, "changed")
            log.write(changed, entries)
            status, _, errors = run(armature, "exec", "--replay", changed, timeout=60)
            self.assertNotIn(b"mistake in armature", errors)
            if status not in (end, -signal.SIGSEGV): # the guest's own end, by memory that is not what it was
                self.assertTrue(status == 1 or status >= 126 or status < 0, (status, errors))
            ends.add(errors.split(b":")[1][:12] if errors else status)
        self.assertGreater(len(ends), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])
