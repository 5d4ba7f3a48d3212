"""What ICMP (RFC 792) and ICMPv6 (RFC 4443) have in common: the shape of a message."""

from struct import Struct

from pystack.wire.buffers import Buffer
from pystack.wire.checksum import combine, finish

HEADER_BYTES = 8

_header = Struct("!BBHI")
_unpack = _header.unpack_from
_pack = _header.pack


class Message:
    """One ICMP or ICMPv6 message.

    `rest` is the four bytes after the checksum as a number, whose meaning hangs on the type: an MTU, a pointer, or an
    identifier and a sequence number. `body` is what follows: the data of an echo, or as much of the offending packet
    as was quoted.
    """

    __slots__ = ("body", "code", "rest", "type")

    def __init__(self, type: int, code: int = 0, rest: int = 0, body: Buffer = b"") -> None:
        self.type = type
        self.code = code
        self.rest = rest
        self.body = body

    @property
    def identifier(self) -> int:
        """The identifier of an echo."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """The sequence number of an echo."""
        return self.rest & 0xFFFF

    def __repr__(self) -> str:
        return f"Message(type={self.type}, code={self.code}, rest={self.rest:#010x}, body={len(self.body)} bytes)"


def unpack(data: Buffer) -> Message:
    """The message in `data`, at least 8 bytes, whose checksum the caller has verified; the body is a view of `data`."""
    kind, code, _, rest = _unpack(data)
    return Message(kind, code, rest, memoryview(data)[HEADER_BYTES:])


def pack(message: Message, pseudo: int) -> bytes:
    """The bytes of `message` with its checksum; `pseudo` is the sum of the pseudo-header, 0 where there is none."""
    kind, code, rest, body = message.type, message.code, message.rest, message.body
    checksum = finish(pseudo + combine((_pack(kind, code, 0, rest), body)))
    return b"".join((_pack(kind, code, checksum, rest), body))
