#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in Debian's kernel call functions of the host's libraries: the driver, the library and the example of
guest/hypercall/linux, built as a user would. Status 77: what builds modules for the guest's kernel is not there
(tools/fetch-headers).

usage: test_driver.py PROGRAM CACHE SOURCE
"""
import base64
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
import cpio

program, cache, source = sys.argv[1:4]
folder = tempfile.TemporaryDirectory(prefix="armature-driver-")
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
headers = f"{os.path.abspath(cache)}/headers"
TOOLS = "aarch64-linux-gnu-"
TEXT = b"a text of the guest's"


def check(true, what, output=""):
    if not true:
        sys.stdout.write(output)
        sys.exit(what)


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, f"{words[0]}: status {done.returncode}", done.stdout)


def build():
    """The driver, the example, and our program."""
    place = f"{folder.name}/hypercall"
    shutil.copytree(f"{root}/guest/hypercall", place)
    common = glob.glob(f"{headers}/usr/src/linux-headers-*-common")[0]
    run("make", "-s", "-C", common, f"O={common.replace('-common', '-arm64')}", "ARCH=arm64", f"CROSS_COMPILE={TOOLS}",
        f"CC={TOOLS}gcc", f"M={place}/linux", "modules")
    run("make", "-s", "-C", f"{place}/linux", "-f", "Makefile", f"CC={TOOLS}gcc", f"AR={TOOLS}ar",
        "CFLAGS=-O2 -Wall -Wextra -Werror -static", "libarmature.a", "compress")
    run(f"{TOOLS}gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", f"-I{place}/linux", "-o", f"{folder.name}/calls",
        source, f"{place}/linux/libarmature.a")
    return {"armature.ko": f"{place}/linux/armature.ko", "compress": f"{place}/linux/compress",
            "calls": f"{folder.name}/calls"}


if not os.path.exists(f"{headers}/release") or not shutil.which(f"{TOOLS}gcc"):
    sys.exit(77)
initrd = cpio.write(f"{folder.name}/initrd", build(), behind=cpio.read_file(f"{cache}/guest/initrd.gz"))
script = "insmod /armature.ko && /calls\necho packed; seq 1 5000 | /compress | base64; echo end\npoweroff -f\n"
done = subprocess.run([program, "run", "--kernel", f"{cache}/guest/Image", "--initrd", initrd, "--append",
                       "console=ttyAMA0 script=1 quiet", "--clock", "virtual", "--hostcall",
                       f"{root}/guest/hypercall/examples.list"], input=script.encode(), capture_output=True)
output, errors = done.stdout.decode(errors="replace").replace("\r", ""), done.stderr.decode()
check(done.returncode == 0, f"status {done.returncode}: {errors}", output)
said = re.findall(r"^(\w+): (.*)$", output, re.M)
check(("crc32", hex(zlib.crc32(TEXT))) in said, "another sum", output)
check(hashlib.sha256(TEXT).hexdigest() in output, "another digest", output)
check(("log", "0x0") in said and TEXT.decode() in errors, f"nothing logged: {errors}", output)
check(("system", "the host's list has no such function") in said, "a function that is not listed", output)
check(("crc32", "another number of arguments than the list says") in said, "a wrong count", output)
check(sum(name == "crc32" and "buffer" in what for name, what in said) == 1, "memory that is none", output)
check(("crc32", "Bad address") in said, "memory that is not the program's", output)
check(("clock", "goes on") in said, "the clock", output)
packed = re.search(r"^packed\n(.*?)^end$", output, re.S | re.M)
plain = "".join(f"{number}\n" for number in range(1, 5001)).encode()
check(packed and zlib.decompress(base64.b64decode(packed[1])) == plain, "the example", output)
