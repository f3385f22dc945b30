#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module with DWARF in Debian's kernel: its lines, variables, types and frames, where the guest's kernel has put
them. The module is compiled here; what a kernel asks of one is taken from one that is in the guest's initrd. Status 77:
something for that is not there.

usage: test_module.py PROGRAM GUEST SOURCE
"""
import gzip
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import cpio

program, guest, source = sys.argv[1:4]
folder = tempfile.TemporaryDirectory(prefix="armature-module-")
TOOLS = "aarch64-linux-gnu-"
NAME = "counting_module"
SHELL = "/root # "
with open(source, encoding="utf-8") as lines:
    LINES = {match[1]: number
             for number, line in enumerate(lines, 1) if (match := re.search(r"/\* ([\w ]+) \*/", line))}


def check(true, what, output=""):
    if not true:
        sys.stdout.write(output)
        sys.exit(what)


def path(name):
    return os.path.join(folder.name, name)


def some_module():
    """The first one in the initrd that has something to begin with."""
    with gzip.open(f"{guest}/initrd.gz") as file:
        archive = file.read()
    at = 0
    while archive[at:at + 6] == b"070701":
        size, name_size = int(archive[at + 54:at + 62], 16), int(archive[at + 94:at + 102], 16)
        name = archive[at + 110:at + 110 + name_size - 1].decode()
        begin = (at + 110 + name_size + 3) // 4 * 4
        if name.endswith(".ko") and b"\0init_module\0" in archive[begin:begin + size]:
            return archive[begin:begin + size]
        at = (begin + size + 3) // 4 * 4
    sys.exit(77)


def build():
    """The module, with a structure and versions as the kernel wants them."""
    with open(path("theirs.ko"), "wb") as file:
        file.write(some_module())
    parts = {".modinfo": "modinfo", ".gnu.linkonce.this_module": "this", "__versions": "versions"}
    subprocess.run([TOOLS + "objcopy", *(f"--dump-section={part}={path(name)}" for part, name in parts.items()),
                    path("theirs.ko"), path("copy")],
                   check=True)
    relocations = subprocess.run([TOOLS + "readelf", "-rW", path("theirs.ko")], check=True, capture_output=True,
                                 text=True).stdout
    init = int(re.search(r"^(\w+) .* init_module \+ 0$", relocations.split(".rela.gnu.linkonce.this_module")[1],
                         re.M)[1], 16)
    with open(path("modinfo"), "rb") as file:
        magic = next(item for item in file.read().split(b"\0") if item.startswith(b"vermagic=")).decode()
    size = os.path.getsize(path("this"))
    name = struct.calcsize("=Q2Q")  # state and list are before it
    with open(path("frame.S"), "w", encoding="utf-8") as file:
        file.write(f'''
.section .modinfo, "a"
.asciz "name={NAME}", "license=GPL", "{magic}"
.section __versions, "a"
.incbin "{path('versions')}"
.section .gnu.linkonce.this_module, "aw"
.balign 64
.globl __this_module
.type __this_module, %object
.size __this_module, {size}
__this_module: .zero {name}
1: .asciz "{NAME}"
.zero {init} - {name} - (. - 1b)
.quad init_module
.zero {size - init - 8}
.section .plt, "ax"
.byte 0
.section .init.plt, "ax"
.byte 0
.section .text.ftrace_trampoline, "ax"
.byte 0
''')
    flags = ["-g", "-O1", "-ffreestanding", "-mgeneral-regs-only", "-fno-pic", "-fno-pie", "-mcmodel=small",
             "-fno-asynchronous-unwind-tables"]
    subprocess.run([TOOLS + "gcc", *flags, "-c", "-o", path("code.o"), os.path.abspath(source)], check=True)
    subprocess.run([TOOLS + "gcc", "-c", "-o", path("frame.o"), path("frame.S")], check=True)
    subprocess.run([TOOLS + "ld", "-r", "-o", path(f"{NAME.replace('_', '-')}.ko"), path("code.o"), path("frame.o")],
                   check=True)
    return path(f"{NAME.replace('_', '-')}.ko")


def marked(*commands):
    return "".join(f"echo === {command}\n{command}\n" for command in commands)


if not os.path.exists(f"{guest}/Image") or not shutil.which(TOOLS + "gcc"):
    sys.exit(77)
module = build()
cpio.write(path("initrd"), {"module.ko": module}, behind=cpio.read_file(f"{guest}/initrd.gz"))
script = (f'expect "{SHELL}" 100\nsymbols {module}\nsend insmod /module.ko; echo status-$?\nwait 300ms\n'
          f'symbols {module}\n')
script += f"break {os.path.basename(source)}:{LINES['adding']}\ncontinue\n"
script += marked("info args", "info locals", "print *to", "print counted.bounds.high", "print &counted",
                 "ptype struct counted", "bt", "finish", "info line")
script += "delete\n" + marked("step", "next", "list", "reverse-step")
script += "set go = 1\nexpect status-0 100\n" + marked("lsmod", "print counted.name") + "echo ===\n"
done = subprocess.run([program, "debug", "--kernel", f"{guest}/Image", "--initrd", path("initrd"), "--append",
                       "console=ttyAMA0 script=1 quiet",
                       "--clock", "virtual"], input=script.encode(), capture_output=True)
output, errors = done.stdout.decode(errors="replace").replace("\r", ""), done.stderr.decode()
said = {name: re.sub(r"\s+", " ", text).strip()
        for name, text in re.findall(r"=== ([^\n]*)\n(.*?)(?====)", output, re.S)}
check(f"no module '{NAME}' loaded" in errors and errors.count("\n") == 2, f"errors: {errors}", output)
check("as the guest has it, with DWARF" in output, "the file", output)
check(re.match(r"to = \(struct counted \*\) 0x\w+ <counted.*> step = 2", said["info args"]), "the parameters", output)
check(re.match(r"before = \d*[02468]$", said["info locals"]), "the local variable", output)
check('"a module"' in said["print *to"] and "low = -3, high = 1000" in said["print *to"], "a structure", output)
check(said["print counted.bounds.high"] == "1000" and "counted" in said["print &counted"], "a variable of the module",
      output)
check("long rounds" in said["ptype struct counted"] or "rounds" in said["ptype struct counted"], "a type", output)
check(re.search(rf"#0 .* in add \(to=.*, step=2\) at .*module\.c:{LINES['adding']} #1 .* in init_module \(\) at "
                rf".*module\.c:{LINES['the call']} #2 .* do_one_initcall",
                said["bt"]), "the stack", output)
check(f"module.c:{LINES['the call'] - 1} " in said["finish"] and
      f"module.c:{LINES['the call'] - 1} " in said["reverse-step"], "back in the caller", output)
check(NAME in said["lsmod"] and '"a module"' in said["print counted.name"], "after its beginning", output)
