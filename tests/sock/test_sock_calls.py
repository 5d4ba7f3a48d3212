"""The calls of a socket, each with the errno that Linux gives."""

import errno

import pytest
from two_hosts import A4, A6, B4, B6, SECOND, Lan, entropy, fails

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.sock.datagram import UdpSock
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig

READ, WRITE = WouldBlock.READ, WouldBlock.WRITE
ANY = bytes(4)


@pytest.mark.parametrize("v6", [False, True])
def test_a_connection_from_bind_to_the_last_byte(v6: bool) -> None:
    lan = Lan()
    client, server = lan.pair(v6=v6)
    assert client.getpeername() == server.getsockname() == (B6 if v6 else B4, 80)
    assert client.getsockname() == server.getpeername() == (A6 if v6 else A4, server.peer[1])
    assert server.recv(10) is READ
    assert client.send(b"hello") == 5
    lan.run()
    assert server.recv(10, c.MSG_PEEK) == b"hello"
    assert server.recv(2) == b"he"
    assert server.recv(9, c.MSG_DONTWAIT) == b"llo"
    assert server.send(b"") == 0
    client.shutdown(c.SHUT_WR)
    lan.run()
    assert server.recv(10) == b""
    assert server.send(b"bye", c.MSG_NOSIGNAL) == 3
    server.close(lan.now)
    lan.run()
    assert client.recv(10) == b"bye"
    assert client.recv(10) == b""
    client.close(lan.now)
    lan.run()
    assert lan.b.endpoints() == []
    assert lan.a.endpoints() == []
    assert len(lan.a.connections.time_waits) == 1


def test_what_bind_refuses() -> None:
    lan = Lan()
    first = Sock(lan.b, c.AF_INET)
    first.bind(B4, 80)
    fails(errno.EINVAL, first.bind, B4, 81)
    fails(errno.EADDRINUSE, Sock(lan.b, c.AF_INET).bind, B4, 80)
    fails(errno.EADDRINUSE, Sock(lan.b, c.AF_INET).bind, ANY, 80)
    fails(errno.EADDRNOTAVAIL, Sock(lan.b, c.AF_INET).bind, A4, 80)
    fails(errno.EAFNOSUPPORT, Sock(lan.b, c.AF_INET).bind, B6, 80)
    Sock(lan.b, c.AF_INET6).bind(B6, 80)
    ephemeral = Sock(lan.b, c.AF_INET)
    ephemeral.bind(ANY, 0)
    assert 32768 <= ephemeral.getsockname()[1] <= 60999
    first.close(lan.now)
    Sock(lan.b, c.AF_INET).bind(B4, 80)


def test_a_port_with_lingering_connections_needs_reuseaddr() -> None:
    lan = Lan()
    _, server = lan.pair()
    server.close(lan.now)
    lan.run()
    fails(errno.EADDRINUSE, Sock(lan.b, c.AF_INET).bind, ANY, 80)
    again = Sock(lan.b, c.AF_INET)
    again.setsockopt(c.SOL_SOCKET, c.SO_REUSEADDR, 1)
    again.bind(ANY, 80)


def test_what_a_socket_can_be() -> None:
    lan = Lan()
    fails(errno.EAFNOSUPPORT, Sock, lan.a, 1)
    fails(errno.EPROTONOSUPPORT, Sock, lan.a, c.AF_INET, c.SOCK_DGRAM)
    fails(errno.EPROTONOSUPPORT, Sock, lan.a, c.AF_INET, c.SOCK_STREAM, 17)


def test_listening_and_accepting() -> None:
    lan = Lan()
    sock = Sock(lan.b, c.AF_INET)
    fails(errno.EINVAL, sock.accept)
    sock.listen(1)
    port = sock.getsockname()[1]
    assert port >= 32768
    assert sock.accept() is READ
    fails(errno.ENOTCONN, sock.recv, 1)
    fails(errno.EPIPE, sock.send, b"x")
    fails(errno.EISCONN, sock.connect, A4, 80, lan.now)
    clients = [Sock(lan.a, c.AF_INET) for _ in range(3)]
    for client in clients:
        client.connect(B4, port, lan.now)
        lan.run()
    assert [client.writable for client in clients] == [True, True, False]  # a backlog of one holds two
    sock.listen(5)
    lan.advance(2 * SECOND)
    assert clients[2].connect_result() is None
    accepted = [sock.accept() for _ in range(3)]
    assert [child.peer for child in accepted if isinstance(child, Sock)] == [x.getsockname() for x in clients]
    fails(errno.EINVAL, clients[0].listen, 1)


@pytest.mark.parametrize(("asked", "given"), [(-1, 4096), (0, 0), (7, 7), (4096, 4096), (1 << 31, 4096)])
def test_a_negative_backlog_is_a_large_one(asked: int, given: int) -> None:
    """Linux reads it as unsigned (__sys_listen)."""
    lan = Lan()
    sock = lan.listener(backlog=asked)
    assert sock.listener is not None
    assert sock.listener.backlog == given
    sock.listen(1)
    sock.listen(asked)
    assert sock.listener.backlog == given


def test_when_no_port_is_free() -> None:
    lan = Lan()
    lan.a = Host(Config(addresses=((A4, 24),), ephemeral_ports=(40_000, 40_000)), entropy("a"))
    for make in (Sock, UdpSock):
        make(lan.a, c.AF_INET).bind(ANY, 40_000)
        fails(errno.EADDRINUSE, make(lan.a, c.AF_INET).bind, ANY, 0)
        fails(errno.EADDRNOTAVAIL, make(lan.a, c.AF_INET).connect, B4, 80, lan.now)


def test_an_accepted_socket_inherits() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.IPPROTO_TCP, c.TCP_NODELAY, 1)
    listener.setsockopt(c.SOL_SOCKET, c.SO_RCVBUF, 50_000)
    listener.setsockopt(c.IPPROTO_TCP, c.TCP_NOTSENT_LOWAT, 9)
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    child = listener.accept()
    assert isinstance(child, Sock)
    assert child.getsockopt(c.IPPROTO_TCP, c.TCP_NODELAY) == 1
    assert child.getsockopt(c.SOL_SOCKET, c.SO_RCVBUF) == 100_000
    assert child.getsockopt(c.IPPROTO_TCP, c.TCP_NOTSENT_LOWAT) == 9


def test_closing_a_listener_resets_whom_nobody_accepted() -> None:
    lan = Lan()
    listener = lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    assert client.connect_result() is None
    listener.close(lan.now)
    lan.run()
    fails(errno.ECONNRESET, client.recv, 1)
    assert lan.b.endpoints() == []


def test_shutting_down_each_direction() -> None:
    lan = Lan()
    client, server = lan.pair()
    fails(errno.EINVAL, client.shutdown, 3)
    fails(errno.ENOTCONN, Sock(lan.a, c.AF_INET).shutdown, c.SHUT_WR)
    server.send(b"on the way")
    lan.run()
    client.shutdown(c.SHUT_RD)
    assert client.recv(100) == b"on the way"
    assert client.recv(100) == b""
    client.shutdown(c.SHUT_WR)
    fails(errno.EPIPE, client.send, b"x")
    lan.run()
    assert server.recv(1) == b""
    assert server.send(b"still open") == 10


def test_shutting_down_a_listener_ends_it() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.shutdown(c.SHUT_WR)
    assert listener.accept() is READ
    listener.shutdown(c.SHUT_RDWR)
    fails(errno.EINVAL, listener.accept)
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    fails(errno.ECONNREFUSED, client.connect_result)


def test_a_full_buffer_blocks_until_a_third_is_free() -> None:
    lan = Lan(TcpConfig(sndbuf=30_000, rcvbuf=30_000))
    client, server = lan.pair()
    assert client.send(bytes(50_000)) == 30_000
    assert not client.writable
    assert client.send(b"x") is WRITE
    lan.run()
    while client.send(bytes(50_000)) is not WRITE:
        lan.run()
    woken: list[bool] = []
    client.on_ready = lambda: woken.append(client.writable)
    while not client.writable:
        assert isinstance(server.recv(5000), bytes)
        lan.run()
    assert woken[-1] is True
    sent = client.send(bytes(50_000))
    assert isinstance(sent, int)
    assert sent >= 10_000


def test_notsent_lowat_only_delays_the_wake_up() -> None:
    lan = Lan()
    client, _ = lan.pair()
    client.setsockopt(c.IPPROTO_TCP, c.TCP_NOTSENT_LOWAT, 1)
    assert client.send(bytes(100_000)) == 100_000  # less than two super-segments: no wait
    assert client.writable
    assert client.send(bytes(100_000)) == 100_000
    assert not client.writable
    assert client.send(b"x") == 1


def test_every_call_after_close_is_ebadf() -> None:
    lan = Lan()
    client, _ = lan.pair()
    client.close(lan.now)
    client.close(lan.now)
    for call, *args in (
        (client.bind, ANY, 0),
        (client.listen, 1),
        (client.accept,),
        (client.connect, B4, 80, 0),
        (client.connect_result,),
        (client.send, b"x"),
        (client.recv, 1),
        (client.shutdown, c.SHUT_WR),
        (client.getsockname,),
        (client.getpeername,),
        (client.getsockopt, c.SOL_SOCKET, c.SO_ERROR),
        (client.setsockopt, c.SOL_SOCKET, c.SO_REUSEADDR, 1),
        (client.tcp_info, 0),
        (client.poll,),
    ):
        fails(errno.EBADF, call, *args)


def test_a_lost_network_is_told_by_every_call_but_a_listener_only_once() -> None:
    lan = Lan()
    client, _ = lan.pair()
    listener = lan.listener(81)
    for sock in (client, listener):
        sock.fail(errno.ENETDOWN)
        assert sock.readable
    for _ in range(2):
        fails(errno.ENETDOWN, client.recv, 1)
        fails(errno.ENETDOWN, client.send, b"x")
    fails(errno.ENETDOWN, listener.accept)
    fails(errno.EINVAL, listener.accept)


def test_unknown_flags_are_refused() -> None:
    client, _ = Lan().pair()
    fails(errno.EOPNOTSUPP, client.send, b"x", 0x1000000)
    fails(errno.EOPNOTSUPP, client.recv, 1, 0x1000000)


def test_names_can_be_shared_until_somebody_listens() -> None:
    """SO_REUSEADDR as Linux has it."""
    lan = Lan()
    first, second, third = (Sock(lan.a, c.AF_INET) for _ in range(3))
    for sock in (first, second, third):
        sock.setsockopt(c.SOL_SOCKET, c.SO_REUSEADDR, 1)
    first.bind(bytes(4), 90)
    second.bind(A4, 90)
    fails(errno.EADDRINUSE, Sock(lan.a, c.AF_INET).bind, A4, 90)
    first.listen(5)
    fails(errno.EADDRINUSE, second.listen, 5)
    fails(errno.EADDRINUSE, third.bind, bytes(4), 90)
    first.close(lan.now)
    second.listen(5)
    second.close(lan.now)
    Sock(lan.a, c.AF_INET).bind(A4, 90)


def test_urgent_data() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(b"before!", c.MSG_OOB)
    client.send(b"after")
    lan.run()
    assert server.poll() & c.POLLPRI
    assert server.recv(100, c.MSG_PEEK) == b"before"
    assert not server.at_mark()
    assert server.recv(100) == b"before"
    assert server.at_mark()
    assert server.recv(1, c.MSG_OOB) == b"!"
    fails(errno.EINVAL, server.recv, 1, c.MSG_OOB)
    assert not server.poll() & c.POLLPRI
    assert server.recv(100, c.MSG_PEEK) == b"after"
    assert server.recv(100) == b"after"


def test_urgent_data_in_line_is_inherited_from_the_listener() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.SOL_SOCKET, c.SO_OOBINLINE, 1)
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    client.send(b"before!after", c.MSG_OOB)
    lan.run()
    assert server.recv(100) == b"before!afte"
    assert server.recv(100) == b"r"


def test_urgent_data_that_has_not_arrived_is_not_waited_for() -> None:
    lan = Lan()
    client, server = lan.pair()
    assert server.connection is not None
    server.connection.urgent.announce(server.connection.tcb.rcv.nxt + 10, server.connection.tcb.rcv.nxt)
    fails(errno.EAGAIN, server.recv, 1, c.MSG_OOB)
    client.close(lan.now)
    lan.run()
    assert server.recv(1, c.MSG_OOB) == b""


def test_more_waits_for_what_follows() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(b"first ", c.MSG_MORE)
    lan.run()
    assert server.recv(100) is WouldBlock.READ
    client.send(b"second")
    lan.run()
    assert server.recv(100) == b"first second"


def test_tcp_info() -> None:
    lan = Lan()
    client, _ = lan.pair()
    client.send(b"12345")
    lan.run()
    info = client.tcp_info(lan.now)
    assert (info.state, info.bytes_sent, info.bytes_acked) == ("ESTABLISHED", 5, 5)
    assert Sock(lan.a, c.AF_INET).tcp_info(lan.now).state == "CLOSED"
