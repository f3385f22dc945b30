#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The debugger on Debian's kernel, without any debug package. Status 77: the kernel is not there.

usage: test_debugger.py PROGRAM GUEST CASE [CPUS [ARMATURE-OPTION...]]
"""
import fcntl
import hashlib
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

program, guest, case = sys.argv[1:4]
cpus = sys.argv[4] if len(sys.argv) > 4 else "1"
options_of_all = sys.argv[5:]
folder = tempfile.TemporaryDirectory(prefix="armature-debugger-")
SHELL = "/root # "


def check(true, what, output=""):
    if not true:
        sys.stdout.write(output if isinstance(output, str) else output.decode(errors="replace"))
        sys.exit(f"{case}: {what}")


def machine(command, *arguments):
    return [program, command, "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
            "console=ttyAMA0 script=1 quiet", "--cpus", cpus, "--clock", "virtual", *options_of_all, *arguments]


def debug(script, *arguments, status=0):
    """Runs the lines of `script` as a debugger's; returns what was printed, and messages of errors."""
    done = subprocess.run(machine("debug", *arguments), input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = done.stdout.decode(errors="replace").replace("\r", "")
    check(done.returncode == status, f"status {done.returncode}, expected {status}: {done.stderr.decode()}", output)
    return output, done.stderr.decode()


def section(output, name):
    """What was printed between the marks that `echo` made."""
    match = re.search(rf"=== {name}\n(.*?)=== ", output + "=== ", re.S)
    check(match, f"no section {name}", output)
    return match[1]


def case_kernel():
    """What is read in guest memory is what the guest's own programs print at that moment."""
    lines = ["ps -o pid,comm", "lsmod", "mount", "cat /proc/1/maps", "dmesg", "ls -l /proc/1/fd"]
    script = f'expect "{SHELL}" 100\n'
    for line in lines:
        script += f'echo === guest {line.split()[0]}{line[-4:] if "/" in line else ""}\nsend {line}\nexpect "{SHELL}" 100\n'
    script += "".join(f"echo === {name}\n{name}\n" for name in ("ps", "lsmod", "mounts", "maps 1", "files 1", "dmesg", "irqs", "bt 1", "symbols"))
    output, _ = debug(script + "echo === end\n")
    # A kernel thread that works on something else may have changed its name meanwhile, so the numbers are compared.
    theirs = {int(n) for n in re.findall(r"^ *(\d+) \S", section(output, "guest ps"), re.M)}
    ours = {int(n) for n in re.findall(r"^[* ] +(\d+) ", section(output, "ps"), re.M)}
    check(1 in ours and len(ours) > 20 and len(theirs ^ ours) <= 4, f"other tasks: {sorted(theirs ^ ours)}", output)
    for name, pattern in (("lsmod", r"^(\w+) +(\d+)"),):
        theirs = sorted(re.findall(pattern, section(output, f"guest {name}"), re.M))
        ours = sorted(re.findall(pattern, section(output, name), re.M))
        check(len(ours) > 3 and ours == theirs, f"{name}: {ours} is not {theirs}", output)
    theirs = sorted(re.findall(r"^\S+ on (\S+) type (\S+)", section(output, "guest mount"), re.M))
    ours = sorted(re.findall(r"^\S+ on (\S+) type (\S+)", section(output, "mounts"), re.M))
    check(len(ours) > 2 and ours == theirs, f"mounts: {ours} is not {theirs}", output)
    theirs = re.findall(r"^[0-9a-f]+-[0-9a-f]+ .*$", section(output, "guest catmaps"), re.M)
    ours = re.findall(r"^[0-9a-f]+-[0-9a-f]+ .*$", section(output, "maps 1"), re.M)
    check(len(ours) > 3 and [" ".join(a.split()) for a in ours] == [" ".join(a.split()) for a in theirs], f"maps: {ours} is not {theirs}", output)
    theirs = [line for line in section(output, "guest dmesg").splitlines() if line.startswith("[")]
    ours = [line for line in section(output, "dmesg").splitlines() if line.startswith("[")]
    check(len(ours) > 100 and ours == theirs, "the logs differ", output)
    theirs = sorted(re.findall(r"(\d+) -> (/\S+)", section(output, "guest ls1/fd")))
    ours = sorted((n, name) for n, name in re.findall(r"^ +(\d+)  .* (/\S+)$", section(output, "files 1"), re.M))
    check(ours and ours == theirs, f"files: {ours} is not {theirs}", output)
    irqs = section(output, "irqs")
    check(re.search(r"GICv3 +27  arch_timer", irqs) and re.search(r": +[1-9]\d* ", irqs), "irqs", output)
    check("do_wait" in section(output, "bt 1") and "el0t_64_sync" in section(output, "bt 1"), "the stack of init", output)
    print(section(output, "symbols"))


def case_run():
    """Breakpoints, watchpoints, conditions, steps: what stops, and where."""
    script = f'''expect "{SHELL}" 100
symbols
break vfs_read if $x2 > 1
commands 1 echo at the breakpoint ; print/x $x2
tbreak vfs_write
send uname -a
continue
info breakpoints
continue
print *current
print current->comm
print ((struct file *)x0)->f_pos
print sizeof(struct file)
ptype struct list_head
bt
finish
delete
stepi 3
next
nexti
until vfs_read
until *$x30
watch *(long *)($sp-32)
send echo x
continue
delete
send echo y
awatch $sp-16 8 if $x0 != 12345
continue
info registers
info registers SCTLR_EL1
info devices
info uart0
info translate vfs_read
info translate 0x10
info mmu
info irq
info timers
info time
info jit
info inputs
x/4i vfs_read
x/2xg phys:0x40000000
x/s linux_banner
disassemble vfs_read
set $x5 = 0x1234
print/x $x5
set uart0.receive_count = 0
catch exception
continue
delete
catch irq
continue
delete
display/i
display $x5
stepi
undisplay 1
hash
cpu 0
catch panic
info breakpoints
'''
    output, errors = debug(script, status=1)
    print(errors)
    check("no register, symbol or type 'linux_banner'" in errors, "a wrong name", errors)
    check(errors.count("\n") == 3, "other errors than expected", errors)
    for text in ("Breakpoint 1, vfs_read\n", "at the breakpoint", "Breakpoint 2 at ", 'comm = "sh"', '"sh"\n', "#0  0x", "in el0t_64_sync",
                 "Value in x0: ", "<ksys_", "Watchpoint ", "  old 0x", "SCTLR_EL1", "0x009000000 - ", "TTBR1_EL1: table at", "MMU on",
                 "blocks compiled", "paciasp", "0x1234\n", "Catchpoint ", "an interrupt at", "state at instruction", "next", "prev"):
        check(text in output, f"nothing says {text!r}", output)
    # A breakpoint that is never reached changes nothing, in either engine.
    hashes = set()
    for engine in ("auto", "interp", "jit"):
        output, _ = debug(f'expect "{SHELL}" 100\nbreak vfs_read\nbreak vfs_write\nskip 3000000\ndelete\nskip 3000000\nhash\n',
                          "--engine", engine)
        hashes.add(re.search(r"state at.*", output)[0])
    check(len(hashes) == 1, f"the engines stop at other places: {hashes}")


def case_time():
    """Going back leads to the very states that a run without a debugger passes."""
    generator = random.Random(4)
    last = 900_000_000 if cpus == "1" else 300_000_000  # of the first CPU, which need not be the one that does the work
    counts = sorted(generator.sample(range(1000, last), 12))
    run = subprocess.run(machine("run", "--state-hash-at", ",".join(map(str, counts))), input=b"poweroff -f\n", stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    expected = dict(re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", run.stderr.decode()))
    check(len(expected) == len(counts), "the run has not all hashes", run.stderr)
    script = f'expect "{SHELL}" 100\n'
    order = counts + counts
    generator.shuffle(order)
    for count in order:
        script += f"goto {count}\nhash\nreverse-stepi 7\nstepi 7\nhash\n"
    script += "timeline\nstepi\nreverse-stepi\n"
    script += "goto 900000000\nsymbols\nbreak vfs_read\ncontinue\ncontinue\nhash\ncontinue\nreverse-continue\nhash\n"
    script += "delete\nlast-write $sp\nreverse-finish\ncheckpoint\ngoto 0.5s\ninfo time\nreverse-continue\n"
    output, _ = debug(script)
    found = re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", output)
    for count, value in found[:-2]:
        if cpus == "1":
            check(expected[count] == value, f"at {count} the state is {value}, not {expected[count]}", output)
    check(len(found) == 2 * len(order) + 2 and found[-1] == found[-2], f"other hashes: {found[-2:]}", output)
    check("written by" in output and "History begins here" in output, "last-write", output)


def case_host():
    """What the guest did on the host, in a shared folder and by the network, is not done again when it is gone back to; and
    goes on after."""
    share, capture = os.path.join(folder.name, "share"), os.path.join(folder.name, "capture")
    os.mkdir(share)
    lines = f'''expect "{SHELL}" 100
send mount -t 9p -o trans=virtio,version=9p2000.L w /mnt; exec 5>>/mnt/kept; echo mou-$((40+2))
expect mou-42 100
expect "{SHELL}" 100
send echo hello >> /mnt/f; echo one >&5; ping -c 1 10.0.2.2; echo do-$((40+2))
expect do-42 100
skip 1000000
hash
reverse-stepi 1000000
reverse-stepi 30000000
skip 31000000
hash
goto 1000000
symbols
send cat /mnt/f; echo again >> /mnt/f; echo two >&5; ping -c 1 10.0.2.2; echo no-$((40+2))
expect no-42 1000
'''
    output, _ = debug(lines, "--share", f"w={share}", "--net", f"user,dump={capture}")
    hashes = re.findall(HASH, output)
    check(len(hashes) == 2 and hashes[0] == hashes[1], f"hashes {hashes}", output)
    for name, text in (("f", "hello\nagain\n"), ("kept", "one\ntwo\n")):
        with open(os.path.join(share, name), encoding="utf-8") as file:
            check(file.read() == text, f"{name} is another file", output)
    check(output.count("1 packets received") == 2, "ping", output)
    with open(capture, "rb") as file:
        frames = file.read()
    check(frames.count(b"\x08\x00\x45\x00\x00\x54") == 4, "the network was asked again", output)


def case_devices():
    """A machine with one of everything goes back and forth; what is on its disks in the end is what the guest reads."""
    at = {name: os.path.join(folder.name, name) for name in ("vda", "nvme0n1", "sda", "socket", "wave.wav", "cd")}
    for name in ("vda", "nvme0n1", "sda", "cd"):
        with open(at[name], "wb") as file:
            file.write(os.urandom(2 << 20))
    lines = f'''expect "{SHELL}" 200
send for d in vda nvme0n1 sda; do dd if=/dev/urandom of=/dev/$d bs=64k count=8 seek=4 conv=fsync 2>/dev/null; done; echo wr-$((40+2))
expect wr-42 100
mouse 100 100
type abc
skip 1000000
hash
reverse-stepi 1000000
reverse-stepi 60000000
skip 61000000
hash
goto 100000000
symbols
send dd if=/dev/vda of=/dev/sda bs=64k count=2 conv=fsync; sha256sum /dev/vda /dev/nvme0n1 /dev/sda; echo en-$((40+2))
expect en-42 1000
'''
    output, _ = debug(lines, "--bus", "pci", "--display", "none,size=640x480", "--input", "usb", "--sound", f"wav:{at['wave.wav']}",
                      "--balloon", "--clipboard", "--vsock", at["socket"], "--net", "user", "--disk", at["vda"], "--disk",
                      f"{at['nvme0n1']},bus=nvme", "--disk", f"{at['sda']},bus=scsi", "--cdrom", at["cd"])
    hashes = re.findall(HASH, output)
    check(len(hashes) == 2 and hashes[0] == hashes[1], f"hashes {hashes}", output)
    for name in ("vda", "nvme0n1", "sda"):
        with open(at[name], "rb") as file:
            check(f"{hashlib.sha256(file.read()).hexdigest()}  /dev/{name}" in output, f"{name} holds something else", output)


HASH = r"state at instruction (\d+): ([0-9a-f]{16})"


def wander(counts, generator, *options):
    """Goes to each count twice, in any order; every hash must be the one that `expected` has, of a run that only went forward
    with no history kept, in the interpreter."""
    script, last = "", 0
    for count in counts:
        script += f"skip {count - last}\nhash\n"
        last = count
    expected = dict(re.findall(HASH, debug(script, "--history", "0M", "--engine", "interp")[0]))
    check(len(expected) == len(counts), f"only {len(expected)} hashes")
    order = counts + counts
    generator.shuffle(order)
    script = f"goto {counts[-1]}\n" + "".join(f"goto {count}\nhash\nreverse-stepi {generator.randrange(1, 50)}\ngoto {count}\nhash\n"
                                              for count in order)
    output, _ = debug(script, *options)
    found = re.findall(HASH, output)
    check(len(found) == 2 * len(order), f"{len(found)} hashes", output)
    for count, value in found:
        check(expected[count] == value, f"{options}: at {count} the state is {value}, not {expected[count]}", output)


def case_exact():
    """The moments of a few counts, with both engines."""
    generator = random.Random(5)
    wander(sorted(generator.sample(range(1000, 700_000_000), 8)), generator, "--engine", "auto")


def case_exact_many():
    """Hundreds of them, and with checkpoints so few that they are dropped."""
    for engine in ("auto", "interp", "jit"):
        generator = random.Random(engine)
        wander(sorted(generator.sample(range(1000, 900_000_000), 100)), generator, "--engine", engine)


def case_recorded():
    """A run that is recorded can be gone back in, and the log is that of a run that was not; so can its replay be."""
    log = os.path.join(folder.name, "log")
    script = f'''expect "{SHELL}" 100
send echo one-$((40+1))
expect "{SHELL}" 100
hash
info time
goto 400000000
hash
reverse-stepi 1000
goto 500000000
mark
reset
send echo two-$((40+2))
expect "{SHELL}" 2000
skip 1000000
hash
goto 300000000
'''
    output, errors = debug(script, "--record", log, status=1)
    check("is not reset" in errors and errors.count("\n") == 2, f"errors {errors}", output)
    check(output.count("one-41") == 1 and output.count("two-42") == 1, "the past was printed again", output)
    hashes = re.findall(HASH, output)
    check(len(hashes) == 3, "hashes", output)
    done = subprocess.run([program, "run", "--replay", log], stdin=subprocess.DEVNULL, capture_output=True)
    check(done.returncode in (0, 1) and b"differ" not in done.stderr and b"one-41" in done.stdout and b"two-42" in done.stdout,
          f"the replay: {done.returncode} {done.stderr.decode()}", done.stdout)
    # What was passed last in the recording is where its log ends, though the user was elsewhere.
    again = "".join(f"goto {count}\nhash\n" for count, _ in hashes + hashes[::-1]) + "continue\nreverse-stepi\ngoto 400000000\nhash\n"
    done = subprocess.run([program, "debug", "--replay", log], input=again.encode(), capture_output=True)
    replayed = re.findall(HASH, done.stdout.decode(errors="replace"))
    check(done.returncode == 0 and replayed == hashes + hashes[::-1] + [hashes[1]], f"{replayed} is not {hashes}: {done.stderr.decode()}", done.stdout)


def case_recording():
    """`record` at the prompt: what is past can be gone back to, before its beginning too, and its log knows nothing of that."""
    log = os.path.join(folder.name, "begun")
    output, errors = debug(f'''expect "{SHELL}" 100
record {log}
send echo one-$((40+1))
expect "{SHELL}" 100
hash
reverse-stepi 30000000
hash
stepi 30000000
hash
send echo two-$((40+2))
expect "{SHELL}" 100
hash
reverse-stepi 1000000
mark
reset
record stop
hash
''', status=1)
    hashes = re.findall(HASH, output)
    check(errors.count("\n") == 2 and "is not reset" in errors, f"errors {errors}", output)
    check(len(hashes) == 5 and hashes[0] == hashes[2] and hashes[3] == hashes[4] and hashes[0] != hashes[1], f"hashes {hashes}", output)
    done = subprocess.run([program, "run", "--replay", log], stdin=subprocess.DEVNULL, capture_output=True)
    check(done.returncode in (0, 1) and b"differ" not in done.stderr and b"one-41" in done.stdout and b"two-42" in done.stdout,
          f"the replay: {done.returncode} {done.stderr.decode()}", done.stdout)


def case_catches():
    """What the firmware is called for, and a kernel that panics: each is caught where it happens."""
    output, errors = debug(f'''expect "{SHELL}" 100
catch smc if $x0 == 0x84000009
send reboot -f
continue
''', status=5)
    check("Catchpoint 1, a call of the firmware: x0 = 0x84000009\n" in output, "SYSTEM_RESET", output)
    output, errors = debug(f'''expect "{SHELL}" 100
catch reset
send reboot -f
continue
expect "{SHELL}" 100
''')
    check(re.search(r"Catchpoint 1, the guest resets the machine\n.*/root # ", output, re.S), "behind a reset", output)
    output, errors = debug(f'''expect "{SHELL}" 100
catch smc if $x0 == 0x84000008
send poweroff -f
continue
continue
''')
    check("Catchpoint 1, a call of the firmware: x0 = 0x84000008\n" in output and "powered off" in output, "behind a power-off", output)
    output, errors = debug(f'''expect "{SHELL}" 100
catch panic
send echo c > /proc/sysrq-trigger
continue
x/s $x0
bt
''')
    check("Breakpoint 1, panic\n" in output and "sysrq" in output.split("Breakpoint 1, panic")[1], "a panic", output)


def case_moved():
    """`migrate`: the machine goes on in another process, where it had come here."""
    target = subprocess.Popen([program, "run", "--incoming", "tcp:127.0.0.1:0", "--clock", "virtual"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(target.stderr.readline().split()[-1])
    busy = "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done"
    output, errors = debug(f'expect "{SHELL}" 100\nsend {busy}; echo here-$((40+2)); poweroff -f\nmigrate tcp:127.0.0.1:{port}\ncontinue\n')
    if "it has moved" not in output:
        target.kill()  # it may be waiting for a machine that will never come
    after, complaints = target.communicate(timeout=200)
    check("it has moved, and runs elsewhere" in output and "here-42" not in output, f"it did not move: {errors} {complaints}", output)
    check(b"here-42" in after and target.returncode == 0, f"it does not go on: {complaints}", after)


def case_private():
    """Interrupts of each CPU's own, as a GICv2 shows them to it alone."""
    output, _ = debug(f'expect "{SHELL}" 100\ninfo irq\n', "--gic", "2")
    parts = output.split("CPU ")
    check(len(parts) == int(cpus) + 1, "a part for each CPU", output)
    for part in parts[1:]:
        check("SGI 0) enabled" in part and "PPI 11) enabled" in part, "the timer's interrupt", output)


def case_restored():
    """History of a machine that was restored: back to where it was saved, and no further."""
    saved = os.path.join(folder.name, "saved")
    output, _ = debug(f'expect "{SHELL}" 100\nsend sleep 1; uname -a; ps\nskip 100000\nsave {saved}\nhash\n')
    (start, first), = re.findall(HASH, output)
    counts = sorted(random.Random(6).sample(range(int(start) + 1, int(start) + 150_000_000), 8))

    def restored(script, *options):
        done = subprocess.run([program, "debug", "--restore", saved, *options], input=script.encode(), capture_output=True)
        return done.stdout.decode(errors="replace"), done.stderr.decode()

    script, last = "hash\n", int(start)
    for count in counts:
        script += f"skip {count - last}\nhash\n"
        last = count
    output, errors = restored(script, "--history", "0M", "--engine", "interp")
    expected = dict(re.findall(HASH, output))
    check(expected[start] == first and len(expected) == 9, f"restored: {errors}", output)
    order = counts * 2
    random.Random(7).shuffle(order)
    output, errors = restored(f"goto {counts[-1]}\n" + "".join(f"goto {count}\nhash\n" for count in order) +
                              f"goto {start}\nhash\ngoto {int(start) - 1}\nreverse-stepi\nreverse-continue\nbreak vfs_read\ncontinue\n"
                              "continue\nhash\ncontinue\nreverse-continue\nhash\n")
    found = re.findall(HASH, output)
    check(len(found) == len(order) + 3 and found[-1] == found[-2], f"hashes {found}: {errors}", output)
    for count, value in found[:-2]:
        check(expected[count] == value, f"at {count} the state is {value}, not {expected[count]}", output)
    check(f"history begins at instruction {start}" in errors and "History begins here" in output, f"the beginning: {errors}", output)


def case_watched():
    """Watched words in a page that is busy: each access is seen, whichever the engine, and the run is the same."""
    saved = os.path.join(folder.name, "saved")
    debug(f'expect "{SHELL}" 100\nsend dd if=/dev/zero of=/dev/null bs=1\nskip 30000000\nbreak vfs_write\ncontinue\ndelete\nsave {saved}\n')
    script = ""
    for lines in (["watch *(long *)(($sp & ~0xfff) + 8) if 0"], ["watch *(long *)$sp", "awatch *(int *)($sp + 40)"],
                  ["rwatch *(long *)$sp"], ["awatch *(char *)($sp - 0x21)", "watch *(long *)($sp + 0x100)"],
                  ["awatch *(long *)($sp - 16) if $x0 == 77"]):
        script += "".join(f"{line}\n" for line in lines)
        script += "skip 3000000\nhash\n" if " if " in lines[0] else "continue\nhash\n" * 30
        script += "delete\ntbreak vfs_write\ncontinue\n"
    said = {}
    for engine in ("interp", "jit", "auto"):
        done = subprocess.run([program, "debug", "--restore", saved, "--engine", engine], input=script.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        said[engine] = done.stdout.decode(errors="replace")
        check(done.returncode == 0, f"{engine}: status {done.returncode}", said[engine])
        check(said[engine] == said["interp"], f"{engine} differs", said["interp"] + "\n=== others\n" + said[engine])
    hashes = re.findall(HASH, said["interp"])
    check(len(hashes) == 92 and len(set(hashes)) == 92, f"hashes: {hashes}", said["interp"])


def case_inputs():
    """What was typed comes again, at the same moments, and is not printed again; then the guest takes new input."""
    script = f'''expect "{SHELL}" 100
send echo first-$((6*7))
expect "{SHELL}" 100
hash
info time
goto 500000000
goto 2000000000000
'''
    output, _ = debug(f'''expect "{SHELL}" 100
send echo first-$((6*7))
expect "{SHELL}" 100
echo === marked
info time
hash
skip 10000000
hash
reverse-stepi 5000000
hash
goto 500000000
skip 400000000
symbols
send echo second-$((7*7))
expect second-49 1000
echo === end
''')
    check(output.count("first-42") == 1, "what was printed was printed again", output)
    check("second-49" in output, "no new input", output)


class Terminal:
    """A program at a pseudo-terminal."""
    def __init__(self, arguments):
        self.environment = dict(os.environ, ARMATURE_HISTORY=os.path.join(folder.name, "history"), TERM="dumb")
        self.collected = b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execve(program, arguments, self.environment)

    def await_text(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.collected:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            check(ready, f"nothing says {text}", self.collected)
            try:
                self.collected += os.read(self.terminal, 65536)
            except OSError:
                check(False, f"the program ended before {text}", self.collected)
        self.collected = self.collected[self.collected.index(text) + len(text):]

    def type_in(self, text):
        os.write(self.terminal, text)

    def resize(self, rows, columns):
        """What a terminal does when its window is resized: the kernel sends SIGWINCH."""
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ends_well(self):
        _, status = os.waitpid(self.child, 0)
        check(os.WEXITSTATUS(status) == 0, f"status {status}", self.collected)


def case_prompt():
    """At a terminal: completion, history, Ctrl-C, a window that changes its size."""
    terminal = Terminal(machine("debug"))
    await_text, type_in = terminal.await_text, terminal.type_in
    PROMPT = b"(armature) "
    await_text(PROMPT)
    type_in(b"info ti\t")
    await_text(b"me")
    type_in(b"\t\t")
    await_text(b"timers")
    type_in(b"\r")
    await_text(b"virtual time 0.0")
    await_text(PROMPT)
    terminal.resize(50, 20) # a line that is longer than the window is shown a part at a time
    type_in(b"echo a line that is longer than 20 columns")
    await_text(b"20 columns")
    terminal.resize(24, 80)
    type_in(b"\r")
    await_text(b"\na line that is longer than 20 columns\r\n")
    await_text(PROMPT)
    # A command, a device, a register, a file: each by its beginning.
    type_in(b"disassem\t\x15info uart\t\r")
    await_text(b"disassemble")
    await_text(b"uart0 (pl011)")
    await_text(PROMPT)
    type_in(b"set uart\t.fifo_levels = 0x12\r")
    await_text(b"uart0")
    await_text(PROMPT)
    type_in(b"print/x $SCTLR_E\t\r")
    await_text(b"SCTLR_EL1")
    await_text(b"\n0x")
    await_text(PROMPT)
    with open(os.path.join(folder.name, "a-file-of-commands"), "w", encoding="utf-8") as file:
        file.write("echo from the file\n")
    type_in(f"source {folder.name}/a-fi\t\r".encode())
    await_text(b"\nfrom the file")
    await_text(PROMPT)
    type_in(b"continue\r")
    await_text(SHELL.encode())
    type_in(b"echo the-guest-$((1+1))\r")
    await_text(b"the-guest-2")
    await_text(SHELL.encode())
    type_in(b"\x03")
    await_text(PROMPT)
    type_in(b"print vfs_rea\t\r") # a symbol
    await_text(b"0xffff")
    await_text(PROMPT)
    type_in(b"half a line\x03")
    await_text(PROMPT)
    type_in(b"nonsense\r")
    await_text(b"'nonsense' is no command")
    await_text(PROMPT)
    type_in(b"\x10\x10\r") # the line before the last, from history
    await_text(b"vfs_read")
    await_text(PROMPT)
    type_in(b"quit\r")
    terminal.ends_well()
    with open(terminal.environment["ARMATURE_HISTORY"], encoding="utf-8") as file:
        lines = file.read().splitlines()
    check("info time" in lines and "nonsense" in lines, f"the history is {lines}")


def case_key():
    """Ctrl-A D in the console of a run leads to the prompt, `continue` back to the console, and so again."""
    terminal = Terminal(machine("run"))
    await_text, type_in = terminal.await_text, terminal.type_in
    await_text(SHELL.encode(), 200)
    for turn in (1, 2):
        type_in(b"\x01d")
        await_text(b"(armature) ")
        type_in(b"ps\r")
        await_text(b" init ")
        await_text(b"(armature) ")
        type_in(b"continue\r")
        type_in(f"echo the-guest-{turn}$((40+2))\r".encode())
        await_text(f"the-guest-{turn}42".encode())
        await_text(SHELL.encode())
    type_in(b"\x01d")
    await_text(b"(armature) ")
    type_in(b"stepi 5\r") # nobody asked for history beforehand: it begins with Ctrl-A D
    await_text(b"(armature) ")
    type_in(b"reverse-ste\ti\r")
    await_text(b"0xffff")
    await_text(b"(armature) ")
    type_in(b"hash\r")
    await_text(b"state at instruction")
    await_text(b"(armature) ")
    type_in(b"continue\r")
    type_in(b"poweroff -f\r")
    await_text(b"The machine has ended: the guest powered off")
    await_text(b"(armature) ")
    type_in(b"quit\r")
    terminal.ends_well()


def case_control():
    """The control socket: a line of JSON for each command, and stopping what runs."""
    path = os.path.join(folder.name, "control")
    process = subprocess.Popen(machine("run", "--control", f"unix:{path}"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    peer = socket.socket(socket.AF_UNIX)
    for _ in range(200):
        try:
            peer.connect(path)
            break
        except OSError:
            time.sleep(0.05)
    replies = peer.makefile("r", encoding="utf-8")

    def ask(text):
        peer.sendall(text.encode() + b"\n")
        return json.loads(replies.readline())
    answer = ask("stop")
    check(answer["ok"] and answer["state"]["reason"] in ("asked", "step"), f"{answer}")
    answer = ask('{"command": "expect \\"/root # \\" 100", "id": [1]}')
    check(answer["ok"] and answer["id"] == [1], f"{answer}")
    answer = ask("ps")
    check(answer["ok"] and "init" in answer["output"] and "\x1b" not in answer["output"], f"{answer}")
    answer = ask("nonsense")
    check(not answer["ok"] and "nonsense" in answer["error"], f"{answer}")
    for damaged in ("{", '{"id": 1}', "{" * 1000, '{"command": 3}'):
        answer = ask(damaged)
        check(not answer["ok"], f"{damaged}: {answer}")
    for command, reason in ((b"stop\n", "asked"), (b"send poweroff -f\n", "ended")):
        peer.sendall(b"continue\n")
        time.sleep(0.3)
        peer.sendall(command)
        first, second = json.loads(replies.readline()), json.loads(replies.readline())
        check(first["ok"] and second["ok"] and second["state"]["reason"] == reason, f"{first} {second}")
    replies.close(), peer.close()  # a machine that has ended goes with the last of those who were connected
    check(process.wait(20) == 0, "it stays when the last peer has left")


def case_gdb():
    """gdb-multiarch: registers, memory, breakpoints, steps forward and back, watchpoints, monitor."""
    if not shutil.which("gdb-multiarch"):
        sys.exit(77)
    path = os.path.join(folder.name, "gdb")
    process = subprocess.Popen(machine("run", "--gdb", f"unix:{path}"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not os.path.exists(path):
        time.sleep(0.05)
    commands = f'''set pagination off
set confirm off
set architecture aarch64
target remote {path}
monitor expect "{SHELL}" 100
info threads
python import gdb
python address = gdb.execute("monitor print vfs_read", to_string=True).split()[0]
python gdb.execute("hbreak *" + address)
monitor send uname
continue
python print("at the breakpoint", int(gdb.parse_and_eval("(long)$pc")) & (1 << 64) - 1 == int(address, 16))
delete
python before = [int(gdb.parse_and_eval("(long)$x%d" % i)) for i in range(31)]
stepi
stepi
stepi
reverse-stepi
reverse-stepi
reverse-stepi
python print("back", before == [int(gdb.parse_and_eval("(long)$x%d" % i)) for i in range(31)])
info registers SCTLR_EL1 ESR_EL1 v3
watch *(long *)($sp - 16)
continue
delete
set var $x7 = 77
p $x7
x/2i $pc
p/x *(int *)$pc
set var *(char *)($sp - 64) = 5
p *(char *)($sp - 64)
monitor nonsense
monitor info time
python
try:
    gdb.execute("x/x 0x10")
except gdb.error as error:
    print(error)
end
python gdb.execute("hbreak *" + address)
reverse-continue
python print("reached again", int(gdb.parse_and_eval("(long)$pc")) & (1 << 64) - 1 == int(address, 16))
kill
'''
    script = os.path.join(folder.name, "commands")
    with open(script, "w", encoding="utf-8") as file:
        file.write(commands)
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-x", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    output = done.stdout.decode(errors="replace")
    print(output)
    for text in ("Thread 1", "at the breakpoint True", "back True", "SCTLR_EL1", "Old value", "= 77", "'nonsense' is no command", "virtual time",
                 "Cannot access memory at address 0x10", "reached again True", "'\\005'"):
        check(text in output, f"gdb says nothing of {text!r}")
    check(process.wait(20) == 0, "the machine was not ended")


def case_lldb():
    """lldb: registers, memory, breakpoints, watchpoints, steps, monitor; it has no commands for going back."""
    if not shutil.which("lldb"):
        sys.exit(77)
    gdb, control = os.path.join(folder.name, "gdb"), os.path.join(folder.name, "control")
    process = subprocess.Popen(machine("run", "--gdb", f"unix:{gdb}", "--control", f"unix:{control}"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    while not (os.path.exists(gdb) and os.path.exists(control)):
        time.sleep(0.05)
    # It has no way to compute with what a monitor command prints, so the address is asked for elsewhere.
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(control)
    replies = peer.makefile("r", encoding="utf-8")
    for line in ("stop", f'expect "{SHELL}" 100', "send uname", "print/x vfs_read"):
        peer.sendall(line.encode() + b"\n")
        answer = json.loads(replies.readline())
        check(answer["ok"], f"{line}: {answer}")
    address = int(answer["output"], 16)
    peer.close()
    commands = f'''settings set plugin.process.gdb-remote.packet-timeout 100
process connect unix-connect://{gdb}
thread list
breakpoint set -H -a {address:#x}
continue
register read pc fp lr sp
breakpoint delete -f
thread step-inst
thread step-inst
register read pc
process plugin packet send bs
process plugin packet send bs
register read --format x pc
register read SCTLR_EL1 v3
watchpoint set expression -w write -s 8 -- $sp-16
continue
watchpoint delete -f
register write x7 77
register read x7
memory write $sp-64 5 6
memory read -c 4 $sp-64
disassemble -c 2 -s $pc
thread backtrace
process plugin packet monitor info time
process plugin packet monitor nonsense
process plugin packet send qMemoryRegionInfo:{address:x}
breakpoint set -H -a {address:#x}
process plugin packet send bc
process kill
quit
'''
    script = os.path.join(folder.name, "commands")
    with open(script, "w", encoding="utf-8") as file:
        file.write(commands)
    done = subprocess.run(["lldb", "--no-lldbinit", "-s", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200)
    output = done.stdout.decode(errors="replace")
    print(output)
    for text in ("stop reason = breakpoint 1.1", f"pc = {address:#018x}", f"pc = {address + 8:#018x}", "stop reason = instruction step into",
                 "SCTLR_EL1 = 0x", "Watchpoint 1 hit", "x7 = 0x000000000000004d", "05 06 ", "frame #2: ", "virtual time",
                 "'nonsense' is no command", "permissions:rwx"):
        check(text in output, f"lldb says nothing of {text!r}", output)
    check(output.count("response: T05") == 3, "lldb did not go back", output)
    check("failed to send the k packet" not in output, "lldb did not see the end", output)
    check(process.wait(20) == 0, "the machine was not ended")


if not os.path.exists(f"{guest}/Image"):
    sys.exit(77)
globals()[f"case_{case.replace('-', '_')}"]()
