#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots Debian's kernel and types at its shell.

usage: test_boot.py PROGRAM GUEST CASE [CPUS [ARMATURE-OPTION...]]
"""
import functools
import hashlib
import http.server
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

from picture import picture

sys.dont_write_bytecode = True
from booting import (answer, boot, boot_with_errors, check, command, cpus, folder, gic2, guest, messages,
                     options_of_all, PANIC, POWER_OFF, program, RESET, run_case, TIMEOUT)  # noqa: E402
from typed import Guest  # noqa: E402


def case_shell():
    """A shell, with all processors, that computes what the host computes; idle time is skipped."""
    start = time.monotonic()
    data = bytes(range(256)) * 1000
    output = boot("uname -m\ngrep -c ^processor /proc/cpuinfo\ntime sleep 1000\n"
                  "i=0; while [ $i -lt 256 ]; do printf \"\\\\x$(printf %x $i)\"; i=$((i+1)); done >b\n"
                  "for i in 1 2 3 4 5 6 7 8 9 10; do cat b b b b b b b b b b; done >c\n"
                  "for i in 1 2 3 4 5 6 7 8 9 10; do cat c; done | sha256sum\nlsmod\nrev </proc/sys/kernel/ostype\n"
                  "poweroff -f\n")
    print(f"{time.monotonic() - start:.1f} s of host time")
    check(answer(output, "uname -m") == "aarch64", "the machine is no aarch64", output)
    check(answer(output, "grep -c ^processor /proc/cpuinfo") == cpus, f"not {cpus} processors", output)
    slept = answer(output, "time sleep 1000")
    check("16m 40" in slept, f"1000 seconds are: {slept}", output)
    check(hashlib.sha256(data).hexdigest().encode() in output, "another checksum than on the host", output)
    check("virtio_rng" in answer(output, "lsmod"), "no virtio-rng driver", output)
    check(answer(output, "rev </proc/sys/kernel/ostype") == "xuniL", "rev is wrong", output)
    check(b"reboot: Power down" in output, "no power-off", output)
    for word in (b"Oops", b"BUG:", b"WARNING:", b"Call trace", b"rcu_sched self-detected"):
        check(word not in output, f"the kernel says {word}", output)


def case_models():
    """The kernel takes each processor model for what it is, and computes the same on it."""
    sums = set()
    line = "head -c 1000000 /bin/busybox | sha256sum"
    for model, has, lacks in (("v8.0", {"fp", "aes", "crc32"}, {"atomics", "asimddp", "paca"}),
                              ("max", {"atomics", "sha3", "bf16", "i8mm", "paca", "pacg", "bti", "rng"},
                               {"sve", "mte"})):
        output = boot(f"grep -m1 Features /proc/cpuinfo\n{line}\npoweroff -f\n", "--cpu", model)
        features = set(answer(output, "grep -m1 Features /proc/cpuinfo").split())
        check(has <= features and not lacks & features, f"{model}: {sorted(features)}", output)
        check(b"Oops" not in output and b"Call trace" not in output, f"{model}: the kernel complains", output)
        sums.add(answer(output, line))
    check(len(sums) == 1, f"checksums differ: {sums}")


def case_determinism():
    """The same seed prints the same, time stamps included; another seed makes other random numbers."""
    script = ("dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum\ncat /proc/interrupts\ncat /proc/uptime\n"
              "ls -la /proc/self/ | sha256sum\ndmesg | tail -n 3\npoweroff -f\n")
    first, again, other = (boot(script, "--clock", "virtual", "--seed", seed) for seed in ("7", "7", "8"))
    if first != again:
        names = [os.path.join(folder.name, name) for name in ("first", "again")]
        for name, content in zip(names, (first, again)):
            with open(name, "wb") as file:
                file.write(content)
        subprocess.run(["diff", "-a", *names])
    check(first == again, "two runs with one seed differ")
    random = "dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum"
    check(answer(first, random) != answer(other, random), "another seed made the same random numbers", other)


def case_engines():
    """Every engine makes the same machine: byte for byte the same console, time stamps and counters included, and at
    the same instruction the same state."""
    script = ("cat /proc/interrupts\ncat /proc/uptime\nfind /proc/sys/kernel | sha256sum\nmount | sort\n"
              "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done\ndd if=/dev/zero bs=64k count=64 | sha256sum\n"
              "for i in 1 2 3 4 5 6 7 8; do sh -c 'echo $$' & done; wait\ncat /proc/stat\npoweroff -f\n")
    marks = "1,1000,999999,30000001,100000007,150000000"
    both = {engine: boot_with_errors(script, "--clock", "virtual", "--seed", "5", "--engine", engine, "--state-hash-at",
                                     marks)
            for engine in ("interp", "auto", "jit")}
    hashes = {engine: re.findall(r"state at instruction (\d+): ([0-9a-f]{16})", errors) for engine,
              (_, errors) in both.items()}
    consoles = {engine: console for engine, (console, _) in both.items()}
    check(len(hashes["interp"]) == marks.count(",") + 1, f"not all hashes were printed: {hashes['interp']}")
    for engine, console in consoles.items():
        for here, there in zip(hashes["interp"], hashes[engine]):
            check(here == there, f"under interp the state is {here}, under {engine} {there}")
        if console != consoles["interp"]:
            for name in ("interp", engine):
                with open(os.path.join(folder.name, name), "wb") as file:
                    file.write(consoles[name])
            subprocess.run(["diff", "-a", "interp", engine], cwd=folder.name)
        check(console == consoles["interp"], f"under --engine {engine} the machine is another than under interp")


def case_cache():
    """With hardly any memory for translated code, which is dropped all the time, the machine is the same."""
    script = "find /proc/sys/kernel | sha256sum\ncat /proc/stat\npoweroff -f\n"
    marks = "1000,999999,30000001,100000007,150000000"
    one, other = (boot_with_errors(script, "--clock", "virtual", "--engine", "jit", "--state-hash-at", marks,
                                   "--jit-cache", size)
                  for size in ("2M", "256M"))
    check(one[0] == other[0], "another console with another size of the cache")
    hashes = [re.findall(r"state at instruction .*", errors) for _, errors in (one, other)]
    check(len(hashes[0]) == marks.count(",") + 1 and hashes[0] == hashes[1], f"states differ: {hashes}")


def case_lockstep():
    """Translated code does, chunk by chunk, what the interpreter does, from the first instruction to a busy shell."""
    output = boot("find /proc/sys/kernel | sha256sum\nfor i in 1 2 3 4 5 6 7 8; do sh -c 'echo $$' & done; wait\n"
                  "dd if=/dev/zero bs=64k count=64 | sha256sum\npoweroff -f\n", "--engine", "lockstep")
    digest = hashlib.sha256(bytes(64 << 16)).hexdigest()
    check(digest in answer(output, "dd if=/dev/zero bs=64k count=64 | sha256sum"), "another checksum than on the host",
          output)


def case_disk():
    """A file system on the disk: what the host wrote is read, what the guest writes is there; read-only is that."""
    tree, image, fixed = (os.path.join(folder.name, name) for name in ("tree", "image", "fixed"))
    os.mkdir(tree)
    content = os.urandom(3 << 20)
    with open(os.path.join(tree, "from-host"), "wb") as file:
        file.write(content)
    environment = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    run = functools.partial(subprocess.run, check=True, env=environment, stdout=subprocess.PIPE)
    for path in (image, fixed):
        run(["mke2fs", "-q", "-t", "ext4", "-d", tree, path, "64M"])
    with open(fixed, "rb") as file:
        before = hashlib.sha256(file.read()).digest()
    output = boot("modprobe crc32c_generic\nmodprobe ext4\nmount /dev/vda /mnt\nsha256sum /mnt/from-host\n"
                  "cat /mnt/from-host /mnt/from-host >/mnt/from-guest\numount /mnt\n"
                  "mount -o ro /dev/vdb /mnt\nsha256sum </mnt/from-host\numount /mnt\n"
                  "dd if=/dev/zero of=/dev/vdb bs=4k count=1 || echo refused\n"
                  "cat /sys/block/vda/serial\npoweroff -f\n", "--disk", image, "--disk", f"{fixed},ro")
    digest = hashlib.sha256(content).hexdigest()
    check(digest in answer(output, "sha256sum /mnt/from-host"), "the guest read something else", output)
    check(digest in answer(output, "sha256sum </mnt/from-host"), "the guest read something else read-only", output)
    check(b"refused" in output.split(b"echo refused")[1], "the read-only disk was written", output)
    check(run(["debugfs", "-R", "cat from-guest", image], stderr=subprocess.DEVNULL).stdout == content * 2,
          "the host reads something else than the guest wrote", output)
    run(["e2fsck", "-f", "-n", image])
    with open(fixed, "rb") as file:
        check(hashlib.sha256(file.read()).digest() == before, "the read-only image changed", output)


def case_drives():
    """An NVMe disk, a SCSI disk and a CD: what the host wrote is read, what the guest writes is there, also where the
    machine goes on from a snapshot in the midst; a recorded run is the same again."""
    names = [os.path.join(folder.name, name) for name in ("nvme", "scsi", "cd", "run.log", "mid.snap")]
    nvme, scsi, cd, log, snap = names
    content = {path: os.urandom(8 << 20) for path in (nvme, scsi)}
    for path, bytes_of in content.items():
        with open(path, "wb") as file:
            file.write(bytes_of)
    tree = os.path.join(folder.name, "tree")
    os.mkdir(tree)
    with open(os.path.join(tree, "file"), "wb") as file:
        file.write(content[nvme][:3000001])
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", cd, tree], check=True, stderr=subprocess.DEVNULL)
    write = "dd if=/dev/{0} of=/dev/{1} bs=64k skip=16 seek=16 count=48 conv=fsync 2>/dev/null"
    script = "\n".join((
        "cat /proc/interrupts", "sha256sum /dev/nvme0n1", "sha256sum /dev/sda", "modprobe isofs",
        "mount -t iso9660 /dev/sr0 /mnt", "sha256sum /mnt/file", "dd if=/dev/zero of=/dev/sr0 count=1 || echo refused",
        "umount /mnt", "echo begin", write.format("sda", "nvme0n1"), "blkdiscard -o 4194304 -l 65536 /dev/sda", "sync",
        "dd if=/dev/nvme0n1 of=/dev/sda bs=4k count=16 conv=fsync 2>/dev/null", "echo 3 >/proc/sys/vm/drop_caches",
        "sha256sum /dev/nvme0n1 /dev/sda", "poweroff -f", ""))
    drives = lambda word: ["--disk", f"{nvme},bus=nvme{word}", "--disk", f"{scsi},bus=scsi{word}", "--cdrom", cd]
    output = boot(script, *drives(",overlay"), "--save-on", "# echo begin", snap, "--record", log)
    digest = lambda data: hashlib.sha256(data).hexdigest()
    interrupts = answer(output, "cat /proc/interrupts")
    check("nvme0q1" in interrupts and re.search(messages, interrupts),
          "not the interrupts of an NVMe disk", output)
    check(digest(content[nvme]) in answer(output, "sha256sum /dev/nvme0n1"), "the NVMe disk holds something else",
          output)
    check(digest(content[scsi]) in answer(output, "sha256sum /dev/sda"), "the SCSI disk holds something else", output)
    check(digest(content[nvme][:3000001]) in answer(output, "sha256sum /mnt/file"), "the CD holds something else",
          output)
    check(b"refused" in output.split(b"echo refused")[1], "the CD was written", output)
    for word in (b"I/O error", b"Call trace", b"timeout"):
        check(word not in output, f"the kernel says {word}", output)
    sums = answer(output, "sha256sum /dev/nvme0n1 /dev/sda")
    done = subprocess.run([program, "run", "--restore", snap, "--clock", "virtual"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF and done.stdout and output.endswith(done.stdout) and
          sums.encode()[:64] in done.stdout, "another run from the snapshot on", done.stdout)
    done = subprocess.run([program, "run", "--replay", log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF and done.stdout == output, f"a replay is another run: {done.returncode}",
          done.stdout)
    # The same for good: now the host reads it.
    output = boot(script, *drives(""))
    check(answer(output, "sha256sum /dev/nvme0n1 /dev/sda") == sums, "other sums on the images themselves", output)
    expected = {path: bytearray(bytes_of) for path, bytes_of in content.items()}
    expected[nvme][1 << 20:4 << 20] = content[scsi][1 << 20:4 << 20]
    expected[scsi][4 << 20:(4 << 20) + 65536] = bytes(65536)
    expected[scsi][:65536] = content[nvme][:65536]
    for path, bytes_of in expected.items():
        with open(path, "rb") as file:
            check(file.read() == bytes_of, f"the host reads something else in {os.path.basename(path)}", output)


def case_qcow2():
    """A file system in a compressed qcow2 image, read through an overlay that is made for it; what the guest writes and
    discards there is a sound image for QEMU's tools, and comes back into one by armature disk."""
    raw, base, over, flat = (os.path.join(folder.name, name)
                             for name in ("raw.img", "base.qcow2", "over.qcow2", "flat.img"))
    content = os.urandom(1 << 20) * 3
    tree = os.path.join(folder.name, "tree")
    os.mkdir(tree)
    with open(os.path.join(tree, "from-host"), "wb") as file:
        file.write(content)
    environment = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    run = functools.partial(subprocess.run, check=True, env=environment, stdout=subprocess.PIPE)
    run(["mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "64M"])
    run([program, "disk", "convert", "--compress", "--compression", "zstd", raw, base])
    with open(base, "rb") as file:
        before = hashlib.sha256(file.read()).digest()
    for name in ("first", "second"):
        output = boot("modprobe crc32c_generic\nmodprobe ext4\nmount -o discard /dev/vda /mnt\n"
                      "sha256sum /mnt/from-host\n"
                      f"cat /mnt/from-host /mnt/from-host >/mnt/{name}\nrm -f /mnt/gone\ncp /mnt/{name} /mnt/gone\n"
                      "sync\numount /mnt\npoweroff -f\n", "--disk", f"{base},overlay={over}")
        check(hashlib.sha256(content).hexdigest() in answer(output, "sha256sum /mnt/from-host"),
              "the guest read something else", output)
    with open(base, "rb") as file:
        check(hashlib.sha256(file.read()).digest() == before, "the base changed", output)
    run(["qemu-img", "check", "-f", "qcow2", over])
    run([program, "disk", "check", over])
    run([program, "disk", "convert", over, flat])
    run(["qemu-img", "compare", "-f", "qcow2", "-F", "raw", over, flat])
    for name in ("first", "second"):
        check(run(["debugfs", "-R", f"cat {name}", flat], stderr=subprocess.DEVNULL).stdout == content * 2,
              "the host reads something else than the guest wrote", output)
    run(["e2fsck", "-f", "-n", flat])
    run([program, "disk", "commit", over])
    run(["qemu-img", "check", "-f", "qcow2", base])
    run(["qemu-img", "compare", "-f", "qcow2", "-F", "raw", base, flat])


def case_display():
    """The kernel's text console on the screen, seen in screenshots; keys and pointer as events of the guest; a snapshot
    in the midst shows the same."""
    shots = [os.path.join(folder.name, f"{name}.png") for name in ("early", "end", "restored")]
    snap = os.path.join(folder.name, "display.snap")
    script = ("cat /sys/class/graphics/fb0/name /sys/class/graphics/fb0/virtual_size\n"
              "dd if=/dev/input/event0 bs=24 count=4 2>/dev/null | hexdump -v -e '24/1 \"%02x\" \"\\n\"'\n"
              "dd if=/dev/input/event1 bs=24 count=3 2>/dev/null | hexdump -v -e '24/1 \"%02x\" \"\\n\"'\n"
              "echo seen >/dev/tty0\npoweroff -f\n")
    display = ("--display", "none,size=800x600")
    output = boot(script, *display, "--at", "6s", f"screenshot {shots[0]}", "--at", "20s", "key b", "--at", "30s",
                  "mouse 400 300", "--timeout", "60s", "--screenshot", shots[1], "--save-on",
                  "/root # dd if=/dev/input/event0", snap,
                  append="console=tty0 console=ttyAMA0")
    check("virtio_gpu" in answer(output, "cat /sys/class/graphics/fb0/name /sys/class/graphics/fb0/virtual_size"),
          "no virtio-gpu", output)
    events = [line[32:] for line in output.decode().split("\r\n") if re.fullmatch("[0-9a-f]{48}", line)]
    # b down, its end, b up, its end: type, code, value; then the pen in the middle.
    check(events[:4] == ["0100300001000000", "0000000000000000", "0100300000000000", "0000000000000000"],
          f"keys: {events}", output)
    check(events[4][:8] == "03000000" and 16300 < struct.unpack("<I", bytes.fromhex(events[4][8:]))[0] < 16500,
          f"pointer: {events}", output)
    width, height, rows = picture(shots[0])
    check((width, height) == (800, 600), f"the screen has {width} by {height}")
    lit = len(rows) - rows.count(0)
    check(lit > 10000, f"only {lit} bytes of the screen are lit", output)
    check(picture(shots[1])[2] != rows, "the screen did not change")
    done = subprocess.run([program, "run", "--restore", snap, "--timeout", "10ms", "--screenshot", shots[2], "--clock",
                           "virtual"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(done.returncode == TIMEOUT, f"restored: {done.stderr}")
    restored = picture(shots[2])[2]
    different = sum(1 for a, b in zip(restored, rows) if a != b)
    check(len(restored) - restored.count(0) > 10000 and different < len(rows) // 4,
          "a restored screen shows something else")


def case_usb():
    """Keyboard and tablet at an xHCI controller: keys and pointer as events of the guest, from a snapshot in the midst
    too."""
    snap = os.path.join(folder.name, "usb.snap")
    read = "dd if=/dev/input/event{} bs=24 count={} 2>/dev/null | hexdump -v -e '24/1 \"%02x\" \"\\n\"'\n"
    script = ("sleep 2\ncat /proc/interrupts\ncat /proc/bus/input/devices\n" + read.format(0, 6) + read.format(1, 3) +
              "echo end\npoweroff -f\n")
    log = os.path.join(folder.name, "usb.log")
    keys = ("--at", "20s", "key b", "--at", "30s", "mouse 400 300")
    output = boot(script, "--display", "none,size=800x600", "--input", "usb", *keys, "--save-on",
                  "# dd if=/dev/input/event0", snap,
                  *(["--record", log] if cpus == "1" else []), "--timeout", "60s")
    check("Armature USB Keyboard" in answer(output, "cat /proc/bus/input/devices"), "no keyboard", output)
    check("Armature USB Tablet" in answer(output, "cat /proc/bus/input/devices"), "no tablet", output)
    check("xhci_hcd" in answer(output, "cat /proc/interrupts"), "no interrupts", output)
    events = [line[32:] for line in output.decode().split("\r\n") if re.fullmatch("[0-9a-f]{48}", line)]
    # As with virtio-input, and before each key the usage that it is on USB.
    check(events[:6] == ["0400040005000700", "0100300001000000", "0000000000000000",
                         "0400040005000700", "0100300000000000", "0000000000000000"], f"keys: {events}", output)
    check(events[6][:8] == "03000000" and 16300 < struct.unpack("<I", bytes.fromhex(events[6][8:]))[0] < 16500,
          f"pointer: {events}", output)
    for word in (b"Call trace", b"xhci_hcd 0000:00:01.0: WARN", b"died", b"error -"):
        check(word not in output, f"the kernel says {word}", output)
    done = subprocess.run([program, "run", "--restore", snap, "--clock", "virtual", *keys], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF and events[1].encode() in done.stdout and events[6].encode() in done.stdout,
          "a restored machine has other keys", done.stdout)
    if cpus == "1":
        done = subprocess.run([program, "run", "--replay", log, *keys], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE)
        check(done.returncode == POWER_OFF and done.stdout == output, "a replay is another run", done.stdout)


def case_net():
    """An address by DHCP; the guest fetches from a server on the host; the host reaches a server in the guest."""
    content = os.urandom(2 << 20)
    with open(os.path.join(folder.name, "file"), "wb") as file:
        file.write(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder.name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Its clock is paced, so nobody waits for us until the line before has answered.
    machine = Guest(command("--net", f"user,hostfwd=tcp:{port}:8000", "--clock", "paced"))
    machine.until(b"/root # ")
    check("inet 10.0.2.15/24" in machine.do("ip addr show eth0"), "no address", machine.output)
    got = machine.do(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | sha256sum")
    check(hashlib.sha256(content).hexdigest() in got, "another file than on the host", machine.output)
    machine.type("echo ready; echo hello from the guest | nc -l -p 8000")
    machine.until(b"\nready")
    greeting, tries = b"", 0
    while not greeting and tries < 50:
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            greeting = connection.recv(100)
        time.sleep(0.2)
        tries += 1
    check(greeting == b"hello from the guest\n", f"the guest said {greeting}", machine.output)
    machine.end()


def case_limits():
    """--io-limit counts in the guest's time, for a disk of each kind; --memory is all that the guest gets of the
    host's."""
    image = os.path.join(folder.name, "image")
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    kinds = {"vda": "", "nvme0n1": ",bus=nvme", "sda": ",bus=scsi"}
    script = ("t() { a=$(cut -d' ' -f1 /proc/uptime); \"$@\" 2>/dev/null; echo $1 took $a $(cut -d' ' -f1 "
              "/proc/uptime); }\n" +
              "".join(f"t dd if=/dev/{name} of=/dev/null bs=64k count=16\n"
                      f"t dd if=/dev/zero of=/dev/{name} bs=64k count=16 conv=fsync\n" for name in kinds) +
                      "poweroff -f\n")
    disks = [word for kind in kinds.values() for word in ("--disk", f"{image}{kind},overlay")]
    for limit, least, most in (("1M", 0.9, 2), ("iops=20", 0.1, 1), ("1G", 0, 0.06)):
        output = boot(script, *disks, "--io-limit", limit, append="quiet")
        took = [float(after) - float(before) for before, after in re.findall(rb"dd took (\S+) (\S+)\r", output)]
        check(len(took) == 6 and all(least <= seconds <= most for seconds in took), f"{limit}: {took}", output)
    words = ["128M" if word == "1G" else word for word in command(append="quiet")]
    small = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    small.stdin.write(b"cat /proc/iomem\nmount -t tmpfs -o size=70% tmpfs /mnt\ntr '\\0' x </dev/zero >/mnt/full\n"
                      b"poweroff -f\n")
    small.stdin.close()
    output = small.stdout.read()
    used = os.wait4(small.pid, 0)[2].ru_maxrss >> 10
    ram = re.findall(r"([0-9a-f]+)-([0-9a-f]+) : System RAM", answer(output, "cat /proc/iomem"))
    check(ram == [("40000000", "47ffffff")] and b"No space left" in output, f"RAM at {ram}", output)
    check(128 / 2 < used < 128 + 200, f"it takes {used} MiB of the host's memory", output)
    print(f"{used} MiB")


def case_full():
    """The host has no more room: it is said in a line for each disk, the guest sees errors, and what it wrote is
    there."""
    names = [os.path.join(folder.name, name) for name in ("raw.img", "image.qcow2", "over.qcow2", "base.img")]
    raw, image, over, base = names
    for name in (raw, base):
        with open(name, "wb") as file:
            file.truncate(64 << 20)
    subprocess.run([program, "disk", "create", image, "64M"], check=True, stdout=subprocess.DEVNULL)
    disks = " ".join(("vda", "vdb", "vdc"))
    script = (f"dd if=/dev/urandom of=/tmp/kept bs=64k count=16 2>/dev/null\n"
              f"for d in {disks}; do dd if=/tmp/kept of=/dev/$d bs=64k conv=fsync 2>/dev/null && echo kept; done\n"
              f"for d in {disks}; do dd if=/dev/zero of=/dev/$d bs=64k seek=16 count=16 conv=fsync 2>/dev/null; done\n"
              f"for d in {disks}; do tr '\\0' x </dev/zero | dd of=/dev/$d bs=64k seek=64 count=256 conv=fsync "
              f"2>/dev/null || echo "
              "refused; done\necho 3 >/proc/sys/vm/drop_caches\nsha256sum </tmp/kept\n"
              f"for d in {disks}; do dd if=/dev/$d bs=64k count=16 2>/dev/null | sha256sum; done\npoweroff -f\n")
    running = subprocess.Popen(command("--disk", raw, "--disk", image, "--disk", f"{base},overlay={over}",
                                       append="quiet"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = b""
    while b"/root # " not in output:
        output += os.read(running.stdout.fileno(), 65536) or sys.exit("it ended")
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))  # stands for a full file system
    more, errors = running.communicate(script.encode())
    output, errors = output + more, errors.decode()
    check(running.returncode == POWER_OFF, f"status {running.returncode}: {errors}", output)
    check(output.count(b"\nkept") == 3 and output.count(b"\nrefused") == 3, "the guest saw other errors", output)
    check([line.split(": ")[1] for line in errors.splitlines()] == ["disk0", "disk1", "disk2"], f"it was said: "
                                                                                                f"{errors}", output)
    digest = answer(output, "sha256sum </tmp/kept").split()[0]
    check(output.decode().count(digest) == 4, "what was written is not there", output)
    for name in (image, over):
        subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", name], check=True)
        subprocess.run([program, "disk", "convert", name, f"{name}.raw"], check=True)
    for name in (raw, f"{image}.raw", f"{over}.raw"):
        with open(name, "rb") as file:
            check(hashlib.sha256(file.read(1 << 20)).hexdigest() == digest, f"the host finds something else in {name}",
                  output)


def case_balloon():
    """Memory that the guest frees goes back to the host, and its content is no matter to the guest."""
    machine = Guest(command("--balloon", "--clock", "paced"))

    def resident_mib():
        with open(f"/proc/{machine.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) >> 10

    machine.until(b"/root # ")
    before = resident_mib()
    machine.do("head -c 300000000 /dev/zero | tr '\\0' x >/tmp/big; sha256sum /tmp/big")
    full = resident_mib()
    machine.do("rm /tmp/big; sleep 8")
    empty = resident_mib()
    print(f"{before} MiB, {full} with 286 MiB more in use, {empty} when they were free again")
    check(full - before > 250 and full - empty > 200, "the memory did not go back to the host", machine.output)
    check(hashlib.sha256(b"y" * 100000000).hexdigest() in machine.do("head -c 100000000 /dev/zero | tr '\\0' y | "
                                                                     "sha256sum"),
          "another checksum than on the host", machine.output)
    machine.end()


def case_together():
    """All processors at work: each result is the host's, and processes come and go by the hundred."""
    data = bytes(range(256)) * 8192
    job = "for i in 1 2 3; do sha256sum </tmp/data; done"
    output = boot("grep -c ^processor /proc/cpuinfo\n"
                  "i=0; while [ $i -lt 256 ]; do printf \"\\\\x$(printf %02x $i)\"; i=$((i+1)); done >/tmp/bytes\n"
                  "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do cat /tmp/bytes /tmp/bytes >/tmp/data; "
                  "cp /tmp/data /tmp/bytes; done\n"
                  f"for n in 1 2 3 4 5 6; do ({job}) & done; wait\n"
                  "for n in 1 2 3 4; do (i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; echo end $n) & "
                  "done; wait\n"
                  "seq 20000 | sort -r | sort -n | sha256sum\n"
                  "poweroff -f\n")
    check(answer(output, "grep -c ^processor /proc/cpuinfo").strip() == cpus, "not all processors", output)
    check(output.count(hashlib.sha256(data).hexdigest().encode()) == 18, "a sum is not the host's", output)
    check(all(f"end {n}\r".encode() in output for n in range(1, 5)), "processes got lost", output)
    numbers = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    check(hashlib.sha256(numbers).hexdigest().encode() in output, "a pipe lost something", output)


def case_panic():
    output = boot("echo c >/proc/sysrq-trigger\n", "--exit-on-panic", status=PANIC)
    check(b"Kernel panic - not syncing: sysrq triggered crash" in output, "no panic message", output)
    check(b"end Kernel panic" in output, "the kernel was cut off in its last words", output)
    # The notice, where a driver would write it: Debian's kernel has none.
    lost = "devmem 0x90d0000 8 1\nsleep 9\n"
    recovers = "devmem 0x90d0000 8\ndevmem 0x90d0000 8 2\nsleep 9\npoweroff -f\n"
    _, errors = boot_with_errors(lost, "--exit-on-panic", status=PANIC, append="quiet")
    check("the guest's kernel panicked\n" in errors, f"no word of the notice: {errors}")
    output, errors = boot_with_errors(recovers, "--exit-on-panic", append="quiet")
    check(b"0x03" in output, "not the events that it knows", output)
    check("panicked, and one for that case goes on" in errors, f"no word of the other notice: {errors}")


def case_timeout():
    output = boot("", "--timeout", "10s", status=TIMEOUT)
    stamps = [float(stamp) for stamp in re.findall(rb"^\[ *(\d+\.\d+)\]", output, re.M)]
    check(stamps and max(stamps) <= 10, "the guest ran for longer", output)


def case_reset():
    """A reset starts the machine again, or ends it."""
    output = boot("reboot -f\necho again\npoweroff -f\n")
    check(output.count(b"Booting Linux on physical CPU") == 2, "it did not boot twice", output)
    check(b"Power down" in output, "no power-off", output)
    boot("reboot -f\n", "--no-reboot", status=RESET)


def case_end_of_input():
    """The end of piped input ends the shell, as Ctrl-D does; a last line without its end is a line."""
    output = boot("echo first\necho last", append="quiet")
    check(b"\nfirst" in output and b"Power down" in output, "the shell did not end", output)


def case_pci():
    """Disk, network and the others on PCI, by MSI-X through the translation service, or a GICv2m frame; without MSI by
    the pins. The interrupts of a device follow an affinity that is set."""
    image = os.path.join(folder.name, "image")
    content = os.urandom(4 << 20)
    with open(image, "wb") as file:
        file.write(content)
    script = ("dd if=/dev/vda bs=64k | sha256sum\nsha256sum /dev/nvme0n1\nip addr show eth0\n"
              "irq=$(grep -m1 virtio2-input /proc/interrupts | tr -d ' ' | cut -d: -f1)\n"
              "[ -z \"$irq\" ] || for cpu in 0 1; do echo $cpu >/proc/irq/$irq/smp_affinity_list; "
              "dd if=/dev/hwrng of=/dev/null bs=64 count=100; done\n"
              "cat /proc/interrupts\nls /sys/bus/pci/devices\nls /sys/block/vda/mq /sys/class/net/eth0/queues\n"
              "poweroff -f\n")
    for append, by_message in (("quiet", True), ("quiet pci=nomsi", False)):
        output = boot(script, "--bus", "pci", "--disk", f"{image},ro", "--disk", f"{image},ro,bus=nvme", "--net",
                      "user,queues=2", append=append)
        check(output.count(hashlib.sha256(content).hexdigest().encode()) == 2, "the guest read something else", output)
        check(b"inet 10.0.2.15/24" in output, "no address", output)
        interrupts = answer(output, "cat /proc/interrupts")
        check(bool(re.search(messages, interrupts)) == by_message, "not the interrupts it should have", output)
        check(answer(output, "ls /sys/bus/pci/devices").split() == [f"0000:00:{slot:02}.0" for slot in range(5)],
              "other functions", output)
        check("nvme0q0" in interrupts, "no interrupt of an NVMe disk", output)
        queues = answer(output, "ls /sys/block/vda/mq /sys/class/net/eth0/queues")
        check(queues.split() == f"/sys/block/vda/mq: {' '.join(str(n) for n in range(int(cpus)))} "
              "/sys/class/net/eth0/queues: rx-0 rx-1 tx-0 tx-1".split(), "not several queues", output)
        if by_message:
            counts = re.search(r"^ *\d+: +(\d+) +(\d+).*virtio2-input", interrupts, re.M)
            check(counts and int(counts[1]) >= 50 and int(counts[2]) >= 50, "interrupts did not follow their affinity",
                  output)


def firmware(kind, script, *arguments, status=POWER_OFF):
    """Runs firmware with the lines of `script`; returns what it printed, without the terminal's control sequences."""
    done = subprocess.run([program, "run", "--firmware", kind, "--clock", "virtual", "--cpus", cpus,
                           *options_of_all, *arguments], input=script.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=250)
    if b"install Debian's package" in done.stderr:
        print(done.stderr.decode())
        sys.exit(77)
    text = re.sub(rb"\x1b\[[0-9;=]*[A-Za-z]", b"", done.stdout)
    check(done.returncode == status, f"status {done.returncode}: {done.stderr.decode()}", text)
    return text.decode(errors="replace") + done.stderr.decode()


def case_uefi():
    """EDK2 to its shell, the same under every engine; its variables persist in their file, and without one do not."""
    variables = os.path.join(folder.name, "vars.fd")
    script = "\r\nset armature\r\nset armature kept\r\nset armature\r\nreset -s\r\n"
    marks = "1000,20000000,100000000"
    hashes = {engine: firmware("uefi", "", "--engine", engine, "--timeout", "400ms", "--state-hash-at", marks,
                               status=TIMEOUT)
              for engine in ("interp", "auto", "jit")}
    check(hashes["auto"].count("state at instruction") == 3, f"not all states: {hashes['auto']}")
    check(hashes["interp"] == hashes["auto"] == hashes["jit"], f"the engines make other machines: {hashes}")
    text = firmware("uefi", script)
    check("UEFI Interactive Shell" in text and "Shell> " in text, "no shell", text.encode())
    for already in (False, True):
        text = firmware("uefi", script, "--firmware-vars", variables)
        check(("not defined" in text) != already, "a variable came or went", text.encode())
        check(text.count("armature = kept") == 1 + already, "the variable was not set", text.encode())
    check(os.path.getsize(variables) == 64 << 20, "the file of the variables has another size than a bank")


def case_uefi_display():
    """EDK2's picture on ramfb, and the kernel's text there, before a driver for another display shows something; then
    that."""
    shots = [os.path.join(folder.name, f"{name}.png") for name in ("logo", "early", "driver")]
    output = boot("cat /sys/class/graphics/fb*/name\ncat /sys/class/graphics/fb1/modes >/sys/class/graphics/fb1/mode\n"
                  "tr '\\0' '\\377' </dev/zero "
                  "| head -c 400000 >/dev/fb1\nsleep 60\npoweroff -f\n", "--firmware", "uefi", "--display",
                  "none,size=640x480",
                  "--at", "380ms", f"screenshot {shots[0]}", "--at", "900ms", f"screenshot {shots[1]}", "--at", "40s",
                  f"screenshot {shots[2]}",
                  append="console=tty0 console=ttyAMA0")
    check("efifb: mode is 800x600x32" in output.decode(errors="replace"), "the kernel was handed no frame buffer",
          output)
    check("EFI VGA" in answer(output, "cat /sys/class/graphics/fb*/name"), "it is not used", output)
    (width, height, logo), (_, _, early), (late_width, _, late) = map(picture, shots)
    check((width, height, late_width) == (800, 600, 640), f"the screen has {width} by {height}, then {late_width}")
    check(logo.count(255) > 10000 and logo[800 * 3 * 100:800 * 3 * 200].count(0) == 800 * 3 * 100,
          "no picture in the middle", output)
    check(len(early) - early.count(0) > 10000 and early[:800 * 3 * 200] != logo[:800 * 3 * 200], "no text", output)
    check(late.count(255) > 250000, "not what was drawn by the driver", output)


def case_uefi_shell():
    """EDK2's shell on the screen, typed at by a USB keyboard: by ramfb, as it draws nothing on graphics in a slot of
    MMIO though it switches them on, and by virtio-gpu on PCI."""
    shots = [os.path.join(folder.name, f"{name}.png") for name in ("before", "after")]
    for bus, size in (("mmio", (800, 600)), ("pci", (1024, 768))):
        text = firmware("uefi", "", "--bus", bus, "--display", "none", "--input", "usb", "--at", "6s", "key x", "--at",
                        "7s",
                        f"screenshot {shots[0]}", "--at", "7010ms", r"type ver\n", "--at", "8s",
                        f"screenshot {shots[1]}", "--at", "8010ms", r"type reset -s\n", "--timeout", "20s")
        check(text.count("UEFI Interactive Shell") == 2, "no answer to what was typed", text.encode())
        (width, height, before), (_, _, after) = map(picture, shots)
        lit = [len(rows) - rows.count(0) for rows in (before, after)]
        check((width, height) == size, f"with {bus} the screen has {width} by {height}", text.encode())
        check(lit[0] > 5000 and lit[1] > lit[0] * 1.1, f"not what the shell printed: {lit}", text.encode())


def case_uboot():
    """U-Boot to its prompt; its environment is saved in flash, and is there again."""
    variables = os.path.join(folder.name, "vars.fd")
    for already in (False, True):
        text = firmware("uboot", "version\nprintenv armature\nsetenv armature kept\nsaveenv\npoweroff\n",
                        "--firmware-vars", variables)
        check(re.search(r"=> version\s+U-Boot 20", text), "no prompt", text.encode())
        check(("armature=kept" in text) == already, "the environment came or went", text.encode())


def boot_disk(kind, *arguments):
    """Firmware, GRUB, Debian's kernel, from tools/make-uefi-disk's disk."""
    disk = os.path.join(os.path.dirname(guest), "uefi.img")
    if not os.path.exists(disk):
        print("no disk: tools/make-uefi-disk makes it")
        sys.exit(77)
    # The first lines may go to who looks for a key that is pressed.
    text = firmware(kind, "\n\n\ndmesg | grep -E 'ACPI:|efi:|DMI:'\ncat /sys/class/dmi/id/product_name\nls /dev/vd*\n"
                    "cat /proc/interrupts\nls -d /proc/device-tree/psci\npoweroff -f\n", "--disk", f"{disk},ro",
                    *arguments)
    check("/dev/vda1" in text and "/dev/vda2" in text, "no partitions", text.encode())
    check("reboot: Power down" in text, "no power-off", text.encode())
    for word in ("Call trace", "BUG:", "Firmware Bug", "ACPI Error", "ACPI BIOS Error"):
        check(word not in text, f"the kernel says {word}", text.encode())
    return text


def case_uefi_disk():
    """EDK2, GRUB, Debian's kernel by ACPI, its devices in slots and on PCI, all processors there."""
    for bus, kind in (("mmio", "virtio0"), ("pci", messages)):
        text = boot_disk("uefi", "--bus", bus, "--net", "user")
        for signature in ("FACP", "DSDT", "APIC", "GTDT",
                          "SPCR") + (("MCFG",) if bus == "pci" else ()) + (("IORT",) if bus == "pci" and not gic2
                                                                           else ()):
            check(f"ACPI: {signature} 0x" in text, f"no table {signature}", text.encode())
        check("Armature Virtual Machine" in text, "no SMBIOS", text.encode())
        check(re.search(kind, text), f"not the interrupts of --bus {bus}", text.encode())
        check(re.search(r"ARMH0061:00 +3 +Edge +ACPI:Event", text), "no power key", text.encode())
        check(all(f"CPU{n} " in text for n in range(int(cpus))), "not all processors", text.encode())


def case_uefi_drives():
    """EDK2, GRUB and Debian's kernel from an NVMe disk, and from a SCSI disk: the one that comes first."""
    disk = os.path.join(os.path.dirname(guest), "uefi.img")
    if not os.path.exists(disk):
        print("no disk: tools/make-uefi-disk makes it")
        sys.exit(77)
    for words, name, place in ((("nvme", "scsi"), "nvme0n1p2", r"NVMe\("),
                               (("scsi", "nvme", "virtio"), "sda2", r"Scsi\(")):
        text = firmware("uefi", "\n\n\ncat /proc/partitions\npoweroff -f\n",
                        *[word for kind in words for word in ("--disk", f"{disk},ro,bus={kind}")])
        check("Welcome to GRUB" in text and name in text and "reboot: Power down" in text and
              re.search(rf'starting Boot\d+ "[^"]*" from .*{place}', text), f"not from {words[0]}", text.encode())


def case_uboot_disk():
    """U-Boot boots the same disk, its devices in slots and on PCI; the kernel has a device tree."""
    for bus in ("mmio", "pci"):
        text = boot_disk("uboot", "--bus", bus)
        check("EFI v2.100 by Das U-Boot" in text and "\n/proc/device-tree/psci" in text.replace("\r", ""),
              "not by U-Boot", text.encode())


run_case(globals())
