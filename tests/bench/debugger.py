# SPDX-License-Identifier: GPL-3.0-or-later
"""./bench debugger: what the debugger costs, on Debian's kernel, by its control socket. Processor time of the process,
so that a busy host matters little. A figure with two runs is their ratio; the guest does the same in both.

A row is a name, its unit, what it must be below, and a function that measures it once."""
import json
import os
import re
import socket
import statistics
import subprocess
import time

import machines

SHELL = "/root # "
SLICES = 12
BUSY = "i=0; while [ $i -lt 100000000 ]; do i=$((i+1)); done"
PROGRAMS = "while :; do ls -l /bin /etc | sort | gzip | wc; done"
WRITING = "for i in 1 2 3 4 5 6 7 8 9; do cat /bin/busybox; done > /tmp/a; while :; do cp /tmp/a /tmp/b; done"


class Session:
    """An armature with a control socket."""

    def __init__(self, folder, *options, start=("run",), name="control"):
        self.path = os.path.join(folder, name)
        guest = [] if "--restore" in options else ["--kernel", f"{machines.CACHE}/guest/Image", "--initrd",
                                                   f"{machines.CACHE}/guest/initrd.gz",
                                                   "--append", "console=ttyAMA0 script=1 quiet", "--memory", "1G"]
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen([machines.PROGRAM, *start, *guest, "--clock", "virtual", "--control",
                                         f"unix:{self.path}", *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.peer = socket.socket(socket.AF_UNIX)
        while self.peer.connect_ex(self.path):
            if self.process.poll() is not None:
                raise RuntimeError("armature ended by itself")
            time.sleep(0.01)
        self.replies = self.peer.makefile("r", encoding="utf-8")
        self.ask("stop")

    def ask(self, line):
        self.peer.sendall(line.encode() + b"\n")
        answer = json.loads(self.replies.readline())
        if not answer["ok"]:
            raise RuntimeError(f"{line}: {answer['error']}")
        return answer["output"]

    def at_shell(self, line=None):
        self.ask(f'expect "{SHELL}" 100')
        if line:
            self.ask(f"send {line}")
        return self

    def cpu_ms(self):
        """Processor time of all its threads."""
        folder = f"/proc/{self.process.pid}/task"
        total = 0
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/schedstat", encoding="utf-8") as file:
                total += int(file.read().split()[0])
        return total / 1e6

    def cost(self, *lines):
        before = self.cpu_ms()
        for line in lines:
            self.ask(line)
        return self.cpu_ms() - before

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()
        self.process.kill()
        self.process.wait()


def first_stop(folder):
    saved = os.path.join(folder, "saved")
    if not os.path.exists(saved):
        with Session(folder) as session:
            session.at_shell().ask(f"save {saved}")
            session.ask("quit")
            session.process.wait()
    with Session(folder, "--restore", saved) as session:
        return session.cpu_ms()


def command(name):
    def measure(folder):
        with Session(folder) as session:
            session.at_shell().ask(name)
            return session.cost(name)
    return measure


def finding(folder):
    with Session(folder) as session:
        return float(re.search(r"found in ([\d.]+) ms", session.at_shell().ask("symbols"))[1])


def ratio(guest, prepare=None, *options_of_both, plain=(), with_it=()):
    """The cost of instructions with something, over that without: two guests that do the same run slices in turn, so
    that what else the host does hits both."""
    def measure(folder):
        costs = [0, 0]
        with Session(folder, *options_of_both, *plain, name="plain") as one, \
                Session(folder, *options_of_both, *with_it, name="with") as other:
            for session in (one, other):
                session.at_shell(guest).ask("skip 200000000")
            if prepare:
                prepare(other)
            for session in (one, other):
                session.ask("skip 100000000")  # what was forgotten for it is translated again
            for number in range(2 * SLICES):
                costs[number % 2] += (one, other)[number % 2].cost("skip 100000000")
        return costs[1] / costs[0]
    return measure


def many_breakpoints(session):
    for place in range(100):
        session.ask(f"break *panic+{4 * place}")


def watch_busy_page(session):
    """A word at the low end of the page that the shell's stack is in."""
    session.ask("watch *(long *)(($sp & ~0xfff) + 8)")


def back_a_step(folder):
    with Session(folder) as session:
        session.at_shell("sleep 60; " + BUSY).ask("goto 62s")
        return session.cost("reverse-stepi")


def past(line):
    """Something that happened ten guest seconds ago, of which one was busy."""
    def measure(folder):
        with Session(folder) as session:
            session.at_shell(f"uname; sleep 9; {BUSY}")
            session.ask("tbreak __arm64_sys_newuname")
            session.ask("continue")
            place = int(session.ask("print/x $sp").split()[0], 16)
            now = float(re.search(r"virtual time ([\d.]+) s", session.ask("info time"))[1])
            session.ask(f"goto {now + 10:.3f}s")
            if line == "reverse-continue":
                session.ask("break __arm64_sys_newuname")
            return session.cost(line.format(place=place - 16))
    return measure


FIGURES = {
    "first-stop": ("ms", 100, first_stop),
    "ps": ("ms", 50, command("ps")),
    "dmesg": ("ms", 50, command("dmesg")),
    "find-kernel": ("ms", 300, finding),
    "breakpoints": ("x", 1.02, ratio(BUSY, many_breakpoints, "--history", "0M")),
    "watchpoint": ("x", 3, ratio(BUSY, watch_busy_page, "--history", "0M")),
    "reverse-stepi": ("ms", 300, back_a_step),
    "reverse-continue": ("ms", 2000, past("reverse-continue")),
    "last-write": ("ms", 5000, past("last-write {place:#x}")),
    "history": ("x", 1.15, ratio(BUSY, plain=("--history", "0M"))),
    "history, programs": ("x", 1.15, ratio(PROGRAMS, plain=("--history", "0M"))),
    "history, writing": ("x", 1.15, ratio(WRITING, plain=("--history", "0M"))),
}


def main(options, folder):
    """Prints the table; returns the results for --json."""
    results = {}
    print(f"{'':18} {'median':>9} {'unit':4} {'must':>7}")
    for name, (unit, must, measure) in FIGURES.items():
        try:
            runs = [measure(folder) for _ in range(options.runs)]
        except (RuntimeError, OSError, TypeError, ValueError) as error:
            results[name] = {"error": str(error)}
            print(f"{name:18} failed: {error}")
            continue
        results[name] = {"median": statistics.median(runs), "runs": runs, "unit": unit, "must": must}
        print(f"{name:18} {results[name]['median']:9.2f} {unit:4} {must:7}  "
              f"{'reached' if results[name]['median'] <= must else 'MISSED'}", flush=True)
    return results
