"""A token bucket for each of many."""


class TokenBuckets:
    """Buckets of `burst` tokens, one of which comes back every `interval` nanoseconds. At most `capacity` are
    remembered: what has not been used for the longest time begins anew.
    """

    __slots__ = ("_burst", "_capacity", "_interval", "_next")

    def __init__(self, interval: int, burst: int, capacity: int = 1) -> None:
        self._interval = interval
        self._burst = burst
        self._capacity = capacity
        self._next: dict[bytes, int] = {}
        """When the bucket will be full again. One number says it all: each token taken moves it by an interval."""

    def take(self, key: bytes, now: int) -> bool:
        """Whether a token was there, which is gone now."""
        full_at = max(self._next.pop(key, now), now)
        allowed = full_at - now <= (self._burst - 1) * self._interval
        if len(self._next) >= self._capacity:
            del self._next[next(iter(self._next))]
        self._next[key] = full_at + self._interval if allowed else full_at
        return allowed
