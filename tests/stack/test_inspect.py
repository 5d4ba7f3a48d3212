"""What a host says of itself."""

import pytest
from stack_lab import MS, PACKED, PACKED_THEIRS, accepted, drain, gives, host, segment

from pystack.stack.inspect import DatagramView, EchoView, ListenerView, Name, inspect

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def test_an_idle_host() -> None:
    found = inspect(host(), 0)
    assert (found.connections, found.listeners, found.datagrams, found.echoes) == ((), (), (), ())
    assert (found.memory, found.counters) == (0, {})


@FAMILIES
def test_connections_and_what_lies_in_them(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    endpoint = accepted(stack, family, listener)
    gives(stack, segment(family, "A", seq=101, ack=endpoint.connection.tcb.snd.nxt) / b"question")
    endpoint.connection.send(b"answer!")
    stack.touch(endpoint)
    drain(stack)
    (view,) = inspect(stack, 5 * MS).connections
    assert (view.local, view.remote) == (Name(PACKED[family], 80), Name(PACKED_THEIRS[family], 5000))
    assert (view.state, view.unread, view.unsent) == ("ESTABLISHED", 8, 7)
    assert view.info == endpoint.connection.info(5 * MS)


@FAMILIES
def test_in_time_wait(family: int) -> None:
    stack = host()
    endpoint = accepted(stack, family, stack.listen(PACKED[family], 80, 5))
    endpoint.connection.close(0)
    stack.touch(endpoint)
    (fin,) = drain(stack)
    end = fin.seq + 1 if family == 4 else fin.payload.seq + 1
    gives(stack, segment(family, "FA", seq=101, ack=end))
    (view,) = inspect(stack, 0).connections
    assert (view.local, view.remote) == (Name(PACKED[family], 80), Name(PACKED_THEIRS[family], 5000))
    assert view.state == "TIME-WAIT"


@FAMILIES
def test_listeners(family: int) -> None:
    stack = host()
    stack.listen(PACKED[family], 80, 5)
    (syn_ack,) = gives(stack, segment(family, "S", seq=1))
    gives(stack, segment(family, "S", seq=1, sport=5001))
    assert inspect(stack, 0).listeners == (ListenerView(Name(PACKED[family], 80), half_open=2, waiting=0, backlog=5),)
    gives(stack, segment(family, "A", seq=2, ack=syn_ack.payload.seq + 1))
    assert inspect(stack, 0).listeners == (ListenerView(Name(PACKED[family], 80), half_open=1, waiting=1, backlog=5),)


@FAMILIES
def test_datagram_sockets(family: int) -> None:
    stack = host()
    bound, connected = (stack.datagrams.open(bytes(len(PACKED[family]))) for _ in range(2))
    stack.datagrams.bind(bound, bytes(len(PACKED[family])), 7)
    stack.datagrams.bind(connected, PACKED[family], 8)
    stack.datagrams.connect(connected, PACKED_THEIRS[family], 9)
    assert inspect(stack, 0).datagrams == (
        DatagramView(Name(bytes(len(PACKED[family])), 7), None),
        DatagramView(Name(PACKED[family], 8), Name(PACKED_THEIRS[family], 9)),
    )


@FAMILIES
def test_echo_sockets(family: int) -> None:
    stack = host()
    wildcard = bytes(len(PACKED[family]))
    bound, connected = (stack.echoes.open(wildcard) for _ in range(2))
    stack.echoes.bind(bound, wildcard, 7)
    stack.echoes.bind(connected, PACKED[family], 8)
    stack.echoes.connect(connected, PACKED_THEIRS[family], 0)
    found = inspect(stack, 0)
    assert found.echoes == (EchoView(wildcard, 7, None), EchoView(PACKED[family], 8, PACKED_THEIRS[family]))
    assert found.datagrams == ()


def test_sums() -> None:
    stack = host()
    gives(stack, segment(4, "A"))
    found = inspect(stack, 0)
    assert found.counters == stack.metrics.snapshot()
    assert found.counters["PystackTcpInNoConnection"] == 1
    accepted(stack, 4, stack.listen(PACKED[4], 80, 5))
    assert inspect(stack, 0).memory == stack.memory.held > 0
