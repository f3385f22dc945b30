# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that a kernel takes for its initrd: cpio, "newc"."""
import gzip
import stat


def entry(name, content, mode):
    name = name.encode() + b"\0"
    header = "070701" + "".join(f"{value:08X}"
                                for value in (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0))
    return b"".join(part + b"\0" * (-len(part) % 4) for part in (header.encode() + name, content))


def write(path, files, behind=b"", level=1):
    """An archive of programs, {name in the guest: path here}, behind other archives, in the file `path`."""
    content = b""
    for name, file in files.items():
        with open(file, "rb") as source:
            content += entry(name, source.read(), stat.S_IFREG | 0o755)
    with open(path, "wb") as sink:
        sink.write(behind + gzip.compress(content + entry("TRAILER!!!", b"", 0), level))
    return path


def read_file(path):
    with open(path, "rb") as file:
        return file.read()
