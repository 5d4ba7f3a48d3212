"""What may be sent now, and the segment that carries it.

`next_segment` asks, in this order: a reset that is due, the SYN, what was lost, new text, a window probe, an ACK that
is owed. Everything with the ACK flag carries the latest acknowledgement and window.
"""

from typing import TYPE_CHECKING

from pystack.tcp.config import SECOND
from pystack.tcp.ecn import ECT_0, syn_flags
from pystack.tcp.handshake import answer, offer
from pystack.tcp.record import Record
from pystack.tcp.state import TEXT_MAY_BE_SENT, State
from pystack.tcp.timers import Timer
from pystack.tcp.urgent import pointer
from pystack.tcp.usertimeout import bounded
from pystack.tcp.window import window_to_offer
from pystack.wire.options import NO_OPTIONS, Options
from pystack.wire.tcp import ACK, ECE, FIN, PSH, RST, SYN, URG, Segment

if TYPE_CHECKING:
    from pystack.tcp.connection import Connection

_USER_TIMEOUT_BYTES = 4
_SMALLEST_BOUND = 48
"""A window smaller than this does not make packets smaller, which would cost more headers than it saves waiting."""


def next_segment(c: "Connection", now: int, budget: int) -> Segment | None:
    """The next segment that is due, or None."""
    if c.control:
        return _stamped(c, c.control.pop(0), now)
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
        seg = _segment(c, c.tcb.snd.una - 1, c.tcb.snd.una - 1, now, "keep-alive")
    if seg is None and c.acks.now:
        number = _acceptable_number(c)
        seg = _segment(c, number, number, now, "ack")
    return seg


def effective_mss(c: "Connection") -> int:
    """Bytes of text in one packet: the MSS less the SACK blocks that will ride along, and no more than half of the
    largest window that the peer ever offered, so that a peer with a tiny buffer can have two packets in flight.
    """
    mss = c.snd_mss
    if c.reassembly or c.dsack:
        mss -= _sack_bytes(c)
    largest = c.tcb.snd.max_wnd
    bound = largest >> 1 if largest > 536 else largest
    return max(min(mss, max(bound, _SMALLEST_BOUND)), 1)


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


def probe_interval(c: "Connection") -> int:
    """Between two window probes: one RTO, then doubling (RFC 9293 SHLD-29, SHLD-30)."""
    return min(c.rtt.rto << min(c.probe_backoff, 16), c.config.rto_max)


def receive_window(c: "Connection") -> int:
    """What the next segment will offer, in bytes."""
    full = c.receive_limit
    free = full - c.recvbuf.held - c.reassembly.held
    return window_to_offer(free, full, c.tcb.rcv.wnd, c.acks.rcv_mss, c.agreed.rcv_wscale)


def reset(c: "Connection") -> Segment:
    """The RST of an ABORT: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>, with a timestamp where those are agreed on (RFC
    7323 section 3.2), which is filled in when it is sent.
    """
    options = Options(ts_val=0) if c.agreed.timestamps else NO_OPTIONS
    return Segment(_acceptable_number(c), c.tcb.rcv.nxt, RST | ACK, options=options, reason="reset")


def _acceptable_number(c: "Connection") -> int:
    """The number of a segment without text: SND.NXT, or the right edge of a window that has shrunk, since the peer
    would not take anything beyond. Less than a unit of its field is no shrinking. Linux: tcp_acceptable_seq.
    """
    snd = c.tcb.snd
    edge = snd.una + snd.wnd
    shrunk = snd.nxt - edge >= 1 << c.agreed.snd_wscale and c.tcb.state is not State.SYN_RECEIVED
    return edge if shrunk else snd.nxt


def _handshake(c: "Connection", now: int) -> Segment | None:
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
    if c.tcb.state is State.SYN_SENT:
        ecn_flags = syn_flags(c.config.ecn, c.retransmits)
        c.ecn.asked = ecn_flags != 0
        seg = Segment(c.tcb.iss, 0, SYN | ecn_flags, options=offer(c.config, c.advmss), reason="syn")
    else:
        flags = SYN | ACK | (ECE if c.ecn.active else 0)
        seg = Segment(c.tcb.iss, c.tcb.rcv.nxt, flags, options=answer(c.agreed, c.advmss), reason="syn-ack")
        c.acks.on_ack_sent()
    # Never scaled (RFC 7323 section 2.2); what was offered since in an ACK, which is, may be more than the field holds.
    c.tcb.rcv.wnd = max(c.tcb.rcv.wnd, min(c.receive_limit, 0xFFFF))
    seg.wnd = min(c.tcb.rcv.wnd, 0xFFFF)
    _tell_user_timeout(c, seg.options)
    return _stamped(c, seg, now)


def _stamped(c: "Connection", seg: Segment, now: int) -> Segment:
    """The segment with the time at which it is sent, where it has a timestamp at all."""
    if seg.options.ts_val is not None:
        seg.options.ts_val, seg.options.ts_ecr = c.ts.val(now), c.ts.recent
    return seg


def _retransmission(c: "Connection", now: int, budget: int) -> Segment | None:
    """The longest run of lost packets that windows and budget allow."""
    board, snd = c.board, c.tcb.snd
    record = board.next_lost()
    if record is None:
        return None
    room = c.cc.cwnd - board.in_flight
    if c.recovery.must_resend:
        room = max(room, 1)
    packets = min(room, packets_at_once(max(record.start, snd.una), snd.up, record.mss, budget))
    if record.start > snd.una:
        # Beyond the right edge of a window that has shrunk, only the first packet goes (SHLD-16, MAY-7).
        packets = min(packets, (snd.una + snd.wnd - record.start) // record.mss)
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
    return _segment(c, start, end, now, "retransmit", record.mss)


def _new_text(c: "Connection", now: int, budget: int) -> Segment | None:
    """Text that was never sent, with the FIN behind it; or a probe where the peer's window keeps all of it back."""
    snd, board, cc = c.tcb.snd, c.board, c.cc
    available = c.sendbuf.end - snd.nxt
    fin_due = c.fin_queued and available >= 0
    if available <= 0 and not fin_due:
        return None
    if not board and c.config.slow_start_after_idle and c.sent_at and now - c.sent_at > c.rtt.rto:
        cc.on_idle(c.config.initial_cwnd, now)
    mss = effective_mss(c)
    window = snd.una + snd.wnd - snd.nxt
    packets = cc.cwnd - board.in_flight
    size = sendable(
        available=available,
        window=window,
        mss=mss,
        packets=min(packets, packets_at_once(snd.nxt, snd.up, mss, budget)),
        tail_allowed=_tail_allowed(c, now),
    )
    # The FIN takes one number of the window; it needs no room in the congestion window of its own.
    fin = fin_due and size == available and window > size and (size > 0 or packets > 0)
    c.cwnd_limited = size < available and packets * mss <= min(available, window)
    if not size and not fin:
        return _probe(c, now, min(window, mss, available)) if packets > 0 else None
    return _transmit(c, size, fin, mss, now)


def _tail_allowed(c: "Connection", now: int) -> bool:
    """The same for this connection, where an application may also hold text back, and urgent data never waits."""
    if c.tcb.snd.up > c.tcb.snd.nxt:
        return True
    if (c.prefs.cork or c.more) and not c.cork_expired and not c.fin_queued:
        if c.timers[Timer.CORK] is None:
            c.timers.set(Timer.CORK, now + c.config.cork_limit)
        return False
    return may_send_tail(nodelay=c.prefs.nodelay, fin_queued=c.fin_queued, small_end=c.small_end, una=c.tcb.snd.una)


def _transmit(c: "Connection", size: int, fin: bool, mss: int, now: int) -> Segment:
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
    seg = _segment(c, start, end, now, "data" if size else "fin", mss)
    if size and c.ecn.active:
        seg.ecn = ECT_0  # new text alone: not what is sent again, nor ACKs or probes (RFC 3168 sections 6.1.4 to 6.1.6)
        seg.flags |= c.ecn.cwr()
    return seg


def _probe(c: "Connection", now: int, fits: int) -> Segment | None:
    """The peer's window keeps us from sending, and nothing is in flight whose ACK could open it: probe, once an RTO
    has passed (RFC 9293 section 3.8.6.1). What fits the window goes as text; else an empty segment with an old
    number, which the peer has to answer.
    """
    if c.board:
        return None
    window = c.tcb.snd.una + c.tcb.snd.wnd - c.tcb.snd.nxt
    blocked = window < min(effective_mss(c), c.sendbuf.end - c.tcb.snd.nxt + c.fin_queued)
    if not blocked:
        return None
    if not c.probe_due:
        if c.timers[Timer.PROBE] is None:
            c.progress_at = now
            c.timers.set(Timer.PROBE, bounded(c, now + probe_interval(c)))
        return None
    c.probe_due = False
    if fits > 0:
        return _transmit(c, fits, False, effective_mss(c), now)
    c.probes += 1
    return _segment(c, c.tcb.snd.una - 1, c.tcb.snd.una - 1, now, "probe")


def _segment(c: "Connection", start: int, end: int, now: int, reason: str, mss: int = 0) -> Segment:
    """A segment of a synchronized state with the numbers from `start` to `end`: text, FIN, PSH, ACK, window and
    options. With more than `mss` bytes of text it is a super-segment; a FIN needs no packet of its own.
    """
    sendbuf, rcv = c.sendbuf, c.tcb.rcv
    text_end = min(end, sendbuf.end)
    flags = ACK | (ECE if c.ecn.echo else 0)
    if start <= sendbuf.end < end:
        flags |= FIN
    size = max(0, text_end - start)
    if size and (text_end == sendbuf.end or text_end - c.pushed > c.tcb.snd.max_wnd >> 1):
        # MUST-61: the last text that is queued; and, as Linux, at least every half of the peer's largest window.
        flags |= PSH
        c.pushed = text_end
    rcv.wnd = receive_window(c)
    seg = Segment(
        start,
        rcv.nxt,
        flags,
        rcv.wnd >> c.agreed.rcv_wscale,
        sendbuf.pieces(start, text_end) if size else (),
        size,
        _options(c, now, min(size, mss)),
        reason,
    )
    urg = pointer(c.tcb.snd.up, start, c.tcb.snd.nxt)
    if urg is not None:
        seg.flags |= URG
        seg.urg = urg
    if size > mss > 0:
        seg.mss = mss
        seg.segs = -(-size // mss)
    c.stats.bytes_sent += size
    c.last_ack_sent = rcv.nxt
    c.dsack = None
    c.acks.on_ack_sent()
    return seg


def _options(c: "Connection", now: int, text: int) -> Options:
    """Timestamps on every segment once agreed (RFC 7323 section 3.2), SACK blocks while text is missing (RFC 2018).
    `text` is what one packet carries: a retransmission has the size that it had when no text was missing, and takes
    only the blocks that still fit.
    """
    agreed = c.agreed
    blocks: tuple[tuple[int, int], ...] = ()
    if agreed.sack and (c.reassembly or c.dsack):
        blocks = _blocks(c)[: max(0, min(_most_blocks(c), (c.snd_mss - text - 4) // 8))]
    tells = c.tell_user_timeout and not blocks and text + _USER_TIMEOUT_BYTES <= c.snd_mss
    if not (agreed.timestamps or blocks or tells):
        return NO_OPTIONS
    options = Options(sack=blocks)
    if agreed.timestamps:
        options.ts_val, options.ts_ecr = c.ts.val(now), c.ts.recent
    if tells:
        c.tell_user_timeout = False
        _tell_user_timeout(c, options)
    return options


def _tell_user_timeout(c: "Connection", options: Options) -> None:
    if c.config.user_timeout_option and c.prefs.user_timeout and not c.prefs.user_timeout_adopted:
        options.user_timeout = -(-c.prefs.user_timeout // SECOND)


def _sack_bytes(c: "Connection") -> int:
    return 4 + 8 * min(_most_blocks(c), len(_blocks(c))) if c.agreed.sack else 0


def _blocks(c: "Connection") -> tuple[tuple[int, int], ...]:
    """A duplicate first (RFC 2883 section 4), then what lies beyond the holes."""
    blocks = c.reassembly.blocks()
    return (c.dsack, *blocks) if c.dsack and c.config.dsack else blocks


def _most_blocks(c: "Connection") -> int:
    """What 40 bytes of options hold (RFC 2018 section 3)."""
    return 3 if c.agreed.timestamps else 4
