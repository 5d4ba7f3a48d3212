"""RFC 9293 section 3.4: sequence numbers, and what is taken while the window is shut."""

import errno

import pytest
from rfc9293_common import TINY, filled

from pystack.sock.constants import POLLPRI
from pystack.tcp.state import State
from pystack.testing import Peer


def test_must_66_a_reset_counts_while_the_window_is_shut(p: Peer) -> None:
    c = filled(p)
    c.send("R", seq=4001)
    assert c.state is State.CLOSED
    assert c.sock.take_error() == errno.ECONNRESET


def test_must_66_urgent_counts_while_the_window_is_shut(p: Peer) -> None:
    c = filled(p)
    assert not c.sock.poll() & POLLPRI
    c.send("AU", b"!", seq=4001, urgptr=1)
    assert c.sock.poll() & POLLPRI


@pytest.mark.parametrize("offset", [-1, 4001])
def test_text_outside_of_the_window_is_answered_and_not_taken(p: Peer, offset: int) -> None:
    """Table 6: an ACK says where the window is."""
    c = p.established(tcp=TINY)
    c.send("PA", b"x", seq=1 + offset)
    c.expect("A", ack=1)
    assert c.connection.recvbuf.size == 0


@pytest.mark.parametrize("iss", [0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFFFFF, 0])
def test_numbers_wrap(peer_of, iss: int) -> None:  # type: ignore[no-untyped-def]
    p = peer_of(iss=iss)
    c = p.established()
    for at in range(1, 4001, 1000):
        c.send("PA", 1000, seq=at)
        c.expect("A", ack=at + 1000, within="1 s")
    assert len(c.sock.recv(10_000)) == 4000
