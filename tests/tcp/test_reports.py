"""What ICMP reports (RFC 9293 section 3.9.2.2; RFC 5927; RFC 1191)."""

from dataclasses import replace

import pytest
from tcp_peer import PLAIN, SECOND, established, in_state

from pystack.tcp.events import Ending, Event
from pystack.tcp.icmp import IcmpError, IcmpKind
from pystack.tcp.state import State

SOFT = [IcmpKind.UNREACHABLE_NET, IcmpKind.UNREACHABLE_HOST, IcmpKind.TIME_EXCEEDED, IcmpKind.PARAMETER_PROBLEM]
HARD = [IcmpKind.UNREACHABLE_PROTOCOL, IcmpKind.UNREACHABLE_PORT]


@pytest.mark.parametrize("kind", SOFT)
@pytest.mark.parametrize("state", [State.SYN_SENT, State.SYN_RECEIVED])
def test_must_56_a_soft_error_does_not_end_an_attempt(kind: IcmpKind, state: State) -> None:
    p = in_state(state)
    assert p.c.on_icmp(IcmpError(kind, seq=p.iss), p.now)
    assert p.state is state
    assert p.c.poll_event() & Event.TROUBLE, "SHLD-25: the application can learn of it"
    assert p.c.icmp_error is not None


@pytest.mark.parametrize("kind", HARD)
def test_shld_26_a_hard_error_ends_an_attempt(kind: IcmpKind) -> None:
    p = in_state(State.SYN_SENT)
    assert p.c.on_icmp(IcmpError(kind, seq=p.iss), p.now)
    assert p.state is State.CLOSED
    assert p.c.ending is Ending.UNREACHABLE


@pytest.mark.parametrize("kind", [*SOFT, *HARD])
def test_nothing_ends_a_synchronized_connection(kind: IcmpKind) -> None:
    p = established()
    p.sends(100)
    assert p.c.on_icmp(IcmpError(kind, seq=p.iss + 1), p.now)
    assert p.state is State.ESTABLISHED


@pytest.mark.parametrize("offset", [-1, 0, 101, 70_000])
def test_only_what_is_in_flight_can_have_met_an_error(offset: int) -> None:
    """RFC 5927 section 4.1: numbers from 1 to 100 are in flight."""
    p = established()
    p.sends(100)
    error = IcmpError(IcmpKind.FRAGMENTATION_NEEDED, mtu=600, seq=(p.iss + offset) % 2**32)
    assert not p.c.on_icmp(error, p.now)
    assert not p.c.on_icmp(IcmpError(IcmpKind.UNREACHABLE_PORT), p.now)


def test_must_55_source_quench_is_ignored() -> None:
    p = established()
    p.sends(100)
    assert not p.c.on_icmp(IcmpError(IcmpKind.SOURCE_QUENCH, seq=p.iss + 1), p.now)
    assert p.c.icmp_error is None
    assert p.c.cc.cwnd == 10


def test_linux_ends_an_attempt_at_once() -> None:
    p = in_state(State.SYN_SENT, replace(PLAIN, soft_errors_end_connect=True))
    p.c.on_icmp(IcmpError(IcmpKind.UNREACHABLE_HOST, seq=p.iss), p.now)
    assert p.c.ending is Ending.UNREACHABLE


def test_a_smaller_path_sends_again_what_was_too_large_without_a_cut() -> None:
    p = established()
    sent = p.sends(3 * 1460)
    assert len(sent) == 3
    assert p.c.on_icmp(IcmpError(IcmpKind.FRAGMENTATION_NEEDED, mtu=1040, seq=p.iss + 1), p.now)
    p.c.path_mss_is(1000)
    cwnd = p.c.cc.cwnd
    again = p.takes()
    assert again[0] == ". 1:1001(1000) ack 1"
    assert sum(seg.size for seg in p.sent[3:]) == 3 * 1460
    assert [seg.size for seg in p.sent[3:]] == [1000, 1000, 1000, 1000, 380], (
        "one after the other, all but the last full"
    )
    assert p.c.cc.cwnd == cwnd
    p.gives(".", ack=3 * 1460 + 1)
    assert not p.c.board
    assert (p.c.board.packets_out, p.c.board.lost_out, p.c.board.retrans_out) == (0, 0, 0)
    assert max(seg.size for seg in [p.sends(3000), p.sent[-3:]][1]) == 1000


def test_a_path_that_has_grown_again() -> None:
    p = established()
    p.c.path_mss_is(1000)
    p.c.path_mss_is(9000)
    assert p.c.snd_mss == 1460, "never more than was announced by the peer"
    assert p.waits(SECOND) == []


def test_what_the_peer_had_reported_and_dropped_goes_again_in_packets_that_fit() -> None:
    """The path shrinks while packets are selectively acknowledged, and the peer drops them (RFC 2018 section 8)."""
    p = established(replace(PLAIN, sack=True), sack_permitted=True)
    p.sends(4 * 1460)
    p.gives(".", ack=1, sack=[(1461, 1 + 4 * 1460)])
    p.c.path_mss_is(1000)
    p.takes()
    p.sent.clear()
    p.gives(".", ack=1461)
    for _ in range(12):
        p.waits(2 * SECOND)
        p.gives(".", ack=1461)
    sizes = [seg.size for seg in p.sent if seg.size]
    assert sizes
    assert max(sizes) <= 1000


def test_duplicates_stand_for_nothing_after_the_path_has_shrunk() -> None:
    p = established()
    p.sends(10 * 1460)
    p.gives(".", ack=1)
    p.gives(".", ack=1)
    p.c.path_mss_is(1000)
    p.takes()
    assert p.c.board.in_flight >= 0


def test_a_part_of_a_packet_is_acknowledged_before_the_path_shrinks() -> None:
    p = established(mss=1460)
    p.sends(1400)
    p.gives(".", ack=1001)
    p.waits(SECOND)
    p.c.path_mss_is(300)
    assert p.waits(3 * SECOND)[0][1] == ". 1001:1301(300) ack 1"
    assert p.gives(".", ack=1301) == ["P. 1301:1401(100) ack 1"]
    assert p.gives(".", ack=1401) == []
    assert p.c.next_deadline() is None
