# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads that take turns, wait, sleep, run programs and are interrupted: to be recorded and replayed."""
import concurrent.futures
import os
import queue
import random
import signal
import subprocess
import threading
import time

work, done = queue.Queue(), []


def worker(index):
    while (item := work.get()) is not None:
        time.sleep(random.random() * 0.003)
        done.append((index, item, time.time_ns() % 1000))


threads = [threading.Thread(target=worker, args=(index,)) for index in range(4)]
for thread in threads:
    thread.start()
signal.signal(signal.SIGALRM, lambda number, frame: done.append(f"alarm behind {len(done)}"))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
for item in [*range(40), *[None] * len(threads)]:
    work.put(item)
for thread in threads:
    thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
print(done)
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    print(list(pool.map(lambda number: subprocess.run(["/bin/echo", str(number)], capture_output=True).stdout,
                        range(4))))
    print(list(pool.map(lambda number: sum(range(20000 * number)), range(6))))
outgoing, incoming = os.pipe()
reader = threading.Thread(target=lambda: print("read", os.read(outgoing, 10)))
reader.start()
time.sleep(0.01)
os.write(incoming, b"through")
reader.join()
print("to the end", flush=True)
