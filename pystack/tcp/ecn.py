"""Explicit congestion notification (RFC 3168 section 6.1).

The two ends agree in their SYNs. After that our new text goes out as ECN-capable; where a packet of the peer arrives
marked, every ACK echoes it until the peer says that it has reduced its window; and where the peer echoes a mark of
ours, the window is reduced, once for each window of text.
"""

from enum import IntEnum

from pystack.wire.tcp import ACK, CWR, ECE, SYN

NOT_ECT, ECT_1, ECT_0, CE = 0, 1, 2, 3


class EcnMode(IntEnum):
    """Linux's values of net.ipv4.tcp_ecn."""

    OFF = 0
    REQUEST = 1
    """Ask for it and accept it."""
    ACCEPT = 2
    """Accept it."""


def syn_flags(mode: int, transmissions: int) -> int:
    """ECE and CWR of our SYN (section 6.1.1). A SYN that has gone unanswered goes again without them (section
    6.1.1.1): some paths drop what they do not know.
    """
    return ECE | CWR if mode == EcnMode.REQUEST and transmissions == 0 else 0


def accepts_syn(mode: int, flags: int) -> bool:
    """Whether the peer's SYN asks for ECN and we take it."""
    return mode != EcnMode.OFF and flags & (SYN | ACK | ECE | CWR) == SYN | ECE | CWR


def accepts_syn_ack(asked: bool, flags: int) -> bool:
    """Whether the peer's SYN,ACK accepts what we asked for: ECE without CWR. Both set is a peer that echoes
    everything.
    """
    return asked and flags & (SYN | ACK | ECE | CWR) == SYN | ACK | ECE


class Ecn:
    """A connection's ECN state. `echo`: a marked packet has arrived, and the peer has not answered the echo yet;
    `cwr_due`: our window was reduced for a mark, which the next new text has to say; `seen`: the peer has sent packets
    that are ECN-capable.
    """

    __slots__ = ("active", "asked", "cwr_due", "echo", "seen")

    def __init__(self) -> None:
        self.active = False
        self.asked = False
        self.echo = False
        self.cwr_due = False
        self.seen = False

    def on_arrival(self, ecn: int, flags: int, has_text: bool) -> bool:
        """A packet with these ECN bits and TCP flags has arrived; returns True where its mark is news that the peer
        should get at once.
        """
        if not self.active:
            return False
        self.seen |= ecn != NOT_ECT
        if flags & CWR and has_text:
            self.echo = False
        if ecn != CE:
            return False
        news = not self.echo
        self.echo = True
        return news

    def cwr(self) -> int:
        """The CWR flag of new text, once after each reduction."""
        due, self.cwr_due = self.cwr_due, False
        return CWR if due else 0
