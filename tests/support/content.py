"""Content for large objects, and what S3 says of it, computed without satchel and without the SDK.

Content is a seeded run of blocks out of a small pool, so that the checksum of a gigabyte needs the
bitwise sum of a few blocks only. A part of it that is missing, doubled or swapped shows all the
same, for each is a run of its own.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from functools import cache

BLOCK = 16 * 1024
POOL = 16
KIB = 1024
MIB = 1024 * 1024

# CRC-64/NVME: reflected, both masks all ones; of b"123456789" it is AE8B14860A799888.
POLYNOMIAL = 0x9A6C9329AC4BC9B5
ONES = (1 << 64) - 1


@cache
def crc64_bitwise(data: bytes) -> int:
    crc = ONES
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ ONES


def _product(a: int, b: int) -> int:
    """Of two polynomials modulo the CRC's, reflected: the top bit is x^0."""
    result = 0
    for i in range(63, -1, -1):
        if a >> i & 1:
            result ^= b
        b = b >> 1 ^ (POLYNOMIAL if b & 1 else 0)
    return result


@cache
def _shift(length: int) -> int:
    """x^(8 * length)."""
    result, power, bits = 1 << 63, 1 << 62, 8 * length
    while bits:
        if bits & 1:
            result = _product(result, power)
        power = _product(power, power)
        bits >>= 1
    return result


def crc64_joined(first: int, second: int, second_length: int) -> int:
    return _product(first, _shift(second_length)) ^ second


@cache
def _pool() -> list[bytes]:
    chance = random.Random("pool")
    return [chance.randbytes(BLOCK) for _ in range(POOL)]


class Content:
    """`size` bytes that are told by `seed`."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self._order = random.Random(seed).choices(_pool(), k=size // BLOCK + 1)

    def blocks(self) -> Iterator[bytes]:
        yield from self._order[:-1]
        if self.size % BLOCK:
            yield self._order[-1][: self.size % BLOCK]

    def __bytes__(self) -> bytes:
        return b"".join(self.blocks())

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()

    def etag(self, threshold: int, part: int) -> str:
        """As S3 makes it: the MD5, or in parts the MD5 of the MD5s and their number."""
        if self.size <= threshold:
            return hashlib.md5(bytes(self)).hexdigest()
        sums, left, count = b"", part, 1
        digest = hashlib.md5()
        for block in self.blocks():
            while len(block) > left:
                digest.update(block[:left])
                block, left = block[left:], part
                sums, count = sums + digest.digest(), count + 1
                digest = hashlib.md5()
            digest.update(block)
            left -= len(block)
        return f"{hashlib.md5(sums + digest.digest()).hexdigest()}-{count}"

    @property
    def crc64(self) -> str:
        """CRC64-NVME in the form of S3's header."""
        whole = 0
        for block in self.blocks():
            whole = crc64_joined(whole, crc64_bitwise(block), len(block))
        return base64.b64encode(whole.to_bytes(8, "big")).decode()
