#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes C of the instruction tables (README.md beside this file explains their format).

usage: generate.py OUTPUT_DIR TABLE...

Writes insn_ops.h (the enum), insn_handlers.h (what exec files expand), insn_table.c (decoder, operand
extraction, handler choice, information) and insn_text.c (disassembly). Fails on a line it cannot read and on
two patterns that overlap where neither refines the other.
"""
import itertools
import os
import re
import sys

DEFAULT_WIDTH = {name: 5 for name in "Rd Rn Rm Ra Rt Rt2 Rs".split()}
MEMBERS = "imm rd rn rm ra sf size opt amount q".split()
FLAGS = {
    "ends": "INSN_ENDS_BLOCK",
    "branch": "INSN_BRANCH | INSN_ENDS_BLOCK",
    "memory": "INSN_MEMORY",
    "system": "INSN_SYSTEM",
    "privileged": "INSN_PRIVILEGED",
    "unimplemented": "INSN_UNIMPLEMENTED",
}


class TableError(Exception):
    pass


class Field:
    def __init__(self, name, low, width):
        self.name, self.low, self.width = name, low, width

    def extract(self):
        return f"(word >> {self.low} & {(1 << self.width) - 1:#x})"


class Format:
    def __init__(self, text):
        self.checks, self.assignments, self.specialised = [], [], {}
        for item in split_top(text, " "):
            if item.startswith("check(") and item.endswith(")"):
                self.checks.append(item[6:-1])
                continue
            match = re.fullmatch(r"(\w+)(!?)=(.+)", item)
            if not match or match[1] not in MEMBERS:
                raise TableError(f"'{item}' is neither check(...) nor member=EXPR")
            if match[2]:
                self.specialised[match[1]] = match[3]
            self.assignments.append((match[1], match[3]))


class Insn:
    def __init__(self, name, pattern, fmt, assembly, feature, flags, reason, table, where):
        self.name, self.assembly, self.feature, self.table = name, assembly, feature, table
        self.flags, self.reason, self.where, self.format = flags, reason, where, fmt
        self.aliases = []
        self.mask = self.bits = 0
        self.fields = []
        bit = 32
        for token in pattern.split():
            if re.fullmatch(r"[01x]+", token):
                for char in token:
                    bit -= 1
                    if char != "x":
                        self.mask |= 1 << bit
                        self.bits |= int(char) << bit
                continue
            match = re.fullmatch(r"([A-Za-z_]\w*)(?::(\d+))?", token)
            if not match:
                raise TableError(f"'{token}' is no pattern token")
            name = match[1]
            implied = re.fullmatch(r"u?imm(\d+)", name)
            width = int(match[2] or DEFAULT_WIDTH.get(name) or (implied and implied[1]) or 1)
            bit -= width
            self.fields.append(Field(name, bit, width))
        if bit != 0:
            raise TableError(f"the pattern has {32 - bit} bits")
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise TableError("a field is named twice")

    @property
    def is_live(self):
        return "unimplemented" not in self.flags

    def handler_kind(self):
        """How threaded code goes on behind it: the next record, another block, or the engine's loop."""
        if {"branch", "system"} & set(self.flags) == {"branch"}:
            return "JUMP"
        return "END" if {"ends", "branch"} & set(self.flags) else "NEXT"

    def handlers(self):
        """(suffix, what it may assume) of each specialised handler, in order of the selector."""
        if not self.format:
            return [("", "")]
        axes = []
        for member, field_name in self.format.specialised.items():
            field = next((f for f in self.fields if f.name == field_name), None)
            if field:
                axes.append([(member, value) for value in range(1 << field.width)])
        result = []
        for combination in itertools.product(*axes):
            suffix = "".join(f"_{member}{value}" for member, value in combination)
            facts = " ".join(f"FACT({m}, {v})" for m, v in combination)
            result.append((suffix and "_" + suffix, facts))
        return result

    def handler_selector(self):
        """C expression of the index among handlers()."""
        terms = []
        for field_name in (self.format.specialised.values() if self.format else []):
            field = next((f for f in self.fields if f.name == field_name), None)
            if field:
                terms = [f"({term} << {field.width})" for term in terms] + [field.name]
        return " | ".join(terms) or "0"


def split_top(text, separator):
    """Splits at separators outside brackets."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def logical_lines(path):
    """(line number, text) with continuations joined and comments dropped."""
    pending, first = "", 0
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            line = line.rstrip()
            if not pending and (not line.strip() or line.startswith("#")):
                continue
            if not pending:
                first = number
            if line.endswith("\\"):
                pending += line[:-1] + " "
                continue
            yield first, pending + line
            pending = ""


def read_tables(paths):
    formats, insns, by_name = {}, [], {}
    deferred_aliases = []
    for path in paths:
        table = os.path.splitext(os.path.basename(path))[0]
        for number, line in logical_lines(path):
            where = (os.path.basename(path), number)
            try:
                if line.startswith("format "):
                    _, name, text = line.split(None, 2)
                    if name in formats:
                        raise TableError(f"format {name} stands twice")
                    formats[name] = Format(text)
                elif line.startswith("alias "):
                    head, assembly = split_alias(line)
                    match = re.fullmatch(r"(\w+)\s+when\s+(.+)", head)
                    if not match:
                        raise TableError("expected: alias NAME when EXPR | ASSEMBLY")
                    deferred_aliases.append((match[1], match[2], assembly, where))
                else:
                    insn = read_insn(line, formats, table, where)
                    if insn.name in by_name:
                        raise TableError(f"{insn.name} stands twice")
                    by_name[insn.name] = insn
                    insns.append(insn)
            except (TableError, ValueError) as error:
                sys.exit(f"{path}:{number}: {error}")
    for name, condition, assembly, where in deferred_aliases:
        if name not in by_name:
            sys.exit(f"{where[0]}:{where[1]}: alias of unknown {name}")
        by_name[name].aliases.append((condition, assembly))
    return insns


def split_alias(line):
    """(head, assembly) of an alias line, split at the first lone '|' outside brackets."""
    body, depth = line[6:], 0
    for index, char in enumerate(body):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "|" and depth == 0 and body[index - 1] == " " and body[index + 1:index + 2] == " ":
            return body[:index].strip(), body[index + 1:].strip()
    raise TableError("expected: alias NAME when EXPR | ASSEMBLY")


def read_insn(line, formats, table, where):
    parts = split_top(line, "|")
    if len(parts) != 4:
        raise TableError(f"expected 4 columns, found {len(parts)}")
    name, pattern = parts[0].split(None, 1)
    tail, _, reason = parts[3].partition("--")
    feature, *flags = tail.split()
    for flag in flags:
        if flag not in FLAGS:
            raise TableError(f"'{flag}' is no flag")
    if "unimplemented" in flags and not reason.strip():
        raise TableError("an unimplemented line needs a reason: -- REASON")
    if parts[1] != "-" and parts[1] not in formats:
        raise TableError(f"no format {parts[1]}")
    return Insn(name, pattern, formats.get(parts[1]), parts[2], feature, flags, reason.strip(), table, where)


def check_overlaps(insns):
    """Two patterns may share words only where one is a refinement of the other."""
    errors = []
    for a, b in itertools.combinations(insns, 2):
        common = a.mask & b.mask
        if (a.bits ^ b.bits) & common:
            continue
        if common == a.mask and a.mask != b.mask or common == b.mask and a.mask != b.mask:
            continue
        errors.append(f"{a.where[0]}:{a.where[1]} {a.name} overlaps {b.where[0]}:{b.where[1]} {b.name}")
    if errors:
        sys.exit("\n".join(errors[:40]))


def used(fields, text):
    """The fields whose names occur in a piece of C, as declarations."""
    words = set(re.findall(r"[A-Za-z_]\w*", text))
    return "".join(
        f"    const uint32_t {field.name} = {field.extract()};\n" for field in fields if field.name in words)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


HEADER = "/* Generated by isa/arm64/tables/generate.py. */\n"


def write_ops(insns):
    yield HEADER + "#ifndef ARMATURE_INSN_OPS_H\n#define ARMATURE_INSN_OPS_H\n"
    yield "enum insn_op {\n    OP_UNDEFINED,\n"
    for insn in insns:
        yield f"    OP_{insn.name},\n"
    yield "    OP_COUNT\n};\n#endif\n"


def write_handlers(insns):
    yield HEADER + "#ifndef ARMATURE_INSN_HANDLERS_H\n#define ARMATURE_INSN_HANDLERS_H\n"
    tables = sorted({insn.table for insn in insns})
    yield "enum insn_handler {\n    HANDLER_UNDEFINED,\n"
    for insn in insns:
        if insn.is_live:
            for suffix, _ in insn.handlers():
                yield f"    HANDLER_{insn.name}{suffix},\n"
    yield "    HANDLER_COUNT\n};\n"
    for table in tables:
        mine = [insn for insn in insns if insn.table == table and insn.is_live]
        yield f"#define INSN_HANDLERS_{table}(NEXT, JUMP, END)"
        for insn in mine:
            macro = insn.handler_kind()
            for suffix, facts in insn.handlers():
                yield f" \\\n    {macro}({insn.name}{suffix}, {insn.name}, {facts})"
        yield f"\n#define INSN_NAMES_{table}(X)"
        for insn in mine:
            yield f" \\\n    X({insn.name})"
        yield "\n"
    yield "#define INSN_HANDLERS_ALL(NEXT, JUMP, END) "
    yield " ".join(f"INSN_HANDLERS_{t}(NEXT, JUMP, END)" for t in tables)
    yield "\n#define INSN_NAMES_ALL(X) " + " ".join(f"INSN_NAMES_{t}(X)" for t in tables) + "\n#endif\n"


def extraction_body(insn):
    lines = []
    if insn.format:
        lines += [f"    if (!({check}))\n        return false;\n" for check in insn.format.checks]
        lines += [f"    insn->{member} = {expr};\n" for member, expr in insn.format.assignments]
    body = "".join(lines)
    return used(insn.fields, body) + body + "    return true;\n"


def decision_tree(insns, depth=1):
    """Yields nested switches on bits that the remaining patterns fix; few patterns are tested in turn, the
    narrowest first."""
    pad = "    " * depth
    field = switch_field(insns) if len(insns) > 3 else 0
    if not field:
        for insn in sorted(insns, key=lambda i: (-bin(i.mask).count("1"), i.name)):
            yield f"{pad}if ((word & {insn.mask:#010x}) == {insn.bits:#010x})\n{pad}    return OP_{insn.name};\n"
        yield f"{pad}return OP_UNDEFINED;\n"
        return
    low = (field & -field).bit_length() - 1
    groups = {}
    for insn in insns:
        # A pattern that leaves bits of the field open belongs to several groups.
        for value in range((field >> low) + 1):
            if (value << low ^ insn.bits) & insn.mask & field == 0:
                groups.setdefault(value, []).append(insn)
    yield f"{pad}switch (word >> {low} & {field >> low:#x}) {{\n"
    for value in sorted(groups):
        yield f"{pad}case {value:#x}:\n"
        yield from decision_tree(groups[value], depth + 1)
    yield f"{pad}default:\n{pad}    return OP_UNDEFINED;\n{pad}}}\n"


def switch_field(insns):
    """The run of up to six bits whose switch leaves the smallest largest group, or 0 where none divides."""
    best, best_cost = 0, (len(insns), 0)
    for low in range(32):
        for width in range(1, 7):
            field = ((1 << width) - 1) << low
            if field > 0xFFFFFFFF:
                break
            # Bits that some pattern leaves open multiply its copies: only a lone open bit is worth it.
            if width > 1 and any(insn.mask & field != field for insn in insns):
                continue
            sizes = {}
            for insn in insns:
                for value in range(1 << width):
                    if (value << low ^ insn.bits) & insn.mask & field == 0:
                        sizes[value] = sizes.get(value, 0) + 1
            cost = (max(sizes.values()), width)
            if cost < best_cost:
                best, best_cost = field, cost
    return best


def vector_operands(insn):
    """Which of rd, rn, rm, ra are vector registers that are read (bits 0 to 3) and written (4 to 7)."""
    mask = 0
    for member, expr in insn.format.assignments if insn.format else []:
        if member in ("rd", "rn", "rm", "ra"):
            bit = 1 << ("rd", "rn", "rm", "ra").index(member)
            mask |= bit if re.match(r"VR?W?\(", expr) and not expr.startswith("VW(") else 0
            mask |= bit << 4 if re.match(r"VR?W\(", expr) else 0
    return mask


def general_operands(insn):
    """The same of general registers. A base register is written where the assembly has it so: "]!" or an operand behind
    the "]"."""
    mask = 0
    for member, expr in insn.format.assignments if insn.format else []:
        if member in ("rd", "rn", "rm", "ra") and not re.match(r"VR?W?\(", expr):
            bit = 1 << ("rd", "rn", "rm", "ra").index(member)
            written = expr.startswith("W(") or (member == "rd" and not expr.startswith("X("))
            moved = member == "rn" and re.search(r"\](!|, )", insn.assembly) is not None
            mask |= 0 if written else bit
            mask |= bit << 4 if written or moved else 0
    return mask


def write_table(insns):
    yield HEADER + '#include "isa/arm64/decode.h"\n#include "insn_handlers.h"\n\n'
    yield "const struct insn_info insn_infos[OP_COUNT] = {\n"
    yield '    [OP_UNDEFINED] = {"undefined", 0, 0, INSN_ENDS_BLOCK | INSN_UNIMPLEMENTED, FEAT_BASE, "", 0, 0, 0},\n'
    for insn in insns:
        flags = " | ".join(FLAGS[flag] for flag in insn.flags) or "0"
        yield (f"    [OP_{insn.name}] = {{{c_string(insn.name)}, {insn.mask:#010x}, {insn.bits:#010x}, {flags}, "
               f"FEAT_{insn.feature}, {c_string(insn.where[0])}, {insn.where[1]}, {vector_operands(insn):#04x}, "
               f"{general_operands(insn):#04x}}},\n")
    yield "};\n\n"
    bodies = {}
    for insn in insns:
        if insn.is_live:
            bodies.setdefault(extraction_body(insn), []).append(insn)
    function_of = {}
    for body, members in bodies.items():
        name = f"extract_{members[0].name}"
        for member in members:
            function_of[member.name] = name
        yield f"static bool {name}(uint32_t word, struct insn *insn)\n{{\n{body}}}\n\n"
    selectors = {}
    for insn in insns:
        selector = insn.handler_selector()
        if insn.is_live and selector != "0":
            body = used(insn.fields, selector) + f"    return {selector};\n"
            selectors.setdefault(body, []).append(insn)
    selector_of = {}
    for body, members in selectors.items():
        name = f"select_{members[0].name}"
        for member in members:
            selector_of[member.name] = name
        yield f"static unsigned {name}(uint32_t word)\n{{\n{body}}}\n\n"
    yield "const struct insn_decoding insn_decodings[OP_COUNT] = {\n"
    for insn in insns:
        if insn.is_live:
            first = insn.name + insn.handlers()[0][0]
            yield (f"    [OP_{insn.name}] = {{{function_of[insn.name]}, "
                   f"{selector_of.get(insn.name, 'NULL')}, HANDLER_{first}}},\n")
    yield "};\n\nenum insn_op insn_op_of(uint32_t word)\n{\n"
    yield from decision_tree(insns)
    yield "}\n"


def template(text):
    """C statements that write an assembly template."""
    out, literal, index = [], "", 0

    def flush():
        nonlocal literal
        if literal:
            out.append(f"    text_literal(out, {c_string(literal)});\n")
            literal = ""

    while index < len(text):
        if text[index] != "{":
            literal += text[index]
            index += 1
            continue
        if text.startswith("{{", index):
            literal += "{"
            index += 2
            continue
        depth, end = 1, index + 1
        while depth:
            if end >= len(text):
                raise TableError(f"unbalanced braces in '{text}'")
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        inner = text[index + 1:end - 1]
        flush()
        if inner.startswith("?"):
            condition, then = split_condition(inner[1:])
            out.append(f"    if ({condition}) {{\n{template(then)}    }}\n")
        else:
            style, _, arguments = inner.partition(" ")
            out.append(f"    text_{style}(out{', ' + arguments if arguments else ''});\n")
        index = end
    flush()
    return "".join(out)


def split_condition(text):
    """Splits '{?COND|text}' at the first single '|' outside brackets."""
    depth = 0
    for index, char in enumerate(text):
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "|" and depth == 0 and text[index + 1:index + 2] != "|" and text[index - 1] != "|":
            return text[:index], text[index + 1:]
    raise TableError(f"no '|' in '{text}'")


def write_text(insns):
    yield HEADER + '#include "isa/arm64/decode.h"\n#include "isa/arm64/disasm_text.h"\n\n'
    for insn in insns:
        try:
            body = ""
            for condition, assembly in insn.aliases:
                body += f"    if ({condition}) {{\n{template(assembly)}    return;\n    }}\n"
            body += template(insn.assembly)
        except TableError as error:
            sys.exit(f"{insn.where[0]}:{insn.where[1]}: {error}")
        yield f"static void text_of_{insn.name}(struct text *out, uint32_t word, uint64_t pc)\n{{\n"
        yield used(insn.fields, body) + body + "}\n\n"
    yield "void (*const insn_texts[OP_COUNT])(struct text *out, uint32_t word, uint64_t pc) = {\n"
    for insn in insns:
        yield f"    [OP_{insn.name}] = text_of_{insn.name},\n"
    yield "};\n"


def main():
    output, *paths = sys.argv[1:]
    insns = read_tables(sorted(paths))
    check_overlaps(insns)
    for name, write in [("insn_ops.h", write_ops), ("insn_handlers.h", write_handlers),
                        ("insn_table.c", write_table), ("insn_text.c", write_text)]:
        with open(os.path.join(output, name), "w", encoding="utf-8") as sink:
            sink.writelines(write(insns))


main()
