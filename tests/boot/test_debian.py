#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full Debian system on a qcow2 image: firmware, GRUB, systemd, a login, apt over the network, ssh through a forwarded port,
a shutdown by the power key; and the same image by U-Boot. tools/make-disk and tools/make-uefi-disk make the image:
  tools/make-disk .cache/debian.img; tools/make-uefi-disk .cache/debian-uefi.img .cache/debian.img
Status 77: it is not there, or the mirror is not reached.

usage: test_debian.py PROGRAM CACHE uefi|uboot
"""
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

program, cache, case = os.path.abspath(sys.argv[1]), *sys.argv[2:4]
folder = tempfile.TemporaryDirectory(prefix="armature-debian-", dir=cache)
raw = f"{cache}/debian-uefi.img"


def path(name):
    return os.path.join(folder.name, name)


def check(true, what, output=b""):
    if not true:
        sys.stdout.write(output.decode(errors="replace"))
        sys.exit(f"{case}: {what}")


class Machine:
    """A system whose serial line is typed at. Its time is virtual, so that a slow host makes nothing late."""

    def __init__(self, *arguments, clock="virtual"):
        self.output, self.lines = b"", 0
        self.process = subprocess.Popen(
            [program, "run", "--memory", "1G", "--control", f"unix:{path('control')}", "--clock", clock, "--timeout", "3600s",
             *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def until(self, word, since=0):
        while word not in self.output[since:]:
            more = os.read(self.process.stdout.fileno(), 65536)
            check(more, f"the guest ended before it said {word}", self.output)
            self.output += more

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def log_in(self):
        self.until(b"login:")
        self.type("root")
        self.until(b":~#")

    def do(self, line):
        """Types a line; returns what it printed."""
        self.lines += 1
        mark, since = f"done-{self.lines}", len(self.output)
        self.type(f"{line}; echo done''-{self.lines}")
        self.until(mark.encode() + b"\r\n", since)
        return self.output[since:].decode(errors="replace").replace("\r", "").rsplit(mark, 1)[0].split("\n", 1)[1]

    def press_power(self):
        with socket.socket(socket.AF_UNIX) as commands:
            commands.connect(path("control"))
            commands.sendall(b"key power\n")
            answer = commands.recv(4096)
            check(b'"ok":true' in answer, f"key power: {answer}")

    def end(self):
        """Waits until it has powered off."""
        self.until(b"reboot: Power down")
        self.process.stdin.close()
        while more := os.read(self.process.stdout.fileno(), 65536):
            self.output += more
        check(self.process.wait(120) == 0, f"status {self.process.returncode}", self.output)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def talk_by_vsock(machine):
    """A connection of the guest's to a socket of the host, and one of the host's to a port of the guest. perl has no names for
    it: family 40, and the address as Linux has it (vm_sockets.h)."""
    def serve():
        connection = listener.accept()[0]
        with connection, connection.makefile("rwb") as lines:
            lines.write(b"the host heard " + lines.readline())

    machine.do("modprobe vmw_vsock_virtio_transport")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path("vm_1234"))
        listener.listen()
        threading.Thread(target=serve, daemon=True).start()
        check("the host heard a guest" in machine.do(
            "perl -e 'socket(S,40,1,0) and connect(S,pack(\"SSLLL\",40,0,1234,2,0)) or die $!; syswrite S,\"a guest\\n\"; "
            "print <S>'"), "the guest does not reach the host", machine.output)
    machine.type("perl -e 'socket(S,40,1,0) and bind(S,pack(\"SSLLL\",40,0,99,0xffffffff,0)) and listen(S,1) or die $!; "
                 "syswrite STDOUT,\"lis\".\"tens\\n\"; accept(C,S); $l=<C>; syswrite C,\"the guest heard $l\"'")
    machine.until(b"\nlistens")
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as lines:
        connection.connect(path("vm"))
        connection.sendall(b"CONNECT 99\n")
        check(lines.readline().startswith(b"OK "), "no connection to the guest", machine.output)
        connection.sendall(b"a host\n")
        check(lines.readline() == b"the guest heard a host\n", "the guest heard something else", machine.output)


def case_uefi(image):
    port, key = free_port(), path("key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with open(key + ".pub") as file:
        public = file.read().strip()
    machine = Machine("--firmware", "uefi", "--firmware-vars", path("vars.fd"), "--disk", image, "--cpus", "2", "--net",
                      f"user,hostfwd=tcp:{port}:22")
    machine.log_in()
    check("EDK II" in machine.do("dmesg | grep -m1 efi:"), "it was not started by UEFI", machine.output)
    for _ in range(60):  # until all is started
        state = machine.do("systemctl is-system-running --wait")
        if "running" in state or "degraded" in state:
            break
    check("running" in state, "not all of it runs: " + machine.do("systemctl --failed --no-pager"), machine.output)
    check("/dev/vda2" in machine.do("findmnt -n -o SOURCE /"), "another root", machine.output)
    updated = machine.do("apt-get update && echo updated-well")
    if "\nupdated-well" not in updated:
        print("the mirror is not reached")
        sys.exit(77)
    check("Setting up hello" in machine.do("apt-get install -y hello"), "not installed", machine.output)
    check("Hello, world!" in machine.do("hello"), "it does not run", machine.output)
    machine.do(f"mkdir -p -m 700 /root/.ssh; echo '{public}' >/root/.ssh/authorized_keys")
    told = subprocess.run(["ssh", "-p", str(port), "-i", key, "-o", f"UserKnownHostsFile={path('hosts')}", "-o",
                           "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "root@127.0.0.1",
                           "hello; hostname; cat /proc/sys/kernel/random/boot_id"], stdout=subprocess.PIPE, timeout=1200)
    check(b"Hello, world!\ndebian\n" in told.stdout, f"ssh: {told}", machine.output)
    check(told.stdout.decode().split()[-1] in machine.do("cat /proc/sys/kernel/random/boot_id"), "another machine answered",
          machine.output)
    machine.press_power()
    machine.end()
    subprocess.run([program, "disk", "check", image], check=True)
    subprocess.run(["qemu-img", "check", "-q", image], check=True)
    # What was installed is there the next time; there is a vsock then.
    machine = Machine("--firmware", "uefi", "--firmware-vars", path("vars.fd"), "--disk", image, "--vsock", path("vm"))
    machine.log_in()
    check("Hello, world!" in machine.do("hello"), "what was installed is gone", machine.output)
    talk_by_vsock(machine)
    machine.press_power()
    machine.end()


def case_uboot(image):
    # U-Boot and GRUB ask for keys again and again, for which time would stand still.
    machine = Machine("--firmware", "uboot", "--disk", image, clock="paced")
    machine.log_in()
    check("U-Boot" in machine.do("dmesg | grep -m1 efi:"), "it was not started by U-Boot", machine.output)
    check("/dev/vda2" in machine.do("findmnt -n -o SOURCE /"), "another root", machine.output)
    machine.press_power()
    machine.end()


if not os.path.exists(raw):
    print(f"no {raw}; tools/make-uefi-disk makes it")
    sys.exit(77)
start = time.monotonic()
subprocess.run([program, "disk", "convert", raw, path("debian.qcow2")], check=True)
globals()[f"case_{case}"](path("debian.qcow2"))
print(f"{time.monotonic() - start:.0f} s")
