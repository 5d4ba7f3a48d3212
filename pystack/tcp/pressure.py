"""How short the host is of memory, as its connections see it."""

from enum import IntEnum

_FIRST_WINDOW = 65535


class Level(IntEnum):
    """Each level includes what the ones before it ask for."""

    NONE = 0
    SHRINK = 1
    """Windows grow no further than what keeps a peer going."""
    REFUSE = 2
    """Out-of-order text is dropped, and applications can send only where nothing is queued."""


class Pressure:
    """One for each host, shared by its connections; only the host sets `level`."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = Level.NONE


def receive_limit(rcvbuf: int, read: int, rcv_mss: int, level: Level) -> int:
    """How much of its receive buffer a connection may offer: 64 KiB at first, as Linux, and twice what the application
    has `read` more. An application that reads gets a window that doubles each round trip; one that does not costs
    64 KiB, not all of its buffer. Where memory is short, just what keeps the peer going.
    """
    return min(rcvbuf, _FIRST_WINDOW + 2 * read) if level is Level.NONE else min(rcvbuf, 4 * rcv_mss)


def send_limit(sndbuf: int, queued: int, level: Level) -> int:
    """How much may be queued: under the worst pressure only a little at a time, so that every connection goes on."""
    return sndbuf if level < Level.REFUSE else min(sndbuf, 0 if queued else 16384)
