"""Socket options and readiness."""

import errno
import socket
import struct
import sys

import pytest
from two_hosts import B4, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from pystack.sock.datagram import UdpSock


@pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")
def test_the_numbers_are_linuxs() -> None:
    import select  # noqa: PLC0415 (poll is not everywhere)

    ours = {name: value for name, value in vars(c).items() if name.isupper()}
    assert len(ours) > 30
    theirs = {name: getattr(select if name.startswith("POLL") else socket, name, None) for name in ours}
    theirs |= {"TCP_CONGESTION": 13, "IP_MTU_DISCOVER": 10, "IPV6_MTU_DISCOVER": 23}  # not in every Python
    assert ours == theirs


@pytest.mark.parametrize(
    ("level", "name", "value", "read_back"),
    [
        (c.SOL_SOCKET, c.SO_REUSEADDR, 1, 1),
        (c.SOL_SOCKET, c.SO_SNDBUF, 100_000, 200_000),
        (c.SOL_SOCKET, c.SO_SNDBUF, 1, 4608),
        (c.SOL_SOCKET, c.SO_RCVBUF, 100_000, 200_000),
        (c.SOL_SOCKET, c.SO_RCVBUF, 1, 2304),
        (c.SOL_SOCKET, c.SO_KEEPALIVE, 1, 1),
        (c.SOL_SOCKET, c.SO_OOBINLINE, 1, 1),
        (c.IPPROTO_TCP, c.TCP_CORK, 1, 1),
        (c.IPPROTO_TCP, c.TCP_KEEPIDLE, 100, 100),
        (c.IPPROTO_TCP, c.TCP_KEEPINTVL, 10, 10),
        (c.IPPROTO_TCP, c.TCP_KEEPCNT, 3, 3),
        (c.IPPROTO_TCP, c.TCP_SYNCNT, 2, 2),
        (c.IPPROTO_TCP, c.TCP_LINGER2, 5, 5),
        (c.IPPROTO_TCP, c.TCP_LINGER2, 0, 60),
        (c.IPPROTO_TCP, c.TCP_LINGER2, -5, -1),
        (c.IPPROTO_TCP, c.TCP_LINGER2, 1000, 120),
        (c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, 5, 5),
        (c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, -1, 0),
        (c.IPPROTO_IP, c.IP_TOS, 0x28, 0x28),
        (c.IPPROTO_IP, c.IP_TOS, 0x1B8, 0xB8),
        (c.IPPROTO_IP, c.IP_TOS, 255, 252),
        (c.IPPROTO_IP, c.IP_TOS, -1, 252),
        (c.IPPROTO_IP, c.IP_TTL, 9, 9),
        (c.IPPROTO_IP, c.IP_TTL, -1, 64),
        (c.IPPROTO_TCP, c.TCP_NODELAY, 1, 1),
        (c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, 1500, 1500),
        (c.IPPROTO_TCP, c.TCP_NOTSENT_LOWAT, 16384, 16384),
        (c.IPPROTO_IPV6, c.IPV6_V6ONLY, 1, 1),
    ],
)
def test_set_and_read_back_before_and_after_connecting(level: int, name: int, value: int, read_back: int) -> None:
    lan = Lan()
    for sock in (Sock(lan.a, c.AF_INET), lan.pair()[0]):
        sock.setsockopt(level, name, value)
        assert sock.getsockopt(level, name) == read_back
        sock.setsockopt(level, name, struct.pack("=i", value))
        assert sock.getsockopt(level, name, 4) == struct.pack("=i", read_back)


@pytest.mark.parametrize("kind", [Sock, UdpSock])
def test_the_fields_of_an_ipv6_header(kind: type[Sock | UdpSock]) -> None:
    sock = kind(Lan().a, c.AF_INET6)
    ecn = 3 if kind is UdpSock else 0
    for name, value, read_back in (
        (c.IPV6_TCLASS, 255, 252 | ecn),
        (c.IPV6_TCLASS, -1, 0),
        (c.IPV6_UNICAST_HOPS, 0, 0),
        (c.IPV6_UNICAST_HOPS, 255, 255),
        (c.IPV6_UNICAST_HOPS, -1, 64),
    ):
        sock.setsockopt(c.IPPROTO_IPV6, name, value)
        assert sock.getsockopt(c.IPPROTO_IPV6, name) == read_back
    for name in (c.IPV6_TCLASS, c.IPV6_UNICAST_HOPS):
        for value in (-2, 256):
            with pytest.raises(OSError) as caught:
                sock.setsockopt(c.IPPROTO_IPV6, name, value)
            assert caught.value.errno == errno.EINVAL


def test_the_default_mss_again() -> None:
    sock = Sock(Lan().a, c.AF_INET)
    sock.setsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG, 500)
    assert sock.getsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG) == 500
    sock.setsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG, 0)
    assert sock.getsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG) == 536


def test_what_was_set_before_connecting_holds_for_the_connection() -> None:
    lan = Lan()
    lan.listener()
    sock = Sock(lan.a, c.AF_INET)
    sock.setsockopt(c.IPPROTO_TCP, c.TCP_NODELAY, 1)
    sock.setsockopt(c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, 70)
    sock.setsockopt(c.SOL_SOCKET, c.SO_SNDBUF, 2500)
    sock.setsockopt(c.IPPROTO_TCP, c.TCP_CONGESTION, b"newreno")
    sock.connect(B4, 80, lan.now)
    connection = sock.connection
    assert connection is not None
    assert (connection.prefs.nodelay, connection.prefs.user_timeout) == (True, 70_000_000)
    lan.run()
    assert sock.send(bytes(9000)) == 5000
    assert sock.tcp_info(lan.now).congestion == "newreno"


def test_a_user_timeout_is_the_applications_own_once_it_has_set_one() -> None:
    client, _ = Lan().pair()
    assert client.connection is not None
    client.connection.prefs.user_timeout_adopted = True
    client.setsockopt(c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, 70)
    assert not client.connection.prefs.user_timeout_adopted


def test_what_can_only_be_read() -> None:
    lan = Lan()
    listener = lan.listener()
    client, _ = lan.pair(port=81)
    assert listener.getsockopt(c.SOL_SOCKET, c.SO_ACCEPTCONN) == 1
    assert client.getsockopt(c.SOL_SOCKET, c.SO_ACCEPTCONN) == 0
    assert client.getsockopt(c.SOL_SOCKET, c.SO_TYPE) == c.SOCK_STREAM
    assert client.getsockopt(c.SOL_SOCKET, c.SO_DOMAIN) == c.AF_INET
    assert client.getsockopt(c.SOL_SOCKET, c.SO_PROTOCOL) == c.IPPROTO_TCP
    assert client.getsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG) == 1448
    assert Sock(lan.a, c.AF_INET).getsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG) == 536
    with pytest.raises(OSError) as caught:
        client.setsockopt(c.SOL_SOCKET, c.SO_TYPE, 1)
    assert caught.value.errno == errno.ENOPROTOOPT


@pytest.mark.parametrize(
    ("level", "name", "value", "code"),
    [
        (c.SOL_SOCKET, 15, 1, errno.ENOPROTOOPT),  # SO_REUSEPORT
        (c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0, errno.ENOPROTOOPT),
        (c.IPPROTO_TCP, c.TCP_INFO, 1, errno.ENOPROTOOPT),
        (c.IPPROTO_TCP, c.TCP_MAXSEG, 80, errno.EINVAL),
        (c.IPPROTO_IP, c.IP_TTL, 0, errno.EINVAL),
        (c.IPPROTO_IP, c.IP_TTL, 256, errno.EINVAL),
        (c.IPPROTO_IPV6, c.IPV6_TCLASS, 4, errno.ENOPROTOOPT),
        (c.IPPROTO_TCP, c.TCP_NODELAY, b"\1", errno.EINVAL),
        (c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, -1, errno.EINVAL),
        (c.IPPROTO_TCP, c.TCP_KEEPIDLE, 0, errno.EINVAL),
        (c.IPPROTO_TCP, c.TCP_KEEPCNT, 128, errno.EINVAL),
        (c.IPPROTO_TCP, c.TCP_CONGESTION, b"vegas", errno.ENOENT),
        (c.IPPROTO_TCP, c.TCP_CONGESTION, 1, errno.EINVAL),
        (c.SOL_SOCKET, c.SO_LINGER, b"\1\0\0\0", errno.EINVAL),
        (c.SOL_SOCKET, c.SO_LINGER, 1, errno.EINVAL),
    ],
)
def test_what_is_refused(level: int, name: int, value: int | bytes, code: int) -> None:
    sock = Sock(Lan().a, c.AF_INET)
    with pytest.raises(OSError) as caught:
        sock.setsockopt(level, name, value)
    assert caught.value.errno == code


def test_the_congestion_control_is_chosen_before_connecting() -> None:
    client, _ = Lan().pair()
    assert client.getsockopt(c.IPPROTO_TCP, c.TCP_CONGESTION, 16) == b"reno".ljust(16, b"\0")
    with pytest.raises(OSError) as caught:
        client.setsockopt(c.IPPROTO_TCP, c.TCP_CONGESTION, b"newreno")
    assert caught.value.errno == errno.EISCONN


def test_linger() -> None:
    lan = Lan()
    client, server = lan.pair()
    assert client.getsockopt(c.SOL_SOCKET, c.SO_LINGER, 8) == bytes(8)
    client.setsockopt(c.SOL_SOCKET, c.SO_LINGER, struct.pack("=ii", 1, 3))
    assert client.getsockopt(c.SOL_SOCKET, c.SO_LINGER, 8) == struct.pack("=ii", 1, 3)
    client.close(lan.now)
    lan.run()
    assert server.recv(1) == b""  # in order: only 0 seconds mean a reset


def test_nodelay_lets_a_held_back_tail_go() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(b"a")
    lan.a.poll_transmit(lan.now)  # lost, so that it stays unacknowledged
    client.send(b"b")
    assert lan.a.poll_transmit(lan.now) is None  # Nagle
    client.setsockopt(c.IPPROTO_TCP, c.TCP_NODELAY, 1)
    packet = lan.a.poll_transmit(lan.now)
    assert packet is not None
    assert bytes(packet).endswith(b"b")
    assert server.recv(1) is c.WouldBlock.READ


def test_readiness_over_a_connections_life() -> None:
    lan = Lan()
    sock = Sock(lan.a, c.AF_INET)
    assert sock.poll() == POLLOUT | POLLHUP  # as Linux for a fresh socket
    listener = lan.listener()
    assert listener.poll() == 0
    sock.connect(B4, 80, lan.now)
    assert sock.poll() == 0
    lan.run()
    assert sock.poll() == POLLOUT
    assert listener.poll() == POLLIN
    server = listener.accept()
    assert isinstance(server, Sock)
    assert listener.poll() == 0
    server.send(b"x")
    lan.run()
    assert sock.poll() == POLLIN | POLLOUT
    assert sock.recv(9) == b"x"
    server.shutdown(c.SHUT_WR)
    lan.run()
    assert sock.poll() == POLLIN | POLLOUT | POLLRDHUP
    sock.shutdown(c.SHUT_WR)
    assert sock.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLHUP


def test_readiness_after_a_reset() -> None:
    lan = Lan()
    client, server = lan.pair()
    server.linger = 0
    server.close(lan.now)
    lan.run()
    flags = POLLIN | POLLOUT | POLLRDHUP | POLLHUP
    assert client.poll() == flags | POLLERR
    assert client.take_error() == errno.ECONNRESET
    assert client.poll() == flags
