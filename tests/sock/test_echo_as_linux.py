"""The same calls on our ICMP echo sockets and on the kernel's, over the loopback of a namespace: the same values, the
same errors.
"""

import errno
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
import trio
from namespaces import private_network
from two_hosts import A4, B4, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.constants import WouldBlock
from pystack.sock.echo import EchoSock

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux"),
]

PICKED = (0, 77, 78)
"""Identifiers that are compared as they are; others are only compared as being there."""


def request(sequence: int = 1, data: bytes = b"hello", kind: int = 8, code: int = 0) -> bytes:
    """Identifier and checksum are the stack's to write."""
    return bytes((kind, code, 1, 2, 3, 4)) + sequence.to_bytes(2, "big") + data


class World:
    """Makes calls on named sockets and logs what each gave. `own` and `other` are addresses, `other`'s host answers."""

    names: Mapping[str, Any]

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.sockets: dict[str, Any] = {}

    def do(self, name: str, call: str, *args: Any) -> None:
        args = tuple(self.names.get(a, a) if isinstance(a, str) else a for a in args)
        try:
            value = self.seen(call, self.call(self.sockets[name], call, *args))
        except OSError as error:
            value = errno.errorcode[error.errno or 0]
        self.log.append((name, call, value))

    def seen(self, call: str, value: Any) -> Any:
        if call in ("getsockname", "getpeername"):
            return self.name_of(value[0]), value[1] if value[1] in PICKED else "picked"
        if call == "recvfrom":
            return self.reply(value[0]), self.name_of(value[1][0]), value[1][1]
        if call == "recv":
            return self.reply(value)
        return value

    def reply(self, data: bytes) -> Any:
        """Without its checksum, and with an identifier that can be compared."""
        identifier = int.from_bytes(data[4:6], "big")
        return data[:2], identifier if identifier in PICKED else "picked", data[6:]

    def name_of(self, address: Any) -> str:
        return next((name for name, known in self.names.items() if known == address), "somebody")

    def new(self, *names: str) -> None:
        raise NotImplementedError

    def call(self, sock: Any, call: str, *args: Any) -> Any:
        raise NotImplementedError


class Ours(World):
    names: Final = {
        "own": A4,
        "other": B4,
        "any": bytes(4),
        "broadcast": A4[:3] + b"\xff",
        "foreign": bytes((9, 9, 9, 9)),
    }

    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan()

    def new(self, *names: str) -> None:
        for name in names:
            self.sockets[name] = EchoSock(self.lan.a, c.AF_INET, c.SOCK_DGRAM, c.IPPROTO_ICMP)

    def call(self, sock: Any, call: str, *args: Any) -> Any:
        now = (self.lan.now,)
        if call == "sendto":
            data, *flags, host, port = args
            value = sock.sendto(data, host, port, self.lan.now, *flags)
        elif call == "send":
            value = sock.send(args[0], self.lan.now, *args[1:])
        else:
            value = getattr(sock, call)(*args, *(now if call in ("connect", "close") else ()))
        self.lan.run()
        self.lan.advance(SECOND // 100)
        if isinstance(value, WouldBlock):
            raise BlockingIOError(errno.EAGAIN, "nothing")
        return value


class Linux(World):
    names: Final = {
        "own": "127.0.0.1",
        "other": "127.0.0.2",
        "any": "0.0.0.0",
        "broadcast": "127.255.255.255",
        "foreign": "9.9.9.9",
    }

    def new(self, *names: str) -> None:
        for name in names:
            self.sockets[name] = sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
            sock.setblocking(False)

    def call(self, sock: Any, call: str, *args: Any) -> Any:
        if call in ("bind", "connect"):
            return getattr(sock, call)(args)
        if call == "sendto":
            *first, host, port = args
            return sock.sendto(*first, (host, port))
        return getattr(sock, call)(*args)


def fresh(w: World) -> None:
    w.new("a")
    for call, *args in (
        ("getsockname",),
        ("getpeername",),
        ("recv", 100),
        ("send", b""),
        ("getsockname",),
        ("send", request()),
        ("shutdown", c.SHUT_RD),
        ("close",),
        ("recv", 100),
    ):
        w.do("a", call, *args)


def asking(w: World) -> None:
    w.new("a")
    for to in ("other", "own"):
        for data, port in ((b"", 0), (b"x", 5), (b"hello" * 100, 0)):
            w.do("a", "sendto", request(7, data), to, port)
            w.do("a", "recvfrom", 1000)
    w.do("a", "getsockname")
    w.do("a", "sendto", request(8), "other", 0)
    w.do("a", "recv", 1000, c.MSG_PEEK)
    w.do("a", "recv", 10)
    w.do("a", "recv", 10)


def what_cannot_be_sent(w: World) -> None:
    w.new("a")
    for data in (
        b"",
        request(data=b"")[:7],
        request(kind=0),
        request(kind=13),
        request(kind=128),
        request(code=1),
        request(data=bytes(65_507)),
        request(data=bytes(65_508)),
        request(data=bytes(65_528)),
    ):
        w.do("a", "sendto", data, "other", 0)
    w.do("a", "sendto", request(), c.MSG_OOB, "other", 0)
    w.do("a", "sendto", request(), "broadcast", 0)
    w.do("a", "sendto", request(kind=0), "broadcast", 0)


def names(w: World) -> None:
    w.new("a", "b", "c")
    w.do("a", "bind", "own", 77)
    w.do("a", "getsockname")
    w.do("a", "bind", "own", 78)
    w.do("b", "bind", "own", 77)
    w.do("b", "bind", "any", 77)
    w.do("c", "bind", "foreign", 78)
    w.do("b", "getsockname")
    w.do("b", "bind", "any", 78)
    w.do("a", "sendto", request(), "other", 0)
    w.do("b", "sendto", request(2), "other", 0)
    for name in "ab":
        w.do(name, "recvfrom", 100)
        w.do(name, "recvfrom", 100)
    w.do("c", "bind", "any", 0)
    w.do("c", "getsockname")
    w.do("a", "close")
    w.new("d")
    w.do("d", "bind", "own", 77)


def sharing(w: World) -> None:
    w.new("a", "b", "c")
    for name in "abc":
        w.do(name, "getsockopt", c.SOL_SOCKET, c.SO_REUSEADDR)
        if name == "c":
            w.do(name, "setsockopt", c.SOL_SOCKET, c.SO_REUSEADDR, 0)
        w.do(name, "bind", "any", 77)


def connected(w: World) -> None:
    w.new("a", "b")
    w.do("a", "connect", "other", 1025)
    w.do("a", "getpeername")
    w.do("a", "getsockname")
    w.do("a", "send", request())
    w.do("a", "recvfrom", 100)
    w.do("a", "sendto", request(9), "own", 0)
    w.do("a", "recvfrom", 100)
    w.do("b", "connect", "other", 0)
    w.do("b", "getpeername")
    w.do("b", "send", request(3))
    w.do("b", "recvfrom", 100)
    w.do("b", "shutdown", c.SHUT_WR)
    w.do("b", "send", request(3))
    w.do("b", "send", b"")


def options(w: World) -> None:
    w.new("a")
    for level, name in (
        (c.SOL_SOCKET, c.SO_TYPE),
        (c.SOL_SOCKET, c.SO_PROTOCOL),
        (c.SOL_SOCKET, c.SO_DOMAIN),
        (c.SOL_SOCKET, c.SO_ERROR),
        (c.IPPROTO_IP, c.IP_TTL),
        (c.IPPROTO_IP, c.IP_TOS),
        (c.IPPROTO_IP, c.IP_MTU_DISCOVER),
    ):
        w.do("a", "getsockopt", level, name)
    for value in (0, 1, 255, 256, -1):
        w.do("a", "setsockopt", c.IPPROTO_IP, c.IP_TTL, value)
        w.do("a", "getsockopt", c.IPPROTO_IP, c.IP_TTL)


@pytest.mark.parametrize("scenario", [fresh, asking, what_cannot_be_sent, names, sharing, connected, options])
def test_as_linux(scenario: Callable[[World], None]) -> None:
    async def on_linux() -> list[Any]:
        await trio.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
        linux = Linux()
        scenario(linux)
        return linux.log

    ours = Ours()
    scenario(ours)
    theirs = private_network(on_linux)
    assert ours.log == theirs


@pytest.mark.parametrize(
    ("family", "proto"), [(c.AF_INET, c.IPPROTO_ICMPV6), (c.AF_INET6, c.IPPROTO_ICMP), (c.AF_INET, 2)]
)
def test_the_protocol_is_the_familys(family: int, proto: int) -> None:
    with pytest.raises(OSError, match="not supported") as ours:
        EchoSock(Lan().a, family, c.SOCK_DGRAM, proto)
    with pytest.raises(OSError, match="not supported") as theirs:
        socket.socket(family, socket.SOCK_DGRAM, proto)
    assert ours.value.errno == theirs.value.errno == errno.EPROTONOSUPPORT
