#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""armature disk from outside, with qemu-img as the judge: images made, copied, resized, committed, repaired; progress
on a terminal; a disk of the host that is full.

usage: test_disk.py PROGRAM
"""
import os
import pty
import random
import resource
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
DONE, FAILED, USAGE = range(3)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="armature-disk-")
        self.addCleanup(self.folder.cleanup)

    def disk(self, *words, status=DONE, **options):
        done = subprocess.run([PROGRAM, "disk", *words], cwd=self.folder.name, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **options)
        self.assertEqual(done.returncode, status, f"{words}: {done.stderr}")
        self.assertEqual(done.stderr.count("\n"), 1 if status else 0, done.stderr)
        return done.stderr if status else done.stdout

    def refused(self, word, *words, status=FAILED, **options):
        self.assertIn(word, self.disk(*words, status=status, **options))

    def qemu(self, *words):
        return subprocess.run(["qemu-img", *words], cwd=self.folder.name, check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def same(self, one, two):
        formats = ["qcow2" if name.endswith("qcow2") else "raw" for name in (one, two)]
        self.qemu("compare", "-f", formats[0], "-F", formats[1], one, two)
        for name, form in ((one, formats[0]), (two, formats[1])):
            if form == "qcow2":
                self.qemu("check", "-f", "qcow2", name)

    def raw(self, name, size, seed=1):
        """Some zeroes, some that compresses, some that does not."""
        source = random.Random(seed)
        with open(os.path.join(self.folder.name, name), "wb") as file:
            for offset in range(0, size, 65536):
                kind = source.randrange(3)
                if kind:
                    file.seek(offset)
                    file.write(source.randbytes(65536) if kind == 1 else bytes([source.randrange(256)]) * 65536)
            file.truncate(size)


class Disk(Case):
    def test_usage(self):
        for words in ((), ("walk",), ("create",), ("info",)):
            self.disk(*words, status=USAGE)
        self.refused("size", "create", "x.qcow2", "lots")
        self.refused("size", "create", "x.qcow2")
        self.refused("power of two", "create", "--cluster-size", "1000", "x.qcow2", "1M")
        self.refused("means nothing", "info", "--repair", "x.qcow2")
        self.refused("too much", "info", "x", "y")
        self.refused("zlib or zstd", "create", "--compression", "lzma", "x.qcow2", "1M")
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_create(self):
        self.disk("create", "--lazy-refcounts", "a.qcow2", "3T")
        self.disk("create", "--version", "2", "--cluster-size", "4K", "b.qcow2", "10G")
        self.disk("create", "c.img", "5M")
        self.disk("create", "--backing", "c.img", "d.qcow2")
        self.assertIn("lazy counts", self.disk("info", "a.qcow2"))
        self.assertIn("version 2, clusters of 4096", self.disk("info", "b.qcow2"))
        self.assertIn("behind it: c.img (raw)", self.disk("info", "d.qcow2"))
        for name in ("a.qcow2", "b.qcow2", "d.qcow2"):
            self.qemu("check", "-f", "qcow2", name)
        self.assertIn("virtual size: 3 TiB", self.qemu("info", "a.qcow2"))
        self.assertIn("backing file: c.img", self.qemu("info", "d.qcow2"))
        self.refused("already", "create", "a.qcow2", "1G")
        self.refused("larger clusters", "create", "--cluster-size", "512", "e.qcow2", "10T")

    def test_convert(self):
        self.raw("a.img", 5 << 20)
        for number, words in enumerate((["--compress"], ["--compress", "--compression", "zstd", "--cluster-size", "2M"],
                                        ["--version", "2"], ["--cluster-size", "512"],
                                        ["--cluster-size", "512", "--compress"])):
            name = f"{number}.qcow2"
            self.disk("convert", *words, "a.img", name)
            self.same("a.img", name)
            self.assertIn("0 errors, 0 clusters leaked", self.disk("check", name))
            self.disk("convert", name, f"{number}.img")
            self.same(f"{number}.img", "a.img")
            os.remove(os.path.join(self.folder.name, f"{number}.img"))
        packed, plain = (os.path.getsize(os.path.join(self.folder.name, name)) for name in ("0.qcow2", "2.qcow2"))
        self.assertLess(packed, plain * 0.8)
        self.qemu("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", "a.img", "q.qcow2")
        self.disk("convert", "q.qcow2", "q.img")
        self.same("a.img", "q.img")
        # A snapshot by QEMU.
        self.qemu("snapshot", "-c", "one", "2.qcow2")
        self.assertIn("'one'", self.disk("info", "2.qcow2"))
        self.disk("convert", "2.qcow2,snapshot=one", "one.img")
        self.same("a.img", "one.img")

    def test_sparse(self):
        """What is not there takes no time, and no room."""
        self.disk("create", "a.img", "2T")
        self.disk("convert", "a.img", "a.qcow2")
        self.disk("convert", "a.qcow2", "b.img")
        self.assertLess(os.stat(os.path.join(self.folder.name, "b.img")).st_blocks, 10000)

    def test_resize_and_commit(self):
        self.raw("base.img", 4 << 20)
        self.disk("create", "--backing", "base.img", "over.qcow2")
        self.disk("resize", "over.qcow2", "6M")
        self.refused("--shrink", "resize", "over.qcow2", "2M")
        self.disk("convert", "over.qcow2", "flat.img")
        self.refused("larger", "commit", "over.qcow2")
        self.disk("resize", "base.img", "6M")
        self.disk("commit", "over.qcow2")
        self.same("base.img", "flat.img")
        self.same("over.qcow2", "flat.img")
        self.assertIn(": 0 of", self.disk("check", "over.qcow2"))
        self.disk("resize", "--shrink", "over.qcow2", "1M")
        self.assertIn("1048576 bytes", self.disk("info", "over.qcow2"))
        self.qemu("check", "-f", "qcow2", "over.qcow2")

    def test_repair(self):
        self.raw("a.img", 3 << 20)
        self.disk("convert", "a.img", "a.qcow2")
        path = os.path.join(self.folder.name, "a.qcow2")
        with open(path, "rb+") as file:
            file.seek(2 * 65536 + 2 * 5)  # counts of clusters 5 to 8
            file.write(bytes([0, 0, 0, 0, 0, 9, 0, 2]))
        self.assertIn("--repair", self.disk("check", "a.qcow2", status=FAILED))
        self.assertIn("2 errors, 2 clusters leaked, repaired", self.disk("check", "--repair", "a.qcow2"))
        self.assertIn("0 errors, 0 clusters leaked", self.disk("check", "a.qcow2"))
        self.same("a.qcow2", "a.img")

    def test_guest_chosen_format(self):
        """A raw disk whose guest wrote a qcow2 header does not become one."""
        self.disk("create", "--format", "qcow2", "guest.img", "1M")
        self.refused("format=raw", "info", "guest.img")
        self.assertIn(": raw", self.disk("info", "guest.img,format=raw"))
        self.assertIn(": qcow2", self.disk("info", "guest.img,format=qcow2"))

    def test_full(self):
        """No half of a copy is left."""
        self.raw("a.img", 5 << 20)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        for name in ("b.qcow2", "b.img"):
            self.refused("", "convert", "a.img", name, preexec_fn=limit)
        self.assertEqual(os.listdir(self.folder.name), ["a.img"])

    def test_progress(self):
        self.raw("a.img", 30 << 20)
        self.disk("create", "base.img", "30M")
        self.qemu("convert", "-O", "qcow2", "-B", "base.img", "-F", "raw", "-f", "raw", "a.img", "over.qcow2")
        for words, steps in ((("convert", "a.img", "b.qcow2"), 5), (("commit", "over.qcow2"), 5),
                             (("check", "b.qcow2"), 1)):
            main, terminal = pty.openpty()
            done = subprocess.Popen([PROGRAM, "disk", *words], cwd=self.folder.name, stdout=subprocess.DEVNULL,
                                    stderr=terminal)
            os.close(terminal)
            shown = ""
            try:
                while more := os.read(main, 4096):
                    shown += more.decode()
            except OSError:  # nobody has the terminal open any more
                os.close(main)
            self.assertEqual(done.wait(60), DONE)
            self.assertIn("100.0 %", shown)
            self.assertGreaterEqual(shown.count("\r"), steps, words)
        self.same("a.img", "base.img")


unittest.main(argv=sys.argv[:1], verbosity=2)
