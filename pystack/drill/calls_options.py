"""The calls that ask and set what holds for a socket: options, flags, ioctls, poll."""

import errno
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pystack.drill.calls import O_NONBLOCK, Process, Waiting
from pystack.drill.dut import Done, Failed, Fd, Linger, PollFd, Unsupported
from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.datagram import DatagramSock
from pystack.sock.errors import os_error

_F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL = 1, 2, 3, 4
_SETTABLE: Final = O_NONBLOCK | 0x400 | 0x2000 | 0x4000
"""O_NONBLOCK, O_APPEND, O_ASYNC, O_DIRECT: what F_SETFL changes in Linux."""
_FIONREAD, _TIOCOUTQ, _SIOCOUTQNSD, _SIOCATMARK, _FIONBIO = 0x541B, 0x5411, 0x894B, 0x8905, 0x5421
_POLLNVAL, _POLLRDNORM, _POLLWRNORM = 0x20, 0x40, 0x100
_ALWAYS_TOLD: Final = c.POLLERR | c.POLLHUP | _POLLNVAL
_MS: Final = 1_000_000
_LINGER: Final = struct.Struct("=ii")
_TEXTS: Final = frozenset(((c.IPPROTO_TCP, c.TCP_CONGESTION),))
"""Options whose value is a string."""
_STRUCTURES: Final = frozenset(((c.IPPROTO_TCP, c.TCP_INFO),))
"""Options whose value is a structure that the language has no words for."""


_INERT: Final = frozenset((c.SOL_SOCKET, name) for name in (1, 12, 36))
"""SO_DEBUG, SO_PRIORITY and SO_MARK: what is set is read back, and means nothing to a stack alone on its device."""


def _inside(value: Any) -> Any:
    """What is in the brackets, if it is in brackets."""
    if isinstance(value, tuple):
        if len(value) != 1:
            raise Unsupported(f"one value is expected in the brackets: {value!r}")
        return value[0]
    return value


def _setsockopt(p: Process, fd: Fd, level: int, name: int, value: Any, length: Any) -> Done:
    sock = p.sock(fd)
    value = _inside(value)
    if (level, name) in _INERT and isinstance(value, int):
        p.file(fd).inert[level, name] = value
        return Done(0)
    if isinstance(value, Linger):
        value = _LINGER.pack(value.onoff, value.linger)
    elif isinstance(value, int) and isinstance(length, int):
        if length < 0:
            raise os_error(errno.EINVAL)
        if (level, name) not in _TEXTS:
            value = value.to_bytes(8, "little", signed=True)[:length]
    if not isinstance(value, int | bytes):
        raise Unsupported(f"this is no value of an option: {value!r}")
    sock.setsockopt(level, name, value)
    return Done(0)


def _getsockopt(p: Process, fd: Fd, level: int, name: int, value: Any, length: Any) -> Done:
    sock = p.sock(fd)
    if (level, name) in _STRUCTURES:
        raise Unsupported("the value of this option has no form in a script")
    size = _inside(length)
    if size is Ellipsis:
        size = 256
    if (level, name) in _INERT:
        return Done(0, (p.file(fd).inert.get((level, name), 0), 4))
    raw = sock.getsockopt(level, name, size)
    assert isinstance(raw, bytes)
    if (level, name) == (c.SOL_SOCKET, c.SO_LINGER) and len(raw) == _LINGER.size:
        return Done(0, (Linger(*_LINGER.unpack(raw)), len(raw)))
    if (level, name) in _TEXTS:
        return Done(0, (raw.rstrip(b"\0"), len(raw)))
    return Done(0, (int.from_bytes(raw, "little", signed=True), len(raw)))


def _fcntl(p: Process, fd: Fd, command: int, argument: Any = 0) -> Done:
    file = p.file(fd)
    if command == _F_GETFL:
        return Done(file.flags)
    if command == _F_SETFL:
        file.flags = file.flags & ~_SETTABLE | argument & _SETTABLE
        return Done(0)
    if command in (_F_GETFD, _F_SETFD):
        return Done(0)
    raise Unsupported(f"fcntl() has no command {command} here")


def _ioctl(p: Process, fd: Fd, request: int, argument: Any = Ellipsis) -> Done:
    sock = p.sock(fd)
    if request == _FIONBIO:
        file = p.file(fd)
        file.flags = file.flags & ~O_NONBLOCK | (O_NONBLOCK if _inside(argument) else 0)
        return Done(0)
    if isinstance(sock, DatagramSock):
        if request == _FIONREAD:
            first = sock.endpoint.peek()
            return Done(0, 0 if first is None else len(first.data))
        if request == _TIOCOUTQ:
            return Done(0, 0)
    elif request in _ASKED:
        return Done(0, _ASKED[request](sock))
    raise Unsupported(f"ioctl() has no request {request:#x} here")


_ASKED: Final[dict[int, Callable[[Sock], int]]] = {
    _FIONREAD: Sock.unread,
    _TIOCOUTQ: Sock.unacknowledged,
    _SIOCOUTQNSD: Sock.unsent,
    _SIOCATMARK: lambda sock: int(sock.at_mark()),
}


def _poll(p: Process, fds: tuple[PollFd, ...], count: int, timeout: int) -> Done | Failed | Waiting:
    """Waits for `timeout` milliseconds, for ever where it is negative."""
    fds = fds[:count]

    def look() -> Done:
        found = tuple(replace(each, revents=_revents(p, each)) for each in fds)
        return Done(sum(1 for each in found if each.revents), found)

    def attempt() -> Done | None:
        seen = look()
        return seen if seen.value or not timeout else None

    result = attempt()
    if result is not None:
        return result
    nothing = Done(0, tuple(replace(each, revents=0) for each in fds))
    return Waiting(attempt, p.now + timeout * _MS if timeout > 0 else None, nothing)


def _revents(p: Process, each: PollFd) -> int:
    try:
        sock = p.file(each.fd).sock
    except OSError:
        return _POLLNVAL
    flags = c.POLLIN | c.POLLOUT if sock is None else sock.poll()
    flags |= _POLLRDNORM if flags & c.POLLIN else 0
    flags |= _POLLWRNORM if flags & c.POLLOUT else 0
    return flags & (each.events | _ALWAYS_TOLD)


CALLS: Final[dict[str, Callable[..., Any]]] = {
    "setsockopt": _setsockopt,
    "getsockopt": _getsockopt,
    "fcntl": _fcntl,
    "ioctl": _ioctl,
    "poll": _poll,
}
