"""When a SYN may end a TIME-WAIT early (RFC 6191; RFC 1122 section 4.2.2.13; RFC 9293 MAY-2, SHLD-4)."""

from pystack.tcp.connection import Connection
from pystack.tcp.seq import before, unwrap
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

ISN_STEP = 65537
"""The new ISN lies this far beyond the old SND.NXT, so that old segments cannot be taken for new ones; Linux's step."""


def may_reuse(old: Connection, seg: Segment) -> bool:
    """Whether `seg`, with its numbers as on the wire, may begin a new connection in the place of `old` in TIME-WAIT:
    its timestamp is newer than any of the old connection's, or its sequence number lies beyond the last that the peer
    used.
    """
    if seg.flags & (SYN | ACK | RST | FIN) != SYN:
        return False
    val = seg.options.ts_val
    if val is not None and old.ts.valid and val != old.ts.recent:
        return before(old.ts.recent, val)
    return unwrap(seg.seq, old.tcb.rcv.nxt) > old.tcb.rcv.nxt
