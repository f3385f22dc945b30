# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches a program from outside, of every kind, and at any instruction: to be recorded and replayed."""
import mmap
import os
import random
import select
import signal
import socket
import subprocess
import time

ticks = []


def tick(number, frame):
    ticks.append((frame.f_lineno, total))


total = 0
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while len(ticks) < 8:
    for number in range(1000):
        total += number * number
signal.setitimer(signal.ITIMER_REAL, 0)
print(ticks)
print(total, time.time(), time.perf_counter(), random.random(), os.getpid(), os.urandom(4))
print(subprocess.run(["/bin/echo", "from a child"], capture_output=True).stdout,
      subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode)
try:
    subprocess.run(["/not/there"])
except OSError as error:
    print(error)
left, right = socket.socketpair()
left.send(b"x" * 100)
print(right.recv(200), select.select([right], [], [], 0.01))
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname(), server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
left.sendmsg([b"in ", b"pieces"])
print(right.recvmsg(100), [len(part) for part in (bytearray(4), bytearray(3))])
child = os.fork()
if not child:
    os._exit(4)
print(os.waitpid(child, 0)[1] >> 8)
parts = [bytearray(10), bytearray(5)]
file = os.open("/etc/passwd", os.O_RDONLY)
print(os.readv(file, parts), parts, os.fstat(file))
print(mmap.mmap(file, 0, prot=mmap.PROT_READ)[:20])
print(sorted(os.listdir("/proc/self/fd"))[:3], os.uname(), os.listdir("/"))
os.closerange(3, 256)
print("to the end", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
