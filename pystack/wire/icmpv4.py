"""ICMP for IPv4 (RFC 792; RFC 1191 for the MTU in "fragmentation needed"; codes 6 to 12 from RFC 1122)."""

from pystack.wire.buffers import Buffer
from pystack.wire.checksum import verify
from pystack.wire.errors import Malformed
from pystack.wire.icmp import HEADER_BYTES, Message, pack, unpack

PROTOCOL = 1

ECHO_REPLY = 0
DESTINATION_UNREACHABLE = 3
SOURCE_QUENCH = 4
REDIRECT = 5
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12
TIMESTAMP_REQUEST = 13
TIMESTAMP_REPLY = 14

ERROR_TYPES = frozenset((DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM))
"""The types that quote a packet, and that no ICMP error may ever answer (RFC 1122 section 3.2.2)."""

# Codes of DESTINATION_UNREACHABLE.
NET_UNREACHABLE = 0
HOST_UNREACHABLE = 1
PROTOCOL_UNREACHABLE = 2
PORT_UNREACHABLE = 3
FRAGMENTATION_NEEDED = 4
SOURCE_ROUTE_FAILED = 5
NET_UNKNOWN = 6
HOST_UNKNOWN = 7
SOURCE_HOST_ISOLATED = 8
NET_PROHIBITED = 9
HOST_PROHIBITED = 10
NET_UNREACHABLE_FOR_TOS = 11
HOST_UNREACHABLE_FOR_TOS = 12
COMMUNICATION_PROHIBITED = 13

# Codes of TIME_EXCEEDED.
TTL_EXCEEDED = 0
REASSEMBLY_TIME_EXCEEDED = 1


def parse(data: Buffer) -> Message:
    """Reads a message from the payload of an IPv4 packet; its body is a view of `data`.

    Raises `Malformed`: `IcmpInErrors` where it is too short, `IcmpInCsumErrors` where the checksum does not hold.
    """
    if len(data) < HEADER_BYTES:
        raise Malformed("IcmpInErrors", f"{len(data)} bytes are too few for an ICMP message")
    if not verify(0, data):
        raise Malformed("IcmpInCsumErrors", "bad ICMP checksum")
    return unpack(data)


def build(message: Message) -> bytes:
    """The message as the payload of an IPv4 packet, with its checksum."""
    return pack(message, 0)


def echo_request(identifier: int, sequence: int, data: Buffer = b"") -> Message:
    """An echo request; identifier and sequence number have 16 bits."""
    return Message(ECHO_REQUEST, 0, identifier << 16 | sequence, data)


def echo_reply(request: Message) -> Message:
    """The answer to an echo request: the same identifier, sequence number and data (RFC 1122 section 3.2.2.6)."""
    return Message(ECHO_REPLY, 0, request.rest, request.body)


def unreachable(code: int, quote: Buffer, mtu: int = 0) -> Message:
    """A "destination unreachable" about the packet that begins with `quote` (its header and at least 8 bytes more).

    `mtu` is the MTU of the next hop for `FRAGMENTATION_NEEDED` (RFC 1191 section 4), 0 for every other code.
    """
    return Message(DESTINATION_UNREACHABLE, code, mtu, quote)
