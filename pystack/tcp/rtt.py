"""The round-trip time and the retransmission time-out (RFC 6298)."""

from pystack.tcp.config import TcpConfig

FALLBACK_RTO = 3_000_000_000
"""Time-out for data when the SYN had to be retransmitted and gave no sample (RFC 6298 rule 5.7)."""


class RttEstimator:
    """SRTT, RTTVAR and the time-out with its back-off; all in nanoseconds.

    `samples` counts the measurements; `min_rtt` is 0 before the first one.
    """

    __slots__ = ("_max", "_min", "_rto", "backoff", "min_rtt", "rttvar", "samples", "srtt")

    def __init__(self, config: TcpConfig) -> None:
        self._min = config.rto_min
        self._max = config.rto_max
        self._rto = config.rto_initial
        self.srtt = 0
        self.rttvar = 0
        self.min_rtt = 0
        self.samples = 0
        self.backoff = 0

    @property
    def rto(self) -> int:
        """The time-out with the back-off of rule 5.5 applied."""
        return min(self._rto << self.backoff, self._max)

    def sample(self, rtt: int) -> None:
        """Takes one measurement (rules 2.2 and 2.3) and ends the back-off (rule 5.7's way out; Karn)."""
        rtt = max(rtt, 1)
        if self.samples == 0:
            self.srtt = rtt
            self.rttvar = rtt // 2
            self.min_rtt = rtt
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // 4
            self.srtt += (rtt - self.srtt) // 8
            self.min_rtt = min(self.min_rtt, rtt)
        self.samples += 1
        # Rule 2.3's max(G, 4 * RTTVAR), with Linux's 200 ms in the place of both G and rule 2.4's whole second.
        self._rto = min(self.srtt + max(self._min, 4 * self.rttvar), self._max)
        self.backoff = 0

    def back_off(self) -> None:
        """Doubles the time-out (rule 5.5)."""
        if self._rto << self.backoff < self._max:
            self.backoff += 1

    def handshake_ended(self) -> None:
        """Rule 5.7: without a sample from the handshake, its time-out is not trusted for data."""
        if self.samples == 0:
            self._rto = FALLBACK_RTO
        self.backoff = 0
