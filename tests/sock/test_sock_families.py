"""Sockets of AF_INET6 that speak IPv4 too, sockets that begin anew, and what they say that they hold."""

import errno

import pytest
from two_hosts import A4, B4, B6, Lan, fails

from pystack.ip.address import ANY6, MAPPED_PREFIX
from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock


def mapped(address: bytes) -> bytes:
    return MAPPED_PREFIX + address


def dual(lan: Lan, on_b: bool = True) -> Sock:
    sock = Sock(lan.b if on_b else lan.a, c.AF_INET6)
    sock.setsockopt(c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0)
    return sock


def listening(lan: Lan, port: int = 80) -> Sock:
    sock = dual(lan)
    sock.bind(ANY6, port)
    sock.listen(5)
    return sock


@pytest.mark.parametrize(("family", "address", "seen"), [(c.AF_INET, B4, mapped(A4)), (c.AF_INET6, B6, None)])
def test_a_listener_for_both_families_accepts_from_either(family: int, address: bytes, seen: bytes | None) -> None:
    lan = Lan()
    listener = listening(lan)
    client = Sock(lan.a, family)
    client.connect(address, 80, lan.now)
    lan.run()
    child = listener.accept()
    assert isinstance(child, Sock)
    assert child.family == c.AF_INET6
    assert child.getsockopt(c.IPPROTO_IPV6, c.IPV6_V6ONLY) == 0
    if seen is not None:
        assert child.getpeername()[0] == child.peer[0] == seen
        assert child.getsockname() == (mapped(B4), 80)
    assert child.send(b"hello") == 5
    lan.run()
    assert client.recv(10) == b"hello"
    listener.close(lan.now)
    late = Sock(lan.a, family)
    late.connect(address, 80, lan.now)
    lan.run()
    fails(errno.ECONNREFUSED, late.connect_result)


def test_a_caller_reaches_ipv4_by_a_mapped_address() -> None:
    lan = Lan()
    lan.listener()
    caller = dual(lan, on_b=False)
    caller.connect(mapped(B4), 80, lan.now)
    lan.run()
    assert caller.connect_result() is None
    assert caller.getpeername() == (mapped(B4), 80)
    assert caller.getsockname()[0] == mapped(A4)


def test_an_ipv6_socket_alone_does_not() -> None:
    lan = Lan()
    fails(errno.ENETUNREACH, Sock(lan.a, c.AF_INET6).connect, mapped(B4), 80, lan.now)
    fails(errno.ENETUNREACH, Sock(lan.b, c.AF_INET6).bind, mapped(B4), 80)


def test_a_name_of_both_families_is_taken_in_both() -> None:
    lan = Lan()
    lan.listener(port=80)  # IPv4's wildcard
    fails(errno.EADDRINUSE, dual(lan).bind, ANY6, 80)
    Sock(lan.b, c.AF_INET6).bind(ANY6, 80)  # what has failed holds nothing
    both = listening(lan, 81)
    fails(errno.EADDRINUSE, Sock(lan.b, c.AF_INET).bind, bytes(4), 81)
    both.close(lan.now)
    Sock(lan.b, c.AF_INET).bind(bytes(4), 81)


def test_the_option_is_for_ipv6_and_before_the_name() -> None:
    lan = Lan()
    fails(errno.ENOPROTOOPT, Sock(lan.a, c.AF_INET).setsockopt, c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0)
    named = Sock(lan.a, c.AF_INET6)
    named.bind(ANY6, 0)
    fails(errno.EINVAL, named.setsockopt, c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0)


def test_a_port_of_ones_own_choice_for_both_families() -> None:
    lan = Lan()
    sock = dual(lan)
    sock.bind(ANY6, 0)
    port = sock.getsockname()[1]
    assert port
    fails(errno.EADDRINUSE, Sock(lan.b, c.AF_INET).bind, bytes(4), port)


def test_a_socket_that_disconnects_resets_and_may_connect_again() -> None:
    lan = Lan()
    lan.listener(port=81)
    client, server = lan.pair()
    client.shutdown(c.SHUT_RD)
    client.disconnect(lan.now)
    lan.run()
    fails(errno.ECONNRESET, server.recv, 1)
    fails(errno.ENOTCONN, client.getpeername)
    assert client.take_error() == errno.ECONNRESET
    client.connect(B4, 81, lan.now)
    lan.run()
    assert client.connect_result() is None
    assert client.recv(1) is WouldBlock.READ


def test_the_error_that_it_leaves_is_gone_with_the_next_connection() -> None:
    lan = Lan()
    lan.listener(port=81)
    client, _ = lan.pair()
    client.disconnect(lan.now)
    client.connect(B4, 81, lan.now)
    lan.run()
    assert client.take_error() == 0


def test_a_listener_and_a_new_socket_disconnect_without_an_error() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.disconnect(lan.now)
    assert listener.take_error() == 0
    assert not lan.b.listeners
    listener.listen(1)  # it has kept its name
    assert listener.getsockname()[1] == 80
    fresh = Sock(lan.a, c.AF_INET)
    fresh.disconnect(lan.now)
    assert fresh.take_error() == 0


def test_what_a_socket_holds() -> None:
    lan = Lan()
    client, server = lan.pair()
    assert (client.unread(), client.unacknowledged(), client.unsent()) == (0, 0, 0)
    assert client.send(bytes(100_000)) == 100_000
    while lan.a.poll_transmit(lan.now) is not None:
        pass
    assert client.unacknowledged() == 100_000
    assert client.unsent() == 100_000 - 10 * 1448
    lan = Lan()
    client, server = lan.pair()
    client.send(b"abc")
    client.shutdown(c.SHUT_WR)
    assert client.unacknowledged() == 4  # the FIN is one
    lan.run()
    assert (client.unacknowledged(), server.unread()) == (0, 3)
    server.recv(1)
    assert server.unread() == 2  # the FIN is none


def test_a_listener_holds_nothing_to_tell() -> None:
    listener = Lan().listener()
    for call in (listener.unread, listener.unacknowledged, listener.unsent):
        fails(errno.EINVAL, call)
    assert Sock(Lan().a, c.AF_INET).unread() == 0


def test_a_small_receive_buffer_is_not_scaled_more_than_it_needs() -> None:
    lan = Lan()
    sock = Sock(lan.a, c.AF_INET)
    for size, shift in ((20_000, 0), (65_535, 0), (70_000, 1), (1 << 20, 5)):
        sock.setsockopt(c.SOL_SOCKET, c.SO_RCVBUF, size)
        assert sock.getsockopt(c.SOL_SOCKET, c.SO_RCVBUF) == 2 * size
        assert sock.settings.window_scale == shift
