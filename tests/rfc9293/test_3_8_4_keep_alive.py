"""RFC 9293 section 3.8.4: keep-alives."""

import errno

from scapy.layers.inet import TCP

from pystack.sock.constants import (
    IPPROTO_TCP,
    SO_KEEPALIVE,
    SOL_SOCKET,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
)
from pystack.tcp.state import State
from pystack.testing import Conversation, Peer


def watched(p: Peer, idle: int | None = None) -> Conversation:
    c = p.established()
    c.sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    if idle is not None:
        c.sock.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, idle)
    return c


def test_must_24_an_application_turns_it_on_and_off(p: Peer) -> None:
    on, off = watched(p, 60), watched(p, 60)
    p.wait("30 s")
    off.sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 0)
    on.expect("A", within="30 s")
    p.wait("60 s")
    assert {packet[TCP].dport for packet in p.skip()} <= {on.flow.ends.peer_port}


def test_must_24_off_after_a_probe_and_on_again(p: Peer) -> None:
    c = watched(p, 60)
    for _ in range(3):
        c.expect("A", seq=0, within="60 s")
        c.sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 0)
        c.expect_nothing("10 h")
        c.sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)


def test_must_25_off_by_default(p: Peer) -> None:
    p.established().expect_nothing("100 h")


def test_must_26_only_when_idle(p: Peer) -> None:
    c = watched(p, 60)
    for _ in range(5):  # the peer talks
        p.wait("50 s")
        c.send("PA", b"x")
        c.expect("A", within="40 ms")
        c.sock.recv(10)
    c.sock.send(b"unacknowledged")
    c.expect("PA")
    p.wait("300 s")
    assert all(len(packet[TCP].payload) for packet in p.skip()), "retransmissions watch over it"


def test_must_27_the_interval_can_be_set(p: Peer) -> None:
    c = watched(p, 7)
    c.sock.setsockopt(IPPROTO_TCP, TCP_KEEPINTVL, 3)
    c.sock.setsockopt(IPPROTO_TCP, TCP_KEEPCNT, 2)
    c.expect_nothing("6999 ms")
    c.expect("A", within="1 ms")
    c.expect_nothing("2999 ms")
    c.expect("A", within="1 ms")
    c.expect("RA", within="3 s")
    assert c.sock.take_error() == errno.ETIMEDOUT


def test_must_28_two_hours(p: Peer) -> None:
    c = watched(p)
    c.expect_nothing("7199 s")
    c.expect("A", within="1 s")


def test_must_29_one_probe_that_is_lost_is_not_the_end(p: Peer) -> None:
    c = watched(p)
    c.expect("A", within="2 h")
    c.expect("A", within="75 s")
    assert c.state is State.ESTABLISHED
    c.send()
    c.expect_nothing("7199 s")
    c.expect("A", within="1 s")


def test_shld_12_a_probe_carries_no_text(p: Peer) -> None:
    c = watched(p)
    c.expect("A", seq=0, ack=1, size=0, within="2 h")


def test_may_5_keep_alive_is_there(p: Peer) -> None:
    c = watched(p)
    assert c.sock.getsockopt(SOL_SOCKET, SO_KEEPALIVE) == 1
    c.expect("A", within="2 h")
