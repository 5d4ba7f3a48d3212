"""Two hosts whose packets a test carries by hand; no IO, no clock but the test's."""

import errno
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6, WouldBlock
from pystack.sock.dispatch import dispatch
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig

A4, B4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
A6, B6 = bytes.fromhex("fd00" + 27 * "0" + "1"), bytes.fromhex("fd00" + 27 * "0" + "2")
SECOND = 1_000_000_000


def entropy(seed: str) -> Callable[[int], bytes]:
    count = 0

    def draw(n: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_128(f"{seed} {count}".encode()).digest(n)

    return draw


class Lan:
    """Hosts `a` and `b`. `run` carries packets until none is left; with `cut` they are lost."""

    def __init__(self, tcp: TcpConfig | None = None) -> None:
        tcp = tcp or TcpConfig()
        self.a = Host(Config(addresses=((A4, 24), (A6, 64)), tcp=tcp), entropy("a"))
        self.b = Host(Config(addresses=((B4, 24), (B6, 64)), tcp=tcp), entropy("b"))
        self.now = SECOND
        self.cut = False

    def run(self) -> None:
        moved = True
        while moved:
            moved = False
            for sender, receiver in ((self.a, self.b), (self.b, self.a)):
                while (packet := sender.poll_transmit(self.now)) is not None:
                    moved = True
                    if not self.cut:
                        receiver.receive(bytes(packet), self.now)
                dispatch(sender)

    def advance(self, nanoseconds: int) -> None:
        """Lets time pass, deadline by deadline."""
        end = self.now + nanoseconds
        while True:
            due = [d for host in (self.a, self.b) if (d := host.next_deadline()) is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            for host in (self.a, self.b):
                host.on_deadline(self.now)
            self.run()
        self.now = end

    def listener(self, port: int = 80, backlog: int = 5, v6: bool = False) -> Sock:
        sock = Sock(self.b, AF_INET6 if v6 else AF_INET)
        sock.bind(bytes(16 if v6 else 4), port)
        sock.listen(backlog)
        return sock

    def pair(self, port: int = 80, v6: bool = False) -> tuple[Sock, Sock]:
        """A connected pair: on `a` the side that called, on `b` the accepted one."""
        listener = self.listener(port, v6=v6)
        client = Sock(self.a, listener.family)
        assert client.connect(B6 if v6 else B4, port, self.now) is WouldBlock.WRITE
        self.run()
        assert client.connect_result() is None
        server = listener.accept()
        assert isinstance(server, Sock)
        listener.close(self.now)
        return client, server


def fails(code: int, call: Callable[..., Any], *args: Any) -> None:
    """The call raises OSError with this errno."""
    with pytest.raises(OSError) as caught:
        call(*args)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[code]
