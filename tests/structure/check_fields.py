#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every member of a structure that has a field list stands in it (FIELD_HOST: as something that is not saved), so that
no state is forgotten by snapshots.

usage: check_fields.py ROOT
"""
import os
import re
import sys

ROOMS = ("isa", "machine", "peripherals", "snapshot", "hostcall")
NAMED = re.compile(r"\bFIELD(?:_[A-Z]+)*\(\s*struct (\w+),\s*(\w+)")
# Members made by a table, as is their list.
GENERATED = {"sysregs"}


def without_comments(text):
    return re.sub(r"//[^\n]*", "", re.sub(r"/\*.*?\*/", " ", text, flags=re.S))


def body_from(text, start):
    """What stands between the brace at `start` and its partner."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 1:at]
    return ""


def split(text, separator):
    """Splits where no bracket is open."""
    parts, depth, last = [], 0, 0
    for at, letter in enumerate(text):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(letter, 0)
        if letter == separator and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return parts + [text[last:]]


def members(body):
    """The names that a structure's body declares; those of structures without a name count as its own."""
    for declaration in split(body, ";"):
        declaration = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", declaration).strip()
        if not declaration:
            continue
        brace = declaration.find("{")
        if brace >= 0:
            inner = body_from(declaration, brace)
            declaration = declaration[brace + len(inner) + 2:].strip()
            if not declaration:
                yield from members(inner)
                continue
        for part in split(declaration, ","):
            pointer = re.search(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(", part)
            name = pointer or re.search(r"(\w+)\s*(?:\[[^]]*\]\s*)*$", part)
            if name:
                yield name[1]


def main():
    root = sys.argv[1]
    named, bodies = {}, {}
    for room in ROOMS:
        for folder, _, files in os.walk(os.path.join(root, room)):
            for name in files:
                if name.endswith((".c", ".h")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        text = without_comments(file.read())
                    for structure, member in NAMED.findall(text):
                        named.setdefault(structure, set()).add(member)
                    for match in re.finditer(r"\bstruct (\w+) \{", text):
                        bodies[match[1]] = (os.path.join(folder, name), body_from(text, match.end() - 1))
    complaints, checked = 0, 0
    for structure in sorted(named.keys() - GENERATED - {"type"}):
        if structure not in bodies:
            print(f"struct {structure}: has a field list, but no definition was found")
            complaints += 1
            continue
        path, body = bodies[structure]
        checked += 1
        missing = [member for member in members(body) if member not in named[structure]]
        for member in missing:
            print(f"{os.path.relpath(path, root)}: struct {structure}: no field list names '{member}'")
        complaints += len(missing)
    print(f"{checked} structures checked, {complaints} complaints")
    sys.exit(1 if complaints or not checked else 0)


main()
