"""Packets of a host to itself: they never reach its device, and wait here until the host takes them in."""

from collections import deque
from typing import Final

_ROOM: Final = 1 << 20
"""Bytes that may wait. Linux: net.core.netdev_max_backlog, 1000 packets. They are not of the host's memory budget: they
go on at once, and the text of TCP among them counts as its sender's already.
"""


class Loopback:
    """A queue of whole packets, bounded in bytes.

    It is not emptied as it is filled: then whatever answers itself would keep everybody else from their turn.
    """

    __slots__ = ("_held", "_packets", "since")

    def __init__(self) -> None:
        self._packets: deque[bytes] = deque()
        self._held = 0
        self.since: int | None = None
        """When the queue was last found empty by a packet, in nanoseconds; None: it is empty."""

    @property
    def is_busy(self) -> bool:
        """Whether those who can wait had better: half of the room is left to those who cannot."""
        return self._held >= _ROOM // 2

    def put(self, packet: bytes, now: int) -> bool:
        """Takes a packet; False: there is no room for it."""
        if self._held + len(packet) > _ROOM:
            return False
        if self.since is None:
            self.since = now
        self._packets.append(packet)
        self._held += len(packet)
        return True

    def take(self) -> bytes | None:
        """The packet that came first; None where there is none."""
        if not self._packets:
            return None
        packet = self._packets.popleft()
        self._held -= len(packet)
        if not self._packets:
            self.since = None
        return packet
