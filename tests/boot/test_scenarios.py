#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""armature test on Debian's kernel: usage: test_scenarios.py ARMATURE GUEST_DIRECTORY

Scenarios pass and fail with the right status, word and artefacts: what they printed, JUnit's XML, a snapshot that goes
on and a log that replays."""
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

program, guest = map(os.path.abspath, sys.argv[1:])
folder = tempfile.TemporaryDirectory(prefix="armature-scenarios-")
os.chdir(folder.name)


def check(truth, what, output=""):
    if not truth:
        print(output)
        sys.exit(f"test_scenarios: {what}")


def armature(*arguments, status=0):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    check(done.returncode == status, f"{arguments}: status {done.returncode}, not {status}", done.stdout)
    return done.stdout


def scenario(name, text):
    with open(name, "w") as file:
        file.write(text)


kernel = ["--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append", "console=ttyAMA0 quiet"]
scenario("save.arm", 'expect "/root # "\nsave base.snap\n')
armature("test", "save.arm", *kernel)

scenario("marks.arm", 'mark\nsend echo $((6*7)) >/tmp/x; cat /tmp/x\nexpect "42"\nexpect "/root # "\nreset\n'
                      'send cat /tmp/x\nexpect "No such file" 5\nreset\nassert $pc != 0\nwait 20ms\nexit\n')
scenario("memory.arm", 'x/4xb vfs_read\nassert-memory vfs_read 00000000\n')
scenario("late.arm", 'send echo hi\nexpect "hi"\nexpect "never printed" 2\n')
scenario("until.arm", 'send cat /proc/uptime\nrun-until do_sys_openat2\nassert $pc == do_sys_openat2\n')
scenario("false.arm", "assert 1 == 2\n")
names = ["marks", "memory", "late", "until", "false"]
said = armature("test", *[f"{name}.arm" for name in names], "--jobs", "3", "--junit", "verdicts.xml", "--artefacts",
                "left", "--restore", "base.snap", status=1)
for name, passed in zip(names, (True, False, False, True, False)):
    check(re.search(rf"^{'passed ' if passed else 'FAILED '} {name} ", said, re.M), f"{name} has another verdict", said)
    check(os.path.exists(f"left/{name}.snap") != passed, f"{name}: a snapshot where there should be none, or none")
    check(os.path.exists(f"left/{name}.log") != passed, f"{name}: a log where there should be none, or none")
check("2 passed, 3 failed" in said, "the sum is missing", said)
check("late.arm:3: the guest did not print 'never printed' in time" in said, "the reason is missing", said)
check("false.arm:1: it is not true that 1 == 2" in said, "the reason is missing", said)

suite = xml.etree.ElementTree.parse("verdicts.xml").getroot()
check((suite.get("tests"), suite.get("failures")) == ("5", "3"), "JUnit's sums are others")
check([case.get("name") for case in suite if case.find("failure") is not None] == ["memory", "late", "false"],
      "JUnit's verdicts")

# The bytes that memory really has pass.
found = re.search(r"<vfs_read>:((?:\s+0x[0-9a-f]{2}){4})", open("left/memory.txt").read())
check(found, "x shows no bytes")
scenario("memory.arm", f"assert-memory vfs_read {''.join(byte[2:] for byte in found[1].split())}\n")
armature("test", "memory.arm", "--restore", "base.snap")

# What a failure left can be used.
check("hi" in armature("run", "--replay", "left/late.log", "--engine", "interp"), "the log replays another run")
armature("run", "--restore", "left/late.snap", "--clock", "virtual", "--timeout", "10ms", status=4)
armature("test", "late.arm", "--restore", "base.snap", "--script", "x", status=2)
armature("test", "nowhere.arm", "--restore", "base.snap", status=2)
armature("test", "late.arm", "late.arm", "--restore", "base.snap", status=2)
armature("test", status=2)
