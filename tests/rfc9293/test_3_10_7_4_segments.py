"""RFC 9293 section 3.10.7.4: segments that arrive."""

import pytest
from rfc9293_common import BLOCKED, DELAYING
from scapy.layers.inet import TCP

from pystack.tcp.state import State
from pystack.testing import Peer

SYNCHRONIZED = ["established", "fin_wait_1", "fin_wait_2", "close_wait", "closing", "last_ack", "time_wait"]


def test_must_58_acknowledgements_are_aggregated(p: Peer) -> None:
    c = p.established(tcp=DELAYING)
    p.batch(*[c.packet("A", 500, seq=1 + 500 * n, ack=1) for n in range(12)])
    assert [c.ack(packet) for packet in p.skip()] == [6001]


def test_must_59_all_that_is_queued_is_looked_at_first(p: Peer) -> None:
    """A hole that a later segment of the batch has filled is not reported."""
    c = p.established()
    first = c.packet("A", 1000, seq=1, ack=1)
    second = c.packet("PA", 1000, seq=1001, ack=1)
    p.batch(second, first)
    assert [c.ack(packet) for packet in p.skip()] == [2001]


def test_shld_31_what_is_out_of_order_is_kept(p: Peer) -> None:
    c = p.established()
    c.send("PA", b"world", seq=7)
    c.expect("A", ack=1)
    c.send("A", b"there ", seq=1)
    c.expect("A", ack=12)
    assert c.sock.recv(100) == b"there world"


@pytest.mark.parametrize("old", [False, True])
def test_may_12_text_with_an_impossible_acknowledgement_is_not_taken(p: Peer, old: bool) -> None:
    """RFC 5961 section 5: further back than the window ever was, or of what was never sent."""
    c = p.established()
    c.send("PA", b"blind", seq=1, ack=1 - 70_000 if old else 1000)
    c.expect("A", ack=1)
    assert c.sock.recv(100) is BLOCKED
    c.send("PA", b"sound", seq=1, ack=1 - 60_000)
    assert c.sock.recv(100) == b"sound"


def test_may_13_a_segment_out_of_order_is_answered_at_once(p: Peer) -> None:
    c = p.established(tcp=DELAYING, options=[("MSS", 1460), ("SAckOK", b"")])
    c.send("A", b"gap", seq=10)
    ack = c.expect("A", ack=1)
    left, right = dict(ack[TCP].options)["SAck"]
    assert right - left == 3


@pytest.mark.parametrize(
    "state", ["established", "fin_wait_1", "fin_wait_2", "close_wait", "closing", "last_ack", "time_wait"]
)
def test_a_syn_is_challenged_in_every_synchronized_state(p: Peer, state: str) -> None:
    """Fourth step, as RFC 5961 section 4.2 has it."""
    c = getattr(p, state)()
    before = c.state
    c.send("S", seq=-100_000 if state == "time_wait" else 1000)
    c.expect("A")
    assert c.state is before


@pytest.mark.parametrize("state", ["close_wait", "closing", "last_ack", "time_wait"])
def test_text_behind_the_peers_fin_is_not_taken(p: Peer, state: str) -> None:
    """Seventh step."""
    c = getattr(p, state)()
    held = c.connection.recvbuf.size
    c.send("PA", b"too late")
    assert c.connection.recvbuf.size == held


def test_a_segment_without_ack_is_dropped(p: Peer) -> None:
    """Fifth step."""
    c = p.established()
    c.send("P", b"no ACK flag")
    c.expect_nothing("1 s")
    assert c.sock.recv(100) is BLOCKED


def test_all_states_can_be_left(p: Peer) -> None:
    """Closing passively: CLOSE-WAIT, LAST-ACK, CLOSED."""
    c = p.last_ack()
    c.send()
    assert c.state is State.CLOSED
    assert p.host.endpoints() == []
