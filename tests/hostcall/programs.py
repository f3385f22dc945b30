# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads, programs, signals, sockets, polling: what Python has of the kernel's. The same on every Linux."""
import hashlib
import json
import mmap
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

found, lock = [], threading.Lock()


def work(index):
    total = 0
    for number in range(20000):
        total += number * index
    with lock:
        found.append((index, total))


def square(number):
    return number * number


threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(found))
print(subprocess.run(["/bin/echo", "a", "program"], capture_output=True, text=True).stdout.strip())
print(subprocess.check_output("echo $((3+4)) | tr 7 8", shell=True))
print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, flush=True); sys.exit(9)", "x"]).returncode)
try:
    subprocess.run(["/not/there"])
except FileNotFoundError as error:
    print(error)
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.01)
print(seen)
left, right = socket.socketpair()
left.send(b"through a socket")
print(select.select([right], [], [], 1)[0] == [right], right.recv(100))
child = os.fork()
if not child:
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
epoll = select.epoll()
epoll.register(right.fileno(), select.EPOLLIN)
left.send(b"x")
print(epoll.poll(1) == [(right.fileno(), select.EPOLLIN)])
with multiprocessing.Pool(2) as pool:
    print(pool.map(square, range(10)))
with tempfile.TemporaryFile() as file:
    file.write(b"0123456789" * 1000)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as mapped:
        mapped[5] = ord("x")
        print(mapped[:8], hashlib.sha256(mapped).hexdigest())
server = socket.create_server(("127.0.0.1", 0))
answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"served"))
answer.start()
print(socket.create_connection(server.getsockname()).recv(10))
answer.join()
signal.signal(signal.SIGALRM, lambda number, frame: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.02)
signal.pause()
print(json.dumps({"end": [1, 2.5]}))
