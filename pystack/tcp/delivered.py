"""What one acknowledgement says has arrived."""

from pystack.tcp.record import Record


class Delivered:
    """What the scoreboard collects over one acknowledgement that came at `now`, its number and its SACK blocks.

    `acked`: packets newly acknowledged by the number, but for those reported before; `sacked`: packets newly reported
    by the blocks; `resent`: whether any of those that the number covers had been sent again.
    """

    __slots__ = ("_acked_sent_at", "_sacked_sent_at", "acked", "now", "resent", "sacked")

    def __init__(self, now: int) -> None:
        self.now = now
        self.acked = 0
        self.sacked = 0
        self.resent = False
        self._acked_sent_at: int | None = None
        self._sacked_sent_at: int | None = None

    @property
    def packets(self) -> int:
        """Packets newly acknowledged in any way."""
        return self.acked + self.sacked

    @property
    def rtt(self) -> int | None:
        """Nanoseconds since the oldest of the packets that the number covers was sent; where it covers none, since the
        latest of those that the blocks report was. None: Karn's rule forbids a sample (RFC 6298 section 3).
        """
        sent_at = self._sacked_sent_at if self._acked_sent_at is None else self._acked_sent_at
        return None if self.resent or sent_at is None else self.now - sent_at

    def acknowledged(self, record: Record) -> None:
        """The number covers `record`, in sequence order."""
        if not record.sacked:
            self.acked += record.packets
        if record.ever_retransmitted:
            self.resent = True
        elif self._acked_sent_at is None and not record.sacked:
            self._acked_sent_at = record.sent_at

    def reported(self, record: Record) -> None:
        """A block reports `record`, which none has reported before."""
        self.sacked += record.packets
        if not record.ever_retransmitted:
            self._sacked_sent_at = max(record.sent_at, self._sacked_sent_at or 0)
