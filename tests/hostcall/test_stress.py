#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""stress-ng's stressors under `armature exec`, one by one, without privilege: those that qemu-aarch64 brings to a good
end end well here too. They check what they got (--verify).

usage: test_stress.py ARMATURE ROOT [STRESSOR...]
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

SECONDS = 2        # that a stressor is given ..
LIMIT_SECONDS = 60 # .. and in which it must have ended
USER = 60006       # a user that nobody is, where the test is run as root
PROCESSES = 400
FILE_BYTES = 256 << 20
# Enough to have been in each of its methods, where that is more than it does in its time.
MORE = {"cpu": ["--cpu-ops", "200"], "vm": ["--vm-bytes", "8M"], "mmap": ["--mmap-bytes", "8M"],
        "fallocate": ["--fallocate-bytes", "16M"], "fiemap": ["--fiemap-bytes", "16M"],
        "fpunch": ["--fpunch-ops", "20"],
        "hdd": ["--hdd-bytes", "16M"], "iomix": ["--iomix-bytes", "16M"], "copy-file": ["--copy-file-bytes", "128M"],
        "sync-file": ["--sync-file-bytes", "16M"], "readahead": ["--readahead-bytes", "16M"],
        "seek": ["--seek-size", "16M"], "revio": ["--revio-bytes", "16M"], "aiol": ["--aiol-requests", "16"]}
# Not run: what they are for is to take all that the host has.
GREEDY = {
    "bigheap": "takes memory until there is none",
    "brk": "takes memory until there is none",
    "stack": "takes memory until there is none",
    "oom-pipe": "takes memory until there is none",
    "malloc": "takes memory until there is none",
    "mlockmany": "takes memory until there is none",
    "pageswap": "takes memory until there is none",
    "softlockup": "holds all processors at the highest priority",
    "rlimit": "is ended by its limits",
}
# Those that qemu-aarch64 ends well and exec does not, with the reason. There are none at present.
EXCEPTIONS = {}


def limits():
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN) # EFBIG tells, too


def outcome(command, folder):
    as_user = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT,
                               start_new_session=True, env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C"},
                               preexec_fn=limits, **as_user)
    try:
        output = process.communicate(timeout=LIMIT_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "no end", process.communicate()[0]
    return process.returncode, output


def main():
    armature, root = map(os.path.abspath, sys.argv[1:3])
    program = "/usr/bin/stress-ng"
    listed = subprocess.run([armature, "exec", "--root", root, program, "--stressors"], stdout=subprocess.PIPE,
                            check=True)
    names = sys.argv[3:] or listed.stdout.decode().split()
    counts = {"ended well": 0, "nowhere": 0, "excepted": 0, "greedy": 0}
    failures = []
    for name in names:
        if name in GREEDY:
            counts["greedy"] += 1
            continue
        inside = tempfile.mkdtemp(prefix="stress-", dir=os.path.join(root, "tmp"))
        os.chmod(inside, 0o777)
        words = [f"--{name}", "1", "--timeout", str(SECONDS), "--verify", "--oomable", *MORE.get(name, [])]
        ours = outcome([armature, "exec", "--root", root, program, *words, "--temp-path",
                        "/tmp/" + os.path.basename(inside)], inside)
        if ours[0] == 0:
            counts["ended well"] += 1
            if name in EXCEPTIONS:
                failures.append(f"{name}: is excepted, but ends well")
        else:
            judge = outcome(["qemu-aarch64", "-L", root, root + program, *words, "--temp-path", inside], inside)
            if judge[0] == 0 and name in EXCEPTIONS:
                counts["excepted"] += 1
            elif judge[0] == 0 or b"mistake in armature" in ours[1]:
                failures.append(f"{name}: {ours[0]} instead of {judge[0]}\n{ours[1][-1500:].decode(errors='replace')}")
            else:
                counts["nowhere"] += 1
            print(f"{name}: {ours[0]}, under qemu-aarch64 {judge[0]}", flush=True)
        shutil.rmtree(inside, ignore_errors=True)
    print("\n".join(failures))
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 1 if failures else 0


sys.exit(main())
