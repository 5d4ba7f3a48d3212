"""How large packets may be on the way to a destination (RFC 1191; RFC 8201), as routers have told us."""

MINUTE = 60_000_000_000

LEAST_V4 = 68
"""No network may carry less (RFC 791 section 3.2)."""

LEAST_V6 = 1280
"""No network may carry less (RFC 8200 section 5), so that a smaller MTU is not believed (RFC 8201 section 4)."""

PLATEAUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)
"""The MTUs that networks have (RFC 1191 section 7.1), for routers that do not say theirs."""


class PathMtu:
    """The path MTUs that are lower than the device's, for at most `capacity` destinations; the one that was set longest
    ago gives way.

    `mtu` is the device's; `floor`: what an IPv4 estimate is never lowered below (Linux: net.ipv4.route.min_pmtu);
    `lifetime`: nanoseconds after which a larger size is tried again (RFC 1191 section 6.3, RFC 8201 section 4).
    """

    __slots__ = ("_below_floor", "_capacity", "_entries", "_floor", "_lifetime", "mtu")

    def __init__(self, mtu: int, *, floor: int = 552, lifetime: int = 10 * MINUTE, capacity: int = 1024) -> None:
        self.mtu = mtu
        self._floor = floor
        self._lifetime = lifetime
        self._capacity = capacity
        self._below_floor: dict[bytes, None] = {}
        self._entries: dict[bytes, tuple[int, int]] = {}
        """MTU, and when to forget it. Oldest first: all live equally long."""

    def get(self, destination: bytes, now: int) -> int:
        """The largest packet for `destination`, in bytes with the IP header."""
        mtu, expires = self._entries.get(destination, (self.mtu, now))
        return min(mtu, self.mtu) if now < expires else self.mtu

    def must_allow_cutting(self, destination: bytes) -> bool:
        """Whether a router asks for less than the floor: packets to this IPv4 destination are to be sent without DF, so
        that it can cut them (Linux locks the MTU of such a route).
        """
        return destination in self._below_floor

    def next_deadline(self) -> int | None:
        """When `take_expired` will have something; None: no path MTU is lowered."""
        for _, expires in self._entries.values():
            return expires
        return None

    def take_expired(self, now: int) -> list[bytes]:
        """Forgets what was set too long ago, and returns for which destinations."""
        expired: list[bytes] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            expired.append(next(iter(self._entries)))
            del self._entries[expired[-1]]
            self._below_floor.pop(expired[-1], None)
        return expired

    def lower(self, destination: bytes, mtu: int, now: int, *, quoted_length: int = 0) -> bool:
        """A router says that only `mtu` bytes fit; 0: it does not say, and the packet of `quoted_length` did not. To be
        called for a message that the transport believes (RFC 5927). Returns whether the path MTU is smaller now: it
        never grows by this, and no claim lowers it below what must be possible.
        """
        is_v4 = len(destination) == 4
        current = self.get(destination, now)
        if mtu == 0 and is_v4:
            mtu = next((p for p in PLATEAUS if p < quoted_length), 0)
        if mtu < (LEAST_V4 if is_v4 else LEAST_V6):
            return False
        below_floor = is_v4 and mtu < self._floor
        if below_floor:
            mtu = self._floor
            if current >= mtu:
                self._below_floor[destination] = None
        if mtu > current or (mtu == current and destination not in self._entries):
            return False
        self._entries.pop(destination, None)
        if len(self._entries) >= self._capacity:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self._below_floor.pop(oldest, None)
        self._entries[destination] = mtu, now + self._lifetime
        return mtu < current
