"""A segment arrives: the steps of RFC 9293 section 3.10.7, in the RFC's own order.

The section number stands at each branch. The amendments are those of RFC 5961 (resets, SYNs and blind data), which
RFC 9293 includes, of RFC 7323 section 5 (PAWS goes before the first step), and of Linux where it says so.
"""

from pystack.tcp import acks, closing, ecn, reading, text, timeouts, timewait, usertimeout
from pystack.tcp.core import Core
from pystack.tcp.drops import Drop
from pystack.tcp.events import Ending, Event
from pystack.tcp.handshake import agree
from pystack.tcp.seq import is_acceptable, unwrap
from pystack.tcp.state import TEXT_MAY_ARRIVE, State
from pystack.tcp.timers import Timer
from pystack.wire.tcp import ACK, CWR, ECE, FIN, RST, SYN, URG, Segment


def reset_for(seg: Segment) -> Segment | None:
    """The RST that answers a segment to a CLOSED port, or an ACK to a listening one (section 3.10.7.1; 3.5.2 group
    1). The numbers are as on the wire. A RST is never answered.
    """
    if seg.flags & RST:
        return None
    if seg.flags & ACK:
        return Segment(seg.ack, 0, RST, reason="reset")
    return Segment(0, seg.seq + seg.len, RST | ACK, reason="reset")


def segment_arrives(c: Core, seg: Segment, now: int) -> Drop | None:
    """Does what the state says (section 3.10.7). Returns why the segment, or its text, was not taken."""
    state = c.tcb.state
    if state is State.SYN_SENT:
        if seg.flags & ACK:
            seg.ack = unwrap(seg.ack, c.tcb.snd.una)
        return _in_syn_sent(c, seg, now)
    if state is State.LISTEN:
        return _in_listen(c, seg, now)
    if state is not State.CLOSED:
        seg.seq = unwrap(seg.seq, c.tcb.rcv.nxt)
        if seg.flags & ACK:
            seg.ack = unwrap(seg.ack, c.tcb.snd.una)
        return (_in_time_wait if state is State.TIME_WAIT else _otherwise)(c, seg, now)
    return Drop.NOT_EXPECTED


def _in_listen(c: Core, seg: Segment, now: int) -> Drop | None:
    """3.10.7.2. The host makes a connection for a SYN alone; what else comes to a listener it answers itself."""
    if seg.flags & (RST | ACK | SYN | FIN) != SYN:
        return Drop.NOT_EXPECTED
    _take_syn(c, seg, now)
    c.tcb.enter(State.SYN_RECEIVED)
    return None


def _take_syn(c: Core, seg: Segment, now: int) -> None:
    """IRS, RCV.NXT and what the peer's SYN agrees to. The window field of a SYN is never scaled (RFC 7323 2.2)."""
    tcb = c.tcb
    tcb.irs = seg.seq
    tcb.rcv.nxt = c.last_ack_sent = seg.seq + 1
    tcb.snd.wnd = tcb.snd.max_wnd = seg.wnd
    tcb.snd.wl1 = seg.seq
    c.agreed = agree(c.config, seg.options, c.default_mss)
    c.recovery.sack = c.agreed.sack
    c.update_mss()
    usertimeout.hear(c, seg)
    if seg.flags & ACK:
        c.ecn.active = ecn.accepts_syn_ack(c.ecn.asked, seg.flags)
    else:
        c.ecn.active = ecn.accepts_syn(c.config.ecn, seg.flags)
    if c.agreed.timestamps and seg.options.ts_val is not None:
        c.ts.update(seg.options.ts_val, now)


def _in_syn_sent(c: Core, seg: Segment, now: int) -> Drop | None:
    """3.10.7.3."""
    tcb = c.tcb
    acknowledges = False
    if seg.flags & ACK:  # first: the ACK bit
        if seg.ack <= tcb.iss or seg.ack > tcb.snd.nxt:
            answer = reset_for(seg)
            if answer is not None:
                c.control.append(answer)
            return Drop.BAD_ACK
        acknowledges = True
    if seg.flags & RST:  # second: the RST bit
        if acknowledges:
            closing.finish(c, Ending.REFUSED)
            return None
        return Drop.BLIND_RESET
    if not seg.flags & SYN:  # third is security; fifth: neither SYN nor RST
        return Drop.NOT_EXPECTED
    # fourth: the SYN bit
    _take_syn(c, seg, now)
    if not acknowledges:
        # Simultaneous open (MUST-10): our SYN goes again, as a SYN,ACK.
        tcb.enter(State.SYN_RECEIVED)
        if c.board:
            c.board.mark_head_lost()
        return None
    acks.acknowledge(c, seg, now)
    _establish(c, seg, now)
    c.acks.on_surprise()
    seg.seq += 1
    seg.flags &= ~SYN
    if seg.size or seg.flags & FIN:
        return text.arrives(c, seg, now)
    return None


def _establish(c: Core, seg: Segment, now: int) -> None:
    """The handshake is complete. A FIN that was queued before may follow now (section 3.10.4)."""
    snd = c.tcb.snd
    snd.wl1 = seg.seq
    snd.wl2 = seg.ack
    c.rtt.handshake_ended()
    if c.stats.retrans_segs > 1:
        # RFC 5681 section 3.1; not for one alone, as Linux: an RTT above the first time-out loses nothing (RFC 6298).
        c.cc.on_syn_lost(now)
    c.retransmits = 0
    c.established_at = now
    c.timers.stop(Timer.RETRANSMIT)
    c.tcb.enter(State.ESTABLISHED)
    if c.fin_queued:
        c.tcb.enter(State.FIN_WAIT_1)
    timeouts.watch_idleness(c, now)
    c.events |= Event.CONNECTED | Event.WRITABLE


def _in_time_wait(c: Core, seg: Segment, now: int) -> Drop | None:
    """3.10.7.4, where nothing is left but to answer."""
    tcb = c.tcb
    verdict = timewait.judge(
        seg,
        now,
        snd_nxt=tcb.snd.nxt,
        rcv_nxt=tcb.rcv.nxt,
        rcv_wnd=tcb.rcv.wnd,
        ts=c.ts if c.agreed.timestamps else None,
        challenges=c.challenges,
        rfc1337=c.config.rfc1337,
    )
    if verdict.restarts:
        c.timers.set(Timer.LINGER, now + c.config.time_wait)
    if verdict.ends:
        closing.finish(c, Ending.NORMAL)
    elif verdict.answer:
        c.acks.on_surprise()
    return verdict.drop


def _otherwise(c: Core, seg: Segment, now: int) -> Drop | None:
    """3.10.7.4: the other states from SYN-RECEIVED on."""
    tcb = c.tcb
    rcv = tcb.rcv
    options = seg.options
    dropped: Drop | None = None
    if tcb.state is State.SYN_RECEIVED and seg.flags & SYN and seg.seq == tcb.irs:
        if not seg.flags & ACK:
            # The peer's SYN again: our SYN,ACK was lost. (By the letter it is answered with a bare ACK.) But not every
            # copy gets a larger packet back, whoever it came from. Linux: tcp_check_req.
            if not c.challenges.allows(now):
                return Drop.SYN_AGAIN
            if c.board:
                c.board.mark_head_lost()
            return None
        # Figure 8's SYN,ACK of a simultaneous open, which the acceptability test by its letter would refuse. Its window
        # is not scaled, and that of what it becomes is: rounded down to the unit, it means the same.
        seg.seq += 1
        seg.flags &= ~(SYN | ECE | CWR)  # in a SYN,ACK they are about the agreement, not a mark
        seg.wnd >>= c.agreed.snd_wscale

    # RFC 7323 5.3 R1 (PAWS), before the first step; a RST is exempt.
    if c.agreed.timestamps and not seg.flags & RST:
        if options.ts_val is None:  # RFC 7323 3.2: once agreed, every segment has one
            return Drop.NO_TIMESTAMP
        if c.ts.is_too_old(options.ts_val, now):
            _answer_unacceptable(c, seg, now)
            return Drop.OLD_TIMESTAMP

    # First: the sequence number. What a RST carries is nothing that needs a window (SHLD-2, MUST-66).
    if not is_acceptable(seg.seq, 0 if seg.flags & RST else seg.len, rcv.nxt, rcv.wnd):
        if seg.flags & RST:
            return Drop.BLIND_RESET
        if rcv.wnd == 0 and seg.seq == rcv.nxt and not seg.flags & SYN:
            # "Special allowance should be made to accept valid ACKs" while the window is shut: the text goes, the
            # rest stays.
            seg.pieces, seg.size = (), 0
            seg.flags &= ~FIN
            c.acks.on_surprise()
            dropped = Drop.SHUT_WINDOW
        else:
            if c.agreed.timestamps and options.ts_val is not None and seg.seq <= c.last_ack_sent <= seg.seq + seg.len:
                # The last segment again: its ACK was lost. Echoing the first copy's timestamp would have the peer take
                # its time-out for a round trip, and each one make the next one longer.
                c.ts.update(options.ts_val, now)
            _answer_unacceptable(c, seg, now)
            return Drop.OUT_OF_WINDOW
    if c.agreed.timestamps and options.ts_val is not None and seg.seq <= c.last_ack_sent:
        c.ts.update(options.ts_val, now)  # RFC 7323 4.3

    # Second: the RST bit (RFC 5961 3.2).
    if seg.flags & RST:
        return _reset_arrives(c, seg, now)

    usertimeout.hear(c, seg)
    if c.ecn.on_arrival(seg.ecn, seg.flags, seg.size > 0):
        c.acks.on_surprise()

    # Third is security. Fourth: the SYN bit; a challenge ACK in every synchronized state (RFC 5961 4.2).
    if seg.flags & SYN:
        if tcb.state is State.SYN_RECEIVED and not c.active_open:
            closing.finish(c, Ending.RESET)
            return None
        _challenge(c, now)
        return Drop.UNEXPECTED_SYN

    # Fifth: the ACK field.
    if not seg.flags & ACK:
        return Drop.NO_ACK
    if tcb.state is State.SYN_RECEIVED:
        if not tcb.snd.una < seg.ack <= tcb.snd.nxt:
            answer = reset_for(seg)
            if answer is not None:
                c.control.append(answer)
            return Drop.BAD_ACK
        acks.acknowledge(c, seg, now)
        _establish(c, seg, now)
    else:
        # RFC 5961 5.2 (MAY-12): MAX.SND.WND behind SND.UNA is as far as an old ACK can lie.
        if not tcb.snd.una - tcb.snd.max_wnd <= seg.ack <= tcb.snd.nxt:
            _challenge(c, now)
            return Drop.BAD_ACK
        acks.acknowledge(c, seg, now)
        _after_ack(c, now)
        if tcb.state is State.CLOSED:
            return dropped

    # Sixth: the URG bit.
    if seg.flags & URG and seg.urg and tcb.state in TEXT_MAY_ARRIVE:
        up = seg.seq + seg.urg
        if up > rcv.up and c.urgent.announce(up, reading.read_next(c)):
            c.events |= Event.URGENT
        rcv.up = max(rcv.up, up)

    # Seventh and eighth: text and FIN.
    if seg.size or seg.flags & FIN:
        return text.arrives(c, seg, now)
    return dropped


def _reset_arrives(c: Core, seg: Segment, now: int) -> Drop | None:
    """RFC 5961 3.2: only the exact number resets, another one in the window is challenged."""
    state = c.tcb.state
    if seg.seq != c.tcb.rcv.nxt:
        _challenge(c, now)
        return Drop.BLIND_RESET
    if state is State.SYN_RECEIVED:
        closing.finish(c, Ending.REFUSED if c.active_open else Ending.RESET)
    elif state in (State.CLOSING, State.LAST_ACK) and c.tcb.snd.una >= c.sendbuf.end:
        closing.finish(c, Ending.NORMAL)  # nothing but the end of our FIN can be missing
    else:
        closing.finish(c, Ending.RESET)
    return None


def _after_ack(c: Core, now: int) -> None:
    """What the states of closing do once SND.UNA has moved (the fifth step)."""
    tcb = c.tcb
    state = tcb.state
    if state is State.FIN_WAIT_1 and c.fin_acked:
        tcb.enter(State.FIN_WAIT_2)
        if c.orphaned:
            closing.wait_for_fin(c, now)
    elif state is State.CLOSING and c.fin_acked:
        closing.enter_time_wait(c, now)
    elif state is State.LAST_ACK and c.fin_acked:
        closing.finish(c, Ending.NORMAL)


def _answer_unacceptable(c: Core, seg: Segment, now: int) -> None:
    """The ACK for a segment outside of the window (the first step). Text and a FIN are always answered, so that a peer
    whose ACK was lost goes on; what carries neither, or a SYN, might be half of an ACK war.
    """
    if seg.size and seg.seq < c.tcb.rcv.nxt:
        c.dsack = seg.seq, min(seg.seq + seg.size, c.tcb.rcv.nxt)
        c.acks.on_duplicate()
    if (seg.len and not seg.flags & SYN) or c.challenges.allows(now):
        c.acks.on_surprise()


def _challenge(c: Core, now: int) -> None:
    """A challenge ACK (RFC 5961 section 3.2)."""
    if c.challenges.allows(now):
        c.acks.on_surprise()
