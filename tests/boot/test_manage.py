#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that stay: made, started, talked to, stopped, renamed, deleted; never run twice; configurations that are
none.

usage: test_manage.py PROGRAM GUEST
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

program, guest = map(os.path.abspath, sys.argv[1:3])
folder = tempfile.TemporaryDirectory(prefix="armature-manage-")
os.environ["ARMATURE_HOME"] = folder.name
os.chdir("/tmp")


def check(true, what, output=""):
    if not true:
        sys.exit(f"{what}\n{output}")


def do(*words, status=0, says="", **options):
    done = subprocess.run([program, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    text = done.stdout + done.stderr
    check(done.returncode == status, f"{words}: status {done.returncode}, not {status}", text)
    check(says in text, f"{words}: does not say '{says}'", text)
    check(status == 0 or text.count("\n") == 1, f"{words}: more than one line", text)
    return done.stdout


def place(name, file=""):
    return os.path.join(folder.name, "machines", name, file)


def wait_for(word, name):
    for _ in range(4000):
        with open(place(name, "console.log"), errors="replace") as log:
            if word in log.read():
                return
        time.sleep(0.1)
    check(False, f"'{word}' is not in the log of {name}")


if not os.path.exists(f"{guest}/Image"):
    print(f"no kernel in {guest}; tools/fetch-kernel makes it")
    sys.exit(77)

# What is refused.
check(do("list") == "", "there are machines already")
do("start", "web", status=1, says="no machine 'web'")
do("start", status=2, says="NAME")
for name in ("../x", "", ".x", "a/b", "x" * 64, "-x"):
    do("create", name, "--kernel", "k", status=1, says="is no name")
do("create", "web", "--kernel", "k", "--save-at", "5", "x", status=1, says="for one run")
do("create", "web", "--kernel", "k", "--memory", "3", status=1, says="--memory")
do("create", "web", "--from", "nothing", status=1, says="armature get nothing")
check(do("list") == "", "what was refused is there")

boot = ["--kernel", f"{guest}/Image", "--initrd", f"{guest}/initrd.gz", "--append", "console=ttyAMA0 quiet"]
do("create", "web", *boot, "--memory", "256M", says="made")
do("create", "web", *boot, status=1, says="already")
with open(place("web", "config")) as file:
    config = file.read()
check(re.search(r"^seed \d+$", config, re.M), "its keys and addresses are any machine's", config)
check("memory 256M\n" in config and re.search(r"^net user,hostfwd=tcp:\d+:22$", config, re.M), "another configuration",
      config)
for line, says in (("frob 3", "'frob'"), ("memory", "value is missing"), ("parallel 3", "nothing is expected"),
                   ("save-at 3 x", "'save-at'")):
    with open(place("web", "config"), "w") as file:
        file.write(config + line + "\n")
    do("start", "web", status=1, says=says)
    check("broken" in do("list"), "a broken machine is listed as if it were none")
with open(place("web", "config"), "w") as file:
    file.write("# edited by hand\n\n  cpus \t 2\n" + config)

# It runs, once.
do("start", "web", says="started")
check(re.search(r"^web +runs +\d+ +256M", do("list")), "it is not listed", do("list"))
for words in (("start", "web"), ("rename", "web", "www"), ("delete", "web", "--yes")):
    do(*words, status=1, says="runs already")
wait_for("# ", "web")
shell = subprocess.Popen([program, "shell", "web"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
shell.stdin.write(b"echo the sum is $((6 * 7)) of $(grep -c ^processor /proc/cpuinfo)\n")
shell.stdin.flush()
output = b""
while b"the sum is 42 of 2" not in output:
    more = os.read(shell.stdout.fileno(), 4096)
    check(more, "the shell ended", output)
    output += more
shell.stdin.write(b"echo lost\x1d never\n")
shell.stdin.close()
check(shell.wait(30) == 0, "Ctrl-] does not detach")
do("list", says="runs")
check("the sum is 42 of 2" in do("logs", "web"), "the log lacks it")
do("shell", "web", input="\npoweroff -f\n")  # behind the line that was begun
for _ in range(600):
    if "stopped" in do("list"):
        break
    time.sleep(0.1)
do("list", says="stopped")
do("shell", "web", status=1, says="does not run")
do("stop", "web", says="does not run")

# A run that was killed is in nobody's way; one that is asked to ends.
do("rename", "web", "www")
do("start", "web", status=1, says="no machine")
do("start", "www")
runner = int(do("list").split()[2])
os.kill(runner, 9)
for _ in range(100):
    if "stopped" in do("list"):
        break
    time.sleep(0.1)
do("start", "www", says="started")
do("stop", "www", "--force", says="stopped")

# The unit is one that systemd takes, whatever the folder is called.
odd = {"env": os.environ | {"ARMATURE_HOME": "a \"%s\" folder", "XDG_RUNTIME_DIR": folder.name}, "cwd": folder.name}
do("create", "odd", "--kernel", "k", **odd)
unit = do("unit", "odd", **odd)
check('"ARMATURE_HOME=%s/a \\"%%%%s\\" folder"\n' % folder.name in unit and " start odd --foreground\n" in unit,
      "no unit", unit)
with open(os.path.join(folder.name, "armature-odd.service"), "w", encoding="utf-8") as file:
    file.write(unit)
if shutil.which("systemd-analyze"):
    verified = subprocess.run(["systemd-analyze", "verify", "--user", file.name], text=True, stderr=subprocess.PIPE,
                              **odd)
    check(verified.returncode == 0 and not verified.stderr, "systemd finds fault with the unit", verified.stderr)

# Of an image: a name, and a key by which root logs in.
image = os.path.join(folder.name, "images/debian")
os.makedirs(image)
for name in ("Image", "initrd.gz", "disk.img"):
    with open(os.path.join(image, name), "wb") as file:
        file.truncate(1 << 20)
do("create", "db", "--from", "debian", "--seed", "7", says="made")
with open(place("db", "config")) as file, open(place("db", "id_ed25519.pub")) as key:
    config, words = file.read(), key.read().split()
check(f"disk {image}/disk.img,overlay=disk.qcow2\n" in config and "\nseed 7\n" in config, "another configuration",
      config)
check(f' systemd.hostname=db "systemd.set_credential=ssh.authorized_keys.root:{" ".join(words)}"\n' in config, "no key",
      config)
check(os.stat(place("db", "id_ed25519")).st_mode & 0o77 == 0, "anybody may read the key")
do("ssh", "db", "true", status=1, says="does not run")
do("delete", "db", "--yes")

# One that cannot start says so.
do("create", "bad", "--kernel", "/etc/passwd", "--net", "user")
do("start", "bad", status=1, says="bad/log")
do("logs", "bad", "--armature", says="armature:")
do("delete", "bad", status=1, says="--yes", stdin=subprocess.DEVNULL)
do("delete", "bad", "--yes")
do("delete", "www", "--yes")
check(not os.listdir(place("")), "something is left")
