"""Sequence numbers without the wrap (RFC 9293 section 3.4).

The wire carries sequence numbers modulo 2**32. Inside a connection they are plain ints that only grow: a number that
arrives is *unwrapped* once, at the connection's door, to the value nearest to a number that is known, and wrapped
again (masked to 32 bits) when a header is built. In between, `<`, `<=` and `-` mean what they say in the RFC's text.
"""


def unwrap(wire: int, near: int) -> int:
    """The number that is `wire` modulo 2**32 and lies in [near - 2**31, near + 2**31)."""
    return near + ((wire - near + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def before(a: int, b: int) -> bool:
    """Whether the 32-bit clock value `a` is older than `b`, modulo 2**32 (RFC 7323 section 5.2)."""
    return ((a - b) & 0xFFFFFFFF) >= 0x80000000


def is_acceptable(seq: int, length: int, rcv_nxt: int, rcv_wnd: int) -> bool:
    """The four cases of RFC 9293 section 3.10.7.4 (table 6); but an empty segment may lie at the right edge, as in
    Linux: a peer that has filled the window sends its ACKs from there, and without them our own side would stall.
    """
    edge = rcv_nxt + rcv_wnd
    if length == 0:
        return rcv_nxt <= seq <= edge
    if rcv_wnd == 0:
        return False
    return rcv_nxt <= seq < edge or rcv_nxt <= seq + length - 1 < edge
