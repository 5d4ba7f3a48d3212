"""The contract of a congestion controller.

A controller decides one number, `cwnd`: how many packets may be in flight. It is told what happens to the connection's
packets and never sees a segment. Windows count packets of SMSS bytes, rates are bytes per second, times are
nanoseconds. Which segments are lost, and what is sent again, is not its business: that is `pystack.tcp.recovery`'s.

Write a subclass and give it a name with `pystack.tcp.congestion.registry.register_congestion_control`.
"""

from abc import ABC, abstractmethod

INFINITE_SSTHRESH = 0x7FFFFFFF
"""`ssthresh` before the first reduction (the value that Linux's tcp_info shows)."""


class AckSample:
    """What one acknowledgement says to a controller.

    `acked`: packets newly acknowledged or selectively acknowledged; `lost`: packets newly taken for lost; `rtt`: a
    measurement in nanoseconds or None; `in_flight`: packets in flight before it; `mss`: bytes of text in a full packet
    (SMSS); `cwnd_limited`: whether the window was what held the sender back; `recovering`: whether a window that
    follows RFC 5681 stays as it is, because fast recovery is going on, or what was sent before a reduction for a mark
    is in flight (RFC 3168 section 6.1.2), or what is only selectively acknowledged may be the first sign of a loss
    (RFC 3042 section 2).
    """

    __slots__ = ("acked", "cwnd_limited", "in_flight", "lost", "mss", "recovering", "rtt")

    def __init__(
        self, *, acked: int, lost: int, rtt: int | None, in_flight: int, mss: int, cwnd_limited: bool, recovering: bool
    ) -> None:
        self.acked = acked
        self.lost = lost
        self.rtt = rtt
        self.in_flight = in_flight
        self.mss = mss
        self.cwnd_limited = cwnd_limited
        self.recovering = recovering


class CongestionControl(ABC):
    """One connection's controller. `cwnd` and `ssthresh` in packets; `pacing_rate` in bytes per second, None: no
    pacing.
    """

    __slots__ = ("cwnd", "pacing_rate", "ssthresh")

    def __init__(self, initial_cwnd: int) -> None:
        self.cwnd = initial_cwnd
        self.ssthresh = INFINITE_SSTHRESH
        self.pacing_rate: int | None = None

    @property
    def in_slow_start(self) -> bool:
        """Whether the window grows by what is acknowledged (RFC 5681 section 3.1)."""
        return self.cwnd < self.ssthresh

    def on_sent(self, packets: int, in_flight: int, now: int) -> None:  # noqa: B027
        """`packets` were transmitted; `in_flight` counts them."""

    @abstractmethod
    def on_ack(self, sample: AckSample, now: int) -> None:
        """Packets were acknowledged or selectively acknowledged: the window may grow, but see `sample.recovering`.
        Called after `on_loss` and `on_ecn` where the same acknowledgement gives reason for them.
        """

    @abstractmethod
    def on_loss(self, in_flight: int, now: int) -> None:
        """Fast recovery begins: set `ssthresh`, and recovery brings `cwnd` down to it. But a controller whose
        `ssthresh` is `INFINITE_SSTHRESH` keeps its own window. Called once for each window of data.
        """

    @abstractmethod
    def on_rto(self, in_flight: int, now: int, *, repeated: bool) -> None:
        """The retransmission timer expired: set `ssthresh` and `cwnd` (RFC 5681 equation 4 and section 3.1).
        `repeated`: again for the same data, which must not reduce `ssthresh` once more.
        """

    def on_syn_lost(self, now: int) -> None:
        """The connection is established, and its SYN or SYN,ACK was lost more than once: the window is the loss window
        of one packet (RFC 5681 section 3.1).
        """
        self.cwnd = 1

    def on_idle(self, restart_window: int, now: int) -> None:
        """Sending begins again after an idle time of more than a time-out: what the window says is out of date (RFC
        5681 section 4.1).
        """
        self.cwnd = min(self.cwnd, restart_window)

    def on_ecn(self, in_flight: int, now: int) -> None:
        """The peer echoed a congestion mark; as a loss, once a window (RFC 3168 section 6.1.2)."""
        self.on_loss(in_flight, now)

    def on_spurious(self, cwnd: int, ssthresh: int) -> None:
        """The last reduction was for nothing: `cwnd` and `ssthresh` are what held before it."""
        self.cwnd = max(self.cwnd, cwnd)
        self.ssthresh = ssthresh
