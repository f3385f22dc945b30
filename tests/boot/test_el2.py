#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypervisors under --el2: Debian's kernel with KVM, whose guest is kvm_guest.S, and Xen with a Linux dom0. Status 77:
what it takes is not there.

usage: test_el2.py PROGRAM CACHE KVM-HOST vhe|nvhe|uefi|time|xen CPUS ENGINE [OPTION...]
"""
import os
import re
import subprocess
import sys
import tempfile

program, cache, kvm_host, case, cpus, engine = sys.argv[1:7]
options = sys.argv[7:]
version = options[options.index("--gic") + 1] if "--gic" in options else "3"
guest = os.path.join(cache, "guest")
folder = tempfile.TemporaryDirectory(prefix="armature-el2-")
XEN_BYTES = 2 << 20  # the kernel of dom0 lies behind Xen, at this distance
RAM_BASE = 0x40000000


def check(true, what, output):
    if not true:
        sys.stdout.write(output)
        sys.exit(f"{case}: {what}")


def run(script, kernel, append, *arguments):
    done = subprocess.run([program, "run", "--el2", "--cpus", cpus, "--engine", engine, "--kernel", kernel, "--initrd",
                           f"{guest}/initrd.gz", "--append", append, "--timeout", "120s", *options, *arguments],
                          input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace").replace("\r", "")
    check(done.returncode == 0, f"status {done.returncode}", output)
    return output


def kvm_disk():
    """A disk with the program that is KVM's user, and with its guest."""
    disk = os.path.join(folder.name, "disk")
    with open(kvm_host, "rb") as file:
        content = file.read()
    with open(disk, "wb") as file:
        file.write(content + bytes(-len(content) % 512))
    return disk


START = "cat /dev/vda >/tmp/kvm; chmod +x /tmp/kvm; /tmp/kvm"


def time_travel():
    """In the midst of what KVM's guest does: back by steps, to counts and on again, by another engine from a snapshot,
    and the whole run from its log."""
    snap, log = (os.path.join(folder.name, name) for name in ("mid.snap", "log"))
    machine = ["--el2", "--cpus", cpus, "--engine", engine, "--kernel", f"{guest}/Image", "--initrd",
               f"{guest}/initrd.gz",
               "--append", "console=ttyAMA0 script=1 quiet", "--memory", "512M", "--disk", f"{kvm_disk()},overlay"]
    steps = 40
    script = (f'expect "/root # " 100\nsend {START}\nexpect "guest at EL1" 100\nhash\nsave {snap}\n' +
              "skip 7001\nhash\ninfo registers\n" * steps + "reverse-stepi 333\nhash\nskip 333\nhash\n")
    done = subprocess.run([program, "debug", *machine], input=script.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    output = done.stdout.decode(errors="replace")
    hashes = re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", output)
    check(done.returncode == 0 and len(hashes) == steps + 3, f"status {done.returncode}: {done.stderr.decode()}",
          output)
    check(re.search(r"(?m)^pc +0x0000000040[0-9a-f]{6}\n.*EL1h", output), "nowhere in KVM's guest", output)
    check(hashes[-1][1] == hashes[steps][1] and hashes[-2][1] != hashes[-1][1], "another state after going back",
          output)
    back = "".join(f"goto {count}\nhash\n" for count, _ in hashes[steps::-7])
    script = (f'expect "/root # " 100\nsend {START}\nexpect "powered off after" 100\nhash\n' + back +
              f"goto {hashes[3][0]}\nhash\n")
    done = subprocess.run([program, "debug", *machine], input=script.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    again = re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", done.stdout.decode(errors="replace"))
    check(done.returncode == 0 and again[1:] == hashes[steps::-7] + [hashes[3]], f"{again} is not {hashes[steps::-7]}",
          done.stderr.decode())
    # The snapshot goes on in the same way, whatever runs it; so does a log.
    ends = []
    for other in ("auto", "interp"):
        done = subprocess.run([program, "run", "--restore", snap, "--engine", other, "--timeout", "30s"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        ends.append(done.stdout)
        check(b"guest had its timer" in done.stdout and b"powered off after" in done.stdout,
              f"{other}: the guest does not go on: {done.returncode}", done.stdout.decode(errors="replace"))
    check(ends[0] == ends[1], "another run from the snapshot on", ends[1].decode(errors="replace"))
    outputs = []
    for words in (["run", *machine, "--record", log], ["run", "--replay", log, "--engine", "interp"]):
        done = subprocess.run([program, *words],
                              input=f"{START}\npoweroff -f\n".encode() if "--record" in words else b"",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        outputs.append(done.stdout)
        check(done.returncode == 0, f"status {done.returncode}: {done.stderr.decode()}",
              done.stdout.decode(errors="replace"))
    check(outputs[0] == outputs[1] and b"powered off after" in outputs[0], "a replay is another run",
          outputs[1].decode())


def kvm():
    disk = kvm_disk()
    mode = " kvm-arm.mode=nvhe" if case == "nvhe" else ""
    firmware = ["--firmware", "uefi"] if case == "uefi" else []
    output = run(START + "; echo status $?\n"
                 "dmesg | grep 'kvm .1.'\npoweroff -f\n", f"{guest}/Image", "console=ttyAMA0 script=1 quiet" + mode,
                 "--disk", f"{disk},ro", *firmware)
    check(("VHE mode initialized" in output) == (case != "nvhe"), "not the mode that was asked for", output)
    for line in ("guest at EL1", "guest sums", "guest had its timer", "status 0"):
        check(f"\n{line}\n" in output, f"no '{line}'", output)
    check(f"controller is of version {version}\n" in output, "another interrupt controller", output)
    check(re.search(r"powered off after \d+ exits", output), "it did not power off", output)


def xen():
    with open(f"{cache}/xen/xen", "rb") as file:
        hypervisor = file.read()
    with open(f"{guest}/Image", "rb") as file:
        kernel = file.read()
    both, tree = os.path.join(folder.name, "both"), os.path.join(folder.name, "tree")
    with open(both, "wb") as file:
        file.write(hypervisor.ljust(XEN_BYTES, b"\0") + kernel)
    subprocess.run([program, "run", "--el2", "--cpus", cpus, "--memory", "2G", "--dump-dtb", tree, *options],
                   check=True)
    source = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", tree], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=True).stdout.decode()
    module = (f"#address-cells = <2>; #size-cells = <2>; module@0 {{ compatible = \"multiboot,kernel\", "
              f"\"multiboot,module\"; "
              f"reg = <0 {RAM_BASE + XEN_BYTES:#x} 0 {len(kernel):#x}>; bootargs = \"console=hvc0 script=1\"; }};")
    source = re.sub(r"(\tchosen \{)(.*?)(\n\t\};)", lambda found: found[1] + found[2] + module + found[3], source,
                    flags=re.S)
    subprocess.run(["dtc", "-I", "dts", "-O", "dtb", "-o", tree], input=source.encode(), stderr=subprocess.DEVNULL,
                   check=True)
    output = run("dmesg | grep -i 'xen .* support'\ncat /sys/hypervisor/type\npoweroff -f\n", both,
                 "console=dtuart dtuart=/pl011@9000000 dom0_mem=768M noreboot", "--dtb", tree, "--memory", "2G")
    check("Xen 4.17 support found" in output and "\nxen\n" in output, "no dom0", output)
    check("Hardware Dom0 halted" in output, "it did not power off", output)


if not os.path.exists(f"{guest}/Image") or (case == "xen" and not os.path.exists(f"{cache}/xen/xen")):
    sys.exit(77)
{"xen": xen, "time": time_travel}.get(case, kvm)()
