#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own arm64 programs in the guest: they compute what the host's compute, and their self-tests find no fault.
Status 77: their disk or the kernel is not there.

usage: test_guest.py PROGRAM CACHE CASE [CPUS [OPTION ...]]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

program, cache, case = sys.argv[1:4]
cpus = sys.argv[4] if len(sys.argv) > 4 else "1"
extra = sys.argv[5:]
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.TemporaryDirectory(prefix="armature-guest-")
environment = os.environ | {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}


def check(true, what, output=""):
    if not true:
        sys.exit(f"{output}\n{case}: {what}")


def make_disk(script):
    """A disk with tests/guest/same and the script for the guest's /sbin/init; returns the image's name."""
    tree, image = os.path.join(folder.name, "tree"), os.path.join(folder.name, "tests.img")
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(os.path.join(here, "same"), tree)
    with open(os.path.join(tree, "run"), "w", encoding="utf-8") as file:
        file.write(script)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, image, "4M"], check=True, env=environment)
    return image


def start(script, disk="all", memory="1G", engine="auto"):
    """The emulator, started, with the script as what the guest's /sbin/init runs under bash."""
    return subprocess.Popen(
        [program, "run", "--kernel", f"{cache}/guest/Image", "--initrd", f"{cache}/guest/initrd.gz", "--append",
         "console=ttyAMA0 quiet root=/dev/vda", "--cpus", cpus, "--memory", memory, "--engine", engine,
         "--exit-on-panic", "--disk", f"{cache}/programs-{disk}.img,ro", "--disk", make_disk(script) + ",ro", *extra],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8", errors="replace")


def run(script, **options):
    """Runs the script in the guest; returns what it printed between the marks of tests/guest/init."""
    running = start(script, **options)
    output = running.communicate()[0].replace("\r", "")
    check(running.returncode == 0, f"status {running.returncode}", output)
    for word in ("Oops", "BUG:", "WARNING: CPU", "Call trace", "self-detected stall"):
        check(word not in output, f"the kernel says {word}", output)
    match = re.search(r"^== begin ==\n(.*)^== end ==$", output, re.S | re.M)
    check(match, "no answer", output)
    return match[1]


def check_same(commands, **options):
    """The commands, which run in tests/guest/same, print the same in the guest as on the host."""
    source = os.path.join(here, "same")
    script = "\n".join(commands) + "\n"
    work = os.path.join(folder.name, "host")
    os.makedirs(work, exist_ok=True)
    expected = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, encoding="utf-8", cwd=work, check=True,
                              env=environment | {"T": source}).stdout
    output = run(f"T=/mnt\n{script}", **options)
    check(len(expected.split("\n")) > len(commands), "the host computed nothing", expected)
    for line, (host, guest) in enumerate(zip(expected.split("\n"), output.split("\n"))):
        check(host == guest, f"line {line + 1}: the host computed\n{host}\nand the guest\n{guest}")
    check(output == expected, "the guest printed more or less than the host", output)


def case_same():
    """Python, Perl, checksums, ciphers, packers and text tools."""
    check_same(["python3 $T/arithmetic.py", "perl $T/words.pl", "bash $T/sums.sh"], disk="few")


def case_compiler():
    """A compiler in the guest makes programs that compute what the host's make of the same source."""
    check_same([f"gcc {level} -ffp-contract=off -o compute $T/compute.c -lm && ./compute"
                for level in ("-O0", "-O2", "-O3")])


def stress(lines, seconds):
    """Runs stress-ng with each line's options, for so many seconds of the guest's; it verifies all it does."""
    output = run("".join(f"echo '## {line}'; stress-ng --verify --metrics-brief -t {seconds} {line} 2>&1 || echo BAD\n"
                         for line in lines))
    print(output)
    parts = output.split("## ")[1:]
    check(len(parts) == len(lines), "some did not run", output)
    for part in parts:
        check("successful run completed" in part and "BAD" not in part and not re.search(r"\bfail:|\berror:", part),
              f"stress-ng failed: {part}")


# What a loaded two-core host does within the time; a second of the guest's is up to ten of such a host's.
STRESSORS = """atomic bsearch clone eventfd fork fp funccall futex goto hash heapsort hsearch judy longjmp lsearch
madvise malloc matrix matrix-3d memcpy memfd mergesort mmap mprotect mremap msg munmap mutex nop peterson pipe poll
prefetch pthread qsort radixsort sem sendfile shellsort shm sigabrt sigfpe sigq sigrt sigsegv sigtrap skiplist
sockpair splice stack str switch timer timerfd tlb-shootdown tree tsearch vecfp vecmath vecshuf vecwide vfork wcs
zlib""".split()


def case_stress_cpu():
    stress(["--cpu 1 --cpu-method all"], 6)


def case_stress_vm():
    stress(["--vm 1 --vm-bytes 8M --vm-method all"], 5)


def case_stress_all():
    stress([f"--{name} 1" for name in STRESSORS], 1)


def case_stress_together():
    """All processors, at the same time."""
    stress(["--atomic 4 --futex 2 --pipe 2 --fork 2 --vecmath 2 --mmap 2 --vm 1 --vm-bytes 8M",
            f"--cpu {cpus} --cpu-method all", "--tlb-shootdown 2 --sem 2 --pthread 2 --mutex 4"], 2)


def case_openssl():
    """Algorithms that openssl has code of its own for on arm64 run; speeds are those of the guest's clock."""
    output = run("openssl speed -seconds 1 -bytes 1024 -mr md5 sha1 sha256 sha512 aes-128-cbc aes-256-cbc ghash "
                 "2>/dev/null | grep ^+F\nopenssl speed -seconds 1 -mr rsa2048 ecdsap256 ecdhx25519 2>/dev/null | grep "
                 "^+F\n"
                 "openssl genrsa -out key 1024 2>/dev/null && openssl rsa -in key -check -noout\n")
    rates = [float(number) for number in re.findall(r"^\+F\d?:.*[:](\d+\.\d+)$", output, re.M)]
    check(len(rates) >= 8 and min(rates) > 0, "openssl speed did not measure all", output)
    check("RSA key ok" in output, "no good key", output)


# How node may run a script: interpreted alone, and with its compilers eager.
NODE_MODES = {"jitless": "--jitless", "default": "", "sparkplug": "--always-sparkplug",
              "eager": "--interrupt-budget=1000"}


def check_node(output):
    """Every way to run it computes the same, but for what only a compiler offers."""
    results = dict(re.findall(r"^## (\S+)\n((?:\w+ .*\n)+)", output, re.M))
    check(set(results) == set(NODE_MODES), "node did not run in every way", output)
    wasm = sum(sum(i * i for i in range(n)) for n in range(1, 400))
    expected = results["jitless"]
    check("sieve 17984\n" in expected and "made 899997\n" in expected, "node computes wrong numbers", output)
    for mode, result in results.items():
        if mode != "jitless":
            check(result == f"{expected}wasm {wasm}\n", f"node {NODE_MODES[mode]} computes something else", output)


def node_script():
    return "".join(f"echo '## {mode}'; NODE_DISABLE_COLORS=1 node {flag} /mnt/compute.js 2>/dev/null\n"
                   for mode, flag in NODE_MODES.items())


def case_node():
    """A program that writes code, runs it, and throws it away."""
    check_node(run(node_script()))


def case_node_lockstep():
    """The same, translated and interpreted side by side."""
    check_node(run(node_script(), engine="lockstep"))


def case_perf():
    """perf counts what ran: the same loop twice as long retires twice as many instructions."""
    counts = {}
    for turns in (2_000_000, 4_000_000):
        output = run(f"perf stat -x, -e instructions:u,cycles,branches,page-faults,task-clock "
                     f"perl -e 'my $n = 0; for my $i (1 .. {turns}) {{ $n += $i }}' 2>&1\n")
        counts[turns] = {name: float(count) for count, name in re.findall(r"^([\d.]+),[^,]*,([\w:-]+),", output, re.M)}
        check({"instructions:u", "cycles", "task-clock"} <= set(counts[turns]), "perf does not count", output)
    more = counts[4_000_000]["instructions:u"] - counts[2_000_000]["instructions:u"]
    check(10 * 2_000_000 < more < 1000 * 2_000_000, f"twice the turns are {more} more instructions")


def case_determinism():
    """Two runs of a mixed load print the same, byte for byte."""
    script = ("stress-ng --fork 2 --futex 2 --pipe 1 --atomic 2 --sigsegv 1 --metrics-brief -t 1 2>&1\n"
              "ps aux | tail -n 20\n"
              "cat /proc/interrupts /proc/stat /proc/uptime\npython3 -c 'import os; print(os.urandom(8), id(os))'\n")
    first, again = run(script), run(script)
    check(first == again, "two runs differ: " + "\n".join(
        f"{a}\n{b}" for a, b in zip(first.split("\n"), again.split("\n")) if a != b))


def host_memory(process):
    """KiB of host memory that the process takes: (the guest's RAM, its largest mapping; all else but the cache of
    translated code, which has a limit of its own and is mapped twice)."""
    mappings = []
    with open(f"/proc/{process}/smaps", encoding="utf-8") as file:
        for line in file:
            if re.match("[0-9a-f]+-", line):
                mappings.append({"name": line.split(maxsplit=5)[5:]})
            elif line.startswith(("Size:", "Rss:")):
                mappings[-1][line.split(":")[0]] = int(line.split()[1])
    ram = max(mappings, key=lambda mapping: mapping["Size"])
    code = [mapping for mapping in mappings if any("armature-jit" in name for name in mapping["name"])]
    check(code, "no mapping of translated code was found")
    return ram["Rss"], sum(mapping["Rss"] for mapping in mappings if mapping is not ram and mapping not in code)


def case_memory():
    """The emulator's own memory is small, and a large guest costs what it touched, by its own account."""
    for memory, kib in (("1G", 1 << 20), ("8G", 8 << 20)):
        running = start("dd if=/dev/zero of=/dev/shm/x bs=1M count=300 2>/dev/null; grep MemFree /proc/meminfo\n"
                        "echo ready\nsleep 1e9\n", memory=memory)
        free = 0
        for line in running.stdout:
            if line.startswith("MemFree:"):
                free = int(line.split()[1])
            if line.strip() == "ready":
                break
        ram, own = host_memory(running.pid)
        running.kill()
        running.communicate()
        used = kib - free
        print(f"{memory}, {used >> 10} MiB in use: {ram >> 10} MiB of the guest's RAM, {own >> 10} MiB besides")
        check(free, "the guest did not say how much is free")
        check(own < 64 << 10, f"{own} KiB of its own beside a guest of {memory}")
        check(300 << 10 <= ram < used + (64 << 10), f"{ram} KiB of RAM for a guest that uses {used} KiB")


for path in ("guest/Image", "programs-few.img" if case == "same" else "programs-all.img"):
    if not os.path.exists(f"{cache}/{path}"):
        print(f"no {cache}/{path}: tools/fetch-kernel and tools/make-programs make them")
        sys.exit(77)
globals()[f"case_{case.replace('-', '_')}"]()
print(f"{case}: passed")
