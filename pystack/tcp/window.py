"""The receive window that we offer (RFC 9293 sections 3.8.6 and 3.8.6.2.2)."""

from pystack.tcp.core import Core


def window_to_offer(free: int, full: int, remaining: int, rcv_mss: int, scale: int) -> int:
    """RCV.WND for the segment that is being built, in bytes: a multiple of 1 << scale that fits the 16-bit field.

    `free` is the room in the buffer, `full` its size, `remaining` what is left of the window that was last offered,
    `rcv_mss` the peer's segment size. The right edge never moves left (SHLD-14), and it moves right only by a useful
    step: a segment, or half the buffer where that is less (receiver-side silly-window avoidance, MUST-39).
    """
    wnd = min(max(free, 0) >> scale, 0xFFFF) << scale
    if wnd - remaining < min(full // 2, rcv_mss):
        # Rounded up to the field's unit: rounding down would move the edge left.
        return min(-(-remaining >> scale), 0xFFFF) << scale
    return wnd


def update_is_due(offer: int, full: int, remaining: int) -> bool:
    """Whether the application's reading has opened the window so far that the peer should hear of it at once: it had
    shrunk to half of the buffer or less, and doubles. Linux decides likewise.
    """
    return 2 * remaining <= full and offer > 0 and offer >= 2 * remaining


def receive_window(c: Core) -> int:
    """What the next segment will offer, in bytes."""
    full = c.receive_limit
    free = full - c.recvbuf.held - c.reassembly.held
    return window_to_offer(free, full, c.tcb.rcv.wnd, c.acks.rcv_mss, c.agreed.rcv_wscale)
