"""The deadlines of one connection, and when it gives up."""

from enum import IntEnum

from pystack.tcp.config import TcpConfig


class Timer(IntEnum):
    """What a deadline is for. (That of a delayed ACK is `AckPolicy`'s own.)"""

    RETRANSMIT = 0
    """The oldest unacknowledged segment has been out for an RTO (RFC 6298 section 5)."""
    PROBE = 1
    """The peer's window is closed and nothing is in flight (RFC 9293 section 3.8.6.1)."""
    KEEP_ALIVE = 2
    """The connection may have been idle for long enough (RFC 9293 section 3.8.4)."""
    CORK = 3
    """Text that an application holds back has been held for long enough."""
    LINGER = 4
    """TIME-WAIT, or FIN-WAIT-2 without an application, has lasted long enough."""


class TimerTable:
    """One deadline per `Timer`, in nanoseconds; None: not running."""

    __slots__ = ("_deadlines",)

    def __init__(self) -> None:
        self._deadlines: list[int | None] = [None] * len(Timer)

    def __getitem__(self, timer: Timer) -> int | None:
        return self._deadlines[timer]

    def set(self, timer: Timer, deadline: int) -> None:
        """Starts the timer or moves its deadline."""
        self._deadlines[timer] = deadline

    def stop(self, timer: Timer) -> None:
        """Stops the timer; it need not be running."""
        self._deadlines[timer] = None

    def stop_all(self) -> None:
        """Stops every timer."""
        self._deadlines = [None] * len(Timer)

    def next(self) -> int | None:
        """The earliest deadline."""
        return min((d for d in self._deadlines if d is not None), default=None)

    def take_due(self, now: int) -> list[Timer]:
        """The timers whose deadline has come, stopped, in the order of their deadlines."""
        due = [(d, t) for t, d in zip(Timer, self._deadlines, strict=True) if d is not None and d <= now]
        for _, timer in due:
            self._deadlines[timer] = None
        return [timer for _, timer in sorted(due)]


def r2_timeout(config: TcpConfig, retries: int) -> int:
    """R2 as a time (RFC 9293 section 3.8.3): what `retries` time-outs take that start at `rto_min` and double up to
    `rto_max`. Time, not a count, so that a connection with a short RTT does not fail sooner than one with a long one.
    """
    doublings = min(retries, (config.rto_max // config.rto_min).bit_length() - 1)
    return ((2 << doublings) - 1) * config.rto_min + (retries - doublings) * config.rto_max


def has_timed_out(config: TcpConfig, *, waiting: int, user_timeout: int, orphaned: bool) -> bool:
    """Whether data that has been waiting for its acknowledgement for `waiting` nanoseconds has waited too long."""
    if user_timeout:
        return waiting >= user_timeout
    return waiting >= r2_timeout(config, config.orphan_retries if orphaned else config.retries)
