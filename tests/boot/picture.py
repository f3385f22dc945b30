# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads screenshots."""
import struct
import sys
import zlib


def unfiltered(filtered, stride):
    """A PNG's rows of three bytes a pixel without their filters (PNG specification, chapter 9)."""
    rows, above = bytearray(), bytes(stride)
    for at in range(0, len(filtered), stride + 1):
        kind, row = filtered[at], bytearray(filtered[at + 1:at + 1 + stride])
        for i in range(stride) if kind and (kind != 2 or any(above) or any(row)) else ():
            left, upper, corner = row[i - 3] if i > 2 else 0, above[i], above[i - 3] if i > 2 else 0
            if kind == 4:
                near = left + upper - corner
                guess = min((abs(near - left), 0, left), (abs(near - upper), 1, upper),
                            (abs(near - corner), 2, corner))[2]
            row[i] = (row[i] + (left, upper, (left + upper) // 2, guess if kind == 4 else 0)[kind - 1]) & 255
        rows += row
        above = row
    return bytes(rows)


def picture(path):
    """A PNG by libpng's bytes: width, height, and three bytes a pixel."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit(f"{path} is no PNG")
    width, height = struct.unpack(">II", content[16:24])
    at, data = 8, b""
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at:at + 8])
        data += content[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    rows = zlib.decompress(data)
    if len(rows) != height * (1 + 3 * width):
        sys.exit(f"{path} has {len(rows)} bytes")
    return width, height, unfiltered(rows, 3 * width)
