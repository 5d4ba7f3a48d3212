"""RFC 9293 section 3.9.2.2: ICMP."""

import errno
from collections.abc import Callable
from typing import Any

import pytest
from rfc9293_common import (
    BLOCKED,
    HOST_UNREACHABLE,
    NET_UNREACHABLE,
    PARAMETER_PROBLEM,
    PORT_UNREACHABLE,
    PROTOCOL_UNREACHABLE,
    SOURCE_ROUTE_FAILED,
    TIME_EXCEEDED,
    error,
    mss,
)
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from pystack.tcp.events import Event
from pystack.tcp.state import State
from pystack.testing import Peer

SOFT = [NET_UNREACHABLE, HOST_UNREACHABLE, SOURCE_ROUTE_FAILED, TIME_EXCEEDED, PARAMETER_PROBLEM]
HARD = [PROTOCOL_UNREACHABLE, PORT_UNREACHABLE]


def test_must_54_an_error_goes_to_the_connection_that_it_quotes(peer_of: Callable[..., Peer]) -> None:
    """Each differs from the first in one part of the four-tuple alone."""
    p = peer_of("10.0.0.2/24", "10.0.0.3/24", "fd00::2/64", "fd00::3/64")
    net = "10.0.0." if p.family == 4 else "fd00::"
    ip = IP if p.family == 4 else IPv6
    listeners = [p.syn_received().listener for _ in range(2)]
    ports = [listener.getsockname()[1] for listener in listeners if listener is not None]
    first = (f"{net}77", 7000, f"{net}2", ports[0])
    ends = [
        first,
        (f"{net}78", *first[1:]),
        (first[0], 7001, *first[2:]),
        (*first[:2], f"{net}3", ports[0]),
        (*first[:3], ports[1]),
    ]
    connections, lost = [], []
    for src, sport, dst, dport in ends:
        to = ip(src=src, dst=dst)
        p.send(to / TCP(sport=sport, dport=dport, flags="S"))
        p.expect(TCP, flags="SA")
        p.send(to / TCP(sport=sport, dport=dport, flags="A"))
        connection = p.host.endpoints()[-1].connection
        connection.send(b"text")
        p.host.touch(p.host.endpoints()[-1])
        connections.append(connection)
        lost.append(p.expect(TCP, flags="PA", src=dst, dst=src, sport=dport, dport=sport))
    for n in (2, 0, 4, 1, 3):
        told = [connection.icmp_error is not None for connection in connections]
        p.send(error(p, lost[n], *HOST_UNREACHABLE))
        told[n] = True
        assert [connection.icmp_error is not None for connection in connections] == told


def test_must_55_source_quench_is_dropped(p: Peer) -> None:
    """ICMPv6 has none: what has its number there is something else, and unknown."""
    c = p.established()
    c.sock.send(bytes(20 * mss(p)))
    lost = c.expect("A")
    before = c.sock.tcp_info(p.now)
    p.send(IP(src=p.host_address(4).replace(".2", ".1")) / ICMP(type=4) / Raw(bytes(lost)[:28]))
    assert c.sock.tcp_info(p.now) == before
    assert c.connection.icmp_error is None
    assert p.events[-1][1] & Event.TROUBLE == 0


@pytest.mark.parametrize("kind", SOFT, ids=str)
@pytest.mark.parametrize("state", ["syn_sent", "syn_received", "established"])
def test_must_56_a_soft_error_ends_nothing(p: Peer, kind: Any, state: str) -> None:
    c = getattr(p, state)()
    about = p.heard[0].packet
    if state == "established":
        c.sock.send(b"text")
        about = c.expect("PA")
    before = c.state
    p.send(error(p, about, *kind))
    assert c.connection.icmp_error is not None, "it has arrived"
    assert c.state is before
    c.expect(within="3 s")  # it is sent again


@pytest.mark.parametrize("kind", [NET_UNREACHABLE, HOST_UNREACHABLE, SOURCE_ROUTE_FAILED], ids=str)
def test_shld_25_the_application_is_told_of_soft_errors(p: Peer, kind: Any) -> None:
    """And when the attempt has failed in the end, that is why."""
    c = p.syn_sent()
    p.send(error(p, p.heard[0].packet, *kind))
    assert p.events[-1][1] & Event.TROUBLE
    p.wait("130 s")
    with pytest.raises(OSError) as caught:
        c.sock.connect_result()
    assert caught.value.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EOPNOTSUPP)


@pytest.mark.parametrize("kind", HARD, ids=str)
def test_shld_26_a_hard_error_ends_an_attempt(p: Peer, kind: Any) -> None:
    c = p.syn_sent()
    p.send(error(p, p.heard[0].packet, *kind))
    assert c.state is State.CLOSED
    with pytest.raises(OSError) as caught:
        c.sock.connect_result()
    assert caught.value.errno in (errno.ECONNREFUSED, errno.ENOPROTOOPT, errno.EPROTO)


@pytest.mark.parametrize("kind", HARD, ids=str)
def test_shld_26_but_no_connection_whose_peer_has_answered(p: Peer, kind: Any) -> None:
    """RFC 5927 section 5.2: whoever sends such an error now is wrong, or forges it."""
    c = p.established()
    c.sock.send(b"text")
    p.send(error(p, c.expect("PA"), *kind))
    assert c.state is State.ESTABLISHED
    assert c.sock.recv(10) is BLOCKED


@pytest.mark.parametrize("mtu", [1300, 1280])
def test_a_smaller_path_gets_smaller_packets(p: Peer, mtu: int) -> None:
    """RFC 1191, RFC 8201: code 4 of unreachable, or packet too big."""
    c = p.established()
    c.sock.send(bytes(3 * mss(p)))
    lost = c.expect("A", seq=1, size=mss(p))
    p.skip()
    p.send(error(p, lost, (3, 4), (2, 0), mtu))
    size = mtu - (40 if p.family == 4 else 60)
    again = p.skip()
    assert len(again[0][TCP].payload) == size
    assert c.seq(again[0]) == 1
    assert all(len(packet) <= mtu for packet in again)


def test_an_error_about_what_was_not_sent_is_not_believed(p: Peer) -> None:
    """RFC 5927 section 4.1."""
    c = p.established()
    c.sock.send(b"text")
    forged = c.expect("PA").copy()
    forged[TCP].seq += 100_000
    del forged[TCP].chksum
    p.send(error(p, forged, *HOST_UNREACHABLE))
    assert c.connection.icmp_error is None
