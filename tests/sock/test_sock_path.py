"""IP_MTU_DISCOVER of TCP sockets: which size a connection believes its path to have, and whether routers may cut."""

import pytest
from two_hosts import A4, B4, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.udp.discovery import Discovery
from pystack.wire import ipv4

NARROW = 1000
FULL_MSS, NARROW_MSS = 1448, NARROW - 52
"""Less the headers and the timestamps."""


def narrow(lan: Lan) -> None:
    """A router has told `a` of a narrow path to `b`."""
    lan.a.ip.pmtu.lower(B4, NARROW, lan.now)


def mss_of(sock: Sock) -> int:
    assert sock.connection is not None
    return sock.connection.snd_mss


@pytest.mark.parametrize("value", [Discovery.PROBE, Discovery.INTERFACE, Discovery.OMIT])
def test_a_live_connection_asks_for_its_path_again(value: int) -> None:
    lan = Lan()
    narrow(lan)
    client, server = lan.pair()
    assert mss_of(client) == NARROW_MSS
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, value)
    assert mss_of(client) == FULL_MSS
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.WANT)
    assert mss_of(client) == NARROW_MSS
    client.send(bytes(3000))
    lan.run()
    assert server.recv(5000) == bytes(3000)


def test_what_is_in_flight_goes_again_in_packets_that_fit() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.PROBE)
    narrow(lan)
    client.send(bytes(1448))
    assert lan.a.poll_transmit(lan.now) is not None  # too large for the path, and lost
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.DO)
    packet = lan.a.poll_transmit(lan.now)
    assert packet is not None
    assert len(bytes(packet)) == NARROW
    lan.b.receive(bytes(packet), lan.now)
    lan.run()
    assert server.recv(5000) == bytes(1448)


def test_a_path_that_may_cut_stays_so_when_the_socket_wants_df() -> None:
    """A router asked for less than we believe possible: DF is off whatever the socket says."""
    lan = Lan()
    client, _ = lan.pair()
    lan.a.ip.pmtu.lower(B4, 296, lan.now)
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.DO)
    client.send(b"x")
    packet = lan.a.poll_transmit(lan.now)
    assert packet is not None
    header = ipv4.parse(bytes(packet))
    assert (header.src, header.dont_fragment) == (A4, False)


def test_it_holds_from_the_connections_first_packet_on() -> None:
    lan = Lan()
    narrow(lan)
    lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.PROBE)
    client.connect(B4, 80, lan.now)
    lan.run()
    assert mss_of(client) == FULL_MSS


def test_a_path_that_was_known_for_too_long_is_forgotten_all_the_same() -> None:
    lan = Lan()
    client, _ = lan.pair()
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.PROBE)
    narrow(lan)
    lan.now += 601 * SECOND  # the host's deadline has come, but its driver is late
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, Discovery.WANT)
    lan.advance(0)
    assert mss_of(client) == FULL_MSS
