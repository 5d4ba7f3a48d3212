"""What ICMP reports about a connection's path, and what TCP makes of it (RFC 9293 section 3.9.2.2; RFC 5927; RFC
1191, 8201).
"""

from enum import Enum

from pystack.tcp import closing
from pystack.tcp.core import Core
from pystack.tcp.events import Ending, Event
from pystack.tcp.icmp import IcmpError, IcmpKind
from pystack.tcp.seq import unwrap
from pystack.tcp.state import State

_HARD = frozenset((IcmpKind.UNREACHABLE_PROTOCOL, IcmpKind.UNREACHABLE_PORT, IcmpKind.ADMIN_PROHIBITED))


class Reaction(Enum):
    """What an ICMP error leads to."""

    IGNORE = "nothing"
    NOTE = "the application can learn of it, and the connection goes on"
    END = "the connection ends"
    SMALLER = "packets get smaller"


def reaction_to(kind: IcmpKind, state: State, soft_errors_end_connect: bool) -> Reaction:
    """A hard error ends a connection that is only being opened (SHLD-26), never one that is synchronized: the peer
    has answered there, and whoever sends such an error now is wrong, or forges it (RFC 5927 section 5.2). A soft one
    never does (MUST-56), unless the configuration says so. Source Quench is ignored (MUST-55).
    """
    if kind is IcmpKind.SOURCE_QUENCH:
        return Reaction.IGNORE
    if kind is IcmpKind.FRAGMENTATION_NEEDED:
        return Reaction.SMALLER
    opening = state in (State.SYN_SENT, State.SYN_RECEIVED)
    return Reaction.END if opening and (kind in _HARD or soft_errors_end_connect) else Reaction.NOTE


def on_icmp(c: Core, error: IcmpError, now: int) -> bool:
    """An ICMP error quotes a segment of this connection; returns whether it was believed. Only what is in flight can
    have met an error (RFC 5927 section 4.1). For `FRAGMENTATION_NEEDED` the host then says how large packets may be.
    """
    snd = c.tcb.snd
    if error.seq is None or c.tcb.state is State.CLOSED:
        return False
    if not snd.una <= unwrap(error.seq, snd.una) < snd.nxt:
        return False
    reaction = reaction_to(error.kind, c.tcb.state, c.config.soft_errors_end_connect)
    if reaction is Reaction.IGNORE:
        return False
    if reaction is not Reaction.SMALLER:
        c.icmp_error = error
    if reaction is Reaction.END:
        closing.finish(c, Ending.UNREACHABLE)
    elif reaction is Reaction.NOTE:
        c.events |= Event.TROUBLE
    return True


def path_mss_is(c: Core, mss: int) -> None:
    """The path takes `mss` bytes of text and options in one packet. What is in flight in larger packets is lost on
    such a path: it goes again in smaller ones, without a cut of the window, since no congestion has lost it (RFC 1191
    section 6.5).
    """
    if mss >= c.path_mss:
        c.path_mss = min(mss, c.advmss)
        c.update_mss()
        return
    c.path_mss = mss
    c.update_mss()
    if c.board.recut(c.snd_mss, c.tcb.snd.una):
        c.recovery.on_smaller_path(c.tcb.snd.nxt, c.board)
