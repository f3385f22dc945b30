# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what the workloads need, and runs lists of them in Armature, in QEMU and on the host, taking times."""
import os
import random
import re
import select
import shutil
import subprocess
import time
from collections import namedtuple

import build
from workloads import HERE

ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = f"{ROOT}/.cache"
BUILD = f"{ROOT}/build-release"
PROGRAM = f"{BUILD}/machine/armature"
LINE = re.compile(rb"== (begin|end|skip) ([\w-]+)(?: (\S+))?(?: (\d+))?\r?$")
PROMPT = b"/root # "
SILENCE_S = 300
# Debian's own programs, as in the guest, in the guest's locale.
HOST_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root"}

# wall and cpu: seconds, a unit where the workload counts units
Sample = namedtuple("Sample", "wall cpu checksum")


def make_text(path, size):
    """Words in lines, the same at every time: what the packers pack."""
    source = random.Random(1)
    words = ["".join(source.choices("etaoinshrdlucmfwyp", k=source.randint(2, 9))) for _ in range(3000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    parts, length = [], 0
    while length < size:
        line = " ".join(source.choices(words, weights, k=12)) + "\n"
        parts.append(line)
        length += len(line)
    with open(path, "w", encoding="ascii") as file:
        file.write("".join(parts)[:size])


def make_inputs(folder):
    """The folders $T of the workloads: folder/guest and folder/host."""
    for side, build_kernels in (("guest", build.build_guest), ("host", build.build_host)):
        shutil.copytree(f"{HERE}/programs", f"{folder}/{side}", dirs_exist_ok=True)
        os.makedirs(f"{BUILD}/bench", exist_ok=True)
        build_kernels(f"{BUILD}/bench/kernels-{side}")
        shutil.copy(f"{BUILD}/bench/kernels-{side}", f"{folder}/{side}/kernels")
    make_text(f"{folder}/guest/text", 3_000_000)
    subprocess.run(["xz", "-2", "-T1", "-k", "-f", f"{folder}/guest/text"], check=True)
    for name in ("text", "text.xz"):
        shutil.copy(f"{folder}/guest/{name}", f"{folder}/host/{name}")


def make_disks(folder, programs, script):
    """The image with Debian's programs, and one with the inputs and the script that tests/guest/init runs."""
    image = f"{folder}/disk.img"
    with open(f"{folder}/guest/run", "w", encoding="utf-8") as file:
        file.write(script)
    with open(image, "wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", f"{folder}/guest", image], check=True,
                   env=os.environ | {"PATH": "/usr/sbin:/sbin:" + os.environ["PATH"]})
    return [f"{CACHE}/programs-{programs}.img", image]


def armature(options, disks, append, cpus="1"):
    """The command that starts Armature, with the options of `./bench` for it."""
    command = [PROGRAM, "run", "--kernel", f"{CACHE}/guest/Image", "--initrd", f"{CACHE}/guest/initrd.gz",
               "--append", append, "--memory", "1G", "--cpus", cpus, "--cpu", "v8.0", *options]
    if "--parallel" not in options:
        command += ["--clock", "virtual"]
    for disk in disks:
        command += ["--disk", f"{disk},ro"]
    return command


def qemu(disks, append):
    """The command that starts QEMU with the same guest. Its cortex-a57 has what Armature's v8.0 has."""
    command = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-accel", "tcg", "-m", "1G",
               "-nic", "none", "-nographic", "-kernel", f"{CACHE}/guest/Image", "-initrd", f"{CACHE}/guest/initrd.gz",
               "-append", append]
    for number, disk in enumerate(disks):
        command += ["-drive", f"if=none,id=disk{number},format=raw,readonly=on,file.locking=off,file.filename={disk}",
                    "-device", f"virtio-blk-device,drive=disk{number},bus=virtio-mmio-bus.{number}"]
    return command


def popen(command, **options):
    """The command started, with an open input that stays empty."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def process_seconds(process):
    """CPU seconds of a process and its threads, by the kernel's clock of that process."""
    return time.clock_gettime(~process.pid << 3 | 2)


def read_chunk(process):
    """What the process printed next; empty: it ended, or said nothing for too long."""
    ready, _, _ = select.select([process.stdout], [], [], SILENCE_S)
    return os.read(process.stdout.fileno(), 65536) if ready else b""


class Run:
    """One process that prints the lines of workloads, and the times between them."""

    def __init__(self, command, names, **options):
        self.samples, self.skipped = {}, []
        self._waiting, self._output, self._rest, self._began = list(names), b"", b"", None
        self._process = popen(command, **options)
        try:
            while self._waiting:
                chunk = read_chunk(self._process)
                if not chunk:
                    break
                self._take(chunk)
        finally:
            self._process.kill()
            self._process.communicate()

    def _take(self, chunk):
        now = time.monotonic(), process_seconds(self._process)
        self._output = (self._output + chunk)[-1000:]
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            match = LINE.search(line)
            name = match and match[2].decode()
            if name not in self._waiting:
                continue
            if match[1] == b"begin":
                self._began = now
                continue
            self._waiting.remove(name)
            if match[1] == b"skip":
                self.skipped.append(name)
                continue
            wall, cpu = ((end - start) / int(match[4] or 1) for start, end in zip(self._began, now))
            self.samples[name] = Sample(wall, cpu, (match[3] or b"-").decode())

    def tail(self):
        """The last of the output."""
        return self._output.decode(errors="replace").replace("\r", "")


def boot(command):
    """From the start of the machine to the shell's prompt; None: it was not reached."""
    start = time.monotonic()
    process = popen(command)
    output = b""
    try:
        while PROMPT not in output:
            chunk = read_chunk(process)
            if not chunk:
                return None
            output = output[-len(PROMPT):] + chunk
        return Sample(time.monotonic() - start, process_seconds(process), "-")
    finally:
        process.kill()
        process.communicate()


def host_can(workload):
    """Whether the host has what the workload starts."""
    if workload.file:
        return build.host_can()
    words = re.findall(r"\b(openssl|xz|gzip|sqlite3|python3|perl|gcc|stress-ng)\b", workload.script)
    return all(shutil.which(word, path=HOST_ENVIRONMENT["PATH"]) for word in words)
