"""RFC 9293 section 3.5: establishing a connection."""

import errno

import pytest
from scapy.layers.inet import TCP

from pystack.sock.calls import Sock
from pystack.tcp.state import State
from pystack.testing import Peer


def test_must_10_simultaneous_open(p: Peer) -> None:
    """Figure 8, and text afterwards."""
    c = p.syn_sent()
    c.send("S", seq=0, options=[("MSS", 1460)])
    c.expect("SA", seq=0, ack=1)
    assert c.state is State.SYN_RECEIVED
    c.send("SA", seq=0, ack=1)
    assert c.state is State.ESTABLISHED
    assert c.sock.connect_result() is None
    p.skip()
    c.send("PA", b"hello", seq=1)
    assert c.sock.recv(10) == b"hello"
    c.sock.send(b"world")
    assert p.skip()[-1]["TCP"].load == b"world"


def test_must_11_a_reset_sends_a_passive_open_back_to_listen(p: Peer) -> None:
    c = p.syn_received()
    c.send("R", seq=1)
    assert c.state is State.CLOSED
    c.expect_nothing("10 s")
    assert not c.listener.has_error, "nobody has called"
    again = c.packet("S", seq=5000)
    p.send(again)
    p.expect(TCP, flags="SA")


def test_must_11_a_reset_refuses_an_active_open(p: Peer) -> None:
    """Though the state is SYN-RECEIVED too, after a simultaneous open."""
    c = p.syn_received(active=True)
    c.send("RA", seq=1, ack=1)
    assert c.state is State.CLOSED
    with pytest.raises(OSError) as caught:
        c.sock.connect_result()
    assert caught.value.errno == errno.ECONNREFUSED
    assert isinstance(c.sock, Sock)
