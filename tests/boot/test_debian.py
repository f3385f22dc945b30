#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full Debian system on a qcow2 image: firmware, GRUB, systemd, a login, apt over the network, ssh through a
forwarded port, a shutdown by the power key; the same image by U-Boot; and a machine that stays, which ssh logs in to by
its key. tools/make-disk and tools/make-uefi-disk make the image: tools/make-disk .cache/debian.img;
tools/make-uefi-disk .cache/debian-uefi.img .cache/debian.img Status 77: it is not there, or the mirror is not reached.

usage: test_debian.py PROGRAM CACHE uefi|uboot|ssh
"""
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from typed import check, Guest  # noqa: E402

program, cache, case = os.path.abspath(sys.argv[1]), *sys.argv[2:4]
folder = tempfile.TemporaryDirectory(prefix="armature-debian-", dir=cache)
raw = f"{cache}/debian.img" if case == "ssh" else f"{cache}/debian-uefi.img"


def path(name):
    return os.path.join(folder.name, name)


class Machine(Guest):
    """A system whose serial line is typed at. Its time is virtual, so that a slow host makes nothing late. U-Boot asks
    for keys again and again, for which time would stand still as long as more may be piped in: there lines come by the
    control socket."""

    def __init__(self, *arguments, by_control=False):
        self.by_control = by_control
        limit = [] if by_control else ["--timeout", "3600s"]  # a guest that idles gets there at once
        super().__init__([program, "run", "--memory", "1G", "--control", f"unix:{path('control')}", "--clock",
                          "virtual", *limit, *arguments], stdin=subprocess.DEVNULL if by_control else subprocess.PIPE)

    def type(self, line):
        if self.by_control:
            self.command(f"send {line}")
        else:
            super().type(line)

    def log_in(self):
        self.until(b"login:")
        self.type("root")
        self.until(b":~#")

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as commands:
            commands.connect(path("control"))
            commands.sendall(line.encode() + b"\n")
            answer = commands.recv(4096)
            check(b'"ok":true' in answer, f"{line}: {answer}")

    def press_power(self):
        self.command("key power")

    def wait_for_end(self):
        self.until(b"reboot: Power down")
        if not self.by_control:
            self.process.stdin.close()
        while more := os.read(self.process.stdout.fileno(), 65536):
            self.output += more
        check(self.process.wait(120) == 0, f"status {self.process.returncode}", self.output)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def talk_by_vsock(machine):
    """A connection of the guest's to a socket of the host, and one of the host's to a port of the guest. perl has no
    names for it: family 40, and the address as Linux has it (vm_sockets.h)."""
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
            "perl -e 'socket(S,40,1,0) and connect(S,pack(\"SSLLL\",40,0,1234,2,0)) or die $!; syswrite S,\"a "
            "guest\\n\"; "
            "print <S>'"), "the guest does not reach the host", machine.output)
    machine.type("perl -e 'socket(S,40,1,0) and bind(S,pack(\"SSLLL\",40,0,99,0xffffffff,0)) and listen(S,1) or die "
                 "$!; "
                 "syswrite STDOUT,\"lis\".\"tens\\n\"; accept(C,S); $l=<C>; syswrite C,\"the guest heard $l\"'")
    machine.until(b"listens\r\n")
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
                           "hello; hostname; cat /proc/sys/kernel/random/boot_id"], stdout=subprocess.PIPE,
                           timeout=1200)
    check(b"Hello, world!\ndebian\n" in told.stdout, f"ssh: {told}", machine.output)
    check(told.stdout.decode().split()[-1] in machine.do("cat /proc/sys/kernel/random/boot_id"),
          "another machine answered", machine.output)
    machine.press_power()
    machine.wait_for_end()
    subprocess.run([program, "disk", "check", image], check=True)
    subprocess.run(["qemu-img", "check", "-q", image], check=True)
    # What was installed is there the next time; there is a vsock then.
    machine = Machine("--firmware", "uefi", "--firmware-vars", path("vars.fd"), "--disk", image, "--vsock", path("vm"))
    machine.log_in()
    check("Hello, world!" in machine.do("hello"), "what was installed is gone", machine.output)
    talk_by_vsock(machine)
    machine.press_power()
    machine.wait_for_end()


def case_uboot(image):
    machine = Machine("--firmware", "uboot", "--disk", image, by_control=True)
    machine.log_in()
    check("U-Boot" in machine.do("dmesg | grep -m1 efi:"), "it was not started by U-Boot", machine.output)
    check("/dev/vda2" in machine.do("findmnt -n -o SOURCE /"), "another root", machine.output)
    machine.press_power()
    machine.wait_for_end()


def case_ssh(_):
    """The key that a machine gets when it is made."""
    os.environ["ARMATURE_HOME"] = path("home")
    place = path("home/images/debian")
    os.makedirs(place)
    for name, source in (("disk.img", raw), ("Image", f"{cache}/guest/Image"),
                         ("initrd.gz", f"{cache}/guest/initrd.gz")):
        os.symlink(os.path.abspath(source), os.path.join(place, name))
    do = lambda *words: subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                       check=True)
    do("create", "web", "--from", "debian", "--memory", "1G", "--clock", "virtual")
    do("start", "web")
    try:
        told = do("ssh", "web", "hostname; id -un; echo $((6 * 7))").stdout
        check(told == "web\nroot\n42\n", f"ssh: {told}")
    finally:
        do("stop", "web", "--force")


if not os.path.exists(raw):
    print(f"no {raw}; tools/make-disk and tools/make-uefi-disk make it")
    sys.exit(77)
start = time.monotonic()
if case != "ssh":
    subprocess.run([program, "disk", "convert", raw, path("debian.qcow2")], check=True)
globals()[f"case_{case}"](path("debian.qcow2"))
print(f"{time.monotonic() - start:.0f} s")
