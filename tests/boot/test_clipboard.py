#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clipboard shared with Debian's kernel, where agent.c speaks for the guest: text both ways by commands, the same
twice and by a replay; and with a window under Xvfb, whose desktop's clipboard it is. With the image of
tools/make-programs desktop in place of agent.c's program: Debian's spice-vdagent under the guest's own Xvfb. Status 77:
there is no guest.

usage: test_clipboard.py PROGRAM CACHE AGENT|programs-desktop.img
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from desktop import check, folder, run_and_end, said, serial, start, start_server, wait_for, windows  # noqa: E402

program, cache, agent = map(os.path.abspath, sys.argv[1:4])
guest = f"{cache}/guest"
disk = os.path.join(folder.name, "agent.img")
SCRIPT = """expect "root #" 60
send cat /dev/vda >/tmp/agent; chmod +x /tmp/agent; /tmp/agent; echo status $?
expect "the port is" 20
clipboard two words, \u00fcber
expect "status 0" 20
clipboard
"""


# Run by tests/guest/init. udev's part is done by hand. The desktop in the guest has its agent, loses it and gets a new
# one.
DESKTOP = r"""
mount -t tmpfs tmpfs /run
mkdir -p /run/spice-vdagentd /dev/virtio-ports /tmp/.X11-unix
for port in /sys/class/virtio-ports/*; do ln -s /dev/${port##*/} /dev/virtio-ports/$(cat $port/name); done
busybox insmod /mnt/uinput.ko
export DISPLAY=:0
Xvfb -screen 0 800x600x24 -displayfd 3 3>/tmp/display 2>/tmp/server.log &
until [ -s /tmp/display ]; do sleep 0.2; done
spice-vdagentd -X -x -d >/tmp/daemon.log 2>&1 &
until [ -S /run/spice-vdagentd/spice-vdagent-sock ]; do sleep 0.2; done
await() { # SUM: until the clipboard's text has it
    until [ "$(timeout 5 xclip -o -selection clipboard 2>/dev/null | sha256sum)" = "$1  -" ]; do sleep 0.5; done
    echo "pasted $2"
}
start_agent() { spice-vdagent -x -d >>/tmp/agent.log 2>&1 & }
start_agent
await SHORT short
printf 'cut in the guest, \303\274ber' | xclip -i -selection clipboard
await LONG long
base64 -w 70 /bin/bash | head -c 65536 | xclip -i -selection clipboard
echo "its sum $(base64 -w 70 /bin/bash | head -c 65536 | sha256sum)"
await AFTER after
kill %3; wait %3
start_agent
await AFTER again
cat /tmp/*.log | sed 's/^/log: /'
"""


def machine(*arguments, parameters="script=1", disks=(disk,)):
    return [program, *arguments, "--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append",
            f"console=ttyAMA0 quiet {parameters}", "--clipboard",
            *[word for name in disks for word in ("--disk", f"{name},ro")]]


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
    again = subprocess.run([program, "run", "--replay", log], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=250)
    check(again.returncode == 0 and "the host copied 'two words, \u00fcber'" in again.stdout.decode(errors="replace"),
          f"a replay is another run: {again}")


def xclip(*arguments, text=None):
    return subprocess.run(["xclip", "-selection", "clipboard", *arguments], input=text,
                          stdout=subprocess.PIPE if text is None
                          else subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, timeout=20).stdout


def by_window():
    start_server()
    xclip(text="from the desktop")
    complaints = os.path.join(folder.name, "complaints")
    with open(complaints, "w", encoding="utf-8") as file:
        start(*machine("run"), "--display", "sdl", "--serial", f"unix:{serial}.line", "--serial-log", serial, "--clock",
              "paced", stdin=subprocess.DEVNULL, stderr=file)
    wait_for("the shell", lambda: "/root #" in said())
    subprocess.run(["xdotool", "search", "--name", "^Armature", "windowfocus"], check=True, stdout=subprocess.DEVNULL)
    line = start("socat", "-", f"unix:{serial}.line", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    line.stdin.write(b"cat /dev/vda >/tmp/agent; chmod +x /tmp/agent; /tmp/agent; echo status $?\n")
    line.stdin.flush()
    wait_for("the text in the guest", lambda: "the host copied 'from the desktop'" in said(), 60)
    wait_for("the text on the desktop", lambda: xclip("-o") == "copied in the guest", 60)
    xclip(text="long" * 20000)
    wait_for("a word about a long text", lambda: "more than 65536 bytes" in open(complaints, encoding="utf-8").read(),
             20)


def sum_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def on_desktop():
    return xclip("-o") or ""


def real_agent():
    """Texts both ways, of a few bytes and of many messages' size, and an agent that is started anew."""
    texts = {"SHORT": "from the desktop, \u00e4hnlich", "LONG": "".join(f"line {n}\n" for n in range(5700)),
             "AFTER": "after that"}
    tree = os.path.join(folder.name, "tree")
    os.mkdir(tree)
    shutil.copy(glob.glob(f"{cache}/unpacked/lib/modules/*/kernel/drivers/input/misc/uinput.ko")[0], tree)
    with open(os.path.join(tree, "run"), "w", encoding="utf-8") as file:
        file.write(re.sub("await ([A-Z]+)", lambda match: f"await {sum_of(texts[match[1]])}", DESKTOP))
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, disk, "4M"], check=True,
                   env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    start_server()
    xclip(text=texts["SHORT"])
    running = start(*machine("run", parameters="root=/dev/vda", disks=(agent, disk)), "--memory", "1G", "--display",
                    "sdl", "--serial", f"file:{serial}", "--clock", "paced", stdin=subprocess.DEVNULL)
    wait_for("a window", lambda: windows() or running.poll() is not None, 60)
    subprocess.run(["xdotool", "search", "--name", "^Armature", "windowfocus"], check=True, stdout=subprocess.DEVNULL)
    wait_for("the short text in the guest", lambda: "pasted short" in said(), 300)
    wait_for("the guest's short text", lambda: on_desktop() == "cut in the guest, \u00fcber", 60)
    xclip(text=texts["LONG"])
    wait_for("the long text in the guest", lambda: "pasted long" in said(), 120)
    wait_for("the long text's sum", lambda: re.search("its sum [0-9a-f]{64}", said()), 60)
    wait_for("the guest's long text", lambda: sum_of(on_desktop()) == re.search("its sum ([0-9a-f]{64})", said())[1],
             120)
    xclip(text=texts["AFTER"])
    wait_for("the last text in the guest", lambda: "pasted after" in said(), 120)
    wait_for("the last text by another agent", lambda: "pasted again" in said(), 120)
    wait_for("the end", lambda: running.poll() is not None, 60)
    check(running.returncode == 0, f"status {running.returncode}")


real = agent.endswith(".img")
if not os.path.exists(f"{guest}/Image") or not os.path.exists(agent):
    print(f"no {guest} or {agent}: tools/fetch-kernel and tools/make-programs desktop make them")
    sys.exit(77)
if real:
    run_and_end(real_agent)
    sys.exit()
with open(agent, "rb") as source, open(disk, "wb") as copy:
    content = source.read()
    copy.write(content + bytes(-len(content) % 512))


def test():
    by_commands()
    by_window()


run_and_end(test)
