"""How often segments that are not acceptable are answered (RFC 5961 section 7; RFC 9293 section 3.10.7.4)."""


class RateLimit:
    """Allows one ACK per `interval` nanoseconds. Against the ACK war of two confused peers, and so that an attacker's
    guesses cost it more than they cost us.
    """

    __slots__ = ("_interval", "_next")

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._next = 0

    def allows(self, now: int) -> bool:
        """Whether an answer may be sent now; if so, it counts."""
        if now < self._next:
            return False
        self._next = now + self._interval
        return True
