"""What may be sent now. The segment that carries it is built in `header`.

`next_segment` asks, in this order: a reset that is due, the SYN, what was lost, new text, a window probe, an ACK that
is owed.
"""

from pystack.tcp import header
from pystack.tcp.chrono import limit_of
from pystack.tcp.core import Core
from pystack.tcp.ecn import ECT_0
from pystack.tcp.record import Record
from pystack.tcp.state import TEXT_MAY_BE_SENT, State
from pystack.tcp.timers import Timer
from pystack.tcp.usertimeout import bounded
from pystack.wire.tcp import Segment


def next_segment(c: Core, now: int, budget: int) -> Segment | None:
    """The next segment that is due, or None."""
    if c.control:
        return header.stamped(c, c.control.pop(0), now)
    state = c.tcb.state
    seg: Segment | None = None
    if state in (State.SYN_SENT, State.SYN_RECEIVED):
        seg = _handshake(c, now)
    elif state in TEXT_MAY_BE_SENT:
        seg = _retransmission(c, now, budget) or _new_text(c, now, budget)
    if seg is None and c.keepalive_due:
        # No text, and a number that the peer has seen (SHLD-12): it has to answer.
        c.keepalive_due = False
        c.probes += 1
        seg = header.build(c, c.tcb.snd.una - 1, c.tcb.snd.una - 1, now, "keep-alive")
    if seg is None and c.acks.now:
        number = header.acceptable_number(c)
        seg = header.build(c, number, number, now, "ack")
    return seg


def note_limit(c: Core, now: int) -> None:
    """All that may be sent has been: what keeps the connection from sending more counts from now on."""
    board, snd = c.board, c.tcb.snd
    if 3 * len(c.sendbuf) <= 2 * c.config.sndbuf:
        c.limits.wants_room = False
    limit = limit_of(
        in_flight=board.packets_out,
        unsent=c.unsent,
        window=snd.una + snd.wnd - snd.nxt,
        least=c.snd_mss,
        cwnd_room=c.recovery.room(board, c.cc),
        wants_room=c.limits.wants_room,
    )
    c.limits.holds(limit, now)


def may_send_tail(*, nodelay: bool, fin_queued: bool, small_end: int, una: int) -> bool:
    """Whether text that does not fill a packet and ends the buffer may go: Nagle's rule as Minshall has it, which
    counts only *small* packets in flight (RFC 9293 section 3.7.4, SHLD-7). Nothing follows on a FIN, so there is
    nothing to wait for.
    """
    return nodelay or fin_queued or small_end <= una


def packets_at_once(start: int, urgent_end: int, mss: int, budget: int) -> int:
    """How many packets of `mss` bytes may travel as one super-segment from the number `start` on: as many as the
    `budget` in bytes holds, and at least one. Only one of what announces urgent data (`urgent_end` is SND.UP): each
    would have the header's URG and pointer, which is relative to the number of one. (SYNs have no budget at all.)
    """
    return 1 if start < urgent_end else max(budget // mss, 1)


def sendable(*, available: int, window: int, mss: int, packets: int, tail_allowed: bool) -> int:
    """How many bytes of text go into the next super-segment.

    `available`: bytes queued and not sent; `window`: bytes that the peer still takes; `packets`: how many the
    congestion window and one super-segment have room for. The answer is a multiple of `mss` unless it reaches
    the end of what is queued. A packet that only the window keeps from being full is not sent (sender-side
    silly-window avoidance, MUST-38).
    """
    limit = min(available, window, packets * mss)
    if limit <= 0:
        return 0
    tail = limit % mss
    if tail and not (limit == available and tail_allowed):
        limit -= tail
    return limit


def probe_interval(c: Core) -> int:
    """Between two window probes: one RTO, then doubling (RFC 9293 SHLD-29, SHLD-30)."""
    return min(c.rtt.rto << min(c.probe_backoff, 16), c.config.rto_max)


def _handshake(c: Core, now: int) -> Segment | None:
    snd = c.tcb.snd
    if snd.nxt == c.tcb.iss:
        c.board.sent(Record(snd.nxt, snd.nxt + 1, 1, now, c.board.delivered, True))
        snd.nxt += 1
        c.progress_at = now
        c.timers.set(Timer.RETRANSMIT, bounded(c, now + c.rtt.rto))
    else:
        record = c.board.next_lost()
        if record is None:
            return None
        c.board.retransmitted(record, 1, now)
        c.stats.retrans_segs += 1
    return header.syn(c, now)


def _retransmission(c: Core, now: int, budget: int) -> Segment | None:
    """The longest run of lost packets that windows and budget allow."""
    board, snd = c.board, c.tcb.snd
    record = board.next_lost()
    if record is None:
        return None
    room = c.recovery.room(board, c.cc, resend=True)
    packets = min(room, packets_at_once(max(record.start, snd.una), snd.up, record.mss, budget))
    # Beyond the right edge of a window that has shrunk, only the first packet of all goes (SHLD-16, MAY-7).
    fits = (snd.una + snd.wnd - record.start) // record.mss
    packets = min(packets, fits if record.start > snd.una else max(fits, 1))
    if packets <= 0:
        return None
    run = board.retransmitted(record, packets, now)
    c.recovery.must_resend = False
    count = sum(r.packets for r in run)
    c.stats.retrans_segs += count
    c.cc.on_sent(count, board.in_flight, now)
    if c.timers[Timer.RETRANSMIT] is None or record.start == snd.una:
        c.timers.set(Timer.RETRANSMIT, bounded(c, now + c.rtt.rto))
    start, end = max(run[0].start, snd.una), run[-1].end  # a peer may have acknowledged a part of the first packet
    assert start < end, "what the peer has acknowledged is not sent again"
    c.stats.bytes_retrans += max(0, min(end, c.sendbuf.end) - start)
    return header.build(c, start, end, now, "retransmit", record.mss)


def _new_text(c: Core, now: int, budget: int) -> Segment | None:
    """Text that was never sent, with the FIN behind it; or a probe where the peer's window keeps all of it back."""
    snd, board, cc = c.tcb.snd, c.board, c.cc
    record_end = c.pushes.record_end(snd.nxt)
    available = (record_end or c.sendbuf.end) - snd.nxt
    ends_all = record_end is None or record_end == c.sendbuf.end
    fin_due = c.fin_queued and available >= 0 and ends_all
    if available <= 0 and not fin_due:
        return None
    if not board and c.config.slow_start_after_idle and c.sent_at and now - c.sent_at > c.rtt.rto:
        cc.on_idle(c.config.initial_cwnd, now)
    mss = header.text_room(c)
    window = snd.una + snd.wnd - snd.nxt
    packets = c.recovery.room(board, cc)
    size = sendable(
        available=available,
        window=window,
        mss=mss,
        packets=min(packets, packets_at_once(snd.nxt, snd.up, mss, budget)),
        tail_allowed=not ends_all or _tail_allowed(c, now),
    )
    # The FIN takes one number of the window; it needs no room in the congestion window of its own.
    fin = fin_due and size == available and window > size and (size > 0 or packets > 0)
    c.cwnd_limited = size < available and packets * mss <= min(available, window)
    if not size and not fin:
        return _probe(c, now, min(window, mss, available)) if packets > 0 else None
    return _transmit(c, size, fin, mss, now)


def _tail_allowed(c: Core, now: int) -> bool:
    """The same for this connection, where an application may also hold text back, and urgent data never waits."""
    if c.tcb.snd.up > c.tcb.snd.nxt:
        return True
    if (c.prefs.cork or c.more) and not c.cork_expired and not c.fin_queued:
        if c.timers[Timer.CORK] is None:
            c.timers.set(Timer.CORK, now + c.config.cork_limit)
        return False
    return may_send_tail(nodelay=c.prefs.nodelay, fin_queued=c.fin_queued, small_end=c.small_end, una=c.tcb.snd.una)


def _transmit(c: Core, size: int, fin: bool, mss: int, now: int) -> Segment:
    """Sends the next `size` bytes for the first time."""
    snd, board = c.tcb.snd, c.board
    start = snd.nxt
    end = start + size + fin
    if not board:
        c.progress_at = now
    record = Record(start, end, mss, now, board.delivered, not c.cwnd_limited, fin)
    board.sent(record)
    snd.nxt = end
    if size % mss:
        c.small_end = start + size
    c.probe_due = c.cork_expired = False
    c.probe_backoff = 0
    c.timers.stop(Timer.PROBE)
    c.timers.stop(Timer.CORK)
    c.sent_at = now
    if c.timers[Timer.RETRANSMIT] is None:
        c.timers.set(Timer.RETRANSMIT, bounded(c, now + c.rtt.rto))  # RFC 6298 rule 5.1
    if size:
        c.acks.on_text_sent(now)
    c.cc.on_sent(record.packets, board.in_flight, now)
    seg = header.build(c, start, end, now, "data" if size else "fin", mss)
    if size and c.ecn.active:
        seg.ecn = ECT_0  # new text alone: not what is sent again, nor ACKs or probes (RFC 3168 sections 6.1.4 to 6.1.6)
        seg.flags |= c.ecn.cwr()
    return seg


def _probe(c: Core, now: int, fits: int) -> Segment | None:
    """The peer's window keeps us from sending, and nothing is in flight whose ACK could open it: probe, once an RTO
    has passed (RFC 9293 section 3.8.6.1). What fits the window goes as text; else an empty segment with an old
    number, which the peer has to answer.
    """
    if c.board:
        return None
    window = c.tcb.snd.una + c.tcb.snd.wnd - c.tcb.snd.nxt
    blocked = window < min(header.text_room(c), c.sendbuf.end - c.tcb.snd.nxt + c.fin_queued)
    if not blocked:
        return None
    if not c.probe_due:
        if c.timers[Timer.PROBE] is None:
            c.progress_at = now
            c.timers.set(Timer.PROBE, bounded(c, now + probe_interval(c)))
        return None
    c.probe_due = False
    if fits > 0:
        return _transmit(c, fits, False, header.text_room(c), now)
    c.probes += 1
    return header.build(c, c.tcb.snd.una - 1, c.tcb.snd.una - 1, now, "probe")
