"""What ten thousand connections leave behind, in virtual time: nothing."""

import gc
import tracemalloc

import pytest
from two_hosts import B4, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.stack.endpoint import Endpoint
from pystack.stack.timewait import HELD, TimeWait
from pystack.tcp.connection import Connection

FIRST_PORT = 20_000


def served_once(lan: Lan, listener: Sock, port: int) -> None:
    """A client asks from `port`, the server answers and closes first, the client closes too."""
    client = Sock(lan.a, c.AF_INET)
    client.bind(bytes(4), port)
    client.connect(B4, 80, lan.now)
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    assert client.send(b"what?") == 5
    lan.run()
    assert server.recv(100) == b"what?"
    assert server.send(b"this.") == 5
    server.close(lan.now)
    lan.run()
    assert client.recv(100) == b"this."
    assert client.recv(100) == b""
    client.close(lan.now)
    lan.run()


def alive() -> int:
    return sum(isinstance(thing, Endpoint | Connection | TimeWait) for thing in gc.get_objects())


@pytest.mark.parametrize("connections", [500, pytest.param(10_000, marks=pytest.mark.long)])
def test_nothing_is_left_after_2_msl(connections: int) -> None:
    lan = Lan()
    listener = lan.listener()
    served_once(lan, listener, FIRST_PORT - 1)  # what is made once, at the first use
    lan.advance(61 * SECOND)
    gc.collect()
    others = alive()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        for number in range(connections):
            served_once(lan, listener, FIRST_PORT + number)
        assert len(lan.b.connections.time_waits) == connections, "60 s have not passed"
        assert lan.b.memory.held == HELD * connections, "no connection is kept"
        assert len(lan.a.connections.time_waits) == 0, "who closes second has no TIME-WAIT"
        gc.collect()
        full, _ = tracemalloc.get_traced_memory()
        lan.advance(61 * SECOND)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lan.a.endpoints() == lan.b.endpoints() == []
    assert lan.a.memory.held == lan.b.memory.held == 0
    assert (full - before) / connections == pytest.approx(HELD, rel=0.1), "what is counted is what it takes"
    assert after - before < 50_000 + 100 * connections, (
        "but for the empty tables of dictionaries, which Python does not shrink"
    )
    assert alive() == others
