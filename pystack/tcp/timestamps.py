"""The timestamps option (RFC 7323): our clock, TS.Recent, and protection against wrapped sequence numbers."""

from pystack.tcp.seq import before

TICK = 1_000_000
"""Our timestamp clock ticks every millisecond (RFC 7323 section 5.4 allows 1 ms to 1 s)."""

RECENT_LIFETIME = 24 * 24 * 3600 * 1_000_000_000
"""How long TS.Recent is believed on an idle connection: 24 days (RFC 7323 section 5.5)."""


class Timestamps:
    """A connection's timestamp state. `offset` makes the clock's zero differ between connections (section 5.4)."""

    __slots__ = ("offset", "recent", "recent_at", "valid")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.recent = 0
        self.recent_at = 0
        self.valid = False

    def val(self, now: int) -> int:
        """TSval for a segment sent now."""
        return (now // TICK + self.offset) & 0xFFFFFFFF

    def rtt_of_echo(self, ecr: int, now: int) -> int | None:
        """The round trip that an echoed timestamp measures (section 4), None where the echo cannot be ours."""
        ticks = (self.val(now) - ecr) & 0xFFFFFFFF
        return max(ticks * TICK, TICK) if ecr and ticks < 0x80000000 else None

    def is_too_old(self, val: int, now: int) -> bool:
        """PAWS (section 5.3, R1): whether a segment with this TSval is an old duplicate."""
        return self.valid and before(val, self.recent) and now - self.recent_at < RECENT_LIFETIME

    def update(self, val: int, now: int) -> None:
        """Takes TSval as TS.Recent (section 4.3); the caller has seen that the segment spans Last.ACK.sent."""
        if not self.valid or not before(val, self.recent) or now - self.recent_at >= RECENT_LIFETIME:
            self.recent = val
            self.recent_at = now
            self.valid = True
