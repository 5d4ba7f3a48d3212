"""Every setting of the server, in one frozen value."""

import time
from collections.abc import Callable
from dataclasses import dataclass

_DURATIONS = ("idle_timeout", "header_timeout", "body_timeout", "write_timeout", "linger_timeout")
_SIZES = ("max_head_size", "max_target_size", "max_fields")
_LIMITS = ("max_body_size", "max_drain_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The settings of one server. Durations are seconds on trio's clock, sizes are bytes.

    Raises `ValueError` for a duration or limit that is negative or a size that is not positive.
    """

    idle_timeout: float = 75.0
    """How long to wait for the next request to begin; 0 is for ever. Ends in FIN, not RST."""

    header_timeout: float = 30.0
    """How long a request head may take from its first byte; 0 is for ever. Ends in 408 and FIN."""

    body_timeout: float = 60.0
    """How long to wait for more of a request body that a handler asks for; 0 is for ever. Ends in 408, if no response
    has begun, and FIN."""

    write_timeout: float = 60.0
    """How long a client may take nothing of what we send, however slow it is otherwise; 0 is for ever. Over TCP any
    acknowledged byte is progress, elsewhere a piece of 8 KiB. Ends in RST, at most a sixteenth too late: what is still
    queued would otherwise be held for as long as the client likes."""

    linger_timeout: float = 2.0
    """How long to read a client out: after our FIN, so that what it still sends draws no RST (RFC 9112 section 9.6),
    and before a response, or behind one, to a request whose body its handler left unread."""

    max_head_size: int = 65_536
    """The header fields together, and the trailer fields; above it the answer is 431, and 400 for trailers."""

    max_fields: int = 100
    """The number of header fields, and of trailer fields; above it the answers are the same."""

    max_target_size: int = 8_192
    """The request target alone; above it the answer is 414. RFC 9112 section 3 asks for at least 8,000."""

    max_body_size: int = 0
    """The body of a request, without its transfer coding; above it the answer is 413. 0 is no limit: bodies are not
    held here but by those handlers that collect them."""

    max_drain_size: int = 262_144
    """How much of a body that its handler left unread is read all the same, to keep the connection. Above it the
    connection ends, in order, after the response."""

    access_log: bool = False
    """One line for each response in the combined log format, on the logger `pystack.http.access`."""

    server_name: str = "pystack"
    """The Server header field; empty leaves it out."""

    wall_clock: Callable[[], float] = time.time
    """Seconds since 1970 for Date and the access log. A simulation hands in its own, for the same bytes every time."""

    def __post_init__(self) -> None:
        for name in (*_DURATIONS, *_LIMITS):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")
        for name in _SIZES:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
