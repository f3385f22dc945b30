# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop without a screen (Xvfb) for tests of the window and the clipboard, and the processes on it."""
import os
import subprocess
import sys
import tempfile
import time

folder = tempfile.TemporaryDirectory(prefix="armature-desktop-")
serial = os.path.join(folder.name, "serial")  # what the guest's serial line says
_processes = []


def check(true, what):
    if not true:
        sys.exit(f"{what}\n{said()[-3000:]}")


def said():
    try:
        with open(serial, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def wait_for(what, true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        check(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.2)


def start(*arguments, **options):
    _processes.append(subprocess.Popen(arguments, cwd=folder.name, **options))
    return _processes[-1]


def start_server():
    """Starts Xvfb, which what is started from then on finds."""
    reading, writing = os.pipe()
    server = start("Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-fbdir", folder.name,
                   pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as file:
        os.environ["DISPLAY"] = ":" + file.readline().strip()
    return server


def pixels(left, top, width, height):
    """What the server shows there, as bytes: its memory is a file, with a header as of xwd."""
    with open(os.path.join(folder.name, "Xvfb_screen0"), "rb") as file:
        content = file.read()
    word = lambda number: int.from_bytes(content[number * 4:number * 4 + 4], "big")  # noqa: E731
    begin, line = word(0) + word(19) * 12, word(12)
    return b"".join(content[begin + row * line + left * 4:][:width * 4] for row in range(top, top + height))


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          timeout=60).stdout


def windows():
    return xdotool("search", "--name", "^Armature").split()


def run_and_end(test):
    """Runs the test, and ends all that it has started."""
    try:
        test()
    finally:
        for process in _processes:
            process.kill()
            process.wait()
