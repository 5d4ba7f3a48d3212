"""Reno: slow start and congestion avoidance of RFC 5681, with NewReno's recovery (RFC 6582) done by the recovery
room.
"""

from pystack.tcp.congestion.base import AckSample, CongestionControl


class Reno(CongestionControl):
    """Additive increase of one packet per round trip, multiplicative decrease to a half."""

    __slots__ = ("_avoidance_count",)

    def __init__(self, initial_cwnd: int) -> None:
        super().__init__(initial_cwnd)
        self._avoidance_count = 0

    def on_ack(self, sample: AckSample, now: int) -> None:
        """Grows the window by the packets acknowledged in slow start, by one per window after it. An ACK counts for all
        the packets that it covers, since one ACK may answer a whole super-segment.
        """
        if sample.recovering or not sample.cwnd_limited:
            return
        acked = sample.acked
        if self.in_slow_start:
            grown = min(self.cwnd + acked, self.ssthresh)
            acked -= grown - self.cwnd
            self.cwnd = grown
        self._avoidance_count += acked
        while self._avoidance_count >= self.cwnd:
            self._avoidance_count -= self.cwnd
            self.cwnd += 1

    def on_loss(self, in_flight: int, now: int) -> None:
        """ssthresh = max(FlightSize / 2, 2 SMSS) (RFC 5681 equation 4)."""
        self.ssthresh = max(in_flight // 2, 2)
        self._avoidance_count = 0

    def on_rto(self, in_flight: int, now: int, *, repeated: bool) -> None:
        """The same threshold, and the loss window of one packet (RFC 5681 section 3.1)."""
        if not repeated:
            self.on_loss(in_flight, now)
        self.cwnd = 1
