"""What keeps a connection from sending more, and for how long each thing has: Linux's chronographs of tcp_info."""

from enum import IntEnum


class Limit(IntEnum):
    """What limits a connection."""

    IDLE = 0
    """There is nothing to send, and nothing in flight."""
    BUSY = 1
    """The network: its congestion window, or the time that packets and their acknowledgements take."""
    RECEIVER = 2
    """The peer's window keeps text back that the congestion window has room for."""
    BUFFER = 3
    """All that is queued is in flight, and the application would queue more if the send buffer had room."""


class Chrono:
    """How long each limit has held, in nanoseconds. `wants_room`: the application found the send buffer full, and has
    not been told yet that there is room again.
    """

    __slots__ = ("_limit", "_since", "_spent", "wants_room")

    def __init__(self) -> None:
        self._limit = Limit.IDLE
        self._since = 0
        self._spent = [0, 0, 0, 0]
        self.wants_room = False

    def holds(self, limit: Limit, now: int) -> None:
        """This is what limits the connection from now on."""
        if limit is not self._limit:
            self._spent[self._limit] += now - self._since
            self._limit, self._since = limit, now

    def spent(self, now: int, *limits: Limit) -> int:
        """How long one of these has held until now."""
        running = now - self._since if self._limit in limits else 0
        return running + sum(self._spent[limit] for limit in limits)


def limit_of(*, in_flight: int, unsent: int, window: int, least: int, cwnd_room: int, wants_room: bool) -> Limit:
    """What limits a connection that has sent all that it may: `in_flight` packets are not acknowledged, `unsent` bytes
    are queued, `window` bytes would still be taken by the peer, `least` bytes are worth sending, and `cwnd_room`
    packets fit the congestion window.
    """
    if not unsent:
        if not in_flight:
            return Limit.IDLE
        return Limit.BUFFER if wants_room and cwnd_room > 0 else Limit.BUSY
    return Limit.RECEIVER if window < min(least, unsent) and cwnd_room > 0 else Limit.BUSY
