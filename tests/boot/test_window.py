#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The window, on a window server without a screen (Xvfb): Debian's kernel shows its text console there, keys pressed
and the pointer moved in the window reach the guest, and a window server that vanishes takes nothing else along. With a
folder that holds linux and initrd.gz of Debian's graphical installer in place of the guest: its first screens. Status
77: it is not there.

usage: test_window.py PROGRAM GUEST-FOLDER shell|pages|windows|installer
"""
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from desktop import (check, folder, pixels, run_and_end, said, serial, start, start_server, wait_for, windows,
                     xdotool)  # noqa: E402

program, guest, case = sys.argv[1:4]
program, guest = os.path.abspath(program), os.path.abspath(guest)
kernel = os.path.join(guest, "Image" if case != "installer" else "linux")


def start_machine(*arguments, line=None, display="sdl"):
    machine = start(program, "run", "--kernel", kernel, "--initrd", os.path.join(guest, "initrd.gz"), "--display",
                    display,
                    "--serial", line or f"file:{serial}", "--clock", "paced", *arguments, stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
    wait_for("a window", lambda: windows() or machine.poll() is not None, 30)
    check(machine.poll() is None,
          f"the program ended: {machine.poll()} {machine.poll() and machine.stderr.read().decode()}")
    return machine


def shot(machine, needed=True):
    """A screenshot by the window's own key; returns the bytes of the file, or none where nothing is shown yet."""
    before = set(os.listdir(folder.name))
    time.sleep(1.1)  # names hold the second
    xdotool("key", "ctrl+alt+s")
    end = time.monotonic() + (20 if needed else 3)
    while not set(os.listdir(folder.name)) - before and time.monotonic() < end:
        time.sleep(0.2)
    if not needed and not set(os.listdir(folder.name)) - before:
        return b""
    check(set(os.listdir(folder.name)) - before, "a screenshot: not within 20 s")
    time.sleep(0.5)
    with open(os.path.join(folder.name, (set(os.listdir(folder.name)) - before).pop()), "rb") as file:
        return file.read()


def case_shell():
    server = start_server()
    machine = start_machine("--append", "console=tty0 console=ttyAMA0 script=1 tty=1")
    wait_for("the title", lambda: re.search("running.*Ctrl-Alt-H", xdotool("getwindowname", windows()[0])), 20)
    wait_for("the shell", lambda: "/root #" in said())
    machine_shot = shot(machine)
    check(machine_shot[:4] == b"\x89PNG" and len(machine_shot) > 3000, "nothing is on the screen")
    # The keys go to the text console, where no shell reads: it shows them itself.
    xdotool("mousemove", 300, 300)
    xdotool("type", "--delay", "30", "Armature")
    wait_for("another picture", lambda: shot(machine) != machine_shot, 30)
    server.kill()
    wait_for("the end of the window", lambda: not children(machine), 20)
    time.sleep(1)
    check(machine.poll() is None, "the machine went with the window server")
    machine.send_signal(signal.SIGTERM)
    errors = machine.communicate(timeout=20)[1].decode()
    check("the window is gone; the machine runs on" in errors, f"it is not said: {errors}")


def title():
    return xdotool("getwindowname", windows()[0])


def case_pages():
    """The serial line as a text page: its shell is typed to, by the window and with no window."""
    start_server()
    machine = start_machine("--append", "console=ttyAMA0", "--serial-log", serial, line="page")
    wait_for("the shell", lambda: "/root #" in said())
    xdotool("key", "ctrl+alt+2")
    wait_for("the page's title", lambda: ", serial" in title(), 20)
    page = shot(machine)
    check(b"IHDR\0\0\2\x80\0\0\1\x80" in page, "the screenshot is not of the page")
    xdotool("type", "--delay", "30", "echo $((40+2))is")
    xdotool("key", "Return")
    wait_for("what was typed", lambda: "42is" in said(), 60)
    check(shot(machine) != page, "the page stays as it was")
    xdotool("key", "ctrl+alt+3")  # there is no such page
    xdotool("key", "ctrl+alt+1")
    wait_for("the screen's title", lambda: ", serial" not in title(), 20)
    xdotool("key", "ctrl+alt+q")
    check(machine.wait(20) == 0, "Ctrl-Alt-Q does not end it")
    picture = os.path.join(folder.name, "page.png")
    subprocess.run([program, "run", "--kernel", kernel, "--initrd", os.path.join(guest, "initrd.gz"), "--append",
                    "console=ttyAMA0",
                    "--serial", "page", "--clock", "virtual", "--at", "9s", "type echo again-$((1+1)); poweroff -f\n",
                    "--serial-log", serial, "--screenshot", picture], timeout=200, stdin=subprocess.DEVNULL, check=True)
    check("again-2" in said() and os.path.getsize(picture) > 1000, "no page without a window")


def window_of(part):
    """The window whose title has that."""
    return next((window for window in windows() if part in xdotool("getwindowname", window)), None)


def focus(part):
    """Has the window get the keys; it can as soon as the server has it on the screen."""
    def has_focus():
        xdotool("windowfocus", window_of(part))
        return xdotool("getwindowfocus", "-f").strip() == window_of(part)
    wait_for(f"the focus: {part}", has_focus, 30)


def case_windows():
    """Several windows: screen, serial line and console at the same time, each typed to by itself; titles; closing
    them."""
    start_server()
    script = os.path.join(folder.name, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write('expect "root #" 60\nsend cat /dev/hvc0 & sleep 1; echo star""ted\nexpect "started" 20\n')
    control = os.path.join(folder.name, "control")
    machine = start_machine("--append", "console=ttyAMA0 script=1 quiet", "--serial-log", serial, "--console", "page",
                            "--control", f"unix:{control}", "--script", script, line="page", display="sdl,windows")
    for part in ("running -", "running, serial", "running, console"):
        wait_for(f"a window: {part}", lambda: window_of(part), 60)
    check(len(windows()) == 3, f"other windows: {windows()}")
    wait_for("the cat", lambda: "started\n" in said())
    for part, typed, shown in (("running, console", "to the cat", "to the cat"),
                               ("running, serial", "echo $((40+2))is", "42is")):
        focus(part)
        time.sleep(1)  # until SDL has noticed
        xdotool("type", "--delay", "30", typed)
        xdotool("key", "Return")
        wait_for(f"what was typed: {typed}", lambda: f"\n{shown}" in said().replace("# ", "\n"), 60)
    commands = socket.socket(socket.AF_UNIX)
    commands.connect(control)
    replies = commands.makefile("r", encoding="utf-8")
    for line in ("page serial", "stop"):  # the page is shown already, so no window changes
        commands.sendall(line.encode() + b"\n")
        answer = replies.readline()
        check('"ok":true' in answer, f"{line}: {answer}")
    wait_for("the title", lambda: window_of("stopped, console"), 20)
    check(window_of("stopped -") and window_of("stopped, serial"), "a window's title tells nothing of it")
    commands.sendall(b"continue\n")
    wait_for("the title", lambda: window_of("running, console"), 20)
    focus("running, console")
    xdotool("key", "ctrl+alt+w")
    wait_for("a window less", lambda: len(windows()) == 2, 20)
    focus("running -")
    xdotool("key", "ctrl+alt+n")
    wait_for("a window more", lambda: window_of("running, console"), 20)
    xdotool("windowmove", window_of("running, console"), 640, 640, "windowraise", window_of("running, console"))
    xdotool("windowmove", window_of("running, serial"), 0, 0)
    place = 640, 640, 640, 384
    wait_for("a page in the other window", lambda: len(set(pixels(*place))) > 2, 30)
    page = pixels(*place)
    focus("running, serial")
    xdotool("type", "--delay", "30", "echo seen >/dev/hvc0")
    xdotool("key", "Return")
    wait_for("a picture that follows", lambda: pixels(*place) != page, 30)
    commands.sendall(b"stop\n")  # the user's window ends it also where it stands still for somebody else
    wait_for("the title", lambda: window_of("stopped, serial"), 20)
    xdotool("key", "ctrl+alt+q")
    check(machine.wait(20) == 0, "Ctrl-Alt-Q does not end it")


def children(machine):
    return subprocess.run(["pgrep", "-P", str(machine.pid)], stdout=subprocess.PIPE, text=True).stdout.split()


def case_installer():
    start_server()
    machine = start_machine("--append", "console=ttyAMA0 console=tty0", "--memory", "1G")
    # The list of languages: a picture that stays.
    last = [b""]

    def settled():
        before, last[0] = last[0], shot(machine, needed=False)
        return before == last[0] and len(before) > 50000
    wait_for("the list of languages", settled, 500)
    first = last[0]
    xdotool("mousemove", "--window", windows()[0], 100, 250, "click", 1)
    time.sleep(3)
    clicked = shot(machine)
    check(clicked != first, "a click changes nothing")
    xdotool("key", "Down")
    time.sleep(3)
    check(shot(machine) != clicked, "a key changes nothing")
    xdotool("key", "Return")
    wait_for("the next question", lambda: abs(len(shot(machine)) - len(clicked)) > 2000, 60)
    xdotool("key", "ctrl+alt+q")
    check(machine.wait(20) == 0, "Ctrl-Alt-Q does not end it")


if not os.path.exists(kernel):
    sys.exit(77)
run_and_end({"shell": case_shell, "pages": case_pages, "windows": case_windows, "installer": case_installer}[case])
