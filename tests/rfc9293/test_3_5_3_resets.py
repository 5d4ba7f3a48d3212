"""RFC 9293 section 3.5.3: resets (3.5.2 and RFC 5961 say when)."""

import errno

import pytest
from scapy.layers.inet import TCP

from pystack.tcp.state import State
from pystack.testing import Peer

STATES = ["established", "fin_wait_1", "fin_wait_2", "close_wait"]


@pytest.mark.parametrize("state", STATES)
def test_shld_2_a_reset_may_carry_text(p: Peer, state: str) -> None:
    c = getattr(p, state)()
    c.send("RA", b"a reason, for people")
    assert c.state is State.CLOSED
    assert c.sock.take_error() in (errno.ECONNRESET, errno.EPIPE)
    c.expect_nothing("1 s")


@pytest.mark.parametrize("state", [*STATES, "closing", "last_ack", "time_wait"])
def test_only_the_exact_number_resets(p: Peer, state: str) -> None:
    """RFC 5961 section 3.2: another one in the window is challenged, one outside is dropped."""
    c = getattr(p, state)()
    before = c.state
    number = (c.connection.tcb.rcv.nxt - c.connection.tcb.irs) & 0xFFFFFFFF
    c.send("R", seq=number - 1)
    c.expect_nothing()
    c.send("R", seq=number + 1)
    c.expect("A", ack=number)
    assert c.state is before
    c.send("R", seq=number)
    assert c.state is State.CLOSED


def test_what_comes_to_a_closed_port_is_reset_by_the_book(p: Peer) -> None:
    """Section 3.5.2, group 1."""
    p.send(TCP(sport=9, dport=9, flags="S", seq=100))
    p.expect(TCP, flags="RA", seq=0, ack=101)
    p.send(TCP(sport=9, dport=9, flags="A", seq=100, ack=555))
    p.expect(TCP, flags="R", seq=555)
    p.send(TCP(sport=9, dport=9, flags="R", seq=100))
    p.expect_nothing(for_="1 s")


@pytest.mark.parametrize("ack", [0, 2])
def test_a_syn_that_is_acknowledged_wrongly_is_reset(p: Peer, ack: int) -> None:
    """Group 2."""
    c = p.syn_sent()
    c.send("SA", seq=0, ack=ack)
    c.expect("R", seq=ack)
    assert c.state is State.SYN_SENT
