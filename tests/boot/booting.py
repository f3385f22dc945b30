# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's kernel, as tools/fetch-kernel made it ready, booted to its shell: what tests of whole boots share. Their
arguments: PROGRAM GUEST CASE [CPUS [ARMATURE-OPTION...]]. Status 77: the guest is not there."""
import os
import re
import subprocess
import sys
import tempfile

POWER_OFF, HOST, USAGE, PANIC, TIMEOUT, RESET = range(6)
program, guest, case = sys.argv[1:4]
cpus = sys.argv[4] if len(sys.argv) > 4 else "1"
options_of_all = sys.argv[5:]
gic2 = "--gic" in options_of_all
messages = r" MSI \d" if gic2 else "ITS-MSI"  # Linux's names for them
folder = tempfile.TemporaryDirectory(prefix="armature-boot-")


def check(true, what, output=b""):
    if not true:
        sys.stdout.write(output.decode(errors="replace"))
        sys.exit(f"{case}: {what}")


def command(*arguments, append=""):
    return [program, "run", "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
            f"console=ttyAMA0 script=1 {append}", "--cpus", cpus, "--memory", "1G", *options_of_all, *arguments]


def boot_with_errors(script, *arguments, status=POWER_OFF, append="", from_file=False):
    """Runs the lines of `script` in the guest's shell; returns all that it printed, and what the emulator did. What is
    saved of a script from a file has all of it; of a pipe, what has come."""
    with tempfile.TemporaryFile() as file:
        file.write(script.encode())
        file.seek(0)
        given = {"stdin": file} if from_file else {"input": script.encode()}
        done = subprocess.run(command(*arguments, append=append), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **given)
    print(f"status {done.returncode}, {len(done.stdout)} bytes; {done.stderr.decode()}")
    check(done.returncode == status, f"status {done.returncode}, expected {status}", done.stdout)
    return done.stdout, done.stderr.decode()


def boot(script, *arguments, **options):
    return boot_with_errors(script, *arguments, **options)[0]


def answer(output, line):
    """What the guest printed between the prompt with the command `line` and the next prompt."""
    match = re.search(rb"# " + re.escape(line.encode()) + rb"\r\n(.*?)\r?\n?/root # ", output, re.S)
    check(match, f"no answer to: {line}", output)
    return match[1].decode().replace("\r", "")


def run_case(cases):
    """Runs the case that was asked for, of a module's globals()."""
    if not os.path.exists(f"{guest}/Image"):
        print(f"no kernel in {guest}: tools/fetch-kernel, or tools/make-kernel, makes it")
        sys.exit(77)
    cases[f"case_{case.replace('-', '_')}"]()
