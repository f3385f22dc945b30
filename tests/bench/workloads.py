# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark measures: groups with what they must reach, and workloads, each a line of bash for guest and host.

A workload prints "== begin NAME", works, and prints "== end NAME CHECKSUM [UNITS]"; what takes a fixed time says how
many units it did. $T is the folder of inputs (tests/bench/programs, kernels, text), $PART what part of the usual work
is to be done; the current folder is one to write in.
"""
import os
import re
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))

# title; the ratio to QEMU that must be reached, and the one that is aimed at, of geometric means; groups that are one
Goal = namedtuple("Goal", "title must aim groups")
GOALS = [
    Goal("integer", 2.5, 4.0, ["integer"]),
    Goal("fp, neon, crypto", 4.0, 10.0, ["fp", "neon", "crypto"]),
    Goal("programs", 2.0, 4.0, ["programs"]),
    Goal("kernel", 2.0, 5.0, ["kernel"]),
    Goal("boot", 1.3, 4.0, ["boot"]),
    Goal("memory", 1.0, 2.0, ["memory"]),
    Goal("parallel", 1.8, 1.95, ["parallel"]),
    Goal("exec integer", 2.5, 3.2, ["x-integer"]),
    Goal("exec fp, neon", 4.0, 10.0, ["x-fp", "x-neon"]),
    Goal("exec start", 1.5, 3.0, ["x-start"]),
    Goal("net", 1.0, 2.0, ["net"]),
    Goal("disk", 1.0, 2.0, ["disk"]),
    Goal("display", 1.0, 2.0, ["display"]),
    Goal("share", 1.0, 2.0, ["share"]),
]
LINE = Goal("any single line", 1.0, 2.0, [])

# Of snapshots.py: a line each, with its unit, the most that it may be, and what is aimed at (None: neither).
Limit = namedtuple("Limit", "unit must aim")
LIMITS = {
    "restore-1G": Limit("ms", 15, 5),
    "restore-8G": Limit("ms", 20, 5),
    "save-pause": Limit("ms", 30, 5),
    "save-full": Limit("ms", 1000, None),
    "save-child": Limit("ms", 50, 10),
    "save-child-size": Limit("MiB", 4, None),
    "reset": Limit("us", 200, 50),
    "reset-pages": Limit("pages", None, None),
    "reset-call": Limit("us", None, None),
    "record": Limit("x", 1.05, 1.01),
    "record-log": Limit("MiB", 1, None),
    "clone-memory": Limit("MiB", 24, 8),
    "migrate-stop": Limit("ms", 100, 20),
}

# disk: the image of tools/make-programs that it needs (None: it is no list of bash lines); same: the host must compute
# the same checksum; file: the kernel's source
Workload = namedtuple("Workload", "name group script disk same file", defaults=[None])


def read_kernels():
    """The workloads of kernels/, from the KERNEL() lines."""
    found = []
    for file in sorted(os.listdir(f"{HERE}/kernels")):
        if file.endswith(".c"):
            with open(f"{HERE}/kernels/{file}", encoding="utf-8") as source:
                name, group = re.search(r'^KERNEL\("([\w-]+)", "(\w+)", \d+\)$', source.read(), re.M).groups()
            found.append(Workload(name, group, f'"$T/kernels" {name} $PART', "few", True, file))
    return found


def program(name, command, warm, same=True):
    """A command of Debian's, started once before (`warm`) so that no disk is measured."""
    return Workload(name, "programs", f"{warm} >/dev/null 2>&1\necho '== begin {name}'\n"
                    f"sum=$({{ {command}; }} | cksum) && echo \"== end {name} ${{sum// /-}}\"", "all", same)


def openssl_speed(name, options):
    """openssl speed says when it starts, and how much it did in a second of the guest's; the first result is taken."""
    return Workload(f"openssl-{name}", "programs", f"""openssl version >/dev/null
openssl speed -mr -seconds 1 {options} 2>&1 | while IFS=: read -r tag count rest; do
    case $tag in
        +DT*) echo '== begin openssl-{name}' ;;
        +R*) echo "== end openssl-{name} - $count" ;;
    esac
done""", "all", False)


def stress(name, options, count):
    """So many of stress-ng's units of work."""
    return program(f"stress-{name}", f"stress-ng --quiet {options} $(({count} / PART + 1)) && echo good",
                   "stress-ng --version")


PROGRAMS = [
    openssl_speed("md5", "-bytes 1024 md5"),
    openssl_speed("sha256", "-bytes 1024 sha256"),
    openssl_speed("sha512", "-bytes 1024 sha512"),
    openssl_speed("aes-gcm", "-bytes 1024 -evp aes-128-gcm"),
    openssl_speed("chacha", "-bytes 1024 -evp chacha20-poly1305"),
    openssl_speed("rsa", "rsa2048"),
    openssl_speed("ecdsa", "ecdsap256"),
    program("xz", 'head -c $((400000 / PART)) "$T/text" | xz -T1 -2', "xz --version"),
    program("unxz", 'for i in $(seq $((3 / PART + 1))); do xz -dc "$T/text.xz"; done', "xz --version"),
    program("gzip", 'head -c $((3000000 / PART)) "$T/text" | gzip -n', "gzip --version"),
    program("sqlite3", 'sqlite3 :memory: ".param init" ".param set :n $((16000 / PART))" ".read $T/work.sql"',
            "sqlite3 --version"),
    program("python3", 'python3 "$T/work.py" $((7 / PART))', "python3 -c 'import json, re'"),
    program("perl", 'perl "$T/work.pl" $((7 / PART))', "perl -e 1"),
    program("gcc", 'gcc -O2 -S -o - "$T/work.c" | wc -l', "gcc -S -o /dev/null -x c /dev/null", same=False),
    stress("ackermann", "--cpu 1 --cpu-method ackermann --cpu-ops", 130),
    stress("matrix", "--matrix 1 --matrix-ops", 160),
    stress("qsort", "--qsort 1 --qsort-size 16384 --qsort-ops", 15),
    stress("vecmath", "--vecmath 1 --vecmath-ops", 65),
    stress("switch", "--switch 1 --switch-ops", 4000),
]

BOOT = Workload("boot", "boot", None, None, False)
PARALLEL = Workload("parallel", "parallel", None, "few", False)

# Programs without a machine: `armature exec` beside qemu-aarch64. The kernels again, and the start of /bin/true.
EXEC_GROUPS = {"integer": "x-integer", "fp": "x-fp", "neon": "x-neon"}
EXEC_START = Workload("x-true", "x-start", None, None, False)


def exec_workloads():
    kernels = [Workload(f"x-{one.name}", EXEC_GROUPS[one.group], None, None, True, one.file)
               for one in read_kernels() if one.group in EXEC_GROUPS]
    return kernels + [EXEC_START]


# Two jobs one after the other, and both at once: scripts for one CPU and for two.
JOB = '{ "$T/kernels" bytecode $PART; "$T/kernels" nbody $PART; "$T/kernels" lz $PART; }'
JOBS_END = "cmp -s a b && echo \"== end parallel $(cksum <a | tr ' ' -)\""
PARALLEL_SCRIPTS = [
    f"echo '== begin parallel'\n{JOB} >a\n{JOB} >b\n{JOBS_END}",
    f"echo '== begin parallel'\n{JOB} >a & {JOB} >b\nwait\n{JOBS_END}",
]


def all_workloads():
    """All, in the order of the table."""
    order = [group for goal in GOALS for group in goal.groups]
    import devices  # which is made of this
    others = sorted(read_kernels() + PROGRAMS + [BOOT, PARALLEL] + exec_workloads() + devices.DEVICES,
                    key=lambda workload: order.index(workload.group))
    return others + [Workload(name, "snapshots", None, None, False) for name in LIMITS]
