#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `armature exec` tells of translated code: --perf-map names it by the program's addresses, --jit-dump has all of
it.

usage: test_reports.py ARMATURE NATIVE GUEST     the program jumps.c, for the host and AArch64
"""
import os
import re
import subprocess
import sys
import tempfile

armature, _, guest = (os.path.abspath(path) for path in sys.argv[1:])
with tempfile.TemporaryDirectory(prefix="armature-reports-") as folder:
    run = subprocess.Popen([armature, "exec", "--perf-map", "--jit-dump", "dump", guest], cwd=folder,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert run.wait(timeout=120) == 0
    names = f"/tmp/perf-{run.pid}.map"
    with open(names, encoding="utf-8") as file:
        lines = [re.fullmatch(r"([0-9a-f]+) ([0-9a-f]+) (\w+):(?:0x)?(\w+)(:cold)?", line.rstrip("\n"))
                 for line in file]
    os.unlink(names)
    with open(f"{folder}/dump", encoding="utf-8") as file:
        dump = file.read()
assert all(lines), "a line that perf does not know"
symbols = subprocess.check_output(["aarch64-linux-gnu-nm", guest], text=True)
start = int(re.search(r"^(\w+) t with_flags$", symbols, re.M).group(1), 16)
regions = [int(line.group(4), 16) for line in lines if line.group(3) == "region"]
assert any(start <= address < start + 4096 for address in regions), "no region of the program's loop"
# The loop's jumps stay in its region.
assert re.search(r"^region 0x%x[^\n]*:.*?jumps by the table" % (start >> 12), dump, re.M | re.S)
assert "in the table" in dump
