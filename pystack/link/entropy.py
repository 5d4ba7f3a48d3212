"""Random numbers that a seed repeats."""

from hashlib import blake2b
from random import Random


def stream(seed: int, *purpose: str) -> Random:
    """A generator of its own for each purpose, so that one more user of random numbers shifts nobody else's.

    Only `random` and `getrandbits` may be drawn: their sequence is the same on every Python.
    """
    key = "\0".join((str(seed), *purpose)).encode()
    return Random(int.from_bytes(blake2b(key, digest_size=16).digest(), "big"))


def random_bytes(generator: Random, count: int) -> bytes:
    """`count` bytes, as a host's `entropy` gives them."""
    return generator.getrandbits(8 * count).to_bytes(count, "big") if count else b""
