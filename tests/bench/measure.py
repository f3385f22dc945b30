# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the chosen workloads on all sides in turn, and hands over the samples of each."""
import os
import subprocess
import tempfile
import time

import devices
import machines
import snapshots
from machines import Run
from workloads import PARALLEL_SCRIPTS

QUICK_PART = 8
APPEND = "console=ttyAMA0 quiet loglevel=1 root=/dev/vda"


def script_of(workloads, folder, part):
    """What runs them in a row. One that ends without its last line is named by "skip"."""
    lines = [f"export T={folder} PART={part} PYTHONPYCACHEPREFIX=$PWD/python"]
    for workload in workloads:
        lines.append(f"{workload.script}\necho '== skip {workload.name}'")
    return "\n".join(lines) + "\n"


def run_list(start, workloads, side, samples, errors):
    """Runs the workloads on a side; again without the culprit when one brings the machine down. What failed on a side
    is not tried there again. `start` makes a Run of a list of workloads."""
    left = [workload for workload in workloads if side not in errors[workload.name]]
    while left:
        run = start(left)
        for name, sample in run.samples.items():
            samples[name][side].append(sample)
        for name in run.skipped:
            errors[name][side] = f"{side}: it failed"
        left = [workload for workload in left if workload.name not in run.samples and workload.name not in run.skipped]
        if left:
            errors[left[0].name][side] = f"{side} ended, or was silent, in it: " + run.tail()
            left.pop(0)


def measure_lists(workloads, options, folder):
    """Workloads that are bash lines: a boot for all of them, in turn with the other sides."""
    part = QUICK_PART if options.quick else 1
    samples = {workload.name: {"armature": [], "qemu": [], "native": []} for workload in workloads}
    errors = {workload.name: {} for workload in workloads}

    def guest(command):
        def start(chosen):
            names = [workload.name for workload in chosen]
            disks = machines.make_disks(folder, chosen[0].disk, script_of(chosen, "/mnt", part))
            return Run(command(disks, APPEND), names)
        return start

    def host(chosen):
        with tempfile.TemporaryDirectory(prefix="armature-bench-") as current:
            script = script_of(chosen, f"{folder}/host", part)
            names = [workload.name for workload in chosen]
            return Run(["bash", "-c", script], names, cwd=current, env=machines.HOST_ENVIRONMENT)

    for _ in range(options.runs):
        run_list(guest(lambda *given: machines.armature(options.extra, *given)), workloads, "armature", samples, errors)
        run_list(guest(machines.qemu), workloads, "qemu", samples, errors)
        possible = [workload for workload in workloads if machines.host_can(workload)]
        run_list(host, possible, "native", samples, errors)
    for workload in workloads:
        yield workload, samples[workload.name], list(errors[workload.name].values())


def command_of(options, folder):
    """The command that runs the chosen lists in Armature, once, and ends."""
    chosen = [workload for workload in options.chosen if workload.script and workload.disk != "io"]
    machines.make_inputs(folder)
    script = script_of(chosen, "/mnt", QUICK_PART if options.quick else 1)
    disk = max((workload.disk for workload in chosen), key=("few", "all").index)
    return machines.armature(options.extra, machines.make_disks(folder, disk, script), APPEND)


def measure_boot(workload, options, _):
    """From the program's start to the shell's prompt."""
    samples = {"armature": [], "qemu": []}
    errors = []
    for _ in range(options.runs):
        for side, command in (("armature", machines.armature(options.extra, [], "console=ttyAMA0")),
                              ("qemu", machines.qemu([], "console=ttyAMA0"))):
            sample = machines.boot(command)
            if not sample:
                errors.append(f"{side} did not reach a shell")
                return workload, samples, errors
            samples[side].append(sample)
    return workload, samples, errors


def measure_parallel(workload, options, folder):
    """Armature against itself: two jobs one after the other on one CPU, and at once on two."""
    samples = {"one": [], "two": []}
    if "--parallel" not in subprocess.check_output([machines.PROGRAM, "run", "--help"], text=True):
        return workload, samples, []
    part = QUICK_PART if options.quick else 1
    errors = {"parallel": {}}
    for _ in range(options.runs):
        for side, jobs, cpus, extra in (("one", PARALLEL_SCRIPTS[0], "1", []),
                                        ("two", PARALLEL_SCRIPTS[1], "2", ["--parallel"])):
            def start(_):
                script = script_of([workload._replace(script=jobs)], "/mnt", part)
                disks = machines.make_disks(folder, workload.disk, script)
                return Run(machines.armature(options.extra + extra, disks, APPEND, cpus), ["parallel"])
            run_list(start, [workload], side, {"parallel": samples}, errors)
    return workload, samples, list(errors["parallel"].values())


STARTS = 20  # of /bin/true, one after the other


def time_starts(command):
    """The time of one start, or None: it failed."""
    before = time.monotonic(), os.times()
    for _ in range(STARTS):
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
            return None
    after = time.monotonic(), os.times()
    cpu = sum(getattr(after[1], part) - getattr(before[1], part) for part in ("children_user", "children_system"))
    return machines.Sample((after[0] - before[0]) / STARTS, cpu / STARTS, "-")


def measure_exec(workload, options, folder):
    """A kernel as a program of its own, or the start of a small one, without a machine."""
    samples, errors = {"armature": [], "qemu": [], "native": []}, []
    part = str(QUICK_PART if options.quick else 1)
    name = workload.name.removeprefix("x-")
    root = f"{machines.CACHE}/root-few"
    commands = {
        "armature": [machines.PROGRAM, "exec", f"{folder}/guest/kernels", name, part],
        "qemu": ["qemu-aarch64", f"{folder}/guest/kernels", name, part],
        "native": [f"{folder}/host/kernels", name, part],
    }
    if workload.group == "x-start":
        subprocess.run([f"{machines.ROOT}/tools/make-root", "few"], check=True)
        commands = {"armature": [machines.PROGRAM, "exec", "--root", root, "/usr/bin/true"],
                    "qemu": ["qemu-aarch64", "-L", root, f"{root}/usr/bin/true"],
                    "native": ["/bin/true"]}
    for _ in range(options.runs):
        for side, command in commands.items():
            if workload.group == "x-start":
                sample = time_starts(command)
            else:
                run = Run(command, [name])
                sample = run.samples.get(name)
            if not sample:
                errors.append(f"{side}: it failed")
                return workload, samples, errors
            samples[side].append(sample)
    return workload, samples, errors


def measure_all(options, folder):
    """Yields (workload, its samples by side, errors). The folder is for what the machines are given."""
    if any(workload.disk in ("few", "all") or workload.group.startswith("x-") for workload in options.chosen):
        machines.make_inputs(folder)
    for disk in ("few", "all"):
        batch = [workload for workload in options.chosen if workload.disk == disk and workload.script]
        if batch:
            yield from measure_lists(batch, options, folder)
    for workload in options.chosen:
        if workload.group.startswith("x-"):
            yield measure_exec(workload, options, folder)
        if workload.group in ("boot", "parallel"):
            yield {"boot": measure_boot, "parallel": measure_parallel}[workload.group](workload, options, folder)
    yield from devices.measure(options.chosen, options, folder, run_list)
    yield from snapshots.measure(options.chosen, options, folder)
