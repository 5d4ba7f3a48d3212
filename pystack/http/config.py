"""Every setting of the server, in one frozen value."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The settings of one server. Durations are seconds on trio's clock, sizes are bytes.

    Raises `ValueError` for a duration that is negative or a size that is not positive.
    """

    idle_timeout: float = 75.0
    """How long to wait for a whole request head, or for more of a request body; 0 is for ever. Ends in FIN, not RST."""

    linger_timeout: float = 2.0
    """How long to read a client out after our FIN, so that what it still sends draws no RST (RFC 9112 section 9.6)."""

    max_head_size: int = 65_536
    """Request line, header fields and trailer fields together; above it the answer is 431."""

    max_target_size: int = 8_192
    """The request target alone; above it the answer is 414. RFC 9112 section 3 asks for at least 8,000."""

    access_log: bool = False
    """One line for each response in the combined log format, on the logger `pystack.http.access`."""

    server_name: str = "pystack"
    """The Server header field; empty leaves it out."""

    wall_clock: Callable[[], float] = time.time
    """Seconds since 1970 for Date and the access log. A simulation hands in its own, for the same bytes every time."""

    def __post_init__(self) -> None:
        for name in ("idle_timeout", "linger_timeout"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")
        for name in ("max_head_size", "max_target_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
