#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""debootstrap's second stage under `armature exec --root`: a Debian that was only unpacked is set up by its own
programs. Nothing of the host's is touched: its mounts are what they were. Wants to be root, as debootstrap does.

usage: test_debootstrap.py ARMATURE CACHE
"""
import os
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 3000
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C", "TERM": "dumb",
               "DEBIAN_FRONTEND": "noninteractive"}
SKIPPED = 77


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return file.read()


def inside(armature, root, *command):
    """The output of a program of the new system."""
    return subprocess.run([armature, "exec", "--root", root, *command], env=ENVIRONMENT, cwd=root,
                          timeout=LIMIT_SECONDS,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def main():
    armature, cache = (os.path.abspath(path) for path in sys.argv[1:])
    if os.geteuid():
        print("only root may do this")
        return SKIPPED
    packages = os.path.join(cache, "debootstrap-minbase")
    os.makedirs(packages, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="armature-debootstrap-") as root:
        subprocess.run(["debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", f"--cache-dir={packages}",
                        "bookworm", root], stdout=subprocess.DEVNULL, check=True, timeout=LIMIT_SECONDS)
        with open(f"{root}/etc/dpkg/dpkg.cfg.d/quick", "w", encoding="utf-8") as file:
            file.write("force-unsafe-io\n")  # the host's disk is not what is tested
        before = mounts()
        stage = subprocess.run([armature, "exec", "--root", root, "/debootstrap/debootstrap", "--second-stage"],
                               env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False)
        if stage.returncode or "Base system installed successfully" not in stage.stdout:
            print(stage.stdout[-4000:])
            return 1
        assert mounts() == before, "the host's mounts are others now"
        assert "is not known here" not in stage.stdout, stage.stdout
        states = inside(armature, root, "/usr/bin/dpkg-query", "-W", "-f", "${Status}\n").splitlines()
        assert len(states) > 80 and set(states) == {"install ok installed"}, set(states)
        assert inside(armature, root, "/usr/bin/dpkg", "--audit") == ""
        assert inside(armature, root, "/usr/bin/dpkg", "--print-architecture") == "arm64\n"
        assert inside(armature, root, "/bin/bash", "-c",
                      "id -un; ls -ld /var/mail | cut -d' ' -f 3,4") == "root\nroot mail\n"
        assert os.path.exists(f"{root}/etc/ld.so.cache") and not os.path.exists(f"{root}/debootstrap")
    return 0


sys.exit(main())
