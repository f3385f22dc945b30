#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's arm64 programs under `armature exec --root`: the same output and end as under qemu-aarch64 (which starts no
further programs), or as the host's own.

usage: test_programs.py ARMATURE CACHE few|all ENGINE
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SAME = os.path.join(HERE, "..", "guest", "same")
LIMIT_SECONDS = 120

# Which judge, and the command; {same} and {here} are directories of scripts.
FEW = [
    ("qemu", "/usr/bin/sha256sum /usr/bin/bash"),
    ("qemu", "/usr/bin/sort -r /etc/passwd"),
    ("qemu", "/usr/bin/find /usr/bin -name c*"),
    ("qemu", "/usr/bin/grep -c root /etc/passwd"),
    ("qemu", "/usr/bin/sed -n 1,3p /etc/passwd"),
    ("qemu", "/usr/bin/mawk BEGIN{for(i=0;i<20000;i++)s+=sin(i)*i;print(s)}"),
    ("qemu", "/usr/bin/dash -c i=0;\\ while\\ [\\ $i\\ -lt\\ 5000\\ ];\\ do\\ i=$((i+1));\\ done;\\ echo\\ $i"),
    ("qemu", "/usr/bin/bash -c declare\\ -A\\ a;\\ for\\ i\\ in\\ {1..2000};\\ do\\ a[$i]=$((i*i));\\ done;\\ echo\\ "
             "${#a[@]}\\ ${a[77]}\\ $BASH_VERSION"),
    ("qemu", "/usr/bin/openssl dgst -sha3-256 /usr/bin/bash"),
    ("qemu", "/usr/bin/openssl prime 1000000007"),
    ("qemu", "/usr/bin/perl -e print(join(',',map{$_**2}1..9))"),
    ("qemu", "/usr/bin/python3 -c print(sum(i*i\\ for\\ i\\ in\\ range(99999)))"),
    ("qemu", "/usr/bin/true"),
    ("qemu", "/usr/bin/false"),
    ("qemu", "/usr/bin/cat /not/there"),
    ("qemu", "/usr/bin/date -u -d @1000000000"),
    ("host", "bash {same}/sums.sh"),
    ("host", "perl {same}/words.pl"),
    ("host", "python3 {same}/arithmetic.py"),
    ("host", "python3 {here}/programs.py"),
]
ALL = [
    ("qemu", "/usr/bin/sqlite3 :memory: select(1+1),sqlite_version()"),
    ("qemu", "/usr/bin/busybox sha256sum /usr/bin/busybox"),
    ("qemu", "/usr/bin/busybox sh -c i=0;\\ while\\ [\\ $i\\ -lt\\ 3000\\ ];\\ do\\ i=$((i+1));\\ done;\\ echo\\ "
             "$i|tr\\ 0\\ x"),
    ("host", "bash {here}/tools.sh"),
    ("end", "/usr/lib/jvm/java-17-openjdk-arm64/bin/java -version"),
    ("host", "node {same}/compute.js"),
    ("host", "bash -c gcc\\ -O2\\ -ffp-contract=off\\ -o\\ compute\\ {same}/compute.c\\ -lm\\ &&\\ ./compute"),
    ("end", "stress-ng --cpu 2 --cpu-ops 200 --verify"),
    ("end", "stress-ng --matrix 1 --matrix-ops 50 --vm 1 --vm-bytes 16M --vm-ops 200 --verify"),
    ("end", "stress-ng --pipe 1 --pipe-ops 20000 --fork 1 --fork-ops 50 "
            "--pthread 2 --pthread-ops 500 --pthread-max 16"),
    ("end", "stress-ng --futex 2 --futex-ops 2000 --mmap 1 --mmap-ops 20 --mmap-bytes 4M --sigfd 1 --sigfd-ops 2000"),
    ("end", "stress-ng --epoll 1 --epoll-ops 200 --eventfd 1 --eventfd-ops 2000 --timerfd 1 --timerfd-ops 200"),
]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C"}


def outcome(command, folder):
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, env=ENVIRONMENT)
    try:
        output, errors = process.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "no end", process.communicate()[0], b""
    return process.returncode, output, errors


def words(command, scripts):
    """The command's words; "\\ " is a blank within one."""
    text = command.replace("{same}", scripts).replace("{here}", scripts)
    return [word.replace("\0", " ") for word in text.replace("\\ ", "\0").split(" ")]


def main():
    armature, cache, which, engine = sys.argv[1:]
    armature, root = os.path.abspath(armature), os.path.join(os.path.abspath(cache), f"root-{which}")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="programs-", dir=os.path.join(root, "tmp")) as inside:
        scripts = "/" + os.path.relpath(inside, root)
        for name in os.listdir(SAME):
            shutil.copy(os.path.join(SAME, name), inside)
        for name in ("programs.py", "tools.sh"):
            shutil.copy(os.path.join(HERE, name), inside)
        for judge, command in FEW + (ALL if which == "all" else []):
            ours = [armature, "exec", "--engine", engine, "--root", root] + words(command, scripts)
            got = outcome(ours, inside)
            if judge == "qemu":
                line = words(command, scripts)
                want = outcome(["qemu-aarch64", "-L", root, root + line[0]] + line[1:], inside)
            elif judge == "host":
                if not shutil.which(command.split()[0]):
                    print(f"not compared, as the host has none: {command}")
                    want = (0, got[1], b"") if got[0] == 0 and got[1] else ("some output", b"", b"")
                else:
                    want = outcome(words(command, inside), inside)
            else:
                want = (0, got[1], b"")
            unknown = b"is not known here" in got[2]
            if got[:2] == want[:2] and not unknown:
                continue
            failures += 1
            print(f"{command}: {got[0]} instead of {want[0]}", got[1][-2000:], want[1][-2000:], got[2][-2000:],
                  sep="\n")
    return 1 if failures else 0


sys.exit(main())
