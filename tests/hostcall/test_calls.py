#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of calls, on the host itself and under `armature exec`: the same output and the same end.

usage: test_calls.py ARMATURE NATIVE GUEST ENGINE
"""
import difflib
import os
import signal
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 60


def outcome(command):
    """What the command prints, and how it ends, in an empty directory and a session of its own."""
    with tempfile.TemporaryDirectory(prefix="armature-calls-") as folder:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True, env={"PATH": "/usr/bin:/bin"})
        try:
            output, errors = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            return f"no end after {LIMIT_SECONDS} s", output.decode(errors="replace"), errors.decode(errors="replace")
        return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def without_names(text, program):
    """The program's own path differs."""
    return text.replace(os.path.realpath(program), "PROGRAM").replace(program, "PROGRAM")


def main():
    armature, native, guest = (os.path.abspath(path) for path in sys.argv[1:4])
    engine = sys.argv[4]
    status, output, errors = outcome([native])
    got_status, got_output, got_errors = outcome([armature, "exec", "--engine", engine, guest])
    output, got_output = without_names(output, native), without_names(got_output, guest)
    unknown = [line for line in got_errors.splitlines() if "not known" in line]
    if any("makes call 1000000," not in line
           for line in unknown) or len(unknown) > 1: # that one is asked for, and named once
        print("\n".join(unknown))
        return 1
    if (status, output) == (got_status, got_output) and len(output.splitlines()) > 4:
        return 0
    print(f"the host ends with {status}, exec with {got_status}")
    print("\n".join(difflib.unified_diff(output.splitlines(), got_output.splitlines(), "host", "exec", lineterm="",
                                         n=2)))
    print(errors, got_errors, sep="\n")
    return 1


sys.exit(main())
