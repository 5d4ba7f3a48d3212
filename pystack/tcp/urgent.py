"""Urgent data (RFC 9293 section 3.8.5; RFC 6093), as BSD sockets show it.

The urgent pointer names the octet *after* the urgent data (MUST-62). The last octet of it, the one before the
pointer, is the "out-of-band" byte of the sockets: taken out of the stream, unless SO_OOBINLINE leaves it in. Reading
stops at the mark either way, so that an application can tell what was sent before it from what was sent after.
"""

MOST_AHEAD = 0xFFFF
"""The pointer is a 16-bit offset from the segment's number; urgent data further ahead is announced as this far
(MUST-31).
"""


def pointer(up: int, seq: int, nxt: int) -> int | None:
    """The urgent pointer field of a segment that begins at `seq`, None where it has no URG. `up` is SND.UP, the octet
    after the urgent data; `nxt` is SND.NXT: an announcement of data that is too far ahead must not name what was sent
    already.
    """
    ahead = up - seq
    if ahead <= 0:
        return None
    if ahead <= MOST_AHEAD:
        return ahead
    return MOST_AHEAD if seq + MOST_AHEAD > nxt else None


class UrgentMark:
    """The receiver's side. `at` is the number of the out-of-band byte, None where none is announced; `taken` says
    that the application has read it; `value` keeps it once reading has passed it.
    """

    __slots__ = ("at", "inline", "taken", "value")

    def __init__(self) -> None:
        self.at: int | None = None
        self.inline = False
        self.taken = False
        self.value = b""

    @property
    def pending(self) -> bool:
        """Whether there is urgent data that the application has not taken."""
        return not self.taken and (self.at is not None or bool(self.value))

    def announce(self, up: int, next_read: int) -> bool:
        """RCV.UP has moved on to `up`, where urgent data ends (section 3.10.7.4, sixth step); returns True unless the
        application has read that far already.
        """
        at = up - 1
        if at < next_read:
            return False
        self.at = at
        self.taken = False
        self.value = b""
        return True

    def is_at(self, next_read: int) -> bool:
        """Whether the next byte to be read is the out-of-band byte (SIOCATMARK)."""
        return self.at == next_read
