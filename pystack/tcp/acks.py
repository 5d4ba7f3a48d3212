"""An acceptable acknowledgement: the window, SND.UNA, the scoreboard, the RTT, loss recovery and the controller.

This is the fifth step of RFC 9293 section 3.10.7.4 with what RFC 5681, 6298, 6582 and 6675 hang on it.
"""

from pystack.tcp.congestion.base import AckSample
from pystack.tcp.core import Core
from pystack.tcp.delivered import Delivered
from pystack.tcp.events import Event
from pystack.tcp.seq import unwrap
from pystack.tcp.timers import Timer
from pystack.tcp.usertimeout import bounded
from pystack.wire.tcp import ECE, FIN, SYN, Segment


def acknowledge(c: Core, seg: Segment, now: int) -> None:
    """Takes an acknowledgement of at most SND.NXT; an old one only for its SACK blocks."""
    snd = c.tcb.snd
    board = c.board
    c.received_at = now
    c.probes = 0
    advanced = seg.ack > snd.una
    duplicate = (
        not advanced and seg.ack == snd.una and not seg.size and not seg.flags & (SYN | FIN) and bool(board)
    )  # RFC 5681 section 2, but for the window
    window_moved = _update_window(c, seg)
    packets_out, in_flight = board.packets_out, board.in_flight
    delivered = Delivered(now)
    if advanced:
        _advance(c, seg.ack, delivered)
    if c.agreed.sack and seg.options.sack:
        _selectively(c, seg.options.sack, delivered)
    _measure(c, seg, delivered)
    waiting = board.waiting
    if advanced:
        c.recovery.on_cumulative_ack(snd.una, delivered.acked, board)
    elif duplicate and not window_moved:
        c.recovery.on_duplicate_ack(snd.una, board)
    if not packets_out:
        return
    began = c.recovery.detect(snd.una, snd.nxt, board, c.cc, now)
    if c.ecn.active and seg.flags & ECE and not seg.flags & SYN:
        c.stats.delivered_ce += delivered.packets
        began |= c.recovery.on_ecn_echo(snd.nxt, min(packets_out, c.cc.cwnd), c.cc, now)
    if began:
        c.ecn.cwr_due = c.ecn.active
    if delivered.packets and not seg.flags & SYN:
        sample = AckSample(
            acked=delivered.packets,
            lost=board.waiting - waiting,
            rtt=delivered.rtt,
            in_flight=in_flight,
            mss=c.snd_mss,
            # In slow start the window is in use when it is more than half full, as Linux has it (tcp_is_cwnd_limited).
            cwnd_limited=c.cwnd_limited or (c.cc.in_slow_start and 2 * packets_out > c.cc.cwnd),
            # What is only selectively acknowledged may be the first sign of a loss, until there is an advance (RFC 3042
            # section 2; Linux: tcp_may_raise_cwnd).
            recovering=not (advanced and c.recovery.cwnd_may_grow),
        )
        c.cc.on_ack(sample, now)
    if not board:
        c.timers.stop(Timer.RETRANSMIT)  # RFC 6298 rule 5.2
    elif advanced:
        c.timers.set(Timer.RETRANSMIT, bounded(c, now + c.rtt.rto))  # rule 5.3


def _update_window(c: Core, seg: Segment) -> bool:
    """SND.WND, SND.WL1 and SND.WL2; returns whether the window changed. Old segments must not (section 3.10.7.4)."""
    snd = c.tcb.snd
    # An ACK that advances is new, however old the number of a retransmission that carries it; and what it acknowledges
    # has to leave the window. By the RFC's letter the old window would move on with SND.UNA, beyond what was offered.
    newer = seg.ack > snd.una or snd.wl1 < seg.seq or (snd.wl1 == seg.seq and snd.wl2 <= seg.ack)
    if seg.ack < snd.una or not newer:
        return False
    wnd = seg.wnd if seg.flags & SYN else seg.wnd << c.agreed.snd_wscale
    changed = wnd != snd.wnd
    snd.wnd = wnd
    snd.wl1 = max(snd.wl1, seg.seq)
    snd.wl2 = seg.ack
    snd.max_wnd = max(snd.max_wnd, wnd)
    return changed


def _advance(c: Core, ack: int, delivered: Delivered) -> None:
    """SND.UNA <- SEG.ACK."""
    c.board.acknowledge(ack, delivered)
    c.tcb.snd.una = ack
    c.sendbuf.release(ack)
    c.pushes.acknowledged(ack)
    c.retransmits = 0
    c.progress_at = delivered.now
    c.icmp_error = None  # what ICMP said of the path is over: something went through
    c.events |= Event.WRITABLE


def _selectively(c: Core, blocks: tuple[tuple[int, int], ...], delivered: Delivered) -> None:
    """Takes the SACK blocks. Those that lie at or below SND.UNA report duplicates (RFC 2883), those beyond SND.NXT are
    nonsense; both are passed over.
    """
    snd = c.tcb.snd
    left, right = unwrap(blocks[0][0], snd.una), unwrap(blocks[0][1], snd.una)
    if c.tcb.iss < left < right <= snd.una:
        c.stats.dsack_dups += -(-(right - left) // c.snd_mss)
    for left, right in blocks:
        left, right = unwrap(left, snd.una), unwrap(right, snd.una)
        if snd.una <= left < right <= snd.nxt:
            c.board.selectively_acknowledge(left, right, delivered)


def _measure(c: Core, seg: Segment, delivered: Delivered) -> None:
    """An RTT sample: from the oldest packet acknowledged where it was sent once (Karn), else from the echoed
    timestamp, which says which of the transmissions is meant (RFC 7323 section 4). An ACK that reports a duplicate (RFC
    2883) echoes the first arrival, whose own ACK was lost: its sample would be our time-out.
    """
    rtt = delivered.rtt
    if rtt is None and delivered.acked and c.agreed.timestamps and not _reports_duplicate(c, seg):
        rtt = c.ts.rtt_of_echo(seg.options.ts_ecr, delivered.now)
    if rtt is not None:
        c.rtt.sample(rtt)


def _reports_duplicate(c: Core, seg: Segment) -> bool:
    blocks = seg.options.sack
    return bool(blocks) and unwrap(blocks[0][1], c.tcb.snd.una) <= c.tcb.snd.una
