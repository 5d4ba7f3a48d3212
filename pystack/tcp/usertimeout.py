"""The user timeout (RFC 9293 MUST-21): since when the peer has kept us waiting, and by when that is too long. With its
option (RFC 5482): telling the peer how long we bear with silence, and bearing with the peer's wish.
"""

from pystack.tcp.config import SECOND
from pystack.tcp.core import Core
from pystack.wire.options import Options
from pystack.wire.tcp import Segment

LEAST = 100 * SECOND
"""RFC 5482's L_LIMIT: the least that the host requirements allow (RFC 9293 SHLD-11)."""

MOST = 3600 * SECOND
"""U_LIMIT: what a peer can have us wait, so that it cannot have us keep a dead connection for days."""


def adopted(advertised: int, remote: int) -> int:
    """USER_TIMEOUT by section 3.1: the longer of what both sides ask for, within the limits. In nanoseconds;
    `advertised` is 0 where we ask for nothing.
    """
    return min(MOST, max(advertised, remote, LEAST))


def hear(c: Core, seg: Segment) -> None:
    """The peer's option in `seg` (RFC 5482 section 3.1): adopted where the application has set none of its own."""
    seconds, prefs = seg.options.user_timeout, c.prefs
    if seconds and c.config.user_timeout_option and (prefs.user_timeout_adopted or not prefs.user_timeout):
        prefs.user_timeout = adopted(0, seconds * SECOND)
        prefs.user_timeout_adopted = True


def tell(c: Core, options: Options) -> None:
    """Puts our option into `options`, in whole seconds; only where the application has set a timeout (section 3.1)."""
    if c.config.user_timeout_option and c.prefs.user_timeout and not c.prefs.user_timeout_adopted:
        options.user_timeout = -(-c.prefs.user_timeout // SECOND)


def waiting_since(c: Core) -> int:
    """Since when the peer has kept us waiting. One that answers may keep its window shut for ever (MUST-37, SHLD-17),
    unless the application has said how long it bears with that (Linux: TCP_USER_TIMEOUT). A user timeout that the peer
    asked for (RFC 5482) is about silence alone.
    """
    own = c.prefs.user_timeout and not c.prefs.user_timeout_adopted
    if c.tcb.snd.wnd or own or c.orphaned:
        return c.progress_at
    return max(c.progress_at, c.received_at)


def bounded(c: Core, deadline: int) -> int:
    """The deadline of a timer that watches over what waits for the peer, so that it fires when the user timeout is
    over, not up to a whole time-out later. Linux: tcp_clamp_rto_to_user_timeout, tcp_clamp_probe0_to_user_timeout.
    """
    user_timeout = c.prefs.user_timeout
    return min(deadline, waiting_since(c) + user_timeout) if user_timeout else deadline
