#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program with DWARF, as the first process of Debian's kernel: types, variables, lines, frames, steps both ways.
Status 77: the kernel is not there.

usage: test_sources.py PROGRAM GUEST CASE CPUS SOURCE PLAIN OPTIMISED
SOURCE is programs/shapes.c, PLAIN and OPTIMISED are made of it.
"""
import os
import re
import subprocess
import sys
import tempfile
import cpio

program, guest, case, cpus, source, plain, optimised = sys.argv[1:8]
folder = tempfile.TemporaryDirectory(prefix="armature-sources-")
with open(source, encoding="utf-8") as lines:
    LINES = {match[1]: number
             for number, line in enumerate(lines, 1) if (match := re.search(r"/\* ([\w ]+) \*/", line))}


def check(true, what, output=""):
    if not true:
        sys.stdout.write(output)
        sys.exit(f"{case}: {what}")


def initrd(of):
    """The program as /init."""
    return cpio.write(os.path.join(folder.name, "initrd"), {"init": of})


def debug(of, script, status=0, *options):
    done = subprocess.run([program, "debug", "--kernel", f"{guest}/Image", "--initrd", initrd(of), "--append",
                           "console=ttyAMA0 quiet",
                           "--cpus", cpus, "--clock", "virtual", "--symbols", of, *options], input=script.encode(),
                           capture_output=True)
    output = done.stdout.decode(errors="replace").replace("\r", "")
    check(done.returncode == status, f"status {done.returncode}, expected {status}: {done.stderr.decode()}", output)
    return output, done.stderr.decode()


def answers(output):
    """What was printed between the marks "=== NAME"."""
    return dict(re.findall(r"=== ([^\n]*)\n(.*?)(?====|\Z)", output, re.S))


def marked(*commands):
    return "".join(f"echo === {command}\n{command}\n" for command in commands)


def at(answer):
    """The line that the last stop in an answer tells."""
    found = re.findall(r"shapes\.c:(\d+)\n=> (\d+) ", answer)
    return int(found[-1][1]) if found and found[-1][0] == found[-1][1] else answer


def case_values():
    """Structures, bit fields, enums, arrays, unions, floating point: in parameters, locals, globals, and of other
    frames."""
    script = f"break shapes.c:{LINES['in the loop']}\ncontinue\ncontinue\n" + marked(
        "info args", "info locals", "print *shape", "print shape->sides[1]", "print shape->at.x",
        "print shape->grid[1][0]",
        "print shape->flags.depth", "print shape->flags.colour", "print shapes[1].next->name", "print &shape->area",
        "print ratio",
        "print ((struct shape *)x0)->name", "ptype struct flags", "ptype enum colour", "print sizeof(struct shape)",
        "print (pixels)-1", "bt",
        "print side", "print sum + i", "up", "print count", "print arguments[0]", "frame 0", "info frame", "list",
        f"list shapes.c:{LINES['bottom']}", "list", f"info line {LINES['call']}")
    script += marked("print ratio + 1", "set scale = 1000", "delete", "finish", "print total", "ps",
                     "print shapes[0].flags.visible")
    # What is wrong, and that it is said.
    wrong = ["print nothing", "print total->x", "frame 99", "down", "list nothing.c:3", "break shapes.c:9999",
             "info args 3"]
    script += "".join(f"{line}\n" for line in wrong)
    output, errors = debug(plain, script, 1)
    said = answers(output)
    check("shape = (struct shape *) 0x" in said["info args"] and "scale = 10\n" in said["info args"] and
          "ratio = 0.5\n" in said["info args"], "the parameters", output)
    check(said["info locals"] == "side = 2\ni = 1\nsum = 10\n", "the locals", output)
    whole = re.sub(r"\s+", " ", said["print *shape"])
    for text in ('"square"', "visible = 1, depth = -2, colour = BLUE", "sides = {1, 2, 1}", "at = { x = 1, y = 0 }",
                 "grid = {{1, 2, 3}, {4.5, 5, 6}}", "<shapes>"):
        check(text in whole, f"the structure has no {text}", output)
    for command, wanted in (("print shape->sides[1]", "2"), ("print shape->at.x", "1"),
                            ("print shape->grid[1][0]", "4.5"),
                            ("print shape->flags.depth", "-2"), ("print shape->flags.colour", "BLUE"),
                            ("print ratio", "0.5"), ("print ratio + 1", "1.5"),
                            ("print side", "2"), ("print sum + i", "11"), ("print (pixels)-1", "4294967295"),
                            ("print count", "1"),
                            ("print sizeof(struct shape)", "64"), ("print shapes[0].flags.visible", "0")):
        check(said[command].strip() == wanted, f"{command} says {said[command]}, not {wanted}", output)
    check('"other"' in said["print shapes[1].next->name"] and '"/init"' in said["print arguments[0]"], "strings",
          output)
    check("colour: 8" in said["ptype struct flags"] and "BLUE = -7" in said["ptype enum colour"], "ptype", output)
    check(re.search(r"#0 .* in measure \(shape=.*scale=10, ratio=0.5\) at .*shapes\.c:%d\n#1 .* in main \(.*\) at "
                    r".*shapes\.c:%d\n#2 .*libc_start"
                    % (LINES["in the loop"], LINES["call"]), said["bt"]), "the stack", output)
    check("sp before the call" in said["info frame"], "the frame", output)
    check(f"=> {LINES['in the loop']} " in said["list"] or f"   {LINES['bottom'] + 5} " in said["list"], "list", output)
    # 1 * 10 were summed up, then 2 * 1000 and 1 * 1000, and 1000 doubled.
    check("Value in x0: 0x1392 " in said["finish"], "the function's value, with what was set", output)
    check("1" in said["ps"] and "shapes" in said["ps"] or "init" in said["ps"],
          "the kernel is found beside the program", output)
    check(errors.count("\n") == len(wrong) + 1 and "no code of shapes.c, line 9999" in errors,
          f"the errors are {errors}", output)


def case_coverage():
    """Counts of lines, also of those that did not run; and that counting changes nothing in the guest."""
    info = os.path.join(folder.name, "lines.info")
    begin = f"break shapes.c:{LINES['call']}\ncontinue\n"
    end = f"break shapes.c:{LINES['last']}\ncontinue\ndelete\nskip 3000000\nhash\n"
    found = set()
    for engine in ("auto", "interp"):
        output, _ = debug(plain, f"{begin}coverage on user init\n{end}coverage {info}\ncoverage off\nskip 1000\nhash\n",
                          0, "--engine", engine)
        found.add(tuple(re.findall(r"state at instruction \d+: \w+", output)))
        output, _ = debug(plain, f"{begin}{end}skip 1000\nhash\n", 0, "--engine", engine)
        found.add(tuple(re.findall(r"state at instruction \d+: \w+", output)))
    check(len(found) == 1, f"other states: {found}")
    with open(info, encoding="utf-8") as file:
        records = [record for record in file.read().split("end_of_record\n")
                   if re.search(r"^SF:/.*/shapes\.c$", record, re.M)]
    check(len(records) == 1, "one record of the source")
    lines = dict(re.findall(r"^DA:(\d+),(\d+)$", records[0], re.M))
    for name, count in (("in the loop", 3), ("inlined", 1), ("bottom", 1), ("after", 1), ("down", 1)):
        check(lines.get(str(LINES[name])) == str(count),
              f"'{name}' ran {lines.get(str(LINES[name]))} times, not {count}", records[0])
    check(lines[str(LINES["bottom"] + 1)] == "5", "the recursion", records[0])
    check(lines[str(LINES["idle"])] == "0", "what did not run", records[0])
    check(re.search(r"^FNDA:6,count_down$", records[0], re.M) and re.search(r"^FNDA:0,never_called$", records[0], re.M),
          "functions", records[0])


def case_steps():
    """By lines: into, over, out of functions, and the same ways back."""
    script = f"break shapes.c:{LINES['call']}\ncontinue\nhash\n"
    forward = ["next", "step", "step", "step", "step", "bt", "finish", "next", "next"]
    back = ["reverse-next"] * 3
    script += "".join(f"echo === {n} {command}\n{command}\n" for n, command in enumerate(forward + back))
    script += marked("until shapes.c:%d" % LINES["last"], "next", "step", "reverse-step 2", "reverse-step",
                     "reverse-finish")
    script += marked("reverse-next 2", "reverse-next") + "hash\n"
    output, _ = debug(plain, script)
    said = answers(output)
    for name, line in (("0 next", LINES["after"]), ("1 step", LINES["down"]), ("2 step", LINES["bottom"] - 1),
                       ("3 step", LINES["bottom"] + 1),
                       ("4 step", LINES["bottom"] - 1), ("6 finish", LINES["bottom"] + 1),
                       ("7 next", LINES["bottom"] + 2), ("8 next", LINES["down"]),
                       ("9 reverse-next", LINES["down"]), ("10 reverse-next", LINES["after"]),
                       ("11 reverse-next", LINES["call"]),
                       ("next", LINES["last"] + 1), ("step", LINES["last"] + 2), ("reverse-step 2", LINES["last"]),
                       ("reverse-step", LINES["bottom"] + 2),
                       ("reverse-finish", LINES["down"]), ("reverse-next 2", LINES["after"])):
        check(at(said[name]) == line, f"{name} leads to {at(said[name])}, not {line}", output)
    check(said["5 bt"].count("count_down (from=") == 2, "the stack of a recursion", output)
    hashes = re.findall(r"state at instruction \d+: (\w+)", output)
    check(len(hashes) == 2, "hashes", output)
    check(hashes[0] == hashes[1], "the state is not what it was when the line was passed first", output)


def case_parts():
    """What an optimising compiler leaves in several registers, or nowhere at all."""
    script = f"break parts.c:{LINES['whole']}\ncontinue\n" + marked("info args", "print pair", "print pair.second + 1",
                                                                    "print sizeof(pair)", "set pair.second = 1",
                                                                    "print &pair")
    script += f"break parts.c:{LINES['through']}\ncontinue\n" + marked("up", "info locals", "print pair", "down",
                                                                       "print link->weight", "print (*link).weight * 2",
                                                                        "print link->to")
    script += f"break parts.c:{LINES['forgotten']}\ncontinue\n" + marked("print early", "bt", "continue",
                                                                         "print early + 1")
    output, errors = debug(plain, script, 1)
    said = answers(output)
    flat = {name: re.sub(r"\s+", " ", text).strip() for name, text in said.items()}
    check(flat["info args"] == "pair = { first = 41, second = 2, third = -3 }", "a structure in two registers", output)
    check(flat["print pair.second + 1"] == "3" and flat["print sizeof(pair)"].split()[0] == "16", "its member", output)
    check("link = { to = <optimized out>, weight = 8 }" in flat["info locals"], "a structure of which a part is left",
          output)
    check(flat["print link->weight"] == "8" and flat["print (*link).weight * 2"] == "16",
          "what a pointer to nowhere leads to", output)
    check(flat["print early"] == "77" and "forgets (early=77, late=78)" in output, "what the caller knows", output)
    check(flat["print early + 1"].split()[0] == "79", "the same in the next call", output)
    check("pair has no value here: optimized out" in errors and "lies in several parts" in errors, f"errors {errors}",
          output)


def case_calls():
    """`syscalls`: structures that calls read and write are what the program says they were."""
    output, _ = debug(plain, 'break main\ncontinue\ndelete\nsyscalls on init\nexpect "the end" 100\nsyscalls off\n')
    printed = dict(re.findall(r"^(clock|day|stat|parts) (\S.*)$", output, re.M))
    check(len(printed) == 4, "what the program prints", output)
    for call in (r"nanosleep\({sec=0, nsec=1234567}, 0\) = 0", r"clock_nanosleep\(0, 0, {sec=0, nsec=1000000}, 0\) = 0",
                 rf"clock_gettime\(1, {re.escape(printed['clock'])}\) = 0",
                 rf"gettimeofday\({re.escape(printed['day'])}, 0\) = 0",
                 rf'newfstatat\(AT_FDCWD, "/init", {re.escape(printed["stat"])}, 0\) = 0',
                 rf"writev\(1, {re.escape(printed['parts'])}, 2\) = 13",
                 r'bind\(\d, {unix, "/socket"}, 110\) = 0', r"bind\(\d, {inet, 0\.0\.0\.0:4321}, 16\) = 0",
                 r"bind\(\d, {inet6, \[::\]:4322}, 28\) = ",
                 r"getsockname\(\d, {inet, 0\.0\.0\.0:4321}, 0x\w+\) = 0", r'connect\(\d, {unix, ""}, 2\) = -1 E\w+'):
        check(re.search(call, output), f"no call {call}", output)


def case_optimised():
    """Inlined functions, what was optimized out, breakpoints in inlined code."""
    script = f"break shapes.c:{LINES['inlined']}\ncontinue\n" + marked("bt", "info args", "print of", "print twice",
                                                                       "up", "info args", "up", "info args",
                                                                       "frame 0", "finish")
    output, _ = debug(optimised, script)
    said = answers(output)
    check(re.search(r"#0 .* in doubled \(of=.*shapes\.c:%d\n#1 .* in measure \(.*\n#2 .* in main \(" % LINES["inlined"],
                    said["bt"]), "the stack", output)
    check(said["print twice"].strip() == "20", "the inlined function's variable", output)
    check("ratio = 0.5\n" in said["up"] + said["info args"] + output, "a constant parameter", output)
    check("optimized out" in output, "what was optimized out", output)


if not os.path.exists(f"{guest}/Image"):
    sys.exit(77)
globals()[f"case_{case}"]()
