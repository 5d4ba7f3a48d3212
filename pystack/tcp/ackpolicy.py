"""When to acknowledge: at once, or a little later (RFC 9293 section 3.8.6.3; RFC 5681 section 4.2)."""

from pystack.tcp.config import TcpConfig

_LEAST_MSS = 88
"""Smaller segments say nothing about the peer's MSS (Linux: TCP_MIN_MSS)."""


class AckPolicy:
    """Decides between *now* and *later*, and remembers which ACK is owed.

    `now` is set when an ACK has to go with the next `poll_transmit`; `deadline` when one may wait until then.
    `rcv_mss` estimates the peer's segment size from what arrives (bytes). The first segments of a connection are
    acknowledged at once (*quick ACKs*), so that the peer's slow start is not held back; a connection that answers
    each request at once is *interactive*, and there the ACK waits for the answer to carry it.
    """

    __slots__ = (
        "_ato",
        "_config",
        "_last_size",
        "_last_text_at",
        "_quick",
        "deadline",
        "interactive",
        "now",
        "rcv_mss",
        "unacked",
    )

    def __init__(self, config: TcpConfig) -> None:
        self._config = config
        self._quick = config.quick_acks
        self._ato = config.delayed_ack_min
        self._last_text_at = 0
        self.rcv_mss = 536
        self._last_size = 0
        self.unacked = 0
        self.now = False
        self.interactive = False
        self.deadline: int | None = None

    def on_text(self, size: int, mss: int, now: int) -> None:
        """In-order text has arrived: `size` bytes in wire segments of `mss` bytes (0: one segment)."""
        self._estimate_mss(mss or size)
        gap = now - self._last_text_at if self._last_text_at else 0
        self._last_text_at = now
        config = self._config
        if gap > config.delayed_ack_max:
            # A pause: the peer may be in slow start again.
            self._ato = config.delayed_ack_min
        elif gap < self._ato:
            self._ato = max(config.delayed_ack_min, self._ato // 2 + gap)
        self.unacked += size
        # SHLD-19: at least every second full-sized segment.
        if self.unacked >= 2 * self.rcv_mss or self.is_quick:
            self.now = True
        elif self.deadline is None:
            self.deadline = now + min(self._ato, config.delayed_ack_max)

    def _estimate_mss(self, size: int) -> None:
        """The largest seen, unless two in a row are alike and smaller: then the peer sends no larger ones (Linux:
        tcp_measure_rcv_mss).
        """
        if size >= self.rcv_mss or (size == self._last_size and size >= _LEAST_MSS):
            self.rcv_mss = min(size, 65535)
        self._last_size = size

    @property
    def is_quick(self) -> bool:
        """Whether each segment is acknowledged at once."""
        return self._quick > 0 and not self.interactive

    def quick_mode(self, on: bool) -> None:
        """The application asks for ACKs at once, for a while, or for delayed ones (TCP_QUICKACK)."""
        self.interactive = not on
        self._quick = self._config.quick_acks if on else 0
        if on and self.unacked:
            self.now = True

    def on_surprise(self) -> None:
        """Out-of-order text, a filled hole, a duplicate, a FIN: the peer wants to know at once (RFC 5681 section
        4.2).
        """
        self.now = True

    def on_text_sent(self, now: int) -> None:
        """We send text soon after some arrived: the connection is interactive."""
        if self._last_text_at and now - self._last_text_at < self._ato:
            self.interactive = True

    def on_deadline(self) -> None:
        """The delay is over. An answer that did not come in time ends the interactive mode."""
        self.deadline = None
        self.interactive = False
        self._ato = self._config.delayed_ack_min
        self.now = True

    def on_ack_sent(self, segments: int = 1) -> None:
        """A segment with the ACK flag has left: nothing is owed any more."""
        if self.unacked and self._quick:
            self._quick -= min(segments, self._quick)
        self.unacked = 0
        self.now = False
        self.deadline = None
