"""How short the host is of memory, as its connections see it."""

from enum import IntEnum

_AT_ONCE = 16384
"""What may be queued where nothing is, however short memory is: so every connection goes on."""
_NO_BUDGET = 1 << 62


class Level(IntEnum):
    """Each level includes what the ones before it ask for."""

    NONE = 0
    SHRINK = 1
    """Windows grow no further than what keeps a peer going."""
    REFUSE = 2
    """Out-of-order text is dropped, and applications can send only where nothing is queued."""


class Pressure:
    """One for each host, shared by its connections; only the host sets `level` and what is `left` of its budget, in
    bytes, which is negative where more is held.
    """

    __slots__ = ("left", "level")

    def __init__(self) -> None:
        self.level = Level.NONE
        self.left = _NO_BUDGET


def receive_limit(rcvbuf: int, first: int, read: int, rcv_mss: int, level: Level) -> int:
    """How much of its receive buffer a connection may offer: `first` (64 KiB, as Linux), and twice what the application
    has `read` more. An application that reads gets a window that doubles each round trip; one that does not costs
    64 KiB, not all of its buffer. Where memory is short, just what keeps the peer going.
    """
    return min(rcvbuf, first + 2 * read) if level is Level.NONE else min(rcvbuf, 4 * rcv_mss)


def send_limit(sndbuf: int, queued: int, left: int) -> int:
    """How much may be queued: what is `left` of the host's budget beside what is queued already, and under the worst
    pressure only a little at a time.
    """
    return min(sndbuf, max(queued + left, 0 if queued else _AT_ONCE))
