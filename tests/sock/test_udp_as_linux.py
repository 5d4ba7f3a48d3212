"""The same calls on our UDP sockets and on the kernel's, over the loopback of a namespace: the same values, the same
errors.
"""

import ctypes
import errno
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from namespaces import Namespace
from two_hosts import A4, B4, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.constants import WouldBlock
from pystack.sock.datagram import UdpSock

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux"),
]

PORT = 10_000
"""Below the ephemeral ports."""

BROADCAST = bytes([255, 255, 255, 255])
WHERE = {"wildcard": bytes(4), "broadcast": BROADCAST}


class World:
    """Makes calls on named sockets and logs what each gave. `server` lives at the address that the others call."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.sockets: dict[str, Any] = {}

    def do(self, name: str, call: str, *args: Any) -> None:
        try:
            value = self.call(self.sockets[name], name, call, *args)
        except OSError as error:
            value = errno.errorcode[error.errno or 0]
        self.log.append((name, call, value))
        self.settle()

    def new(self, *names: str) -> None:
        raise NotImplementedError

    def call(self, sock: Any, name: str, call: str, *args: Any) -> Any:
        raise NotImplementedError

    def settle(self) -> None:
        raise NotImplementedError


class Ours(World):
    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan()

    def new(self, *names: str) -> None:
        for name in names:
            self.sockets[name] = UdpSock(self.lan.b if name == "server" else self.lan.a, c.AF_INET)

    def call(self, sock: Any, name: str, call: str, *args: Any) -> Any:
        own, other = (B4, A4) if name == "server" else (A4, B4)
        if call in ("bind", "connect", "sendto"):
            *first, to = args
            where, port = to if isinstance(to, tuple) else (own if call == "bind" else other, to)
            where = WHERE.get(where, where)
            now = () if call == "bind" else (self.lan.now,)
            return getattr(sock, call)(*first, where, port, *now)
        if call == "send":
            return sock.send(args[0], self.lan.now, *args[1:])
        if call == "close":
            return sock.close(self.lan.now)
        value = getattr(sock, call)(*args)
        if isinstance(value, WouldBlock):
            return "EAGAIN"
        if call in ("getsockname", "getpeername"):
            return "ours" if value[0] == own else "theirs" if value[0] == other else "any", _kind(value[1])
        if call == "recvfrom":
            return value[0], _kind(value[1][1])
        return value

    def settle(self) -> None:
        self.lan.run()
        self.lan.advance(SECOND // 100)


class Linux(World):
    """Blocking sockets with a time limit: one that does not block says EAGAIN where reading was shut down."""

    def __init__(self) -> None:
        super().__init__()
        self.libc = ctypes.CDLL(None, use_errno=True)

    def new(self, *names: str) -> None:
        for name in names:
            self.sockets[name] = sock = socket.socket(type=socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 10_000))

    def call(self, sock: Any, name: str, call: str, *args: Any) -> Any:
        own, other = ("127.0.0.2", "127.0.0.1") if name == "server" else ("127.0.0.1", "127.0.0.2")
        if call in ("bind", "connect", "sendto"):
            *first, to = args
            where, port = to if isinstance(to, tuple) else (own if call == "bind" else other, to)
            where = {"wildcard": "0.0.0.0", "broadcast": "255.255.255.255"}.get(where, where)
            return getattr(sock, call)(*first, (where, port))
        if call == "poll":
            poll = select.poll()
            poll.register(sock, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
            return dict(poll.poll(0)).get(sock.fileno(), 0)
        if call == "disconnect":
            assert self.libc.connect(sock.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16) == 0
            return None
        value = getattr(sock, call)(*args)
        if call in ("getsockname", "getpeername"):
            return "ours" if value[0] == own else "theirs" if value[0] == other else "any", _kind(value[1])
        if call == "recvfrom":
            return value[0], _kind(value[1][1])
        return value

    def settle(self) -> None:
        time.sleep(0.005)


def _kind(port: int) -> int | str:
    """A port as it is, unless it is one that was picked."""
    return port if port in (0, PORT, PORT + 1, PORT + 2) else "picked"


def fresh(w: World) -> None:
    w.new("client")
    for call, *args in (
        ("poll",),
        ("recv", 1),
        ("getsockname",),
        ("getpeername",),
        ("send", b"x"),
        ("getsockname",),
        ("sendto", b"x", 0),
        ("sendto", b"x", ("broadcast", 9)),
        ("connect", ("broadcast", 9)),
        ("sendto", bytes(65_508), PORT),
        ("sendto", bytes(65_536), PORT),
        ("send", b"x", c.MSG_OOB),
        ("bind", PORT),
        ("shutdown", 7),
        ("close",),
    ):
        w.do("client", call, *args)


def options(w: World) -> None:
    w.new("client")
    for level, name in (
        *((c.SOL_SOCKET, n) for n in (c.SO_ERROR, c.SO_TYPE, c.SO_DOMAIN, c.SO_PROTOCOL, c.SO_ACCEPTCONN)),
        *((c.SOL_SOCKET, n) for n in (c.SO_BROADCAST, c.SO_REUSEADDR, c.SO_SNDBUF, c.SO_RCVBUF)),
        *((c.IPPROTO_IP, n) for n in (c.IP_TTL, c.IP_TOS, c.IP_MTU_DISCOVER)),
    ):
        w.do("client", "getsockopt", level, name)
    for name, value in (
        *((c.IP_TTL, v) for v in (1, 255, 0, 256, -2, -1)),
        *((c.IP_TOS, v) for v in (0x28, 3, 256)),
        *((c.IP_MTU_DISCOVER, v) for v in (-1, 0, 5, 6)),
    ):
        w.do("client", "setsockopt", c.IPPROTO_IP, name, value)
        w.do("client", "getsockopt", c.IPPROTO_IP, name)
    w.do("client", "setsockopt", c.SOL_SOCKET, c.SO_TYPE, 1)
    w.do("client", "setsockopt", c.IPPROTO_TCP, c.TCP_NODELAY, 1)
    w.do("client", "setsockopt", c.IPPROTO_IP, c.IP_TTL, b"\1\0\0\0")


def datagrams(w: World) -> None:
    w.new("server", "client")
    w.do("server", "bind", PORT)
    w.do("client", "sendto", b"first", PORT)
    w.do("client", "sendto", b"", PORT)
    w.do("client", "sendto", bytes(2000), PORT)
    w.do("server", "poll")
    w.do("server", "recvfrom", 3, c.MSG_PEEK)
    w.do("server", "recvfrom", 3)
    w.do("server", "poll")
    w.do("server", "recvfrom", 3)
    w.do("server", "recvfrom", 4000)
    w.do("server", "recvfrom", 3)
    w.do("server", "poll")


def connected(w: World) -> None:
    w.new("server", "client", "stranger")
    w.do("server", "bind", PORT)
    w.do("client", "bind", PORT + 1)
    w.do("client", "connect", PORT)
    for call in ("getsockname", "getpeername"):
        w.do("client", call)
    w.do("server", "sendto", b"from the peer", PORT + 1)
    w.do("client", "recvfrom", 100)
    w.do("client", "send", b"x")
    w.do("client", "sendto", b"to another port", PORT + 2)
    w.do("server", "recvfrom", 100)
    w.do("stranger", "bind", PORT + 2)
    w.do("client", "connect", PORT + 2)
    w.do("client", "getpeername")
    w.do("server", "sendto", b"not from the peer", PORT + 1)
    w.do("client", "recvfrom", 100)
    w.do("client", "bind", PORT + 2)


def refused(w: World) -> None:
    w.new("client")
    w.do("client", "connect", PORT)
    for told in (("send", b"x"), ("recv", 1), ("getsockopt", c.SOL_SOCKET, c.SO_ERROR), ("sendto", b"x", PORT)):
        w.do("client", "send", b"nobody there")
        w.do("client", "poll")
        w.do("client", *told)
        w.do("client", "poll")
        w.do("client", "recv", 1)
    w.do("client", "disconnect")
    w.do("client", "sendto", b"nobody there", PORT)
    w.do("client", "poll")
    w.do("client", "recv", 1)


def an_error_before_what_waits(w: World) -> None:
    w.new("server", "client")
    w.do("server", "bind", PORT)
    w.do("client", "bind", PORT + 1)
    w.do("client", "connect", PORT)
    w.do("server", "sendto", b"waits", PORT + 1)
    w.do("server", "close")
    w.do("client", "send", b"nobody there any more")
    w.do("client", "poll")
    w.do("client", "recv", 100)
    w.do("client", "recv", 100)


def disconnected(w: World) -> None:
    for name, where in (("a", None), ("b", PORT), ("c", ("wildcard", PORT + 1)), ("d", 0)):
        w.new(name)
        if where is not None:
            w.do(name, "bind", where)
        w.do(name, "connect", PORT + 2)
        w.do(name, "getsockname")
        w.do(name, "disconnect")
        w.do(name, "getsockname")
        w.do(name, "getpeername")
        w.do(name, "send", b"x")
        w.do(name, "disconnect")


def connected_to_port_0(w: World) -> None:
    w.new("client")
    w.do("client", "connect", 0)
    w.do("client", "getpeername")
    w.do("client", "send", b"x")


def shut(w: World) -> None:
    w.new("server", "client")
    w.do("server", "bind", PORT)
    w.do("client", "bind", PORT + 1)
    w.do("client", "shutdown", c.SHUT_WR)
    w.do("client", "sendto", b"x", PORT)
    w.do("client", "connect", PORT)
    w.do("client", "shutdown", c.SHUT_RD)
    w.do("client", "poll")
    w.do("server", "sendto", b"still comes", PORT + 1)
    w.do("client", "recv", 100)
    w.do("client", "recv", 100)
    w.do("client", "poll")


def taken(w: World) -> None:
    w.new("a", "b", "c", "d", "e", "server")
    w.do("a", "bind", PORT)
    w.do("b", "bind", PORT)
    w.do("b", "bind", ("wildcard", PORT))
    for name in "cde":
        w.do(name, "setsockopt", c.SOL_SOCKET, c.SO_REUSEADDR, 1)
    w.do("c", "bind", PORT)
    w.do("c", "bind", PORT + 1)
    w.do("d", "bind", PORT + 1)
    w.do("server", "sendto", b"the last gets it", PORT + 1)
    w.do("c", "recv", 100)
    w.do("d", "recv", 100)
    w.do("e", "bind", ("wildcard", PORT + 1))
    w.do("server", "sendto", b"the nearest gets it", PORT + 1)
    w.do("e", "recv", 100)
    w.do("d", "recv", 100)
    w.do("a", "close")
    w.do("b", "bind", PORT)


SCENARIOS = [
    fresh,
    options,
    datagrams,
    connected,
    refused,
    an_error_before_what_waits,
    disconnected,
    connected_to_port_0,
    shut,
    taken,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_gives_what_linux_gives(scenario: Callable[[World], None], netns: Namespace) -> None:
    # Where there is no way to everywhere, Linux looks no further: whom it may not send to does not matter.
    subprocess.run(["ip", "-n", netns.name, "route", "add", "default", "dev", "lo"], check=True)

    def on_linux() -> list[Any]:
        linux = Linux()
        scenario(linux)
        return linux.log

    ours = Ours()
    scenario(ours)
    assert ours.log == netns.call(on_linux)
