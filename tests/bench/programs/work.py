# SPDX-License-Identifier: GPL-3.0-or-later
"""A mix of what Python programs do: dictionaries, strings, objects, big integers, JSON, regular expressions."""
import json
import re
import sys


class Account:
    def __init__(self, name):
        self.name, self.balance = name, 0

    def move(self, amount):
        self.balance += amount
        return self


def work(turn):
    accounts = {f"name-{i}": Account(f"name-{i}") for i in range(500)}
    for i in range(5000):
        accounts[f"name-{i * 7919 % 500}"].move(i ^ turn)
    rows = sorted(((a.balance, a.name) for a in accounts.values()), reverse=True)
    text = json.dumps([{"name": name, "balance": balance, "half": balance / 2} for balance, name in rows])
    words = re.findall(r'"name": "(\w+-\d*[13579])"', text)
    total = sum(row["balance"] for row in json.loads(text))
    return total, len(words), pow(3, 5000 + turn) % 1000003


for turn in range(max(int(sys.argv[1]), 1)):
    print(*work(turn))
