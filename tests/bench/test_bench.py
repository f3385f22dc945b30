#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark, without its times: the lines are read as they are meant, the arithmetic is right, the chart is well
formed, and each kernel computes the same on the host, under qemu-aarch64 and in Armature.

usage: test_bench.py PROGRAM CACHE GUEST-KERNELS HOST-KERNELS
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

sys.dont_write_bytecode = True
import build  # noqa: E402
import devices  # noqa: E402
import machines  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import snapshots  # noqa: E402
import workloads  # noqa: E402

machines.PROGRAM, machines.CACHE = sys.argv[1:3]
guest_kernels, host_kernels = sys.argv[3:]
ALONE = {"fork-exec"}  # starts itself, which qemu-aarch64 cannot


def kernel(name, group="integer", script="", same=True):
    return workloads.Workload(name, group, script, "few", same)


def samples(*walls, checksum="1"):
    return [machines.Sample(wall, wall / 2, checksum) for wall in walls]


class Lines(unittest.TestCase):
    def run_lists(self, *chosen):
        """The workloads under bash, in place of a machine."""
        taken, errors = {one.name: {"armature": []} for one in chosen}, {one.name: {} for one in chosen}

        def start(left):
            return machines.Run(["bash", "-c", measure.script_of(left, "/", 1)], [one.name for one in left])
        measure.run_list(start, chosen, "armature", taken, errors)
        return {name: sides["armature"] for name, sides in taken.items()}, errors

    def test_times_and_checksums(self):
        taken, errors = self.run_lists(
            kernel("first", script="printf 'noise\\n== begin first\\r\\n'; sleep 0.2; printf '== end fi'; sleep 0.1; "
                   "echo 'rst abc-1'"),
            kernel("counts", script="printf '== begin counts\\n'; sleep 0.2; printf '== end counts - 1000\\n'"))
        self.assertEqual(errors, {"first": {}, "counts": {}})
        self.assertEqual((taken["first"][0].checksum, taken["counts"][0].checksum), ("abc-1", "-"))
        self.assertGreater(taken["first"][0].wall, 0.29)
        self.assertGreater(taken["counts"][0].wall, 0.000199)

    def test_failures(self):
        good = "echo '== begin {0}'; echo '== end {0} 5'"
        taken, errors = self.run_lists(kernel("a", script=good.format("a")),
                                       kernel("fails", script="echo '== begin fails'; false"),
                                       kernel("ends", script="echo '== begin ends'; echo oh; exit"),
                                       kernel("b", script=good.format("b")))
        self.assertEqual({name: len(found) for name, found in taken.items()}, {"a": 1, "fails": 0, "ends": 0, "b": 1})
        self.assertEqual(errors["fails"], {"armature": "armature: it failed"})
        self.assertIn("oh", errors["ends"]["armature"])
        self.assertEqual(errors["a"] | errors["b"], {})

    def test_parallel_jobs(self):
        """One job after the other, and both at once, compute the same."""
        found = set()
        for jobs in workloads.PARALLEL_SCRIPTS:
            with tempfile.TemporaryDirectory(prefix="armature-bench-") as folder:
                shutil.copy(guest_kernels, f"{folder}/guest")
                with open(f"{folder}/kernels", "w", encoding="ascii") as file:
                    file.write(f'#!/bin/sh\nexec qemu-aarch64 {folder}/guest "$@"\n')
                os.chmod(f"{folder}/kernels", 0o755)
                script = measure.script_of([kernel("parallel", script=jobs)], folder, "once")
                run = machines.Run(["bash", "-c", script], ["parallel"], cwd=folder)
                found.add(run.samples["parallel"].checksum)
        self.assertEqual(len(found), 1)


class Report(unittest.TestCase):
    def judge(self, group="integer", same=True, clock="wall", **sides):
        return report.judge(kernel("x", group, same=same), sides, clock)

    def test_ratios(self):
        result = self.judge(armature=samples(1, 9, 2), qemu=samples(6, 5, 7), native=samples(0.5))
        self.assertEqual((result["ratio"], result["of_native"], result["errors"]), (3, 0.25, []))
        busy = self.judge(clock="cpu", armature=samples(1), qemu=samples(3), native=samples(1))
        self.assertEqual((busy["armature"]["seconds"], busy["ratio"]), (0.5, 3))
        self.assertNotIn("of_native", busy)  # of the host's processes only wall time is known
        self.assertEqual(self.judge("parallel", one=samples(4), two=samples(2))["ratio"], 2)
        self.assertNotIn("ratio", self.judge(armature=samples(1), qemu=[]))
        self.assertAlmostEqual(report.geomean([2, 8]), 4)

    def test_limits(self):
        """A line of snapshots.py is judged in its own unit; QEMU's beside it makes a ratio."""
        for value, word in ((0.5, "reached"), (9, "enough"), (15.1, "missed")):
            result = self.judge("snapshots", armature=samples(value, 90, value / 2), qemu=samples(value * 4))
            line = report.row("restore-1G", result)
            self.assertIn(f"{value:.2f}", line)
            self.assertTrue(line.endswith(f"must 15, aim 5: {word}"), line)
            self.assertEqual(result["ratio"], 4)
        self.assertTrue(report.row("save-full",
                                   self.judge("snapshots", armature=samples(7))).endswith("must 1000: enough"))
        self.assertTrue(report.row("reset-pages", self.judge("snapshots", armature=samples(7))).endswith("pages"))
        self.assertNotIn("must", report.row("reset", self.judge("snapshots", armature=[])))
        self.assertEqual({name for names in snapshots.MEASURES.values() for name in names}, set(workloads.LIMITS))
        self.assertEqual(snapshots.SAID.search("armature: saved a b.snap: 1.5 MiB in 20 ms, the guest stood still for "
                                               "0.3 ms")
                         .groups(), ("a b.snap", "1.5", "20", "0.3"))

    def test_wrong_results(self):
        wrong = samples(1, checksum="2")
        self.assertTrue(self.judge(armature=wrong, qemu=samples(1))["errors"])
        self.assertTrue(self.judge(armature=samples(1), qemu=samples(1), native=wrong)["errors"])
        self.assertTrue(self.judge(armature=samples(1) + wrong, qemu=[])["errors"])
        self.assertFalse(self.judge(armature=samples(1), qemu=samples(1), native=wrong, same=False)["errors"])

    def test_goals_and_chart(self):
        results = {"a": self.judge(armature=samples(1), qemu=samples(2)),
                   "b": self.judge(armature=samples(1), qemu=samples(8)),
                   "<&>": self.judge("neon", armature=samples(1), qemu=samples(0.4)),
                   "none": self.judge(armature=[], qemu=[]),
                   "two": self.judge("parallel", one=samples(3), two=samples(2))}
        summary = report.summarise(results)
        self.assertEqual([(goal.title, round(reached, 6), count) for goal, reached, count in summary],
                         [("integer", 4, 2), ("fp, neon, crypto", 0.4, 1), ("parallel", 1.5, 1),
                          ("any single line", 0.4, 3)])
        table = report.goals_table(summary).split("\n")
        self.assertEqual([line.split()[-1] for line in table[1:]], ["reached", "missed", "missed", "missed"])
        for name, result in results.items():
            self.assertIn(name, report.row(name, result))
        chart = xml.dom.minidom.parseString(report.chart(results, summary, "a <test>"))
        self.assertEqual(len(chart.getElementsByTagName("rect")), 1 + 4 + 4)

    def test_table_of_workloads(self):
        everything = workloads.all_workloads()
        self.assertEqual(len({one.name for one in everything}), len(everything))
        self.assertEqual({one.group for one in everything}, set(report.COLOURS))


class Devices(unittest.TestCase):
    def test_servers(self):
        """What the guest gets, and what it is told of what it sent."""
        devices.serve.part = 64
        with socket.create_connection(("127.0.0.1", devices.serve(True))) as down:
            got = b"".join(iter(lambda: down.recv(1 << 20), b""))
        self.assertEqual((len(got), got[:1024]), (devices.NET_BYTES // 64, devices.PIECE[:1024]))
        with socket.create_connection(("127.0.0.1", devices.serve(False))) as up:
            up.sendall(bytes(devices.NET_BYTES // 64))
            self.assertEqual(int(up.makefile().readline()), devices.NET_BYTES // 64)

    def test_same_devices(self):
        """Each side has the same disks and cards, and the script has all lines."""
        ours = devices.armature([], ["a", "b"], "c", True)
        theirs = devices.qemu(["a", "b"], "c", True)
        self.assertEqual((ours.count("--disk"), ours.count("--net"), ours[ours.index("--clock") + 1]), (3, 1, "paced"))
        self.assertEqual(sum("virtio-blk-device" in word for word in theirs), 3)
        self.assertTrue(any("virtio-gpu-device" in word for word in theirs) and "virtio-net-device" in " ".join(theirs))
        ours, theirs = devices.armature([], ["a"], "c", False, "/d"), devices.qemu(["a"], "c", False, "/d")
        self.assertIn("share=/d", ours)
        self.assertIn("local,id=share,path=/d,security_model=none", theirs)
        text = devices.script(devices.DEVICES, 8, (5, 6))
        for workload in devices.DEVICES:
            self.assertIn(f"== skip {workload.name}'", text)
        self.assertEqual(subprocess.run(["bash", "-n"], input=text.encode(), check=False).returncode, 0)


class Kernels(unittest.TestCase):
    def test_all_sides_compute_the_same(self):
        chosen = workloads.read_kernels()
        with tempfile.TemporaryDirectory(prefix="armature-bench-") as folder:
            os.makedirs(f"{folder}/guest")
            shutil.copy(guest_kernels, f"{folder}/guest/kernels")
            sums = {"qemu-aarch64": self.sums(["qemu-aarch64", guest_kernels],
                                              [one for one in chosen if one.name not in ALONE])}
            if build.host_can():
                sums["native"] = self.sums([host_kernels], chosen)
            if all(os.path.exists(f"{machines.CACHE}/{path}") for path in ("guest/Image", "programs-few.img")):
                disks = machines.make_disks(folder, "few", measure.script_of(chosen, "/mnt", "once"))
                run = machines.Run(machines.armature([], disks, measure.APPEND), [one.name for one in chosen])
                self.assertEqual(len(run.samples), len(chosen), run.tail())
                sums["armature"] = {name: sample.checksum for name, sample in run.samples.items()}
        print("compared:", *sums)
        for one in chosen:
            found = {side: checksums[one.name] for side, checksums in sums.items() if one.name in checksums}
            self.assertEqual(len(set(found.values())), 1, f"{one.name}: {found}")

    def sums(self, command, chosen):
        return {one.name: subprocess.check_output([*command, one.name, "once"], text=True).split()[-1]
                for one in chosen}


unittest.main(argv=sys.argv[:1], verbosity=2)
