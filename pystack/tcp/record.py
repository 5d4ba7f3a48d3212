"""The record of one transmission, and how many packets it counts as."""


class Record:
    """One transmitted range, `start` to `end` in sequence numbers (SYN and FIN count one each), in packets of `mss`
    bytes. Its FIN (`fin`) rides on the last of them and makes no packet of its own, unless there is no text.

    `sent_at` is the time of the latest transmission, `delivered_at_send` the scoreboard's `delivered` then. The
    flags: `sacked` (the peer holds it), `lost` (taken for lost), `retransmitted` (the latest transmission was not the
    first and is in flight), `ever_retransmitted` (Karn's rule: no RTT sample), `app_limited` (sent while the
    application had no more).
    """

    __slots__ = (
        "app_limited",
        "delivered_at_send",
        "end",
        "ever_retransmitted",
        "fin",
        "lost",
        "mss",
        "retransmitted",
        "sacked",
        "sent_at",
        "start",
    )

    def __init__(
        self,
        start: int,
        end: int,
        mss: int,
        sent_at: int,
        delivered_at_send: int,
        app_limited: bool,
        fin: bool = False,
    ) -> None:
        self.start = start
        self.end = end
        self.mss = mss
        self.sent_at = sent_at
        self.delivered_at_send = delivered_at_send
        self.app_limited = app_limited
        self.fin = fin
        self.sacked = False
        self.lost = False
        self.retransmitted = False
        self.ever_retransmitted = False

    @property
    def size(self) -> int:
        """How many numbers it has but for its FIN."""
        return self.end - self.start - self.fin

    @property
    def packets(self) -> int:
        """How many packets the record counts as."""
        return -((self.start - self.end + self.fin) // self.mss) or 1

    def edge_before(self, at: int) -> int:
        """The last edge between two packets at or before `at`, which lies in the record; else its start."""
        return self.start + min((at - self.start) // self.mss, self.packets - 1) * self.mss

    def edge_after(self, at: int) -> int:
        """The first edge between two packets at or after `at`, which lies in the record; else its end."""
        packets = -((self.start - at) // self.mss)
        return self.start + packets * self.mss if packets < self.packets else self.end

    def split(self, at: int) -> "Record":
        """Cuts the record at `at`, an edge between two packets, and returns the later part, with the same history."""
        later = Record(at, self.end, self.mss, self.sent_at, self.delivered_at_send, self.app_limited, self.fin)
        self.fin = False
        later.sacked = self.sacked
        later.lost = self.lost
        later.retransmitted = self.retransmitted
        later.ever_retransmitted = self.ever_retransmitted
        self.end = at
        return later
