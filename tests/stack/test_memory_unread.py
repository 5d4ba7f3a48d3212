"""Text that nobody has read counts until somebody has, or nobody can any more, even when its connection is gone."""

from collections.abc import Callable

import pytest
from scapy.layers.inet import TCP
from stack_lab import PACKED, accepted, drain, gives, host, segment
from two_hosts import B4, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.stack.host import Host


def balanced(host: Host) -> int:
    """What the host's memory says, which is nothing but its connections'."""
    assert host.memory.held == sum(endpoint.charged for endpoint in host.endpoints())
    return host.memory.held


def reset_with_text(lan: Lan) -> tuple[Sock, Sock]:
    """A server whose client has sent 20,000 bytes and then reset the connection."""
    client, server = lan.pair()
    client.send(bytes(20_000))
    lan.run()
    client.linger = 0
    client.close(lan.now)
    lan.run()
    assert lan.b.endpoints() == []
    return client, server


def test_what_a_reset_left_counts_until_it_is_read() -> None:
    lan = Lan()
    _, server = reset_with_text(lan)
    assert server.connection is not None
    assert lan.b.memory.held == server.connection.recvbuf.held >= 20_000
    assert server.recv(15_000) == bytes(15_000)
    lan.run()
    assert 0 < lan.b.memory.held == server.connection.recvbuf.held < 20_000
    assert server.recv(15_000) == bytes(5_000)
    lan.run()
    assert balanced(lan.b) == 0


def test_or_until_the_socket_is_closed() -> None:
    lan = Lan()
    _, server = reset_with_text(lan)
    server.close(lan.now)
    lan.run()
    assert balanced(lan.b) == 0
    assert lan.b.metrics["TcpOutRsts"] == 0, "there is nobody to be told"


@pytest.mark.parametrize("abort", [False, True])
def test_closing_with_text_unread(abort: bool) -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(bytes(20_000))
    lan.run()
    server.linger = 0 if abort else None
    server.close(lan.now)
    lan.run()
    assert lan.b.metrics["TcpOutRsts"] == 1
    assert balanced(lan.b) == 0


@pytest.mark.parametrize("first", ["accept", "close"])
def test_what_waits_to_be_accepted(first: str) -> None:
    """Reset while it waited: it counts, and goes with the listener, or with whoever accepts it."""
    lan = Lan()
    listener = lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    client.send(bytes(20_000))
    lan.run()
    client.linger = 0
    client.close(lan.now)
    lan.run()
    assert lan.b.endpoints() == []
    assert lan.b.memory.held >= 20_000
    if first == "accept":
        server = listener.accept()
        assert isinstance(server, Sock)
        assert len(server.recv(1 << 20) or b"") == 20_000
    else:
        listener.close(lan.now)
    lan.run()
    assert balanced(lan.b) == 0


def test_a_listener_that_closes_on_connections_with_text() -> None:
    lan = Lan()
    listener = lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    client.send(bytes(20_000))
    lan.run()
    listener.close(lan.now)
    lan.run()
    assert balanced(lan.b) == 0


def test_an_attempt_that_failed_after_text_had_come() -> None:
    """Connected, sent to and reset before the application has asked: there is no way left to read it."""
    lan = Lan()
    listener = lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    server.send(bytes(5000))
    lan.run()
    server.linger = 0
    server.close(lan.now)
    lan.run()
    assert lan.a.memory.held >= 5000
    with pytest.raises(ConnectionResetError):
        client.connect_result()
    lan.run()
    assert balanced(lan.a) == 0


def test_what_is_read_after_the_peer_has_closed() -> None:
    """No packet comes that would have the sum counted again."""
    lan = Lan()
    client, server = lan.pair()
    client.send(bytes(20_000))
    client.shutdown(c.SHUT_WR)
    lan.run()
    before = balanced(lan.b)
    assert len(server.recv(1 << 20) or b"") == 20_000
    lan.run()
    assert balanced(lan.b) <= before - 20_000


def test_time_wait_that_gave_way() -> None:
    """Its socket still reads what came before."""
    stack = host()
    listener = stack.listen(PACKED[4], 80, 5)
    endpoint = accepted(stack, 4, listener)
    iss = endpoint.connection.tcb.iss
    endpoint.connection.shutdown_write()
    stack.touch(endpoint)
    drain(stack)
    gives(stack, segment(4, "FA", seq=101, ack=iss + 2) / bytes(1000))
    (answer,) = gives(stack, segment(4, "S", seq=500_000))
    assert answer[TCP].flags == "SA"
    assert stack.metrics["TcpExtTWRecycled"] == 1
    (successor,) = stack.endpoints()
    assert stack.memory.held == successor.charged + endpoint.connection.recvbuf.held > successor.charged + 1000
    endpoint.connection.recv(2000)
    stack.touch(endpoint)
    drain(stack)
    assert stack.memory.held == successor.charged


def broken(*_: object) -> None:
    raise RuntimeError("a defect")


@pytest.mark.parametrize("after", [lambda sock, now: sock.recv(1 << 20), lambda sock, now: sock.close(now)])
def test_a_connection_that_was_given_up(after: Callable[[Sock, int], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even its ABORT has failed: the host forgets it, and its socket has what had arrived."""
    lan = Lan()
    client, server = lan.pair()
    client.send(bytes(20_000))
    lan.run()
    endpoint, connection = server.endpoint, server.connection
    assert endpoint is not None
    assert connection is not None
    lan.b.serving = endpoint
    with monkeypatch.context() as patch:
        patch.setattr(type(connection), "abort", broken)
        lan.b.give_up_serving()
    assert lan.b.memory.held == connection.recvbuf.held >= 20_000
    after(server, lan.now)
    lan.run()
    assert balanced(lan.b) == 0
