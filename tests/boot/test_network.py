#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of Debian's kernel in the guest: machines joined, cables pulled out, IPv6, dumps, sockets; lots of bytes.

usage: test_network.py PROGRAM GUEST CASE
"""
import functools
import hashlib
import http.server
import os
import re
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from typed import check, Guest  # noqa: E402

program, guest, case = os.path.abspath(sys.argv[1]), *sys.argv[2:4]
folder = tempfile.TemporaryDirectory(prefix="armature-network-")


def path(name):
    return os.path.join(folder.name, name)


def boot(*arguments):
    machine = Guest([program, "run", "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
                     "console=ttyAMA0 script=1 quiet", "--memory", "1G", "--clock", "paced", *arguments])
    machine.until(b"/root # ")
    return machine


def frames(name):
    """The frames of a pcap file."""
    with open(name, "rb") as file:
        content = file.read()
    check(struct.unpack("<IHH", content[:8]) == (0xa1b23c4d, 2, 4), "no pcap file")
    at = 24
    while at < len(content):
        length = struct.unpack("<I", content[at + 8:at + 12])[0]
        yield content[at + 16:at + 16 + length]
        at += 16 + length


def case_joined():
    """Two machines, joined by a socket, reach each other; the frames are in the dump; one pulls its cable out."""
    place = f"unix:{path('cable')}"
    control = path("control")
    one = boot("--net", f"socket:{place},listen,dump={path('one.pcap')},queues=2", "--cpus", "2",
                  "--control", f"unix:{control}")
    two = boot("--net", f"socket:{place},mac=02:00:00:00:00:22")
    one.do("ip addr add 192.168.7.1/24 dev eth0; ip link set eth0 up")
    two.do("ip addr add 192.168.7.2/24 dev eth0; ip link set eth0 up")
    check("02:00:00:00:00:22" in two.do("ip link show eth0"), "another MAC address", two.output)
    check(" 0% packet loss" in two.wait_for("ping -c 3 192.168.7.1", " 0% packet loss"), "they do not meet", two.output)
    one.type("nc -l -p 5000 </bin/busybox >/dev/null; echo sent")
    two.do("mkfifo /tmp/silence")  # which has no end: busybox' nc leaves when the other side has said all
    digest = two.wait_for("nc 192.168.7.1 5000 <>/tmp/silence | sha256sum", "  -").split()[0]
    one.until(b"\r\nsent\r\n/root # ")
    check(digest == one.do("sha256sum </bin/busybox").split()[0], "what came is something else", two.output)

    def link(state):
        with socket.socket(socket.AF_UNIX) as commands:
            commands.connect(control)
            commands.sendall(f"link net0 {state}\n".encode())
            answer = commands.recv(4096)
            check(b'"ok":true' in answer, f"link: {answer}")

    link("down")
    one.wait_for("cat /sys/class/net/eth0/carrier", "0")
    check("100% packet loss" in two.do("ping -c 1 -W 2 192.168.7.1"), "a cable that is out carries", two.output)
    link("up")
    one.wait_for("cat /sys/class/net/eth0/carrier", "1")
    two.wait_for("ping -c 1 -W 2 192.168.7.1", " 0% packet loss")
    one.end()
    two.end()
    kept = list(frames(path("one.pcap")))
    check(any(frame[:6] == b"\xff" * 6 and frame[6:12] == bytes.fromhex("020000000022") for frame in kept),
          "no question of the other's in the dump")
    check(sum(len(frame) for frame in kept) > os.path.getsize(f"{guest}/Image") // 100, "the dump is too short")


def hang_up(listener):
    """Takes each connection and ends it, until the listener is closed."""
    try:
        while True:
            listener.accept()[0].close()
    except OSError:
        pass


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"the host says " + self.rfile.readline())


def case_user():
    """IPv6 by the router's word; a guest's connection to a socket of the host; with restrict nothing else."""
    server = socketserver.ThreadingUnixStreamServer(path("echo"), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        for restrict in ("", ",restrict"):
            machine = boot("--net", f"user,guestfwd=tcp:10.0.2.100:80-unix:{path('echo')}{restrict}")
            machine.wait_for("ip addr show eth0", "inet 10.0.2.15/24")
            check("the host says hello" in machine.wait_for("echo hello | nc -w 5 10.0.2.100 80", "says"),
                  "no guestfwd", machine.output)
            tried = machine.do(f"nc -w 2 10.0.2.2 {port} </dev/null && echo connected || echo refused")
            check(("connected" in tried) == (not restrict), f"'{restrict}': {tried}", machine.output)
            if not restrict:
                machine.do("modprobe ipv6 2>/dev/null")
                if "fe80" in machine.do("ip addr show eth0"):
                    machine.wait_for("ip addr show eth0", "fec0::")
            machine.end()


def case_tap():
    """An interface of this host: the guest reaches a server at it, and the host the guest. Where the host lets nobody
    make one, there is nothing to see."""
    name = f"armtap{os.getpid() % 10000}"
    if subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tap"], stderr=subprocess.DEVNULL).returncode:
        print("no TAP interface from the host")
        sys.exit(77)
    try:
        subprocess.run(["ip", "addr", "add", "192.168.177.1/24", "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        content = os.urandom(8 << 20)
        with open(path("file"), "wb") as file:
            file.write(content)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder.name)
        server = http.server.ThreadingHTTPServer(("192.168.177.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        machine = boot("--net", f"tap:{name}")
        machine.do("ip addr add 192.168.177.2/24 dev eth0; ip link set eth0 up")
        got = machine.wait_for(f"wget -q -O - http://192.168.177.1:{server.server_port}/file | sha256sum",
                               hashlib.sha256(content).hexdigest())
        check(got, "another file", machine.output)
        machine.type("echo from the guest | nc -l -p 7000")
        for _ in range(100):  # until it listens
            try:
                with socket.create_connection(("192.168.177.2", 7000), timeout=5) as connection:
                    said = connection.recv(100)
                break
            except OSError:
                time.sleep(0.3)
        check(said == b"from the guest\n", f"the guest said {said}", machine.output)
        machine.end()
    finally:
        subprocess.run(["ip", "tuntap", "del", "dev", name, "mode", "tap"])


def case_cluster():
    """Three machines in lockstep, one of them with two processors, that copy and ping; the same again, byte for byte,
    under another engine. They have two networks, and addresses of their own; the latency is what the guest measures."""
    scripts = {
        "server": "ip addr add 192.168.7.1/24 dev eth0; ip link set eth0 up; ip link set eth1 up\n"
                  "cat /sys/class/net/*/address\n"
                  "nc -l -p 5000 </bin/busybox >/dev/null; echo sent\nsha256sum </bin/busybox\nsleep 60\n",
        "client": "ip addr add 192.168.7.2/24 dev eth0; ip link set eth0 up\nsleep 15; mkfifo /tmp/silence\n"
                  "nc 192.168.7.1 5000 <>/tmp/silence | sha256sum\nping -c 3 192.168.7.1\ncat /proc/interrupts\n",
        "other": "ip addr add 192.168.7.3/24 dev eth0; ip link set eth0 up\nsleep 20; ping -c 1 -W 2 192.168.7.1\n"
                 "sleep 300; cat /proc/uptime\n",
    }
    with open(path("cluster"), "w") as file:
        file.write("latency 2ms\n")
        for name, script in scripts.items():
            with open(path(name), "w") as lines:
                lines.write(script + "poweroff -f\n")
            file.write(f"\n[{name}]\nserial-input {path(name)}\nserial file:{path(name)}.out\n")
            file.write({"server": "net switch:lan\nnet switch:dmz\ncpus 2\n", "client": "net switch:lan\n",
                        "other": "net switch:dmz\n"}[name])
    seen = []
    for engine in ("auto", "interp"):
        done = subprocess.run([program, "run", "--cluster", path("cluster"), "--kernel", f"{guest}/Image", "--initrd",
                               f"{guest}/initrd.gz", "--append", "console=ttyAMA0 script=1 quiet", "--memory", "256M",
                               "--timeout", "900s", "--engine", engine], stdin=subprocess.DEVNULL)
        consoles = {}
        for name in scripts:
            with open(f"{path(name)}.out", "rb") as file:
                consoles[name] = file.read()
        check(done.returncode == 0, f"status {done.returncode}", b"".join(consoles.values()))
        seen.append(consoles)
    for name in scripts:
        check(seen[0][name] == seen[1][name], f"{name} is another in the second run", seen[0][name])
    text = {name: output.decode(errors="replace").replace("\r", "") for name, output in seen[0].items()}
    digest = text["server"].split("# sha256sum </bin/busybox\n")[1].split()[0]
    check(f"\n{digest}  -" in text["client"], "another file arrived", seen[0]["client"])
    times = re.findall(r"time=(\d\.\d+) ms", text["client"])
    check(len(times) == 3 and all(4 <= float(took) < 4.5 for took in times), f"a way there and back: {times}",
          seen[0]["client"])
    check("100% packet loss" in text["other"], "one network leads to the other", seen[0]["other"])
    addresses = re.findall(r"(?m)^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$", text["server"])
    check(len(set(addresses) - {"00:00:00:00:00:00"}) == 2, f"addresses: {addresses}", seen[0]["server"])


def case_bulk(megabytes=200):
    """Many bytes down and up through user-mode networking, with checksums; prints the times."""
    content = os.urandom(1 << 20) * megabytes
    digest = hashlib.sha256(content).hexdigest()
    taken = {}

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_PUT(self):
            left, sum_ = int(self.headers["Content-Length"]), hashlib.sha256()
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                sum_.update(piece)
                left -= len(piece)
            taken["up"] = sum_.hexdigest()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with open(path("file"), "wb") as file:
        file.write(content)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder.name))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine = boot("--net", "user")
    machine.wait_for("ip addr show eth0", "inet 10.0.2.15/24")
    start = time.monotonic()
    got = machine.do(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | tee /tmp/file | sha256sum")
    down = time.monotonic() - start
    check(digest in got, "another file than on the host", machine.output)
    start = time.monotonic()
    machine.do(f"(printf 'PUT / HTTP/1.0\\r\\nContent-Length: {len(content)}\\r\\n\\r\\n'; cat /tmp/file) | "
               f"nc -w 60 10.0.2.2 {server.server_port}")
    up = time.monotonic() - start
    check(taken.get("up") == digest, "another file than in the guest", machine.output)
    print(f"{megabytes} MiB: down {down:.1f} s, {megabytes / down:.1f} MiB/s; up {up:.1f} s, {megabytes / up:.1f} "
          f"MiB/s")
    machine.end()


if not os.path.exists(f"{guest}/Image"):
    print(f"no kernel in {guest}; tools/fetch-kernel makes it")
    sys.exit(77)
globals()["case_" + case.replace("-", "_")]()
