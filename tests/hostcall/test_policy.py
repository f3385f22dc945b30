#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`armature exec --policy` and `armature install-binfmt`, from outside, with Debian's arm64 programs.

usage: test_policy.py ARMATURE ROOT STATIC_PROGRAM
"""
import os
import subprocess
import sys
import tempfile
import unittest

armature, root, static = (os.path.abspath(path) for path in sys.argv[1:4])


def run(*command, env=None, cwd=None):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=150, cwd=cwd, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})})
    return done.returncode, done.stdout, done.stderr


class Policy(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory(prefix="armature-policy-")
        self.addCleanup(self.home.cleanup)
        self.rules = os.path.join(self.home.name, "rules")

    def exec(self, rules, *command):
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(rules)
        return run(armature, "exec", "--root", root, "--policy", self.rules, *command)

    def test_denied(self):
        status, output, errors = self.exec('linux openat if 1 = "/etc/passwd" deny EACCES\n', "/bin/cat", "/etc/passwd")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("Permission denied", errors)
        self.assertEqual(self.exec("linux faccessat deny ENOTDIR\n", "/bin/cat", "/etc/passwd")[0], 0)

    def test_rewritten(self):
        rules = ('linux openat if 1 = "*/passwd" rewrite 1 "/etc/group"\nlinux getuid return 4242\n'
                 'linux exit_group rewrite 0 7\n')
        with open(os.path.join(root, "etc/group"), encoding="utf-8") as file:
            group = file.read()
        self.assertEqual(self.exec(rules, "/bin/cat", "/etc/passwd"), (7, group, ""))

    def test_programs_of_the_program(self):
        """By a name that is no good from where they are."""
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write('linux openat if 1 = "/etc/passwd" rewrite 1 "/etc/hostname"\n')
        status, output, errors = run(armature, "exec", "--root", os.path.relpath(root, self.home.name), "--policy",
                                     "rules",
                                     "/bin/sh", "-c", "cd /tmp; cat /etc/passwd; cat /etc/group", cwd=self.home.name)
        self.assertEqual(status, 0)
        self.assertNotIn("nobody", output)
        self.assertIn("nogroup", output)
        self.assertIn("/etc/passwd: No such file", errors)

    def test_logged(self):
        status, output, errors = self.exec('linux openat if 1 = "/etc/pass*" log # that one\n', "/bin/cat",
                                           "/etc/passwd")
        self.assertEqual(status, 0)
        self.assertEqual(errors, f'armature: policy {self.rules}:1: linux openat(-100, "/etc/passwd", 0, 0)\n')

    def test_vfork(self):
        """A child that shares all memory, and what its parent's call looked at."""
        rules = 'linux execve if 0 = "/nowhere" log\nlinux openat if 1 = "/nowhere" log\n'
        status, output, errors = self.exec(rules, "/usr/bin/python3", "-c",
                                           "import subprocess as s\nfor i in range(20): print(s.run(['/bin/echo', "
                                           "str(i)]).returncode, flush=True)")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output, "".join(f"{i}\n0\n" for i in range(20)))

    def test_refused(self):
        for rules, word in (("linux oppenat deny", "line 1: linux has no call oppenat"),
                            ("linux read if 3 = 1 deny", "read has no argument 3"),
                            ("\nlinux read deny EVIL", "line 2: 'EVIL' is no error's name"), ("\x00", "is no text")):
            status, output, errors = self.exec(rules, "/bin/true")
            self.assertEqual((status, output, errors.count("\n")), (2, "", 1), errors)
            self.assertIn(word, errors)
        self.assertIn("No such file", run(armature, "exec", "--policy", "/not/there", static)[2])


class Binfmt(unittest.TestCase):
    MOUNT = "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc"

    def test_entry(self):
        status, output, errors = run(armature, "install-binfmt")
        self.assertTrue(output.startswith(":armature-aarch64:M::\\x7f\\x45"), output)
        self.assertTrue(output.endswith(f":{armature}:P\n"), output)
        if os.geteuid():
            self.assertEqual(status, 1)
            self.assertIn("needs root", errors)
        self.assertEqual(run(armature, "install-binfmt", "all")[0], 2)

    def test_registered(self):
        """In a user namespace, which has entries of its own since Linux 6.7."""
        alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
        if run(*alone, f"{self.MOUNT} && test -w /proc/sys/fs/binfmt_misc/register")[0]:
            self.skipTest("this host has no binfmt_misc in user namespaces")
        status, output, errors = run(*alone, f"umount /proc/sys/fs/binfmt_misc 2>/dev/null; exec {armature} "
                                             f"install-binfmt")
        if "is not mounted" not in errors:
            self.assertIn("not registered", errors)
        self.assertEqual(status, 1)
        status, output, errors = run(*alone, f"{self.MOUNT} && {armature} install-binfmt && {armature} install-binfmt; "
                                             f"{static} one 'two words'; "
                                             f"echo $?; bash -c 'exec -a another {static}'")
        self.assertEqual(output.splitlines()[2:], [static, "one", "two words", "3", "another"])
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertIn("is there already", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
