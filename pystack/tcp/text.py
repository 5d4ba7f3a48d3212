"""Text and a FIN arrive: the seventh step of RFC 9293 section 3.10.7.4 and the eighth.

What lies in the window and is not here yet is kept: in order for the application to read, else until what is missing
has come. The ACK policy is told of it.
"""

from pystack.tcp import closing
from pystack.tcp.core import Core
from pystack.tcp.drops import Drop
from pystack.tcp.events import Event
from pystack.tcp.state import TEXT_MAY_ARRIVE, State
from pystack.wire.tcp import FIN, Segment


def arrives(c: Core, seg: Segment, now: int) -> Drop | None:
    """The seventh step and the eighth. Returns why the text was not taken, or not kept."""
    tcb = c.tcb
    rcv = tcb.rcv
    if tcb.state not in TEXT_MAY_ARRIVE:
        # Section 3.10.7.4: this should not occur, since the peer has sent its FIN.
        return Drop.NOT_EXPECTED
    start, size = seg.seq, seg.size
    fin = bool(seg.flags & FIN)
    payload = seg.payload
    duplicate: tuple[int, int] | None = None
    if start < rcv.nxt:  # the part that we have
        duplicate = start, min(start + size, rcv.nxt)
        payload = payload[rcv.nxt - start :]
        start, size = rcv.nxt, max(0, size - (rcv.nxt - start))
        if size:
            c.acks.on_surprise()
        else:
            c.acks.on_duplicate()
    edge = rcv.nxt + rcv.wnd
    if start + size > edge:  # the part beyond the window, with the FIN behind it
        payload = payload[: edge - start]
        size = edge - start
        fin = False
        c.acks.on_surprise()
    if size and c.orphaned:
        # Nobody will ever read this: the peer has to know (SHLD-3).
        closing.abort(c)
        return Drop.NOBODY_READS
    dropped: Drop | None = None
    if fin:
        c.peer_fin = start + size
    if size and c.peer_fin is not None and start + size > c.peer_fin:
        return Drop.NOT_EXPECTED  # text behind a FIN
    if size and duplicate is None and c.reassembly:
        duplicate = c.reassembly.overlap(start, start + size)
    c.dsack = duplicate or c.dsack  # only the first part that was here before (RFC 2883 section 4.2.2)
    if size:
        if start == rcv.nxt:
            _append(c, payload, size)
            c.acks.on_text(size, seg.mss, now)
            if c.reassembly:
                c.acks.on_surprise()
                for piece in c.reassembly.take(rcv.nxt):
                    _append(c, piece, len(piece))
            c.events |= Event.READABLE
        else:
            c.stats.ooo_segs += seg.segs
            # The window bounds the text, not what small pieces cost to keep; in-order text always gets in.
            if c.recvbuf.held + c.reassembly.held >= 2 * c.config.rcvbuf:
                dropped = Drop.OUT_OF_MEMORY
            elif not c.reassembly.insert(start, payload):
                dropped = Drop.HELD_ALREADY
            c.acks.on_surprise()
    if c.peer_fin is not None:
        c.acks.on_surprise()
        if c.peer_fin == rcv.nxt:
            _fin_arrives(c, now)
    return dropped


def _append(c: Core, payload: bytes | bytearray | memoryview, size: int) -> None:
    rcv = c.tcb.rcv
    c.recvbuf.append(payload)
    c.stats.bytes_received += size
    rcv.nxt += size
    rcv.wnd = max(0, rcv.wnd - size)


def _fin_arrives(c: Core, now: int) -> None:
    """The eighth step: the peer has closed, and all its text is here."""
    tcb = c.tcb
    tcb.rcv.nxt += 1
    tcb.rcv.wnd = max(0, tcb.rcv.wnd - 1)
    c.peer_fin = None
    c.reassembly.clear()  # text behind a FIN is none
    c.eof = True
    c.events |= Event.EOF | Event.READABLE
    c.acks.on_surprise()
    if tcb.state is State.ESTABLISHED:
        tcb.enter(State.CLOSE_WAIT)
    elif tcb.state is State.FIN_WAIT_1:
        tcb.enter(State.CLOSING)
    else:
        closing.enter_time_wait(c, now)
