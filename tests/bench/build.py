#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the program of all kernels, for the guest and for the host; not again while it is newer than its sources.

usage: build.py GUEST-PROGRAM HOST-PROGRAM
"""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from workloads import HERE, read_kernels  # noqa: E402

FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror"]
# What a group's kernels get on the host beside -O2: the instructions that the guest's compiler takes for granted.
HOST_FLAGS = {"fp": ["-mfma"], "neon": ["-march=x86-64-v3"],
              "crypto": ["-march=x86-64-v3", "-maes", "-mpclmul", "-msha"]}
HOST_NEEDS = {"fma", "avx2", "aes", "pclmulqdq", "sha_ni"}


def is_new(program):
    """Whether it was made since the last change of what it is made of."""
    sources = [os.path.join(folder, name) for folder, _, names in os.walk(HERE) for name in names
               if name.endswith((".c", ".h")) or name == "build.py"]
    return os.path.exists(program) and os.stat(program).st_mtime > max(os.stat(source).st_mtime for source in sources)


def build_guest(program):
    if is_new(program):
        return
    sources = [f"{HERE}/main.c"] + [f"{HERE}/kernels/{kernel.file}" for kernel in read_kernels()]
    subprocess.run(["aarch64-linux-gnu-gcc", *FLAGS, "-march=armv8-a+crypto", "-static", f"-I{HERE}/guest", *sources,
                    "-o", program, "-lm"], check=True)


def build_host(program):
    if is_new(program):
        return
    with tempfile.TemporaryDirectory(prefix="armature-bench-") as work:
        sources = {f"{HERE}/main.c": []}
        for kernel in read_kernels():
            sources[f"{HERE}/kernels/{kernel.file}"] = HOST_FLAGS.get(kernel.group, [])
        objects = []
        for source, flags in sources.items():
            objects.append(f"{work}/{os.path.basename(source)}.o")
            subprocess.run(["gcc", *FLAGS, *flags, f"-I{HERE}/native", "-c", source, "-o", objects[-1]], check=True)
        subprocess.run(["gcc", *objects, "-o", program, "-lm"], check=True)


def host_can():
    """Whether the host has the instructions that its kernels are compiled to."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split(":")[1].split() for line in file if line.startswith("flags")), [])
    return HOST_NEEDS <= set(flags)


if __name__ == "__main__":
    build_guest(sys.argv[1])
    build_host(sys.argv[2])
