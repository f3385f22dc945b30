# SPDX-License-Identifier: GPL-3.0-or-later
"""What saving, restoring, going back, recording and moving cost: the program's own words where it says them, QEMU's
savevm and loadvm on the same guest beside. Each function yields (name, side, Sample)."""
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import time

import machines
from machines import Sample

APPEND = "console=ttyAMA0 quiet"
STARTS = 15  # of a restored machine
RESETS = 50
CLONES = 20
SAID = re.compile(r"saved (.+): ([\d.]+) MiB in (\d+) ms, the guest stood still for ([\d.]+) ms")


class Failed(Exception):
    """One line that says what did not work."""


def said(number):
    """What the program says it is: the same by either clock."""
    return Sample(number, number, "-")


def run(command, script="", status=0):
    """A run to its end; what it printed and said."""
    done = subprocess.run(command, input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != status:
        raise Failed(f"status {done.returncode} of {' '.join(command[:3])}: "
                     f"{done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout, done.stderr.decode(errors="replace")


def boot(options, memory, *more):
    """The command that boots the guest."""
    command = machines.armature(options.extra, [], APPEND)
    command[command.index("--memory") + 1] = memory
    return command + list(more)


def save_prompt(options, memory, file):
    """The booted guest at its shell's prompt, with nothing to do."""
    run(boot(options, memory, "--save-on", "/root # ", file, "--timeout", "20s"), "", 4)


def restored(file, *more):
    return [machines.PROGRAM, "run", "--restore", file, "--clock", "virtual", *more]


def timed(command, status):
    """The whole life of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        raise Failed(f"status {done.returncode} of a restored machine")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(wall * 1e3, cpu * 1e3, "-")


# --- QEMU ---

class Qemu:
    """QEMU with a monitor, and a disk for its snapshots."""

    def __init__(self, folder, memory, *more):
        self.disk, path = f"{folder}/vm-{memory}.qcow2", f"{folder}/qmp"
        if not os.path.exists(self.disk):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.disk, "1G"], check=True)
        command = machines.qemu([], APPEND)
        command[command.index("-m") + 1] = memory
        command += ["-drive", f"if=none,id=vm,format=qcow2,file={self.disk}", "-device", "virtio-blk-device,drive=vm",
                    "-qmp", f"unix:{path}"]
        with socket.socket(socket.AF_UNIX) as server:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            server.bind(path)
            server.listen(1)
            self.began = time.monotonic()
            self.process = machines.popen(command + list(more))
            self.socket = server.accept()[0]
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()
        self.call("qmp_capabilities")

    def call(self, what, **arguments):
        self.socket.sendall(json.dumps({"execute": what, "arguments": arguments}).encode() + b"\n")
        for line in self.lines:
            reply = json.loads(line)
            if "error" in reply:
                raise Failed(f"qemu: {reply['error']}")
            if "return" in reply:
                return reply["return"]
        raise Failed("qemu ended")

    def monitor(self, line):
        said_of_it = self.call("human-monitor-command", **{"command-line": line})
        if "rror" in said_of_it:
            raise Failed(f"qemu: {said_of_it}")

    def until(self, word):
        output = b""
        while word not in output:
            chunk = machines.read_chunk(self.process)
            if not chunk:
                raise Failed("qemu did not reach a shell")
            output = output[-len(word):] + chunk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.socket.close()


def qemu_saved(folder, memory):
    with Qemu(folder, memory) as qemu:
        qemu.until(machines.PROMPT)
        qemu.monitor("savevm base")


def qemu_restore(folder, memory):
    """From the start of the process until its guest runs."""
    with Qemu(folder, memory, "-loadvm", "base") as qemu:
        while not qemu.call("query-status")["running"]:
            time.sleep(0.0005)
        wall = time.monotonic() - qemu.began
        return Sample(wall * 1e3, machines.process_seconds(qemu.process) * 1e3, "-")


# --- Armature ---

class Control:
    """A restored machine, by its control socket."""

    def __init__(self, file, folder):
        path = f"{folder}/control"
        self.process = machines.popen(restored(file, "--control", f"unix:{path}"))
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(1000):
            with contextlib.suppress(OSError):
                self.socket.connect(path)
                break
            time.sleep(0.01)
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def call(self, line):
        self.socket.sendall(json.dumps({"command": line}).encode() + b"\n")
        reply = json.loads(self.lines.readline() or '{"ok": false, "error": "it ended"}')
        if not reply["ok"]:
            raise Failed(f"{line}: {reply['error']}")
        return reply.get("output", "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.socket.close()


def restores(name, memory):
    """Restoring a booted guest to its first instruction; on QEMU's side, until it runs."""
    def measure(options, folder):
        file = f"{folder}/{memory}.snap"
        save_prompt(options, memory, file)
        qemu_saved(folder, memory)
        for _ in range(options.runs):
            for _ in range(STARTS):
                yield name, "armature", timed(restored(file, "--stop-after", "1"), 4)
            yield name, "qemu", qemu_restore(folder, memory)
        os.unlink(file)
    return measure


def saves(options, folder):
    """With 400 MiB in use; and what a shell command changes of it."""
    full, child = f"{folder}/full.snap", f"{folder}/child.snap"
    script = ("dd if=/dev/urandom of=/fill bs=1M count=330 2>/dev/null; echo rea''dy\n"
              "ls -la /bin | md5sum; echo do-''ne\npoweroff -f\n")
    for _ in range(options.runs):
        _, errors = run(boot(options, "1G", "--save-on", "ready", full), script)
        _, _, took, pause = SAID.search(errors).groups()
        yield "save-full", "armature", said(float(took))
        yield "save-pause", "armature", said(float(pause))
        _, errors = run(restored(full, "--incremental", "--save-on", "do-ne", child))
        _, size, took, _ = SAID.search(errors).groups()
        yield "save-child", "armature", said(float(took))
        yield "save-child-size", "armature", said(float(size))


def resets(options, folder):
    """Going back in a process after some work, from the request to the answer; and a request that does nothing
    beside."""
    file = f"{folder}/reset.snap"
    save_prompt(options, "1G", file)
    pages = []
    with Control(file, folder) as machine:
        machine.call("stop")
        machine.call("mark")
        for _ in range(options.runs * RESETS):
            machine.call("send :") # a command of the shell: about 100 pages
            machine.call("wait 5ms")
            kept = [line for line in machine.call("timeline").splitlines() if "KiB" in line]
            pages.append(int(kept[-1].split()[-2]) // 4)
            cpu = machines.process_seconds(machine.process)
            machine.call("echo") # the socket's way is warm
            start = time.monotonic()
            machine.call("reset")
            yield "reset", "armature", Sample((time.monotonic() - start) * 1e6,
                                              (machines.process_seconds(machine.process) - cpu) * 1e6, "-")
            start = time.monotonic()
            machine.call("stop")
            yield "reset-call", "armature", said((time.monotonic() - start) * 1e6)
    pages.sort()
    yield "reset-pages", "armature", said(pages[len(pages) // 2])
    qemu_saved(folder, "1G")
    with Qemu(folder, "1G", "-loadvm", "base") as qemu:
        for _ in range(options.runs):
            time.sleep(0.01)
            start, cpu = time.monotonic(), machines.process_seconds(qemu.process)
            qemu.monitor("loadvm base")
            yield "reset", "qemu", Sample((time.monotonic() - start) * 1e6,
                                          (machines.process_seconds(qemu.process) - cpu) * 1e6, "-")


def recording(options, folder):
    """A boot with a log, and one without: how many times as long."""
    log = f"{folder}/run.log"
    for _ in range(options.runs):
        plain, logged = (timed(boot(options, "1G", "--timeout", "20s", *more), 4) for more in ([], ["--record", log]))
        yield "record", "armature", Sample(logged.wall / plain.wall, logged.cpu / plain.cpu, "-")
        yield "record-log", "armature", said(os.path.getsize(log) / 2**20)


def clone_bytes(process, file):
    """What a clone has for itself and as its part of what is shared, but for what its guest wrote to its memory."""
    maps, ram = [], []
    with open(f"/proc/{process.pid}/smaps", encoding="utf-8") as text:
        for line in text:
            words = line.split()
            if re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", words[0]):
                begin, end = (int(part, 16) for part in words[0].split("-"))
                maps.append({"begin": begin, "end": end})
                whole = end - begin >= os.path.getsize(file)
                if words[-1] == file and not whole:
                    ram.append((begin, end))
            elif words[0] in ("Pss:", "Private_Dirty:"):
                maps[-1][words[0]] = int(words[1]) * 1024
    low, high = min(begin for begin, _ in ram), max(end for _, end in ram)
    return sum(one["Pss:"] - (one["Private_Dirty:"] if one["end"] > low and one["begin"] < high else 0) for one in maps)


def clones(options, folder):
    """So many at once, each idle at its prompt."""
    file = f"{folder}/clones.snap"
    save_prompt(options, "1G", file)
    running = [machines.popen([machines.PROGRAM, "run", "--restore", file, "--clock", "paced", "--seed",
                               str(number + 1)])
               for number in range(CLONES)]
    try:
        time.sleep(5)
        for process in running:
            yield "clone-memory", "armature", said(clone_bytes(process, os.path.realpath(file)) / 2**20)
    finally:
        for process in running:
            process.kill()
            process.communicate()


def moves(options, folder):
    """A busy guest, to another process of this host."""
    script = ("echo re''ady\nfor i in 1 2 3 4; do dd if=/dev/urandom of=/x bs=1M count=40 2>/dev/null; md5sum /x; "
              "done\npoweroff -f\n")
    for _ in range(options.runs):
        target = subprocess.Popen([machines.PROGRAM, "run", "--incoming", "tcp:127.0.0.1:0", "--clock", "virtual"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            port = target.stderr.readline().split()[-1].decode()
            _, errors = run(boot(options, "1G", "--migrate-on", "ready", f"tcp:127.0.0.1:{port}"), script)
            yield "migrate-stop", "armature", said(float(re.search(r"stood still for ([\d.]+) ms", errors)[1]))
            target.wait()
        finally:
            target.kill()
            target.communicate()


# The lines that each function yields.
MEASURES = {
    restores("restore-1G", "1G"): ["restore-1G"],
    restores("restore-8G", "8G"): ["restore-8G"],
    saves: ["save-pause", "save-full", "save-child", "save-child-size"],
    resets: ["reset", "reset-pages", "reset-call"],
    recording: ["record", "record-log"],
    clones: ["clone-memory"],
    moves: ["migrate-stop"],
}


def measure(chosen, options, folder):
    """Yields (workload, its samples by side, errors) of the chosen lines."""
    for function, names in MEASURES.items():
        wanted = [workload for workload in chosen if workload.name in names]
        if not wanted:
            continue
        samples = {name: {"armature": [], "qemu": []} for name in names}
        errors = []
        try:
            for name, side, sample in function(options, folder):
                samples[name][side].append(sample)
        except (Failed, OSError, AttributeError, subprocess.CalledProcessError) as failure:
            errors.append(f"{function.__name__}: {failure}")
        for workload in wanted:
            yield workload, samples[workload.name], errors
