"""ICMPv6 (RFC 4443). Its checksum covers the pseudo-header, so reading and building need the two addresses."""

from pystack.wire.buffers import Buffer
from pystack.wire.checksum import pseudo_sum, verify
from pystack.wire.errors import Malformed
from pystack.wire.icmp import HEADER_BYTES, Message, pack, unpack

PROTOCOL = 58

DESTINATION_UNREACHABLE = 1
PACKET_TOO_BIG = 2
TIME_EXCEEDED = 3
PARAMETER_PROBLEM = 4
ECHO_REQUEST = 128
ECHO_REPLY = 129

FIRST_INFORMATIONAL = 128
"""Types below this one are errors: they quote a packet, and no ICMPv6 error may answer them (sections 2.1, 2.4)."""

# Codes of DESTINATION_UNREACHABLE.
NO_ROUTE = 0
ADMINISTRATIVELY_PROHIBITED = 1
BEYOND_SCOPE = 2
ADDRESS_UNREACHABLE = 3
PORT_UNREACHABLE = 4
SOURCE_POLICY_FAILED = 5
ROUTE_REJECTED = 6

# Codes of TIME_EXCEEDED.
HOP_LIMIT_EXCEEDED = 0
REASSEMBLY_TIME_EXCEEDED = 1

# Codes of PARAMETER_PROBLEM, whose `rest` is the offset of the trouble in the quoted packet.
ERRONEOUS_HEADER_FIELD = 0
UNRECOGNIZED_NEXT_HEADER = 1
UNRECOGNIZED_OPTION = 2


def parse(data: Buffer, src: bytes, dst: bytes) -> Message:
    """Reads a message from the payload of an IPv6 packet between these addresses; its body is a view of `data`.

    Raises `Malformed`: `Icmp6InErrors` where it is too short, `Icmp6InCsumErrors` where the checksum does not hold.
    """
    if len(data) < HEADER_BYTES:
        raise Malformed("Icmp6InErrors", f"{len(data)} bytes are too few for an ICMPv6 message")
    if not verify(pseudo_sum(src, dst, PROTOCOL, len(data)), data):
        raise Malformed("Icmp6InCsumErrors", "bad ICMPv6 checksum")
    return unpack(data)


def build(message: Message, src: bytes, dst: bytes) -> bytes:
    """The message as the payload of an IPv6 packet between these addresses, with its checksum."""
    return pack(message, pseudo_sum(src, dst, PROTOCOL, HEADER_BYTES + len(message.body)))


def echo_request(identifier: int, sequence: int, data: Buffer = b"") -> Message:
    """An echo request; identifier and sequence number have 16 bits."""
    return Message(ECHO_REQUEST, 0, identifier << 16 | sequence, data)


def echo_reply(request: Message) -> Message:
    """The answer to an echo request: the same identifier, sequence number and data (section 4.2)."""
    return Message(ECHO_REPLY, 0, request.rest, request.body)


def unreachable(code: int, quote: Buffer) -> Message:
    """A "destination unreachable" about the packet that begins with `quote` (all that fits into 1280 bytes)."""
    return Message(DESTINATION_UNREACHABLE, code, 0, quote)


def packet_too_big(mtu: int, quote: Buffer) -> Message:
    """A "packet too big" with the MTU of the next hop, about the packet that begins with `quote`."""
    return Message(PACKET_TOO_BIG, 0, mtu, quote)
