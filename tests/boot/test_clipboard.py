#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clipboard shared with Debian's kernel, where agent.c speaks for the guest: text both ways by commands, the same twice
and by a replay; and with a window under Xvfb, whose desktop's clipboard it is. Status 77: there is no guest.

usage: test_clipboard.py PROGRAM GUEST-FOLDER AGENT
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from desktop import check, folder, run_and_end, said, serial, start, start_server, wait_for  # noqa: E402

program, guest, agent = map(os.path.abspath, sys.argv[1:4])
disk = os.path.join(folder.name, "agent.img")
SCRIPT = """expect "root #" 60
send cat /dev/vda >/tmp/agent; chmod +x /tmp/agent; /tmp/agent; echo status $?
expect "the port is" 20
clipboard two words, \u00fcber
expect "status 0" 20
clipboard
"""


def machine(*arguments):
    return [program, *arguments, "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
            "console=ttyAMA0 script=1 quiet", "--clipboard", "--disk", f"{disk},ro"]


def by_commands():
    log = os.path.join(folder.name, "log")
    script = os.path.join(folder.name, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    done = subprocess.run([*machine("debug"), "--script", script, "--record", log, "--clock", "virtual"],
                          input=b"quit\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=250)
    output = done.stdout.decode(errors="replace").replace("\r", "")
    check("agent: the host copied 'two words, \u00fcber'" in output, f"the guest got nothing\n{output}")
    check("copied in the guest\n" in output, f"the host got nothing\n{output}")
    again = subprocess.run([program, "run", "--replay", log], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=250)
    check(again.returncode == 0 and "the host copied 'two words, \u00fcber'" in again.stdout.decode(errors="replace"),
          f"a replay is another run: {again}")


def xclip(*arguments, text=None):
    return subprocess.run(["xclip", "-selection", "clipboard", *arguments], input=text, stdout=subprocess.PIPE if text is None
                          else subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, timeout=20).stdout


def by_window():
    start_server()
    xclip(text="from the desktop")
    start(*machine("run"), "--display", "sdl", "--serial", f"unix:{serial}.line", "--serial-log", serial, "--clock", "paced",
          stdin=subprocess.DEVNULL)
    wait_for("the shell", lambda: "/root #" in said())
    subprocess.run(["xdotool", "search", "--name", "^Armature", "windowfocus"], check=True, stdout=subprocess.DEVNULL)
    line = start("socat", "-", f"unix:{serial}.line", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    line.stdin.write(b"cat /dev/vda >/tmp/agent; chmod +x /tmp/agent; /tmp/agent; echo status $?\n")
    line.stdin.flush()
    wait_for("the text in the guest", lambda: "the host copied 'from the desktop'" in said(), 60)
    wait_for("the text on the desktop", lambda: xclip("-o") == "copied in the guest", 60)


if not os.path.exists(f"{guest}/Image"):
    sys.exit(77)
with open(agent, "rb") as source, open(disk, "wb") as copy:
    content = source.read()
    copy.write(content + bytes(-len(content) % 512))


def test():
    by_commands()
    by_window()


run_and_end(test)
