#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel with pages of 64 KiB and a driver for the sound card (tools/make-kernel makes it): the same under every
engine, and sound both ways, sample for sample. Status 77: it is not there.

usage: test_large_pages.py PROGRAM GUEST pages|lockstep|sound CPUS SOUND-PROGRAM [ARMATURE-OPTION...]
"""
import hashlib
import os
import re
import struct
import subprocess
import sys
import wave

sys.dont_write_bytecode = True
sound_program = sys.argv.pop(5)
from booting import answer, boot, boot_with_errors, check, cpus, folder, POWER_OFF, program, run_case  # noqa: E402

FRAMES = 60000
AUXV = "hexdump -v -e '4/4 \"%d \" \"\\n\"' /proc/self/auxv"
WORK = ("find /proc/sys/kernel | sha256sum\nfor i in 1 2 3 4 5 6 7 8; do sh -c 'echo $$' & done; wait\n"
        "dd if=/dev/zero bs=64k count=64 | sha256sum\nsha256sum /dev/vda\ncat /proc/interrupts\ncat /proc/uptime\n")


def make_disk():
    path = os.path.join(folder.name, "disk")
    content = os.urandom(4 << 20)
    with open(path, "wb") as file:
        file.write(content)
    return path, hashlib.sha256(content).hexdigest()


def case_pages():
    """Pages have 64 KiB, all processors work, and each engine makes the same machine, by MMIO and on PCI."""
    disk, digest = make_disk()
    script = f"grep -c ^processor /proc/cpuinfo\n{AUXV}\n{WORK}poweroff -f\n"
    marks = "1000,999999,50000001,150000000"
    for bus in ("mmio", "pci"):
        seen = {engine: boot_with_errors(script, "--disk", f"{disk},ro", "--bus", bus, "--clock", "virtual", "--engine",
                                         engine, "--state-hash-at", marks)
                for engine in (("interp", "auto", "jit") if bus == "mmio" else ("auto",))}
        output = seen["auto"][0]
        check("\n6 0 65536 0" in answer(output, AUXV), "another size of pages (AT_PAGESZ)", output)
        check(answer(output, "grep -c ^processor /proc/cpuinfo") == cpus, f"not {cpus} processors", output)
        check(hashlib.sha256(bytes(64 << 16)).hexdigest().encode() in output, "another checksum than on the host",
              output)
        check(digest in answer(output, "sha256sum /dev/vda"), "the guest read something else", output)
        for word in (b"Oops", b"BUG:", b"WARNING:", b"Call trace"):
            check(word not in output, f"the kernel says {word}", output)
        hashes = {engine: re.findall(r"state at instruction .*", errors) for engine, (_, errors) in seen.items()}
        check(len(hashes["auto"]) == marks.count(",") + 1, f"not all states: {hashes}")
        for engine, (console, _) in seen.items():
            check(hashes[engine] == hashes["auto"] and console == output, f"under {engine} it is another machine",
                  console)


def case_lockstep():
    """Translated code does, chunk by chunk, what the interpreter does."""
    disk, digest = make_disk()
    output = boot(f"{WORK}poweroff -f\n", "--disk", f"{disk},ro", "--engine", "lockstep")
    check(digest in answer(output, "sha256sum /dev/vda"), "the guest read something else", output)


def noise(count, state=1):
    """What the program plays."""
    for _ in range(count):
        left = state = (state * 1664525 + 1013904223) & 0xffffffff
        state = (state * 1664525 + 1013904223) & 0xffffffff
        yield struct.pack("<HH", left >> 16, state >> 16)


def played(path):
    with wave.open(path) as file:
        check((file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48000),
              f"{path} has another format")
        return file.readframes(file.getnframes())


def case_sound():
    """What a program plays is in the file, sample for sample, also where the machine goes on from a snapshot; what it
    records is the other file; a recorded run is the same again."""
    disk, out, again, source, log, snap = (os.path.join(folder.name, name)
                                           for name in ("disk", "out.wav", "again.wav", "in.wav", "log", "snap"))
    with open(sound_program, "rb") as file, open(disk, "wb") as copy:
        content = file.read()
        copy.write(content + bytes(-len(content) % 512))
    samples = b"".join(noise(FRAMES))
    with wave.open(source, "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", None))
        file.writeframes(b"".join(noise(2 * FRAMES, 77)))
    script = (f"cat /proc/asound/cards\ncat /dev/vda >/tmp/sound; chmod +x /tmp/sound\n/tmp/sound record {FRAMES}\n"
              f"/tmp/sound play {FRAMES}\npoweroff -f\n")
    output = boot(script, "--disk", f"{disk},ro", "--sound", f"wav:{out},capture={source}", "--record", log)
    check("VirtIO SoundCard" in answer(output, "cat /proc/asound/cards"), "no sound card", output)
    sum_ = 0xcbf29ce484222325
    for byte in b"".join(noise(FRAMES, 77)):
        sum_ = (sum_ ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    check(answer(output, f"/tmp/sound record {FRAMES}") == f"recorded {sum_:016x}", "something else was recorded",
          output)
    check(answer(output, f"/tmp/sound play {FRAMES}") == "played", "it does not play", output)
    check(samples in played(out), "something else was played", output)
    done = subprocess.run([program, "run", "--replay", log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF and done.stdout == output, f"a replay is another run: {done.returncode}",
          done.stdout)
    boot(script.replace(f"/tmp/sound record {FRAMES}\n", ""), "--disk", f"{disk},overlay", "--sound", f"wav:{out}",
         "--save-on", "/tmp/sound play", snap)
    done = subprocess.run([program, "run", "--restore", snap, "--clock", "virtual", "--sound", f"wav:{again}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    check(done.returncode == POWER_OFF and b"played" in done.stdout, "a restored machine does not play", done.stdout)
    check(samples in played(again), "a restored machine plays something else", done.stdout)


run_case(globals())
