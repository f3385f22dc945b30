# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what every correct machine computes alike: whole numbers, basic floating point, digests, compression, text."""
import binascii
import decimal
import fractions
import hashlib
import heapq
import json
import math
import random
import re
import struct
import zlib

generator = random.Random(20260101)
data = generator.randbytes(300_000)


def digest(text):
    return hashlib.sha256(repr(text).encode()).hexdigest()


print("generator", hashlib.sha256(data).hexdigest())
for name in ("md5", "sha1", "sha224", "sha384", "sha512", "sha3_256", "blake2b", "blake2s"):
    print(name, hashlib.new(name, data).hexdigest())
print("pbkdf2", hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 500).hex())
print("crc", binascii.crc32(data), zlib.adler32(data))
packed = zlib.compress(data[:50_000] * 3 + repr(list(range(20_000))).encode(), 9)
print("zlib", len(packed), hashlib.sha256(zlib.decompress(packed)).hexdigest())

print("whole numbers", pow(3, 5000, 2**607 - 1), math.factorial(300) % (2**89 - 1), math.isqrt(7**401) % 10**30)
print("division",
      digest([divmod(generator.randrange(-2**80, 2**80), generator.randrange(1, 2**40)) for _ in range(3000)]))
print("bits",
      digest([(a << 13) ^ (a >> 7) ^ bin(a).count("1") for a in (generator.getrandbits(64) for _ in range(3000))]))

values = [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(1500)] + \
         [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf, -math.inf, math.pi, 1 / 3]
values = [value for value in values if not math.isnan(value)]


def attempt(function, *operands):
    try:
        return repr(function(*operands))
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__


pairs = list(zip(values, values[7:] + values[:7]))
for name, function in (("add", lambda a, b: a + b), ("subtract", lambda a, b: a - b), ("multiply", lambda a, b: a * b),
                       ("divide", lambda a, b: a / b), ("compare", lambda a, b: (a < b, a == b)),
                       ("remainder", math.fmod)):
    print("double", name, digest([attempt(function, a, b) for a, b in pairs]))
for name, function in (("root", math.sqrt), ("floor", math.floor), ("ceil", math.ceil), ("truncate", math.trunc),
                       ("round", round), ("frexp", math.frexp), ("text", repr), ("hexadecimal", float.hex),
                       ("single", lambda a: struct.pack("<f", a)), ("half", lambda a: struct.pack("<e", a))):
    print("double", name, digest([attempt(function, a) for a in values]))
print("sum", math.fsum(value for value in values if abs(value) < 1e300))
print("formats", digest([f"{a:.17g} {a:.3e} {a:12.5f}" for a in values if abs(a) < 1e30]))
decimal.getcontext().prec = 60
print("decimal", decimal.Decimal(2).sqrt(), decimal.Decimal(10).ln(), (decimal.Decimal(1) / 7).exp())
print("harmonic", sum(fractions.Fraction(1, n) for n in range(1, 120)))

words = re.findall(r"[a-f]{2,}", data.hex())
print("expressions", len(words), digest(sorted(set(words))))
heap = [generator.random() for _ in range(5000)]
heapq.heapify(heap)
print("heap", digest([heapq.heappop(heap) for _ in range(5000)]))
print("json", digest(json.loads(json.dumps({"a": values[:200], "b": words[:200], "c": [None, True, "\u00e4\u4e2d"]}))))
print("shuffle", digest(generator.sample(range(100_000), 5000)),
      digest([generator.gauss(0, 1) > 0 for _ in range(500)]))
