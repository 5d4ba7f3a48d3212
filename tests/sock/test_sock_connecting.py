"""Connecting, and the ways in which a connection ends badly, as its socket tells them."""

import errno

from two_hosts import A4, B4, B6, SECOND, Lan, fails

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.config import TcpConfig

READ, WRITE = WouldBlock.READ, WouldBlock.WRITE
ANY = bytes(4)


def test_connecting_step_by_step() -> None:
    lan = Lan()
    lan.listener()
    client = Sock(lan.a, c.AF_INET)
    fails(errno.ENOTCONN, client.connect_result)
    assert client.connect(B4, 80, lan.now) is WRITE
    fails(errno.EALREADY, client.connect, B4, 80, lan.now)
    fails(errno.ENOTCONN, client.getpeername)
    assert client.connect_result() is WRITE
    assert client.send(b"x") is WRITE
    assert client.recv(1) is READ
    lan.run()
    assert client.send(b"x") == 1
    assert client.connect(B4, 80, lan.now) is None
    fails(errno.EISCONN, client.connect, B4, 80, lan.now)


def test_what_connect_refuses_at_once() -> None:
    lan = Lan()
    for address in (bytes((224, 0, 0, 1)), bytes((10, 0, 0, 255)), ANY):
        fails(errno.ENETUNREACH, Sock(lan.a, c.AF_INET).connect, address, 80, lan.now)
    fails(errno.ECONNREFUSED, Sock(lan.a, c.AF_INET).connect, B4, 0, lan.now)
    fails(errno.EAFNOSUPPORT, Sock(lan.a, c.AF_INET).connect, B6, 80, lan.now)
    assert lan.a.endpoints() == []


def test_the_same_four_tuple_twice() -> None:
    lan = Lan()
    first, second = (Sock(lan.a, c.AF_INET) for _ in range(2))
    lan.listener()
    first.bind(A4, 5000)
    first.connect(B4, 80, lan.now)
    lan.run()
    first.close(lan.now)
    lan.run()
    second.setsockopt(c.SOL_SOCKET, c.SO_REUSEADDR, 1)
    second.bind(A4, 5000)
    fails(errno.EADDRNOTAVAIL, second.connect, B4, 80, lan.now)


def test_refused_and_tried_again() -> None:
    lan = Lan()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    assert client.poll() & (c.POLLERR | c.POLLOUT) == c.POLLERR | c.POLLOUT
    fails(errno.ECONNREFUSED, client.connect_result)
    lan.listener()
    assert client.connect(B4, 80, lan.now) is WRITE
    lan.run()
    assert client.connect_result() is None


def test_so_error_takes_the_failure_of_connect() -> None:
    lan = Lan()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    assert client.getsockopt(c.SOL_SOCKET, c.SO_ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(c.SOL_SOCKET, c.SO_ERROR) == 0
    fails(errno.ECONNABORTED, client.connect, B4, 80, lan.now)
    assert client.connect(B4, 80, lan.now) is WRITE


def test_nobody_answers_a_connect() -> None:
    lan = Lan(TcpConfig(syn_retries=2))
    lan.cut = True
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    lan.advance(30 * SECOND)
    fails(errno.ETIMEDOUT, client.connect_result)


def test_shutdown_ends_an_attempt_to_connect() -> None:
    lan = Lan()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    client.shutdown(c.SHUT_RD)
    lan.run()
    fails(errno.ECONNABORTED, client.connect_result)
    assert lan.a.endpoints() == []


def test_after_a_reset_text_comes_first_then_the_error_once_then_the_end() -> None:
    lan = Lan()
    client, server = lan.pair()
    server.send(b"last words")
    lan.run()
    server.setsockopt(c.SOL_SOCKET, c.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
    server.close(lan.now)
    lan.run()
    assert client.readable
    assert client.recv(4) == b"last"
    assert client.recv(100) == b" words"
    fails(errno.ECONNRESET, client.recv, 1)
    assert client.recv(1) == b""
    fails(errno.EPIPE, client.send, b"x")
    fails(errno.ENOTCONN, client.getpeername)
    fails(errno.ENOTCONN, client.shutdown, c.SHUT_WR)


def test_the_first_send_after_a_reset_has_the_error() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(b"unread")
    lan.run()
    server.close(lan.now)  # with text unread: a RST
    lan.run()
    fails(errno.ECONNRESET, client.send, b"x")
    fails(errno.EPIPE, client.send, b"x")


def test_a_reset_after_the_peers_end_breaks_only_writing() -> None:
    lan = Lan()
    client, server = lan.pair()
    server.close(lan.now)
    lan.run()
    client.send(b"nobody reads this")
    lan.run()
    assert client.getsockopt(c.SOL_SOCKET, c.SO_ERROR) == errno.EPIPE
    assert client.recv(1) == b""


def test_a_silent_peer_times_out() -> None:
    lan = Lan()
    client, _ = lan.pair()
    client.setsockopt(c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, 5000)
    lan.cut = True
    client.send(b"x")
    lan.run()
    lan.advance(20 * SECOND)
    fails(errno.ETIMEDOUT, client.recv, 1)
