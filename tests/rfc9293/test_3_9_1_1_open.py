"""RFC 9293 section 3.9.1.1: OPEN."""

import errno
from collections.abc import Callable
from ipaddress import ip_address

import pytest
from rfc9293_common import BLOCKED
from scapy.layers.inet import TCP

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6
from pystack.tcp.state import State
from pystack.testing import Peer

TWO = ("10.0.0.2/24", "10.1.0.2/24", "fd00::2/64", "fd01::2/64")


def packed(p: Peer, v4: str, v6: str) -> bytes:
    return ip_address(v4 if p.family == 4 else v6).packed


def new_socket(p: Peer) -> Sock:
    return Sock(p.host, AF_INET if p.family == 4 else AF_INET6)


def listening(p: Peer, port: int, address: bytes | None = None) -> Sock:
    sock = new_socket(p)
    sock.reuse_address = True
    sock.bind(address or packed(p, "0.0.0.0", "::"), port)
    sock.listen(5)
    return sock


def test_must_41_a_second_listen_fails_and_disturbs_nothing(p: Peer) -> None:
    c = p.established(port=80)
    with pytest.raises(OSError) as caught:
        listening(p, 80)
    assert caught.value.errno == errno.EADDRINUSE
    other = listening(p, 81)
    assert c.state is State.ESTABLISHED
    c.send("PA", b"still here")
    assert c.sock.recv(100) == b"still here"
    assert other.accept() is BLOCKED


def test_must_42_listen_where_connections_are_being_opened(p: Peer) -> None:
    for c in (p.syn_sent(), p.syn_received(active=True)):
        port = c.flow.ends.host_port
        listener = listening(p, port)
        p.send(TCP(sport=7, dport=port, flags="S", seq=1))
        p.expect(TCP, flags="SA", sport=port)
        assert listener.accept() is BLOCKED
        c.send("SA", seq=0, ack=1)
        assert c.state is State.ESTABLISHED
        p.skip()


def test_must_43_a_local_address_may_be_given(peer_of: Callable[..., Peer]) -> None:
    p = peer_of(*TWO)
    second = packed(p, "10.1.0.2", "fd01::2")
    listening(p, 80, second)
    p.send(TCP(sport=7, dport=80, flags="S", seq=0))
    p.expect(TCP, flags="RA")
    ip = type(p.sent[-1])(dst=str(ip_address(second)))
    p.send(ip / TCP(sport=7, dport=80, flags="S", seq=0))
    p.expect(TCP, flags="SA", src=str(ip_address(second)))
    calling = new_socket(p)
    calling.bind(second, 0)
    calling.connect(ip_address(p.address()).packed, 9, p.now)
    p.expect(TCP, flags="S", src=str(ip_address(second)))


@pytest.mark.parametrize("number", [0, 1])
def test_must_44_without_one_ip_is_asked(peer_of: Callable[..., Peer], number: int) -> None:
    """The source is that of the network in which the peer is."""
    p = peer_of(*TWO)
    calling = new_socket(p)
    calling.connect(packed(p, f"10.{number}.0.9", f"fd0{number}::9"), 9, p.now)
    own = str(ip_address(packed(p, f"10.{number}.0.2", f"fd0{number}::2")))
    p.expect(TCP, flags="S", src=own)
    assert str(ip_address(calling.getsockname()[0])) == own


def test_must_45_and_it_stays(peer_of: Callable[..., Peer]) -> None:
    p = peer_of(*TWO)
    calling = new_socket(p)
    calling.connect(packed(p, "10.1.0.9", "fd01::9"), 9, p.now)
    own = str(ip_address(packed(p, "10.1.0.2", "fd01::2")))
    p.expect(TCP, flags="S", src=own)
    p.expect(TCP, flags="S", src=own, within="1 s")
    p.send(TCP(flags="SA", seq=5))
    p.expect(TCP, flags="A", src=own)
    calling.send(b"text")
    p.expect(TCP, flags="PA", src=own)
    p.expect(TCP, flags="PA", src=own, within="3 s")
    p.send(TCP(flags="A"))
    calling.shutdown(1)
    p.expect(TCP, flags="FA", src=own)
    assert str(ip_address(calling.getsockname()[0])) == own


@pytest.mark.parametrize(
    ("v4", "v6"),
    [
        ("224.0.0.1", "ff02::1"),
        ("255.255.255.255", "ff0e::1"),
        ("10.0.0.255", "ff02::1"),
        ("240.0.0.1", "ff05::2"),
        ("0.0.0.0", "::"),
    ],
)
def test_must_46_no_connection_to_a_group_or_to_nobody(p: Peer, v4: str, v6: str) -> None:
    calling = new_socket(p)
    with pytest.raises(OSError) as caught:
        calling.connect(packed(p, v4, v6), 80, p.now)
    assert caught.value.errno in (errno.ENETUNREACH, errno.EACCES, errno.EINVAL)
    p.expect_nothing(for_="1 s")
