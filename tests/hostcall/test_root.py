#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system below --root: a shell in it at a terminal, roots within it, mounts, devices, owners.

usage: test_root.py ARMATURE ROOT
"""
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

ARMATURE, ROOT = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
LIMIT_SECONDS = 150
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": "/root", "LC_ALL": "C", "TERM": "dumb"}


def run(script, folder=None, options=()):
    """Its output, and its end, of a script of bash below the root."""
    done = subprocess.run([ARMATURE, "exec", *options, "--root", ROOT, "/bin/bash", "-c", script], cwd=folder or ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=ENVIRONMENT, timeout=LIMIT_SECONDS, check=False)
    return done.returncode, done.stdout


class Terminal:
    """A shell at a terminal."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(ROOT)
            os.execve(ARMATURE, [ARMATURE, "exec", "--root", ROOT, "/bin/bash", "--norc"], {**ENVIRONMENT, "PS1": "> "})
        self.text = ""

    def until(self, pattern):
        end = time.monotonic() + LIMIT_SECONDS
        while not re.search(pattern, self.text):
            if not select.select([self.fd], [], [], end - time.monotonic())[0]:
                raise AssertionError(f"{pattern!r} does not come: {self.text[-500:]!r}")
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"{pattern!r} does not come before the end: {self.text[-500:]!r}") from error
        self.text = self.text[re.search(pattern, self.text).end():]

    def say(self, text):
        os.write(self.fd, text.encode())


class Root(unittest.TestCase):
    def test_shell(self):
        """At a terminal: lines, jobs that stop and go on, what Ctrl-C ends."""
        shell = Terminal()
        shell.until(r"> ")
        shell.say("echo $((6 * 7)) in $PWD\n")
        shell.until(r"\n42 in /\r")
        shell.say("sleep 100\n")
        time.sleep(0.3)
        shell.say("\x1a")
        shell.until(r"Stopped")
        shell.say("jobs\n")
        shell.until(r"Stopped\s+sleep 100")
        shell.say("fg\n")
        shell.until(r"\nsleep 100\r\n")
        time.sleep(0.3)
        shell.say("\x03")
        shell.until(r"> ")
        shell.say("echo status $?\n")
        shell.until(r"\nstatus 130\r")
        shell.say("exit 7\n")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(shell.pid, 0)[1]), 7)
        os.close(shell.fd)

    def test_folder(self):
        """Who starts it outside of the root begins at its top, a relative path of the host's is found all the same."""
        with tempfile.TemporaryDirectory() as outside:
            self.assertEqual(run("pwd; test -e usr/bin/bash && echo here", outside), (0, "/\nhere\n"))
            status, output = run("echo noted", outside, ["--record", "log"])
            self.assertEqual((status, output), (0, "noted\n"))
            self.assertTrue(os.path.exists(f"{outside}/log"))
        self.assertEqual(run("pwd", f"{ROOT}/usr"), (0, "/usr\n"))

    def test_script(self):
        """What scripts of packages do: pipes, here documents, locks, links, programs of programs."""
        script = r"""
set -e
folder=$(mktemp -d) && cd "$folder"
trap 'cd /; rm -rf "$folder"; echo left' EXIT
cat >list <<END
one 1
two 2
three 3
END
while read -r name number; do printf '%s=%s\n' "$name" "$((number * number))"; done <list | sort >squares
cat squares
ln -s squares link && readlink link && ln -sf /etc/passwd absolute && test -s absolute
mkdir -p a/b && touch -d @1000000000 a/b/file && cp -a a copy && stat -c '%Y %a' copy/b/file
exec 9>lock; flock -n 9 2>/dev/null || true
(exec -a other /bin/bash -c 'echo "$0 $BASH_VERSINFO"' ) | cut -d' ' -f1
find . -type f | LC_ALL=C sort | xargs -n 2 echo
env -i /bin/sh -c 'echo "$PWD" | grep -c tmp'
LD_TRACE_LOADED_OBJECTS=1 /bin/bash | grep -c linux-vdso.so.1
"""
        status, output = run(script)
        self.assertEqual(output, "one=1\nthree=9\ntwo=4\nsquares\n1000000000 644\nother\n"
                         "./a/b/file ./copy/b/file\n./list ./lock\n./squares\n1\n1\nleft\n")
        self.assertEqual(status, 0)

    def test_mounts(self):
        """The host's mounts are none of its business: not permitted, as to a user. (At a place that is not there, so
        that nothing happens to the host if it were.)"""
        script = ("perl -e '$n = \"none\"; $p = \"/not/there\"; $t = \"proc\"; print syscall(40, $n, $p, $t, 0, 0), \" "
                  "$!\\n\"; "
                  "print syscall(39, $p, 0), \" $!\\n\"'")
        self.assertEqual(run(script), (0, "-1 Operation not permitted\n" * 2))

    def test_chroot(self):
        """Roots within the root, and programs started from there; only who may."""
        with tempfile.TemporaryDirectory(dir=f"{ROOT}/tmp") as inner:
            inside = "/" + os.path.relpath(inner, ROOT)
            for name in ("bin", "lib"):
                os.makedirs(f"{inner}/usr/{name}")
                os.symlink(f"usr/{name}", f"{inner}/{name}")
            script = f"""
cp -L /usr/bin/dash /usr/bin/readlink {inside}/bin/
cp -L --parents /lib/ld-linux-aarch64.so.1 /lib/aarch64-linux-gnu/libc.so.6 {inside}/
chroot {inside} /bin/dash -c 'pwd; test -e /etc/passwd || echo apart; readlink /proc/self/exe
    /bin/dash -c "echo again"'
echo $?
chroot /not/there /bin/dash
echo $?
test -e /etc/passwd && echo back
"""
            status, output = run(script)
            if os.geteuid():
                self.assertIn("Operation not permitted", output)
            else:
                self.assertEqual(output, "/\napart\n/usr/bin/readlink\nagain\n0\n"
                                         "chroot: cannot change root directory to "
                                 "'/not/there': No such file or directory\n125\nback\n")
            self.assertEqual(status, 0)

    def test_owners(self):
        """Owners and devices, if it may."""
        script = ("cd /tmp && rm -rf owned && touch owned && chown 1234:99 owned && stat -c '%u %g' owned; rm -f "
                  "owned; "
                  "mknod owned p && stat -c %F owned; rm -f owned; mknod owned c 1 3 && stat -c '%F %t %T' owned; rm "
                  "-f owned")
        status, output = run(script)
        if os.geteuid():
            self.assertIn("fifo\n", output)
            self.assertIn("ermitted", output)
        else:
            self.assertEqual((status, output), (0, "1234 99\nfifo\ncharacter special file 1 3\n"))


if __name__ == "__main__":
    unittest.main()
