"""The segments that a connection sends: numbers, flags, window and options of the header, and the text.

What may be sent is decided in `output`. Everything with the ACK flag carries the latest acknowledgement and window,
and says to the rooms concerned that it does: building a segment is sending it.
"""

from pystack.tcp import usertimeout
from pystack.tcp.core import Core
from pystack.tcp.ecn import syn_flags
from pystack.tcp.handshake import answer, offer
from pystack.tcp.mss import effective_mss
from pystack.tcp.state import State
from pystack.tcp.urgent import pointer
from pystack.tcp.window import receive_window
from pystack.wire.options import NO_OPTIONS, Options
from pystack.wire.tcp import ACK, ECE, FIN, PSH, RST, SYN, URG, Segment

_USER_TIMEOUT_BYTES = 4


def build(c: Core, start: int, end: int, now: int, reason: str, mss: int = 0) -> Segment:
    """A segment of a synchronized state with the numbers from `start` to `end`: text, FIN, PSH, ACK, window and
    options. With more than `mss` bytes of text it is a super-segment; a FIN needs no packet of its own.
    """
    sendbuf, rcv = c.sendbuf, c.tcb.rcv
    text_end = min(end, sendbuf.end)
    flags = ACK | (ECE if c.ecn.echo else 0)
    if start <= sendbuf.end < end:
        flags |= FIN
    size = max(0, text_end - start)
    if size and c.pushes.has_push(start, text_end):
        flags |= PSH
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
    if size:
        c.stats.bytes_sent += size
        c.stats.data_segs_out += seg.segs
    c.last_ack_sent = rcv.nxt
    c.dsack = None
    c.acks.on_ack_sent()
    return seg


def syn(c: Core, now: int) -> Segment:
    """Our SYN, or our SYN,ACK in SYN-RECEIVED."""
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
    usertimeout.tell(c, seg.options)
    return stamped(c, seg, now)


def reset(c: Core) -> Segment:
    """The RST of an ABORT: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>, with a timestamp where those are agreed on (RFC
    7323 section 3.2), which is filled in when it is sent, and the window, as Linux has it.
    """
    options = Options(ts_val=0) if c.agreed.timestamps else NO_OPTIONS
    wnd = receive_window(c) >> c.agreed.rcv_wscale
    return Segment(acceptable_number(c), c.tcb.rcv.nxt, RST | ACK, wnd, options=options, reason="reset")


def acceptable_number(c: Core) -> int:
    """The number of a segment without text: SND.NXT, or the right edge of a window that has shrunk, since the peer
    would not take anything beyond. Less than a unit of its field is no shrinking. Linux: tcp_acceptable_seq.
    """
    snd = c.tcb.snd
    edge = snd.una + snd.wnd
    shrunk = snd.nxt - edge >= 1 << c.agreed.snd_wscale and c.tcb.state is not State.SYN_RECEIVED
    return edge if shrunk else snd.nxt


def stamped(c: Core, seg: Segment, now: int) -> Segment:
    """The segment with the time at which it is sent, where it has a timestamp at all."""
    if seg.options.ts_val is not None:
        seg.options.ts_val, seg.options.ts_ecr = c.ts.val(now), c.ts.recent
    return seg


def text_room(c: Core) -> int:
    """How many bytes of new text a packet holds now, with the options that it will have."""
    return effective_mss(send_mss=c.snd_mss, sack_bytes=_sack_bytes(c), max_wnd=c.tcb.snd.max_wnd)


def _options(c: Core, now: int, text: int) -> Options:
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
        usertimeout.tell(c, options)
    return options


def _sack_bytes(c: Core) -> int:
    return 4 + 8 * min(_most_blocks(c), len(_blocks(c))) if c.agreed.sack and (c.reassembly or c.dsack) else 0


def _blocks(c: Core) -> tuple[tuple[int, int], ...]:
    """A duplicate first (RFC 2883 section 4), then what lies beyond the holes."""
    blocks = c.reassembly.blocks()
    return (c.dsack, *blocks) if c.dsack and c.config.dsack else blocks


def _most_blocks(c: Core) -> int:
    """What 40 bytes of options hold (RFC 2018 section 3)."""
    return 3 if c.agreed.timestamps else 4
