"""When to acknowledge: at once, or a little later (RFC 9293 section 3.8.6.3; RFC 5681 section 4.2)."""

from pystack.tcp.config import TcpConfig
from pystack.tcp.rtt import RttEstimator

_LEAST_MSS = 88
"""Smaller segments say nothing about the peer's MSS (Linux: TCP_MIN_MSS)."""


class AckPolicy:
    """Decides between *now* and *later*, and remembers which ACK is owed. Where the RFCs leave room it is as Linux is.

    `now` is set when an ACK has to go with the next `poll_transmit`; `deadline` when one may wait until then.
    `rcv_mss` estimates the peer's segment size from what arrives (bytes), and is at most `advmss`. The first segments
    of a connection, or after a pause of more than `rtt.rto`, are acknowledged at once (*quick ACKs*), so that the
    peer's slow start is not held back; a connection that answers each request at once is *interactive*, and there the
    ACK waits for the answer to carry it.
    """

    __slots__ = (
        "_advmss",
        "_ato",
        "_config",
        "_last_size",
        "_quick",
        "_rtt",
        "_small",
        "deadline",
        "interactive",
        "last_text_at",
        "now",
        "rcv_mss",
        "unacked",
    )

    def __init__(self, config: TcpConfig, rtt: RttEstimator, advmss: int) -> None:
        self._config = config
        self._rtt = rtt
        self._advmss = advmss
        self._quick = config.quick_acks
        self._ato = config.delayed_ack_min
        self.last_text_at = 0
        self.rcv_mss = 536
        self._last_size = 0
        self._small = 0
        """How many segments smaller than `rcv_mss` have come since the last ACK, 2 standing for more."""
        self.unacked = 0
        self.now = False
        self.interactive = False
        self.deadline: int | None = None

    def on_text(self, size: int, mss: int, now: int) -> None:
        """In-order text has arrived: `size` bytes in wire segments of `mss` bytes (0: one segment)."""
        self._estimate_mss(mss or size)
        self._follow_pace(now)
        self.unacked += size
        # SHLD-19: at least every second full-sized segment; Linux: more than one.
        if self.unacked > self.rcv_mss or self.is_quick:
            self.now = True
            return
        delay = self._delay()
        if self.deadline is None:
            self.deadline = now + delay
        elif self.deadline <= now + delay // 4:
            self.now = True  # it is as good as due
        else:
            self.deadline = min(self.deadline, now + delay)

    def _follow_pace(self, now: int) -> None:
        """The delay follows the pauses between segments, so that an ACK waits for no more than the next one."""
        gap = now - self.last_text_at
        least = self._config.delayed_ack_min
        if not self.last_text_at:
            pass
        elif gap <= least // 2:
            self._ato = self._ato // 2 + least // 2
        elif gap < self._ato:
            self._ato = min(self._ato // 2 + gap, self._rtt.rto)
        elif gap > self._rtt.rto:
            # The peer may be in slow start again.
            self._quick = max(self._quick, self._config.quick_acks)
        self.last_text_at = now

    def _delay(self) -> int:
        """How long an ACK may wait: no longer than a round trip takes, where that is more than the least (Linux:
        tcp_send_delayed_ack).
        """
        config, srtt = self._config, self._rtt.srtt
        most = min(config.delayed_ack_max, max(srtt, config.delayed_ack_min)) if srtt else config.delayed_ack_max
        return min(self._ato, most)

    def _estimate_mss(self, size: int) -> None:
        """The largest seen, unless two in a row are alike and smaller: then the peer sends no larger ones (Linux:
        tcp_measure_rcv_mss).
        """
        if size >= self.rcv_mss or (size == self._last_size and size >= _LEAST_MSS):
            self.rcv_mss = min(size, self._advmss)
        else:
            self._small = min(self._small + 1, 2)
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

    def on_duplicate(self) -> None:
        """Text has come again: the ACK of it was lost or late, and the peer has timed out, or is about to."""
        self.quick_mode(True)
        self._ato = self._config.delayed_ack_min
        self.now = True

    def on_read(self, emptied: bool) -> None:
        """The application has read, and with `emptied` there is nothing left: what the peer has sent in small segments
        was all of a request, and no answer may follow (Linux: tcp_cleanup_rbuf).
        """
        if emptied and self.unacked and (self._small > 1 or (self._small and not self.interactive)):
            self.now = True

    def on_surprise(self) -> None:
        """Out-of-order text, a filled hole, a duplicate, a FIN: the peer wants to know at once (RFC 5681 section
        4.2).
        """
        self.now = True

    def on_text_sent(self, now: int) -> None:
        """We send text soon after some arrived: the connection is interactive."""
        if self.last_text_at and now - self.last_text_at < self._ato:
            self.interactive = True

    def on_deadline(self) -> None:
        """The delay is over. An answer that did not come in time ends the interactive mode; without one the next ACK
        may wait longer.
        """
        self.deadline = None
        self._ato = self._config.delayed_ack_min if self.interactive else min(2 * self._ato, self._rtt.rto)
        self.interactive = False
        self.now = True

    def on_ack_sent(self, segments: int = 1) -> None:
        """A segment with the ACK flag has left: nothing is owed any more."""
        if self.unacked and self._quick:
            self._quick -= min(segments, self._quick)
            if not self._quick:
                self._ato = self._config.delayed_ack_min
        self.unacked = self._small = 0
        self.now = False
        self.deadline = None
