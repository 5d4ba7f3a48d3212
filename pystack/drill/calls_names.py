"""The calls that make, name, connect and end sockets."""

import errno
from collections.abc import Callable
from types import EllipsisType
from typing import Any, Final

from pystack.drill.calls import O_NONBLOCK, O_RDWR, AnySock, File, Process, Waiting
from pystack.drill.dut import Done, Failed, Fd, SockAddr, Unsupported
from pystack.ip.address import MAPPED_PREFIX
from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.sock.datagram import DatagramSock
from pystack.sock.errors import os_error
from pystack.sock.factory import new_sock
from pystack.tcp.state import State

_AF_UNSPEC: Final = 0
_SOCK_NONBLOCK: Final = 0x800
_SOCK_CLOEXEC: Final = 0x80000
_SECOND: Final = 1_000_000_000
_CLOSING: Final = frozenset((State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK))
"""Where a close with SO_LINGER waits (Linux: sk_stream_wait_close)."""


def _socket(p: Process, family: Any, type: int, proto: int) -> Done:
    if family is Ellipsis:
        family = c.AF_INET if p.setup.ip_version == "ipv4" else c.AF_INET6
    sock = new_sock(p.host, family, type & ~(_SOCK_NONBLOCK | _SOCK_CLOEXEC), proto)
    if p.setup.ip_version == "ipv4-mapped-ipv6" and family == c.AF_INET6:
        sock.setsockopt(c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0)
    return Done(p.opens(File(sock, O_RDWR | (O_NONBLOCK if type & _SOCK_NONBLOCK else 0))))


def _open(p: Process, path: Any, flags: int, mode: int = 0) -> Done:
    """A file of zero bytes, whatever its name: an init command has made it so."""
    return Done(p.opens(File(None, flags)))


def _bind(p: Process, fd: Fd, address: Any, length: Any) -> Done:
    sock = p.sock(fd)
    sock.bind(*_address(p, sock, address, p.setup.local_ip, p.setup.bind_port))
    return Done(0)


def _listen(p: Process, fd: Fd, backlog: int) -> Done:
    p.stream(fd).listen(backlog)
    return Done(0)


def _accept(p: Process, fd: Fd, address: Any, length: Any) -> Done | Failed | Waiting:
    return _accept4(p, fd, address, length, 0)


def _accept4(p: Process, fd: Fd, address: Any, length: Any, flags: int) -> Done | Failed | Waiting:
    sock = p.stream(fd)

    def attempt() -> Done | None:
        child = sock.accept()
        if isinstance(child, WouldBlock):
            return None
        value = p.opens(File(child, O_RDWR | (O_NONBLOCK if flags & _SOCK_NONBLOCK else 0)))
        return Done(value, SockAddr(child.family, *child.peer))

    return p.attempt(attempt, waits=p.file(fd).waits)


def _connect(p: Process, fd: Fd, address: Any, length: Any) -> Done | Failed | Waiting:
    sock = p.sock(fd)
    if address == _AF_UNSPEC or (isinstance(address, SockAddr) and address.family == _AF_UNSPEC):
        if isinstance(sock, Sock):
            sock.disconnect(p.now)
        else:
            sock.disconnect()
        return Done(0)
    remote, port = _address(p, sock, address, p.setup.remote_ip, p.setup.connect_port)
    waits = sock.connect(remote, port, p.now)
    if not isinstance(waits, WouldBlock) or isinstance(sock, DatagramSock):
        return Done(0)
    if not p.file(fd).waits:
        raise os_error(errno.EINPROGRESS, "Operation now in progress")
    return Waiting(lambda: None if isinstance(sock.connect_result(), WouldBlock) else Done(0))


def _getsockname(p: Process, fd: Fd, address: Any, length: Any) -> Done:
    sock = p.sock(fd)
    return Done(0, SockAddr(sock.family, *sock.getsockname()))


def _getpeername(p: Process, fd: Fd, address: Any, length: Any) -> Done:
    sock = p.sock(fd)
    return Done(0, SockAddr(sock.family, *sock.getpeername()))


def _shutdown(p: Process, fd: Fd, how: int) -> Done:
    p.sock(fd).shutdown(how)
    return Done(0)


def _close(p: Process, fd: Fd) -> Done | Waiting:
    """With SO_LINGER it waits until the peer has all of the text and the FIN, as Linux does, also where calls do not
    wait otherwise.
    """
    sock = p.forgets(fd).sock
    if sock is None:
        return Done(0)
    linger = sock.linger if isinstance(sock, Sock) else None
    connection = sock.connection if isinstance(sock, Sock) else None
    sock.close(p.now)
    if not linger or connection is None or connection.state not in _CLOSING:
        return Done(0)

    def attempt() -> Done | None:
        return None if connection.state in _CLOSING else Done(0)

    return Waiting(attempt, p.now + linger * _SECOND, Done(0))


def _address(p: Process, sock: AnySock, address: Any, default: bytes, port: int) -> tuple[bytes, int]:
    """What `...` or a structure says, in the family of the socket."""
    if isinstance(address, SockAddr):
        if address.family != sock.family:
            raise os_error(errno.EAFNOSUPPORT)
        return address.address or sock_wildcard(sock), address.port
    if not isinstance(address, EllipsisType):
        raise Unsupported(f"this is no address: {address!r}")
    if sock.family == c.AF_INET6 and len(default) == 4:
        return MAPPED_PREFIX + default, port
    return default, port


def sock_wildcard(sock: AnySock) -> bytes:
    """The unspecified address of the socket's family."""
    return bytes(4 if sock.family == c.AF_INET else 16)


CALLS: Final[dict[str, Callable[..., Any]]] = {
    "socket": _socket,
    "open": _open,
    "bind": _bind,
    "listen": _listen,
    "accept": _accept,
    "accept4": _accept4,
    "connect": _connect,
    "getsockname": _getsockname,
    "getpeername": _getpeername,
    "shutdown": _shutdown,
    "close": _close,
}
