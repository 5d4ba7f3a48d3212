"""TIME-WAIT: how a segment is answered that comes after both sides have closed. What remembers the connection by then,
all of it or a few numbers, is the caller's matter.
"""

from typing import NamedTuple

from pystack.tcp.challenge import RateLimit
from pystack.tcp.drops import Drop
from pystack.tcp.seq import is_acceptable
from pystack.tcp.timestamps import Timestamps
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment


class Verdict(NamedTuple):
    """What a segment does: `drop` says why it was not taken, `answer` that an ACK is due, `restarts` that 2 MSL begin
    anew, `ends` that the connection is CLOSED.
    """

    drop: Drop | None
    answer: bool = False
    restarts: bool = False
    ends: bool = False


def judge(
    seg: Segment,
    now: int,
    *,
    snd_nxt: int,
    rcv_nxt: int,
    rcv_wnd: int,
    ts: Timestamps | None,
    challenges: RateLimit,
    rfc1337: bool,
) -> Verdict:
    """RFC 9293 section 3.10.7.4 for TIME-WAIT, in its order. The numbers are unwrapped, SEG's too; `ts` is None where
    timestamps were not agreed, and follows what arrives; `challenges` limits the answers to what might be half of an
    ACK war. With `rfc1337` no RST ends TIME-WAIT (RFC 1337, fix F1).
    """
    flags, end = seg.flags, seg.seq + seg.len
    if flags & RST:  # the first step and the second (RFC 5961 section 3.2); PAWS spares it
        if not is_acceptable(seg.seq, 0, rcv_nxt, rcv_wnd):
            return Verdict(Drop.BLIND_RESET)
        if seg.seq != rcv_nxt:
            return Verdict(Drop.BLIND_RESET, answer=challenges.allows(now))
        return Verdict(Drop.BLIND_RESET) if rfc1337 else Verdict(None, ends=True)
    # What has text or a FIN is always answered: its sender has not heard of ours, and ends no other way.
    repeats = seg.len > 0 and not flags & SYN
    if ts is not None:  # RFC 7323 sections 3.2, 5.3, 4.3
        val = seg.options.ts_val
        if val is None:
            return Verdict(Drop.NO_TIMESTAMP)
        if ts.is_too_old(val, now):
            return Verdict(Drop.OLD_TIMESTAMP, answer=repeats or challenges.allows(now))
        if seg.seq <= rcv_nxt <= end:
            ts.update(val, now)
    if not is_acceptable(seg.seq, seg.len, rcv_nxt, rcv_wnd):
        return Verdict(
            Drop.OUT_OF_WINDOW,
            answer=repeats or challenges.allows(now),
            restarts=repeats and bool(flags & FIN) and end == rcv_nxt,  # the FIN again (the eighth step)
        )
    if flags & SYN:  # the fourth step (RFC 5961 section 4.2)
        return Verdict(Drop.UNEXPECTED_SYN, answer=challenges.allows(now))
    if not flags & ACK:  # the fifth
        return Verdict(Drop.NO_ACK)
    if seg.ack > snd_nxt:
        return Verdict(Drop.BAD_ACK, answer=challenges.allows(now))
    # The seventh: there is no text behind a FIN.
    return Verdict(Drop.NOT_EXPECTED if seg.len else None)
