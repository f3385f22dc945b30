# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest at whose shell lines are typed, each when the one before has answered."""
import os
import subprocess
import sys
import time


def check(true, what, output=b""):
    if not true:
        sys.stdout.write(output.decode(errors="replace"))
        sys.exit(what)


class Guest:
    def __init__(self, command, stdin=subprocess.PIPE):
        self.output, self._lines = b"", 0
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE)

    def until(self, word, since=0):
        while word not in self.output[since:]:
            more = os.read(self.process.stdout.fileno(), 65536)
            check(more, f"the guest ended before it said {word}", self.output)
            self.output += more

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def do(self, line):
        """Types a line; returns what it printed."""
        self._lines += 1
        mark, since = f"done-{self._lines}", len(self.output)
        self.type(f"{line}; echo done''-{self._lines}")
        self.until(mark.encode() + b"\r\n", since)
        return self.output[since:].decode(errors="replace").replace("\r", "").rsplit(mark, 1)[0].split("\n", 1)[1]

    def wait_for(self, line, word, tries=60):
        """Types a line until what it prints has a word."""
        for _ in range(tries):
            answer = self.do(line)
            if word in answer:
                return answer
            time.sleep(0.3)
        check(False, f"'{line}' never says {word}", self.output)
        return None

    def end(self, seconds=120):
        """Has it power off."""
        self.type("poweroff -f")
        self.output += self.process.communicate(timeout=seconds)[0]
        check(self.process.returncode == 0, f"status {self.process.returncode}", self.output)
