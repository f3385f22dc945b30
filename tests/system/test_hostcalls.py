#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bare-metal guests that call the host: their verdict, what the host finds afterwards, under every engine, recorded and
replayed.

usage: test_hostcalls.py PROGRAM GUEST CASE
"""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

program, guest, case = sys.argv[1:]
home = tempfile.TemporaryDirectory(prefix="armature-hostcalls-")
folder = os.path.join(home.name, "folder")


def check(true, what, output=""):
    if not true:
        sys.exit(f"{output}\n{case}: {what}")


def write_file(name, *lines):
    path = os.path.join(home.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def run(*options, status, beginning=None, errors=False):
    done = subprocess.run([program, "run", *(beginning or ["--kernel", guest, "--memory", "64M", "--clock", "virtual"]),
                           "--timeout", "60s", *options], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    output = done.stdout.replace("\r", "")
    print(output, done.stderr)
    check(done.returncode == status, f"status {done.returncode}, not {status}", output + done.stderr)
    return output + done.stderr if errors else output


def refused(*options, word):
    done = subprocess.run([program, "run", "--kernel", guest, *options], stderr=subprocess.PIPE, text=True)
    check(done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1, f"{options}: no good word",
          done.stderr)


def make_folder():
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "sub"))
    for name, content in (("data", "0123456789\n"), ("../secret", "secret")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
    os.symlink("../secret", os.path.join(folder, "out"))


def case_semihosting():
    for options in (["--engine", "interp"], ["--engine", "jit"], ["--engine", "lockstep"],
                    ["--cpus", "2", "--parallel", "--clock", "paced"]):
        make_folder()
        beginning = ["--kernel", guest, "--memory", "64M", *([] if "--parallel" in options else ["--clock", "virtual"])]
        output = run("--semihosting", folder, "--append", "one two", *options, status=42, beginning=beginning)
        for text in ("written\n", "complained\n", "text up to its end\n!\n"):
            check(text in output, f"it did not print {text!r}", output)
        check("PASS\n" in output, "wrong answers", output)
        with open(os.path.join(home.name, "secret"), encoding="utf-8") as file:
            check(file.read() == "secret", "a file outside of the folder was changed")
        check(sorted(os.listdir(folder)) == ["data", "out", "sub"], f"the folder has {os.listdir(folder)}")
    # Recorded, and done again without the folder.
    make_folder()
    log = os.path.join(home.name, "log")
    first = run("--semihosting", folder, "--append", "one two", "--record", log, status=42)
    shutil.rmtree(folder)
    for engine in ("interp", "auto"):
        again = run("--engine", engine, status=42, beginning=["--replay", log])
        check(again == first, "the replay printed something else", again)
    # Without it, the instruction is undefined.
    output = run("--append", "one two", status=0)
    check("FAIL" in output and "PASS" not in output, "there is semihosting that nobody asked for", output)
    # A console of its own: the program's standard output.
    make_folder()
    output = run("--semihosting", folder, "--append", "one two", "--serial", "none", status=42)
    check("written\n" in output, "nothing on standard output", output)
    refused("--semihosting", "/none", word="/none: No such file")
    # A policy: what it logs, what it denies, and another file in one's place.
    make_folder()
    given = ["--semihosting", folder, "--append", "one two"]
    rules = write_file("policy", 'semihosting SYS_OPEN if 0 = "d*" log', "semihosting SYS_TIME log")
    output = run(*given, "--policy", rules, status=42, errors=True)
    check("PASS\n" in output and f'policy {rules}:1: semihosting SYS_OPEN("data", 0, 4)' in output,
          "no line for a call", output)
    check('SYS_OPEN("sub' not in output and "SYS_TIME()" in output, "other lines than the rules say", output)
    make_folder()
    log = os.path.join(home.name, "log")
    rules = write_file("policy", "semihosting SYS_WRITE if 0 = 0x202 deny EBADF",
                       'semihosting SYS_OPEN if 0 = "none" rewrite 0 "data"')
    first = run(*given, "--policy", rules, "--record", log, status=1)
    check("text up to its end" in first and "written\n" not in first and "PASS" not in first, "a denied call was made",
          first)
    check(run("--policy", rules, status=1, beginning=["--replay", log]) == first, "the replay printed something else")
    refused(*given, "--policy", write_file("policy", "semihosting SYS_SPAWN deny"),
            word="line 1: semihosting has no call SYS_SPAWN")
    refused(*given, "--policy", write_file("policy", "semihosting SYS_READ if 3 = 1 deny"),
            word="SYS_READ has no argument 3")


def write_list(*lines):
    return write_file("list", *lines)


def case_hypercalls():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "guest/hypercall/examples.list"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    try:
        ctypes.CDLL("libcrypto.so.3")
        has_openssl = True
    except OSError:
        has_openssl = False
        lines = [line for line in lines if "libcrypto" not in line and "SHA256" not in line]
    path = write_list(*lines)
    for options in (["--engine", "interp"], ["--engine", "jit"], ["--engine", "lockstep"],
                    ["--parallel", "--clock", "paced"]):
        clock = [] if "--parallel" in options else ["--clock", "virtual"]
        done = subprocess.run([program, "run", "--kernel", guest, "--memory", "64M", "--timeout", "60s", *clock,
                               "--hostcall", path,
                               *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
        print(done.stdout, done.stderr)
        check(done.returncode == 0 and "PASS" in done.stdout, "wrong answers", done.stdout)
        check("copied by the host" in done.stdout and "printed at once" in done.stdout, "output is missing",
              done.stdout)
        check(("sha256" in done.stdout) == has_openssl, "SHA-256 is missing", done.stdout)
        check("guest: a line?and no other\n" in done.stderr, "the log line is missing, or more than one", done.stderr)
    log = os.path.join(home.name, "log")
    first = run("--hostcall", path, "--record", log, status=0)
    os.unlink(path)
    for engine in ("interp", "auto"):
        check(run("--engine", engine, status=0, beginning=["--replay", log]) == first,
              "the replay printed something else")
    check("FAIL" in run(status=0), "there are calls that nobody asked for")
    # Lists that are none: one line each, which names the line.
    for lines, word in ((["library libnone.so.9"], "line 1: libnone"),
                        (["library libc.so.6", "function none_such i32"], "line 2: the library has no"),
                        (["function f i32"], "line 1: a function before"),
                        (["library libc.so.6", "function abs i33 i32"], "'i33' is no kind"),
                        (["library libc.so.6", "function abs i32 int"], "'int' is no kind"),
                        (["nonsense"], "line 1: expected"),
                        (["library libc.so.6", "function abs i32 in[@4]"], "no argument 4"),
                        (["library libc.so.6", "function abs i32 in[*1] i32"], "must be in[8]"),
                        (["library libc.so.6", "function abs i32 i32", "function abs i32 i32"], "twice"),
                        (["library armature", "function system i32 string"], "has no function system")):
        refused("--hostcall", write_list(*lines), word=word)
    # A policy: what the guest says is another text, and a function is not called.
    path = write_list("library libz.so.1", "function crc32 u64 u64 in[@2] u32", "library armature",
                      "function log void string")
    rules = write_file("policy", 'hyper log rewrite 0 "in its place"', "hyper crc32 if 2 > 0 log", "hyper crc32 deny")
    output = run("--hostcall", path, "--policy", rules, status=0, errors=True)
    check("guest: in its place\n" in output and "a line" not in output, "the text is not the policy's", output)
    check(f"policy {rules}:2: hyper crc32(0, " in output and "FAIL" in output, "a denied function was called", output)
    refused("--hostcall", path, "--policy", write_file("policy", "hyper memcpy deny"),
            word="line 1: hyper has no call memcpy")


globals()["case_" + case]()
