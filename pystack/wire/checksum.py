"""The Internet checksum (RFC 1071): the one's-complement sum of 16-bit words, worked out on Python's big integers.

65536 leaves the remainder 1 when divided by 65535, so a buffer read as one big number is congruent to the sum of
its words, and adding up modulo 65535 is the end-around carry. Two consequences are used throughout:

- sums are plain ints that may be added, in any order and unreduced, until `finish` folds them;
- one's complement has two zeros. RFC 1071's adder reaches +0 (0x0000) only if every word was zero, and otherwise says
  -0 (0xFFFF). Here likewise: a sum is 0 for zero bytes only, and a positive multiple of 65535 stands for -0. The two
  differ on the wire (RFC 1624 section 3), where an all-zero message carries 0xFFFF and not 0x0000.
"""

from collections.abc import Iterable

from pystack.wire.buffers import Buffer

_from_bytes = int.from_bytes

# Dividing a big int costs more per byte the larger it is; above some pages, adding chunks first is twice as fast.
_CHUNKED_ABOVE = 8192
_CHUNK = 2048


def sum16(data: Buffer) -> int:
    """The one's-complement sum of `data` as 16-bit words, 0 to 65535; an odd last byte is padded with a zero byte.

    0 only where every byte is zero (see the module's text).
    """
    size = len(data)
    if size <= _CHUNKED_ABOVE:
        total = _from_bytes(data, "big")
        if size & 1:
            total <<= 8
    else:
        words = data[:-1] if size & 1 else data
        total = sum([_from_bytes(words[at : at + _CHUNK], "big") for at in range(0, len(words), _CHUNK)])
        if size & 1:
            total += data[-1] << 8
    return total % 65535 or (65535 if total else 0)


def combine(pieces: Iterable[Buffer]) -> int:
    """The sum of `pieces` as if they were joined, without joining them; any of them may have an odd length.

    A piece that starts at an odd offset has its bytes in the other halves of the words, which is its own
    sum times 256 (RFC 1071 section 2, byte order independence).
    """
    total = 0
    odd = 0
    for piece in pieces:
        total += sum16(piece) << 8 if odd else sum16(piece)
        odd ^= len(piece) & 1
    return total


def finish(total: int) -> int:
    """The 16-bit field for the sum of everything that is covered, the field itself counted as zero.

    The field is the complement of the folded sum: 0x0000 for a sum of -0, 0xFFFF for a sum of +0 (only where
    all that is covered is zero, such as an ICMP echo reply with identifier, sequence number and data all zero). UDP
    makes the 0x0000 into 0xFFFF on top of that, since there it would mean "no checksum".
    """
    return -total % 65535 if total else 0xFFFF


def pseudo_sum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """The sum of the pseudo-header, for IPv4 (RFC 9293 section 3.1) and IPv6 (RFC 8200 section 8.1) alike.

    `src` and `dst` are 4 or 16 bytes, `length` the bytes of the transport header and its text. The two families'
    pseudo-headers differ in their padding only, which adds nothing; and `length` is a plain summand, so that the sum
    for a length of 0 may be kept for a pair of addresses and the length added later.
    """
    return _from_bytes(src + dst, "big") % 65535 + protocol + length


def verify(pseudo: int, data: Buffer) -> bool:
    """Whether `data`, which holds its checksum, adds up to -0 together with the sum of its pseudo-header (0: none)."""
    total = pseudo + sum16(data)
    return total % 65535 == 0 and total != 0
