"""The user timeout option (RFC 5482): telling the peer how long we bear with silence, and bearing with the peer's
wish.
"""

from pystack.tcp.config import SECOND

LEAST = 100 * SECOND
"""RFC 5482's L_LIMIT: the least that the host requirements allow (RFC 9293 SHLD-11)."""

MOST = 3600 * SECOND
"""U_LIMIT: what a peer can have us wait, so that it cannot have us keep a dead connection for days."""


def adopted(advertised: int, remote: int) -> int:
    """USER_TIMEOUT by section 3.1: the longer of what both sides ask for, within the limits. In nanoseconds;
    `advertised` is 0 where we ask for nothing.
    """
    return min(MOST, max(advertised, remote, LEAST))
