"""Explicit congestion notification (RFC 3168), both roles."""

from dataclasses import replace

import pytest
from tcp_peer import PLAIN, SECOND, Peer, established

from pystack.tcp.ecn import CE, ECT_0, NOT_ECT
from pystack.tcp.recovery import CaState
from pystack.wire.tcp import ECE, Segment

ASK = replace(PLAIN, ecn=1, nodelay=True)


def asking() -> Peer:
    p = Peer(ASK)
    assert p.takes() == ["SEW 0:0(0)"]
    p.gives("S.E", seq=0, mss=1460)
    p.c.acks._quick = 0
    p.sent.clear()
    return p


def marked(p: Peer, seq: int, size: int, flags: str = ".") -> list[str]:
    receive = p.c.receive

    def with_mark(seg: Segment, now: int) -> None:
        seg.ecn = CE
        receive(seg, now)

    p.c = _Marking(p.c, with_mark)  # type: ignore[assignment]
    try:
        p.puts(flags, seq, 1, size)
    finally:
        p.c = p.c.connection  # type: ignore[attr-defined]
    return p.takes()


class _Marking:
    def __init__(self, connection: object, receive: object) -> None:
        self.connection = connection
        self.receive = receive

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)


@pytest.mark.parametrize(
    ("mode", "syn", "answer"),
    [
        (0, "SEW", "S. 0:0(0) ack 1"),
        (1, "SEW", "SE. 0:0(0) ack 1"),
        (2, "SEW", "SE. 0:0(0) ack 1"),
        (2, "S", "S. 0:0(0) ack 1"),
        (2, "SE", "S. 0:0(0) ack 1"),
    ],
)
def test_what_a_listener_answers(mode: int, syn: str, answer: str) -> None:
    p = Peer(replace(PLAIN, ecn=mode), active=False)
    (shown,) = p.gives(syn, seq=0, mss=1460)
    assert sorted(shown.split()[0]) == sorted(answer.split(maxsplit=1)[0])
    assert p.c.ecn.active is ("E" in answer)


@pytest.mark.parametrize(("answer", "active"), [("S.E", True), ("S.", False), ("S.EW", False)])
def test_what_a_client_takes_for_a_yes(answer: str, active: bool) -> None:
    p = Peer(ASK)
    p.takes()
    p.gives(answer, seq=0, mss=1460)
    assert p.c.ecn.active is active


def test_accept_alone_does_not_ask() -> None:
    assert Peer(replace(PLAIN, ecn=2)).takes() == ["S 0:0(0)"]


def test_a_syn_that_was_lost_goes_again_without_it() -> None:
    p = Peer(ASK)
    p.takes()
    assert p.waits(SECOND) == [(1000, "S 0:0(0)")]
    p.gives("S.E", seq=0, mss=1460)
    assert not p.c.ecn.active


def test_new_text_alone_is_ecn_capable() -> None:
    p = asking()
    p.sends(100)
    p.gives(".", text=10)
    p.waits(5 * SECOND)
    kinds = {(seg.reason, seg.ecn) for seg in p.sent}
    assert kinds == {("data", ECT_0), ("ack", NOT_ECT), ("retransmit", NOT_ECT)}


def test_a_mark_is_echoed_until_the_peer_has_reduced() -> None:
    p = asking()
    assert marked(p, 1, 100) == ["E. 1:1(0) ack 101"], "at once"
    p.sends(10)
    assert p.sent[-1].flags & ECE
    assert p.sent[-1].size == 10
    p.puts(".", seq=101, ack=11, text=1460)
    assert all("E" in shown.split()[0] for shown in p.gives(".", seq=1561, ack=11, text=1460))
    p.puts("W.", seq=3021, ack=11, text=1460)
    assert all("E" not in shown.split()[0] for shown in p.gives(".", seq=4481, ack=11, text=1460))


def test_an_echo_cuts_the_window_once_and_says_so_once() -> None:
    p = asking()
    p.sends(10 * 1460)
    assert p.c.cc.cwnd == 10
    p.gives("E.", ack=1461)
    assert p.c.cc.cwnd == p.c.cc.ssthresh == 5
    cwnd = p.c.cc.cwnd
    assert p.c.recovery.state is CaState.CWR
    p.gives("E.", ack=2921)
    p.gives("E.", ack=4381)
    assert p.c.cc.cwnd == cwnd
    p.gives("E.", ack=14601)  # all of the window that was marked; our CWR is not even sent yet
    assert p.c.cc.cwnd == cwnd
    first, second = p.sends(2 * 1460)
    assert "W" in first.split()[0]
    assert "W" not in second.split()[0]
    p.gives(".", ack=14601 + 1460)
    assert p.c.recovery.state is CaState.OPEN
    p.gives("E.", ack=14601 + 2 * 1460)
    assert p.c.recovery.state is CaState.CWR


def test_an_echo_that_acknowledges_all_halves_the_window_and_no_more() -> None:
    p = asking()
    p.sends(10 * 1460)
    p.gives("E.", ack=14601)
    assert p.c.cc.cwnd == 5


def test_the_peer_learns_of_every_reduction() -> None:
    """CWR for a fast retransmit and for a time-out too (RFC 3168 section 6.1.2)."""
    p = asking()
    p.sends(10 * 1460)
    for _ in range(4):
        p.gives(".", ack=1461)
    assert p.c.recovery.state is CaState.RECOVERY
    p.gives(".", ack=14601)
    assert "W" in p.sends(1460)[0].split()[0]
    p.waits(SECOND)
    assert p.c.recovery.state is CaState.LOSS
    p.gives(".", ack=14601 + 1460)
    assert "W" in p.sends(1460)[0].split()[0]


def test_without_an_agreement_marks_and_echoes_mean_nothing() -> None:
    p = established()
    assert "E" not in "".join(marked(p, 1, 1460) + p.gives(".", seq=1461, text=1460))
    p.sends(1460)
    cwnd = p.c.cc.cwnd
    p.gives("E.", seq=2921, ack=1461)
    assert p.c.cc.cwnd >= cwnd
