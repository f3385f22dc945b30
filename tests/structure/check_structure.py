#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/ARCHITECTURE.md that a text search can judge: who includes whom, licence lines, sizes.

usage: check_structure.py ROOT
"""
import os
import re
import subprocess
import sys

DEBUGGED = ["machine/contract", "isa", "machine", "snapshot"]
# What each room may know beside itself ("Rooms, and who may know whom").
KNOWS = {
    "machine/contract": [],
    "isa": ["machine/contract"],
    "interp": ["machine/contract", "isa"],
    "jit": ["machine/contract", "isa", "interp"],
    "peripherals": ["machine/contract"],
    "machine": ["machine/contract", "isa"],
    "guest": [],
    "hostcall": ["machine/contract", "isa", "machine", "guest", "snapshot"],
    "snapshot": ["machine/contract", "isa", "machine"],
    "manage": ["machine/contract", "machine"],
    # What a file of symbols says <- what a session owns <- views of what the guest runs <- commands <- front ends.
    "debugger/symbols": DEBUGGED,
    "debugger/session": DEBUGGED + ["debugger/symbols"],
    "debugger/view": DEBUGGED + ["debugger/symbols", "debugger/session"],
    "debugger/command": DEBUGGED + ["debugger/symbols", "debugger/session", "debugger/view"],
    "debugger/front": DEBUGGED + ["debugger/symbols", "debugger/session", "debugger/view", "debugger/command"],
    "debugger": DEBUGGED + [f"debugger/{part}" for part in ["symbols", "session", "view", "command", "front"]],
}
# Files that know more than their room: the board names the devices, main wires engines, commands and the debugger.
EXCEPTIONS = {
    **{f"machine/board{part}.c": ["peripherals", "hostcall"]
       for part in ["", "_gic", "_devices", "_firmware", "_pci", "_virtio", "_calls"]},
    "machine/firmware.c": ["peripherals"],
    "machine/main.c": ["interp", "jit", "debugger", "debugger/front", "snapshot", "peripherals", "hostcall", "manage"],
}
# Within a room no two files (X.c, X.h, X_internal.h are one) include each other, even by way of others, but in these:
WITH_CIRCLES = {
    "isa": "an exception changes the regime that the MMU goes by, whose faults are exceptions",
    "jit": "translator.h has the parts, of which some look back at it",
    "machine": "machine.h has both what a machine is, which its parts look at, and what makes it of them",
    "debugger/session": "going back stops, and stopping goes back",
    "debugger/view": "a place is found by its frame, and a frame printed with its place",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SOURCE = re.compile(r"\.(c|h|def|S|py|sh|tab)$|(^|/)meson(\.build|_options\.txt)$")
MAX_LINES = 800
MAX_COLUMNS = 120
WIDE = ["tests/boot/test_debugger.py"]  # would be longer than MAX_LINES in narrower lines
# Longer files, each with the reason why it is one.
LONG = {}


def room_of(path):
    """The room that a file lies in; None: none (tests and tools may know everything)."""
    return next((room for room in sorted(KNOWS, key=len, reverse=True) if path.startswith(room + "/")), None)


def include_complaints(path, text):
    room = room_of(path)
    if room in (None, "guest"):  # what is built in a guest is included by where it lies there
        return
    allowed = [room] + KNOWS[room] + EXCEPTIONS.get(path, [])
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match and "/" in match[1] and room_of(match[1]) not in allowed:
            yield f'{path}:{number}: {room} must not know "{match[1]}"'


def circle_complaints(texts):
    """One complaint for each circle of includes within a room that is to have none."""
    def stem(path):
        return path.rsplit(".", 1)[0].removesuffix("_internal")
    known = {}
    for path, text in texts.items():
        if path.endswith((".c", ".h")) and room_of(path) not in (None, *WITH_CIRCLES):
            others = {stem(name) for name in INCLUDE.findall(text)} - {stem(path)}
            known.setdefault(stem(path), set()).update(others)
    done = set()

    def visit(name, way):
        if name in way:
            yield " -> ".join([*way[way.index(name):], name])
        elif name not in done and name in known:
            for other in sorted(known[name]):
                yield from visit(other, [*way, name])
            done.add(name)
    for name in sorted(known):
        yield from (f"includes go round: {circle}" for circle in visit(name, []))


def fuzz_complaints(texts):
    """A device of the board that no fuzz target makes. The list of what guests may call is no device, but freed like
    one."""
    board = "".join(text for path, text in texts.items() if path.startswith("machine/board"))
    targets = "".join(text for path, text in texts.items() if path.startswith("tests/fuzz/"))
    for name in sorted(set(re.findall(r"&([a-z0-9_]+)_class\b", board)) - {"policy"}):
        if f"{name}_class" not in targets and f"{name}_create(" not in targets:
            yield f"no fuzz target has the device {name}"


def source_files(root):
    """What git keeps; in a checkout without it, all but hidden and build directories."""
    try:
        listing = subprocess.check_output(["git", "-C", root, "ls-files"], text=True, stderr=subprocess.DEVNULL)
        return listing.split("\n")
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(root):
            if folder == root:
                folders[:] = [name for name in folders if not name.startswith((".", "build"))]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names if not name.endswith(".pyc")]
        return found


def main():
    root = sys.argv[1]
    files = source_files(root)
    complaints, checked, texts = [], 0, {}
    for path in filter(None, files):
        full = os.path.join(root, path)
        if not os.path.isfile(full):
            continue
        with open(full, "rb") as file:
            content = file.read()
        script = content.startswith(b"#!")
        if not SOURCE.search(path) and not script:
            continue
        checked += 1
        text = texts[path] = content.decode()
        complaints += include_complaints(path, text)
        if not any("SPDX-License-Identifier: GPL-3.0-or-later" in line for line in text.splitlines()[:3]):
            complaints.append(f"{path}: no SPDX line at the top")
        if path.endswith((".c", ".h", ".py")) and path not in WIDE:
            complaints += [f"{path}:{number}: more than {MAX_COLUMNS} columns"
                           for number, line in enumerate(text.splitlines(), 1) if len(line) > MAX_COLUMNS]
        lines = text.count("\n")
        if lines > MAX_LINES and path not in LONG:
            complaints.append(f"{path}: {lines} lines; more than {MAX_LINES} need a reason in LONG")
    complaints += circle_complaints(texts)
    complaints += fuzz_complaints(texts)
    for path in LONG:
        if not os.path.exists(os.path.join(root, path)):
            complaints.append(f"{path}: in LONG, but not there")
    print("\n".join(complaints))
    print(f"{checked} files checked, {len(complaints)} complaints")
    sys.exit(1 if complaints or not checked else 0)


main()
