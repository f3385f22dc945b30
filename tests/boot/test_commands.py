#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the debugger on Debian's kernel: its good case and its wrong use, by the control socket or as gdb's
`monitor`. A command that has no row below fails the test. Status 77: the kernel is not there.

usage: test_commands.py PROGRAM GUEST control|gdb [CPUS [ARMATURE-OPTION...]]
"""
import atexit
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

program, guest, front = sys.argv[1:4]
cpus = sys.argv[4] if len(sys.argv) > 4 else "1"
options = sys.argv[5:]
folder = tempfile.TemporaryDirectory(prefix="armature-commands-")
PATIENCE_S = 120 # of a loaded host
SHELL = '"/root # "'
TO_SHELL = f"expect {SHELL} 100"
QUIET = ["send echo in-$((40+2))", "expect in-42 100", TO_SHELL] # nothing is on its way to the guest
AT_WRITE = ["break vfs_write", "send true", "continue", "delete"] # in the kernel, with callers, and back at once


def path(name):
    return os.path.join(folder.name, name)


# A command; what is done before; the line; what it must say; a wrong use; what the complaint must say. In lines {n} is
# the number of the last breakpoint, {a} and {b} the counts of instructions that `info time` told last and before,
# {later} 1000 more than {a}, {hash} what `hash` told last.
ROWS = [
    ("help", [], "help", r"Running\n", "help nonsense", "no command"),
    ("help", [], "help step", r"step \[N\]\n.*Also: s", "help info nonsense", "no info"),
    ("info", [], "info", "registers .*", "info nonsense", "no device 'nonsense'|no info"),
    ("echo", [], "echo a heading", "^a heading\n$", None, None),
    ("source", [("file", "three.cmd", "echo one\n-nonsense\necho two\n")], f"source {path('three.cmd')}", "one\ntwo",
     "source /nonexistent", "cannot be read"),
    ("source", [("file", "bad.cmd", "echo one\nnonsense\n")], "echo", "", f"source {path('bad.cmd')}",
     r"bad.cmd:2: 'nonsense'"),
    # running
    ("continue", ["break vfs_write", "send true"], "continue", r"Breakpoint \d+, vfs_write\n", "continue 0",
     "from 1 to"),
    ("continue", ["break vfs_write", "send true", "continue"], "continue 2", r"Breakpoint \d+, vfs_write\n",
     "continue x y", "no register"),
    ("stop", ["delete"], "stop", "0xffff", "stop now", "too much"),
    ("stepi", [], "stepi 3", "0xf", "stepi 0", "from 1 to"),
    ("nexti", AT_WRITE, "nexti 3", "vfs_write\\+0xc", "nexti nothing", "no register"),
    ("step", AT_WRITE, "step", "vfs_write\\+0x4", "step 0", "from 1 to"),
    ("next", AT_WRITE, "next 2", "vfs_write\\+0x8", "next 0", "from 1 to"),
    ("finish", AT_WRITE, "finish", "Value in x0: ", "finish x", "too much"),
    ("until", AT_WRITE, "until *$x30", "0xffff", "until", "a symbol"),
    ("until", AT_WRITE, "until ksys_write", "<ksys_write>", "until nothing", "no register"),
    ("cpu", [], "cpu 0", "CPU 0, EL", "cpu 64", "the number of a CPU"),
    ("break", [], "break vfs_read if $x2 > 1", "Breakpoint [0-9]+ at 0x.*vfs_read", "break nothing", "no register"),
    ("break", [], "break vfs_read user 1", "Breakpoint", "break vfs_read user 4000", "no process 4000"),
    ("break", ["delete", "break vfs_write user sh", "send true"], "continue", "Breakpoint",
     "break vfs_read user kthreadd", "a thread of the kernel"),
    ("break", ["delete"], "break *0x400004", "Breakpoint", "break *0x400002", "multiple of 4"),
    ("break", ["delete"], "break", "Breakpoint", "break vfs_read if (", "ends too early"),
    ("tbreak", ["delete", "tbreak vfs_write", "send true", "continue"], "info breakpoints", "no breakpoints",
     "tbreak 1 +", "too early"),
    ("watch", ["watch *(long *)($sp - 32)", "send true"], "continue", r"Watchpoint \d+.*\n  old 0x[0-9a-f]+, new 0x",
     "watch", "an address"),
    ("watch", ["delete"], "watch $sp 4 if 0", "Watchpoint", "watch 0x10", "no memory"),
    ("watch", ["delete"], "watch phys", None, "watch $sp 5000", "1 to 4096"),
    ("rwatch", ["delete", "rwatch $sp - 32", "send true"], "continue", r"Watchpoint \d+.*\n  value 0x", "rwatch (1",
     "expected"),
    ("awatch", ["delete", "awatch $sp - 32", "send true"], "continue", r"Watchpoint \d+", "awatch nothing",
     "no register"),
    ("catch", ["delete", "catch exception"], "continue", "an exception at", "catch nothing", "expects one of"),
    ("catch", ["delete", "catch irq"], "continue", "an interrupt at", "catch", "expects one of"),
    ("catch", ["delete"], "catch panic if 1", "Breakpoint .*panic", "catch panic if (", "early"),
    ("catch", ["delete"], "catch smc", "Catchpoint", "catch irq if $x31", "no register"),
    ("catch", ["delete"], "catch reset", "Catchpoint", "catch reset now", "expects one of"),
    ("delete", ["break vfs_read", "delete {n}"], "info breakpoints", "reset", "delete 999", "no breakpoint '999'"),
    ("delete", ["delete"], "info breakpoints", "no breakpoints", "delete x", "no breakpoint 'x'"),
    ("disable", ["break vfs_write", "disable {n}"], "info breakpoints", r"\(disabled\)", "disable 999",
     "no breakpoint"),
    ("enable", ["enable {n}"], "info breakpoints", r"breakpoint 0x", "enable x", "no breakpoint"),
    ("condition", ["condition {n} $x0 == 1"], "info breakpoints", r"if \$x0 == 1", "condition {n} $x31", "no register"),
    ("condition", ["condition {n}"], "info breakpoints", r"vfs_write, 0 hits", "condition",
     "the number of a breakpoint"),
    ("commands", ["commands {n} echo first ; print 40 + 2", "send true"], "continue", "first\n.*42\n",
     "commands 999 echo", "the number of a breakpoint"),
    ("display", ["delete", "display 6 * 7"], "stepi", r"1: 6 \* 7 = 42", "display 6 *", "too early"),
    ("undisplay", ["undisplay 1"], "display", "^$", "undisplay 7", "no display 7"),
    ("undisplay", ["display 1", "undisplay"], "stepi", "^(?!.*= 1)", "undisplay x", "the number"),
    # looking
    ("print", AT_WRITE, "print ((struct file *)x0)->f_pos", r"^\d+\n", "print", "an expression"),
    ("print", [], "print current->comm", r'"', "print current->nothing", "no member"),
    ("print", [], "print/t 5", "0b101\n", "print/y 1", "the formats"),
    ("print", [], "print $pc == $pc && sizeof(struct list_head) == 16", "1\n", "print 1/0", "division by zero"),
    ("ptype", [], "ptype struct list_head", r"16 bytes\n.*next", "ptype struct nothing", "no register|no struct"),
    ("set", ["set $x5 = 0x1234"], "print/x $x5", "0x1234", "set $x5", "PLACE = VALUE"),
    ("set", ["set *(int *)($sp - 64) = 77"], "print *(int *)($sp - 64)", "^77\n", "set *(int *)0x10 = 1", "not there"),
    ("set", ["set uart0.fifo_levels = 0x12"], "info uart0", "fifo_levels +0x12", "set uart0.nothing = 1",
     "no field 'nothing'"),
    ("set", [], "print $x5", "0x1234", "set uart0.fifo_levels = 0x123456789", "32 bits|bits"),
    ("set", [], "print $x5", "0x1234", "set 5 = 6", "nothing to be set"),
    ("x", [], "x/4xw $sp", r"0x[0-9a-f]+:(  0x[0-9a-f]{8}){4}\n", "x/4zw $sp", "not 'z'"),
    ("x", [], "x/2xg $sp", r":(  0x[0-9a-f]{16}){2}\n", "x 0x10", "no memory at 0x10"),
    ("x", [], "x/3xb $sp", r":(  0x[0-9a-f]{2}){3}\n", "x/0x $sp", "from 1 to"),
    ("x", [], "x/2dh $sp", r":(  -?\d+){2}\n", "x/x phys:0x10", "no memory"),
    ("x", [], "x/2uw $sp", r":(  \d+){2}\n", "x nothing", "no register"),
    ("x", [], "x/1og $sp", r":  0[0-7]*\n", None, None),
    ("x", [], "x/1tb $sp", r":  0b[01]+\n", None, None),
    ("x", [], "x/3c $sp", r"(  \d+ '.*'){3}\n", None, None),
    ("x", [], "x/1a vfs_read", r":  0x", None, None),
    ("x", [], "x/s current->comm", r':  "', None, None),
    ("x", [], "x/2i vfs_read", r"<vfs_read>:.*\n.*<vfs_read\+0x4>", None, None),
    ("x", [], "x", r"<vfs_read\+0x8>:", None, None),
    ("x", [], "x/2xw phys:0x40000000", r"0x40000000:  0x", None, None),
    ("disassemble", [], "disassemble vfs_read", r"<vfs_read>:.*paciasp", "disassemble 1,", "too early"),
    ("disassemble", [], "disassemble vfs_read,+8", r"<vfs_read\+0x4>", "disassemble 8,4", "disassemble expects"),
    ("backtrace", [], "backtrace", r"#0  0x.*\n#1  0x", "backtrace x", "the number of a process"),
    ("backtrace", [], "bt 1", r"PID 1 \(init\)", "bt 4000", "no process"),
    # sources: what they say where lines are known is tested with programs that have them; here none are
    ("list", [], None, None, "list", "no lines are known"),
    ("list", [], None, None, "list nothing", "no register"),
    ("directory", [], f"directory {folder.name}", "", None, None),
    ("directory", [], None, None, "directory /nonexistent", "is no folder"),
    ("frame", AT_WRITE + ["frame 1"], "frame", r"#1  0x.*ksys_write", "frame 99", "no frame 99"),
    ("up", [], "up", r"#2  0x", "up x", "a number of frames"),
    ("down", [], "down 2", r"#0  0x.*vfs_write", "down x", "a number of frames"),
    ("info locals", [], None, None, "info locals", "no variables are known"),
    ("info args", [], None, None, "info args x", "too much"),
    ("info frame", [], "info frame", r"pc 0x.*registers that are known", "info frame x", "too much"),
    ("info line", [], "info line vfs_read", "no line is known", "info line nothing", "no register"),
    ("symbols", [], "symbols", r"\d+ symbols, \d+ types; the guest's kernel at", "symbols /nonexistent", "nonexistent"),
    ("info registers", [], "info registers", r"x0 .*sp .*pc .*cpsr", "info registers foo", "no register or group"),
    ("info registers", [], "info registers system", "SCTLR_EL1", None, None),
    ("info registers", [], "info registers v3 $x1", "v3 .*x1", None, None),
    ("info breakpoints", [], "info breakpoints", "no breakpoints", "info breakpoints x", "too much"),
    ("info devices", [], "info devices", r"uart0 .*pl011.*windows:", "info devices x", "too much"),
    ("info device", [], "info device uart0", "registers:.*UARTIFLS", "info device nothing", "no device 'nothing'"),
    ("info translate", [], "info translate vfs_read", r"TTBR1_EL1: table at .*level 3|block", "info translate",
     "an address"),
    ("info translate", [], "info translate 0x10", "translation fault", "info translate nothing", "no register"),
    ("info mmu", [], "info mmu", "MMU on", "info mmu x", "too much"),
    ("info mappings", [], "info mappings vfs_read vfs_read+0x1000", "EL1 r-x", "info mappings nothing", "no register"),
    ("info irq", [], "info irq", r"PPI 11\) enabled.*SPI 1\) enabled", "info irq x", "too much"),
    ("info timers", [], "info timers", r"CNTV_CVAL_EL0 .* in \d+ us  CPU", "info timers x", "too much"),
    ("info time", [], "info time", r"virtual time \d+\.\d{9} s, \d+ instructions", "info time x", "too much"),
    ("info jit", [], "info jit", "blocks compiled|translates nothing", "info jit x", "too much"),
    ("info inputs", ["send x"], "info inputs", r"uart0.rx +[1-9]\d* bytes", "info inputs x", "too much"),
    ("info memory", [], "info memory", r"RAM   0x40000000 - .*the host holds [1-9]\d* MiB", "info memory x",
     "too much"),
    ("info symbol", [], "info symbol vfs_read+4", r"vfs_read\+0x4", "info symbol 0x10", "no symbol is near"),
    # the kernel
    ("ps", [], "ps", r"\n. +1 +1 +0 .* init ", "ps x", "too much"),
    ("ps", [], "ps threads", r"\n. +1 +1 +0 .* init ", None, None),
    ("dmesg", [], "dmesg", "Linux version", "dmesg x", "too much"),
    ("lsmod", [], "lsmod", r"Module .*\n\w+ +\d+", "lsmod x", "too much"),
    ("mounts", [], "mounts 1", r"on /proc type proc", "mounts x", "the number of a process"),
    ("files", [], "files 1", r" +0  .*/dev/console", "files 4000", "no process"),
    ("maps", [], "maps 1", r"r-xp .*\n", "maps init", "the number of a process"),
    ("irqs", [], "irqs", "arch_timer", "irqs x", "too much"),
    ("syscalls", QUIET + ["syscalls on sh", "send echo to > /tmp/from", TO_SHELL], "syscalls off",
     "not over yet", "syscalls off", "no calls are traced"),
    ("syscalls",
     [f"syscalls on all {path('calls.txt')}", "send cat /etc/passwd; ls /nothing; sleep 0.1", TO_SHELL, "syscalls off"],
     f"read {path('calls.txt')}",
     r'openat\(AT_FDCWD, "/etc/passwd", O_RDONLY[^)]*\) = 3\n',
     "syscalls on 4000", "no process 4000"),
    ("syscalls", [], f"read {path('calls.txt')}", r'"/nothing", [^)]*\) = -1 ENOENT\n', None, None),
    ("syscalls", [], f"read {path('calls.txt')}", r'execve\("[^"]+", \["sleep", "0.1"\], 0x[0-9a-f]+\) = 0\n', None,
     None),
    ("syscalls", [], f"read {path('calls.txt')}", r'clock_nanosleep\(.*\) = 0\n.* exit_group\(0\) = \?\n', None, None),
    ("syscalls", ["break vfs_write", "send true"], "syscalls sh", r"Breakpoint \d+, vfs_write",
     "syscalls on a-name-that-is-too-long", "15 bytes"),
    ("syscalls", ["delete", "syscalls on"], "syscalls off", "not over yet|^$", "syscalls on all /nonexistent/x",
     "cannot be written"),
    # going back
    ("reverse-stepi", AT_WRITE + ["stepi 4"], "reverse-stepi 4", "<vfs_write>", "reverse-stepi 0", "0 instructions"),
    ("reverse-step", AT_WRITE + ["stepi 4"], "reverse-step", r"vfs_write\+0xc", "reverse-step 0", "from 1 to"),
    ("reverse-next", [], "reverse-next", r"vfs_write\+0x8", "reverse-next 0", "from 1 to"),
    ("reverse-continue", ["break vfs_write", "stepi 4"], "reverse-continue",
     r"Breakpoint \d+, vfs_write|History begins", "reverse-continue x", "too much"),
    ("reverse-finish", ["delete", "stepi 4"], "reverse-finish", "0xffff", "reverse-finish x", "too much"),
    ("goto", ["info time", "stepi 50", "goto {a}"], "info time", "{a} instructions", "goto", "a count of instructions"),
    ("goto", ["info time"], "goto 0.000001s", None, "goto 0", "history begins"),
    ("last-write", AT_WRITE + ["stepi 40"], "last-write $sp", "written by|History begins", "last-write", "an address"),
    ("checkpoint", ["checkpoint"], "timeline", r"\n +\d+  instruction", "checkpoint x", "too much"),
    ("timeline", [], "timeline", r"now   instruction +\d+", "timeline x", "too much"),
    ("bisect", ["info time", "skip 1000", "info time"],
     *(("bisect {b} {a} assert $icount >= {b} + 77", "succeeds from instruction {b77} on") if cpus == "1"
       else ("echo", "")), "bisect {a} {b} assert 1", "the earlier moment first"),
    ("bisect", [], "echo", "", "bisect 1 2 continue", "runs the guest"),
    ("bisect", [], "echo", "", "bisect {b} {a} assert 0", "fails at the second moment"),
    ("bisect", [], "echo", "", "bisect {b} {a} assert 1", "at the first moment already"),
    # tracing
    ("trace", ["mark", "reset"], "trace insns 5", r"^(\d+ CPU\d 0x.*\n){5}", "trace nothing 5", "trace expects"),
    ("trace", ["send true"], f"trace calls 20000 {path('trace.txt')} return", "", "trace insns", "trace expects"),
    ("trace", [], f"read {path('trace.txt')}", r"^(\d+ CPU\d return 0x.*\n)+$", "trace insns 5 /nonexistent/x",
     "cannot be written"),
    ("trace", ["send true"], "trace exceptions 3000000", "exception ESR 0x", "trace insns 0", "trace expects"),
    ("trace", ["send true"], "trace mmio 3000000 - uart0", r"uart0 0x9000\d+ (read|write)", None, None),
    ("trace", [], "trace irqs 5000000", "IRQ at 0x", None, None),
    ("trace", [], "trace blocks 50", r"CPU\d 0x", None, None),
    ("profile", [], f"profile 20ms {path('flame.svg')} 1000", r"[1-9]\d* samples", "profile 5parsecs x",
     "a time of the guest's"),
    ("coverage", QUIET + ["coverage on", "send true", TO_SHELL], f"coverage {path('cover.info')}",
     r"[1-9]\d* functions", "coverage on", "already"),
    ("coverage", ["coverage off"], f"read {path('cover.info')}", r"FN:\d+,vfs_write\nFNDA:[1-9]\d*,vfs_write\nDA:",
     "coverage off", "nothing is counted"),
    ("coverage", ["coverage on user sh", "send true", TO_SHELL], f"coverage {path('user.info')}", "functions",
     "coverage on user x", "already|no process"),
    ("coverage", ["coverage off"], "echo", "", f"coverage {path('none.info')}", "nothing was counted"),
    ("coverage", [], "echo", "", "coverage", "coverage expects"),
    # the machine
    ("save", [], f"save {path('now.snap')}", "saved in", "save", "the name of a file"),
    ("restore", ["hash", "send true", TO_SHELL, f"restore {path('now.snap')}"], "hash", "{hash}",
     "restore /nonexistent", "nonexistent"),
    ("restore", [], "ps", " init ", "restore", "the name of a snapshot"),
    ("diff", ["mark", "stepi 5"], "diff", r"cpu\d: icount .*\d+ differences", "diff a b c", "too much"),
    ("diff", [f"save {path('later.snap')}", "stepi 5"], f"diff {path('later.snap')}", r"cpu\d: icount",
     "diff /nonexistent", "nonexistent"),
    ("diff", [], f"diff {path('now.snap')} {path('now.snap')}", "^no differences",
     f"diff {path('now.snap')} /nonexistent", "nonexistent"),
    ("record", [f"record {path('run.log')}", "send echo recorded", TO_SHELL], "record stop", "recorded up to here",
     "record stop", "nothing is recorded"),
    ("record", [f"record {path('two.log')}"], "echo", "", f"record {path('three.log')}", "is recorded already"),
    ("record", [], "record stop", "recorded", "record", "the name of a log"),
    ("migrate", [], "echo", "", "migrate", "a place"),
    ("hash", [], "hash", r"state at instruction \d+: [0-9a-f]{16}", "hash x", "too much"),
    ("send", ["send echo sent-$((40+2))"], "expect sent-42", "", "send", "send expects a text"),
    ("send", ['send "echo two\\n"'], f"expect two", "", 'send "a" b', "too much"),
    ("key", [], "key ctrl-c", "", "key nothing-at-all", "key"),
    ("key", [TO_SHELL], "key break", "", "key", "key"),
    ("link", ["link net0 down"], "link net0 up", "", "link net7 up", "net7"),
    ("link", [], None, None, "link net0 sideways", "link"),
    ("jack", [], None, None, "jack line sideways", "line or mic, and in or out"),
    ("jack", [], None, None, "jack line out", "no sound card"),
    ("clipboard", [], None, None, "clipboard a text", "shares no clipboard"),
    ("page", [], None, None, "page 7", "screen, serial or console"),
    ("page", [], None, None, "page console", "no such page"),
    ("expect", ["send echo ex-$((1+1))"], "expect ex-2 20", "", "expect", "expects a text"),
    ("expect", [], "echo", "", "expect never 1", "did not print 'never' in time"),
    ("expect", [], "echo", "", "expect never soon", "no number of seconds"),
    ("skip", ["info time", "skip 1000"], "info time", " {later} instructions", "skip", "a number of instructions"),
    ("wait", [], "wait 5ms", "", "wait 5", "with its unit"),
    ("mark", ["mark", "hash", "stepi 5", "reset"], "hash", "{hash}", "mark x", "too much"),
    ("reset", [], "reset", "", "reset x", "too much"),
    ("assert", [], "assert $pc != 0", "", "assert $pc == 0", "it is not true"),
    ("assert-memory", ["set *(int *)($sp - 64) = 0x04030201"], "assert-memory $sp-64 01020304", "",
     "assert-memory $sp-64 01020305", "is 04, not 05"),
    ("assert-memory", [], 'assert-memory current->comm "sh"', None, "assert-memory 0x10 00", "not all of the 1 bytes"),
    ("screenshot", [], f"screenshot {path('screen.png')}", "", "screenshot", "screenshot"),
    ("type", [], "type a", "", "type", "type"),
    ("mouse", [], "mouse 10 10", "", "mouse 10", "mouse"),
    ("click", [], "click 10 10", "", "click x y", "click"),
    ("quit", [], None, None, "quit now", "too much"),
]


class Wrong(Exception):
    """A row that does not hold."""


def fail(what, output=""):
    print(output)
    sys.exit(f"{front}: {what}")


def machine(command, *arguments):
    return [program, command, "--clock", "virtual", *options, *arguments]


class Control:
    def __init__(self, place):
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.settimeout(PATIENCE_S)
        self.peer.connect(place)
        self.replies = self.peer.makefile("r", encoding="utf-8")

    def ask(self, line):
        """Whether it succeeded, and what it said."""
        self.peer.sendall(line.encode() + b"\n")
        answer = json.loads(self.replies.readline())
        return answer["ok"], answer["output"] if answer["ok"] else answer["output"] + answer["error"]

    def quit(self):
        self.ask("quit")


class Gdb:
    """gdb's `monitor`, by the packets that gdb sends for it. They do not say whether a command succeeded."""
    def __init__(self, place):
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.settimeout(PATIENCE_S)
        self.peer.connect(place)
        self.stream = self.peer.makefile("rb")

    def packet(self):
        while self.stream.read(1) != b"$":
            pass
        text = b""
        while (byte := self.stream.read(1)) != b"#":
            text += byte
        self.stream.read(2)
        self.peer.sendall(b"+")
        return text.decode()

    def send(self, text):
        self.peer.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())

    def ask(self, line):
        self.send("qRcmd," + line.encode().hex())
        output = ""
        while (packet := self.packet()).startswith("O") and packet != "OK":
            output += bytes.fromhex(packet[1:]).decode(errors="replace")
        if packet != "OK":
            fail(f"monitor {line}: {packet}", output)
        return None, output

    def quit(self):
        self.send("k")


known = {"n": "0", "a": "0", "b": "0", "hash": "?"}


def fill(text):
    return re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), text)


def ask(peer, line):
    line = fill(line)
    if os.environ.get("VERBOSE"):
        print(f"{time.monotonic():.1f} {line}", flush=True)
    if line.startswith("read "):
        with open(line[5:], encoding="utf-8") as file:
            return True, file.read()
    good, output = peer.ask(line)
    if match := re.search(r"(?:Breakpoint|Watchpoint|Catchpoint) (\d+)(?: at|,)", output):
        known["n"] = match[1]
    if line == "info time":
        known["b"], known["a"] = known["a"], re.search(r"(\d+) instructions", output)[1]
        known["b77"] = str(int(known["b"]) + 77)
        known["later"] = str(int(known["a"]) + 1000)
    if match := re.search(r"state at instruction \d+: ([0-9a-f]{16})", output):
        known["hash"] = match[1]
    return good, output


def run_row(peer, row):
    name, before, line, says, wrong, complaint = row
    for step in before:
        if isinstance(step, tuple):
            with open(path(step[1]), "w", encoding="utf-8") as file:
                file.write(step[2])
            continue
        good, output = ask(peer, step)
        if good is False:
            raise Wrong(f"{name}: before it, '{step}' fails", output)
    if line is not None and says is not None:
        expected = fill(says).replace("{hash}", known["hash"])
        good, output = ask(peer, line)
        if good is False:
            raise Wrong(f"'{line}' fails", output)
        if not re.search(expected, output, re.S):
            raise Wrong(f"'{fill(line)}' does not say {expected!r}", output)
    if wrong is not None:
        good, output = ask(peer, wrong)
        if good:
            raise Wrong(f"'{wrong}' is accepted", output)
        if not re.search(complaint, output, re.S):
            raise Wrong(f"'{fill(wrong)}' does not complain of {complaint!r}", output)


def names_of(text):
    return {match for match in re.findall(r"^  (\S+)", text, re.M)}


def main():
    if not os.path.exists(f"{guest}/Image"):
        sys.exit(77)
    booted = subprocess.run(
        machine("debug", "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
                "console=ttyAMA0 script=1 quiet", "--cpus", cpus, "--display", "none", "--memory", "256M", "--net",
                "user"),
        input=f"{TO_SHELL}\nsave {path('base.snap')}\n".encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if booted.returncode:
        fail("it does not boot", booted.stdout.decode(errors="replace"))
    place = path("socket")
    process = subprocess.Popen(machine("run", "--restore", path("base.snap"), f"--{front}", f"unix:{place}"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    while not os.path.exists(place) and process.poll() is None:
        time.sleep(0.02)
    peer = Control(place) if front == "control" else Gdb(place)
    if front == "control":
        peer.ask("stop")
    # Each command that the help knows has its rows.
    ours = {row[0] for row in ROWS}
    theirs = names_of(peer.ask("help")[1]) | {f"info {name}" for name in names_of(peer.ask("info")[1])}
    if theirs - ours:
        fail(f"without a test: {sorted(theirs - ours)}")
    if ours - theirs:
        fail(f"no command: {sorted(ours - theirs)}")
    for name in theirs:
        mine = [row for row in ROWS if row[0] == name]
        if name not in ("echo",) and not any(row[4] for row in mine):
            fail(f"'{name}' has no wrong use")
    wrongs = 0
    for row in ROWS:
        try:
            run_row(peer, row)
        except Wrong as wrong:
            wrongs += 1
            print(f"{row[0]}: {wrong.args[0]}\n    {wrong.args[1][-2000:]}", flush=True)
    peer.quit()
    if process.wait(30) != 0:
        fail("the machine did not end well")
    if wrongs:
        fail(f"{wrongs} of {len(ROWS)} rows do not hold")


main()
