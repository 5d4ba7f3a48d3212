"""The same calls on our sockets and on the kernel's, over its loopback: the same values and the same errors."""

import contextlib
import errno
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from two_hosts import B4, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux"),
]

LINGER_0 = struct.pack("=ii", 1, 0)
PORT = 20_000 + os.getpid() % 9000
"""Below the ephemeral ports, and not another run's."""


class World:
    """Makes calls on named sockets and logs what each gave. `client` and `server` are connected by `pair`."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.sockets: dict[str, Any] = {}

    def do(self, name: str, call: str, *args: Any) -> None:
        try:
            value = self.call(self.sockets[name], call, *args)
        except OSError as error:
            value = errno.errorcode[error.errno or 0]
        self.log.append((name, call, value))
        self.settle()

    def pair(self) -> None:
        self.new("listener")
        self.call(self.sockets["listener"], "bind", PORT)
        self.call(self.sockets["listener"], "listen", 5)
        self.new("client")
        with contextlib.suppress(BlockingIOError):
            self.call(self.sockets["client"], "connect", PORT)
        self.settle()
        self.accept("server")

    def accept(self, name: str) -> None:
        raise NotImplementedError

    def new(self, name: str) -> None:
        raise NotImplementedError

    def call(self, sock: Any, name: str, *args: Any) -> Any:
        raise NotImplementedError

    def settle(self) -> None:
        raise NotImplementedError


class Ours(World):
    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan()

    def new(self, name: str) -> None:
        self.sockets[name] = Sock(self.lan.b if name == "listener" else self.lan.a, c.AF_INET)

    def accept(self, name: str) -> None:
        self.sockets[name] = self.sockets["listener"].accept()

    def call(self, sock: Any, name: str, *args: Any) -> Any:
        if name == "connect":
            value = sock.connect(B4, *args, self.lan.now)
            return "EINPROGRESS" if isinstance(value, WouldBlock) else value
        if name == "bind":
            return sock.bind(bytes(4), *args)
        if name == "close":
            return sock.close(self.lan.now)
        value = getattr(sock, name)(*args)
        if name in ("getpeername", "getsockname"):
            return "a name"
        return "EAGAIN" if isinstance(value, WouldBlock) else value

    def settle(self) -> None:
        self.lan.run()
        self.lan.advance(SECOND // 100)


class Linux(World):
    def new(self, name: str) -> None:
        self.sockets[name] = sock = socket.socket()
        sock.setblocking(False)
        if name == "listener":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def accept(self, name: str) -> None:
        self.sockets[name] = self.sockets["listener"].accept()[0]
        self.sockets[name].setblocking(False)

    def call(self, sock: Any, name: str, *args: Any) -> Any:
        if name in ("connect", "bind"):
            return getattr(sock, name)(("127.0.0.1", *args))
        if name == "poll":
            poll = select.poll()
            poll.register(sock, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
            return dict(poll.poll(0)).get(sock.fileno(), 0)
        value = getattr(sock, name)(*args)
        return "a name" if name in ("getpeername", "getsockname") else value

    def settle(self) -> None:
        time.sleep(0.01)


def reset_with_text_unread(w: World) -> None:
    w.pair()
    w.do("server", "send", b"last words")
    w.do("server", "setsockopt", c.SOL_SOCKET, c.SO_LINGER, LINGER_0)
    w.do("server", "close")
    for _ in range(2):
        w.do("client", "poll")
        w.do("client", "recv", 4)
    for _ in range(2):
        w.do("client", "recv", 100)
        w.do("client", "poll")
    for call, *args in (("recv", 1), ("send", b"x"), ("getpeername",), ("getsockname",), ("shutdown", 1)):
        w.do("client", call, *args)


def reset_told_by_send(w: World) -> None:
    w.pair()
    w.do("client", "send", b"unread")
    w.do("server", "close")
    for _ in range(3):
        w.do("client", "send", b"x")
    w.do("client", "recv", 1)


def reset_told_by_so_error(w: World) -> None:
    w.pair()
    w.do("client", "send", b"unread")
    w.do("server", "close")
    for _ in range(2):
        w.do("client", "getsockopt", c.SOL_SOCKET, c.SO_ERROR)
    w.do("client", "recv", 1)


def reset_after_the_end(w: World) -> None:
    w.pair()
    w.do("server", "close")
    w.do("client", "poll")
    w.do("client", "recv", 1)
    w.do("client", "send", b"nobody reads this")
    w.do("client", "poll")
    w.do("client", "recv", 1)
    w.do("client", "send", b"x")
    w.do("client", "send", b"x")
    w.do("client", "poll")


def half_close(w: World) -> None:
    w.pair()
    w.do("client", "shutdown", c.SHUT_WR)
    w.do("client", "shutdown", c.SHUT_WR)
    w.do("client", "send", b"x")
    w.do("client", "poll")
    w.do("server", "poll")
    w.do("server", "recv", 1)
    w.do("server", "send", b"answer")
    w.do("client", "recv", 100, c.MSG_PEEK)
    w.do("client", "recv", 100)
    w.do("server", "close")
    w.do("client", "recv", 100)
    w.do("client", "poll")
    for call, *args in (("getpeername",), ("shutdown", c.SHUT_WR), ("shutdown", c.SHUT_RD), ("send", b"x")):
        w.do("client", call, *args)


def shut_reading(w: World) -> None:
    w.pair()
    w.do("server", "send", b"on the way")
    w.do("client", "shutdown", c.SHUT_RD)
    w.do("client", "poll")
    w.do("client", "recv", 100)
    w.do("client", "recv", 100)
    w.do("client", "send", b"x")
    w.do("server", "recv", 100)
    w.do("client", "shutdown", 7)


def refused(w: World) -> None:
    w.new("client")
    w.do("client", "connect", PORT + 1)
    w.do("client", "poll")
    w.do("client", "getsockopt", c.SOL_SOCKET, c.SO_ERROR)
    w.do("client", "connect", PORT + 1)
    w.do("client", "poll")
    w.do("client", "recv", 1)
    w.do("client", "recv", 1)
    w.do("client", "send", b"x")


def connecting_again(w: World) -> None:
    w.pair()
    w.do("client", "connect", PORT)
    w.do("client", "connect", PORT)
    w.do("client", "listen", 1)
    w.do("client", "bind", PORT + 2)
    w.do("listener", "connect", PORT)
    w.do("listener", "listen", 9)


def fresh(w: World) -> None:
    w.new("client")
    for call, *args in (
        ("poll",),
        ("recv", 1),
        ("send", b"x"),
        ("getpeername",),
        ("getsockname",),
        ("shutdown", c.SHUT_WR),
        ("getsockopt", c.SOL_SOCKET, c.SO_ERROR),
        ("getsockopt", c.SOL_SOCKET, c.SO_LINGER, 8),
        ("getsockopt", c.SOL_SOCKET, c.SO_ACCEPTCONN),
        ("getsockopt", c.SOL_SOCKET, c.SO_TYPE),
        ("getsockopt", c.SOL_SOCKET, c.SO_DOMAIN),
        ("getsockopt", c.IPPROTO_TCP, c.TCP_MAXSEG),
        ("setsockopt", c.SOL_SOCKET, c.SO_TYPE, 1),
        ("setsockopt", c.IPPROTO_TCP, c.TCP_NODELAY, b"\1"),
        ("setsockopt", c.IPPROTO_TCP, c.TCP_CONGESTION, b"no such thing"),
        ("setsockopt", c.SOL_SOCKET, c.SO_LINGER, b"\1\0\0\0"),
        ("bind", PORT + 3),
        ("bind", PORT + 3),
        ("close",),
    ):
        w.do("client", call, *args)


def listening(w: World) -> None:
    w.pair()
    for call, *args in (("poll",), ("recv", 1), ("send", b"x"), ("getpeername",), ("getsockname",)):
        w.do("listener", call, *args)
    w.do("listener", "getsockopt", c.SOL_SOCKET, c.SO_ACCEPTCONN)
    w.do("listener", "shutdown", c.SHUT_WR)
    w.do("listener", "getsockopt", c.SOL_SOCKET, c.SO_ACCEPTCONN)
    w.do("listener", "shutdown", c.SHUT_RD)
    w.do("listener", "getsockopt", c.SOL_SOCKET, c.SO_ACCEPTCONN)
    w.do("listener", "poll")


def closed_before_it_was_accepted(w: World) -> None:
    w.pair()
    w.do("server", "close")
    w.do("client", "close")
    w.new("client")
    w.do("client", "connect", PORT)
    w.do("client", "setsockopt", c.SOL_SOCKET, c.SO_LINGER, LINGER_0)
    w.do("client", "close")
    w.do("listener", "poll")
    w.accept("server")
    w.do("server", "poll")
    w.do("server", "getpeername")
    w.do("server", "recv", 1)
    w.do("server", "recv", 1)


SCENARIOS = [
    reset_with_text_unread,
    reset_told_by_send,
    reset_told_by_so_error,
    reset_after_the_end,
    half_close,
    shut_reading,
    refused,
    connecting_again,
    fresh,
    listening,
    closed_before_it_was_accepted,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_gives_what_linux_gives(scenario: Callable[[World], None]) -> None:
    ours, linux = Ours(), Linux()
    try:
        scenario(ours)
        scenario(linux)
    finally:
        for sock in linux.sockets.values():
            sock.close()
    assert ours.log == linux.log
