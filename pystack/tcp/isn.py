"""Initial sequence numbers (RFC 6528; RFC 9293 section 3.4.1, MUST-8, MUST-9, SHLD-1)."""

from hashlib import blake2s

TICK = 4_000
"""The clock component ticks every 4 microseconds."""


def initial_sequence_number(secret: bytes, four_tuple: bytes, now: int) -> int:
    """ISN = M + F(localip, localport, remoteip, remoteport, secretkey), F a keyed hash."""
    return (now // TICK + keyed_hash(secret, b"isn", four_tuple)) & 0xFFFFFFFF


def timestamp_offset(secret: bytes, four_tuple: bytes) -> int:
    """Where a connection's timestamp clock starts (RFC 7323 section 5.4)."""
    return keyed_hash(secret, b"tso", four_tuple)


def keyed_hash(secret: bytes, purpose: bytes, data: bytes) -> int:
    """A 32-bit keyed hash that nobody without the secret (at most 32 bytes) can compute; `purpose` keeps uses apart."""
    return int.from_bytes(blake2s(data, key=secret, person=purpose, digest_size=4).digest(), "big")
