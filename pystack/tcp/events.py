"""What a connection tells the layer above."""

from enum import Enum, IntFlag


class Event(IntFlag):
    """What the layer above must know; more than one may be set."""

    CONNECTED = 1
    """The handshake is complete."""
    READABLE = 2
    """There is text to `recv`."""
    WRITABLE = 4
    """There is room to `send`."""
    EOF = 8
    """The peer has closed its side: after what is readable, nothing more comes."""
    TROUBLE = 32
    """The peer has not answered several retransmissions (R1 of RFC 9293 section 3.8.3), or ICMP reports a soft error.
    """
    URGENT = 64
    """The peer has announced urgent data, or more of it (RFC 9293 MUST-32)."""
    CLOSED = 16
    """The connection is CLOSED; `ending` says how."""


class Ending(Enum):
    """How a connection came to be CLOSED (RFC 9293 MUST-12: a normal close can be told from an abort)."""

    NORMAL = "closed by both sides"
    ABORTED = "aborted by this side"
    REFUSED = "refused by the peer"
    RESET = "reset by the peer"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable, as ICMP says"
