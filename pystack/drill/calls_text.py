"""The calls that read and write."""

import errno
from collections.abc import Callable
from types import EllipsisType
from typing import Any, Final

from pystack.drill.calls import Process, Waiting
from pystack.drill.dut import Done, Failed, Fd, IoVec, MsgHdr, SockAddr, Unsupported
from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.sock.datagram import DatagramSock
from pystack.sock.errors import os_error

_MSG_ERRQUEUE: Final = 0x2000
_MSG_ZEROCOPY: Final = 0x4000000
_MSG_FASTOPEN: Final = 0x20000000
_NULL: Final = 0

Ended = Done | Failed | Waiting


def _write_text(p: Process, fd: Fd, data: bytes, flags: int, to: Any = None) -> Ended:
    """All of it: a call that waits goes on until everything is queued, one that must not says how much was."""
    file = p.file(fd)
    if file.sock is None:
        raise Unsupported("only sockets are written to")
    if flags & _MSG_FASTOPEN:
        raise Unsupported("TCP Fast Open is not there")
    flags &= ~_MSG_ZEROCOPY  # nothing without SO_ZEROCOPY
    sock = file.sock
    if isinstance(sock, DatagramSock):
        return Done(_send_datagram(p, sock, data, flags, to))
    waits = file.waits and not flags & c.MSG_DONTWAIT
    sent = 0

    def attempt() -> Done | None:
        nonlocal sent
        while True:
            if sent and sock.has_error:
                return Done(sent)  # the error is for the next call
            taken = sock.send(memoryview(data)[sent:], flags)
            if isinstance(taken, WouldBlock):
                return Done(sent) if sent and not waits else None
            sent += taken
            if sent == len(data):
                return Done(sent)

    return p.attempt(attempt, waits=waits)


def _send_datagram(p: Process, sock: DatagramSock, data: bytes, flags: int, to: Any) -> int:
    if isinstance(to, SockAddr):
        return sock.sendto(data, to.address, to.port, p.now, flags)
    if to is Ellipsis:
        try:
            sock.getpeername()
        except OSError:
            return sock.sendto(data, p.setup.remote_ip, p.setup.connect_port, p.now, flags)
    return sock.send(data, p.now, flags)


def _read_text(
    p: Process, fd: Fd, limit: int, flags: int, details: Callable[[bytes, SockAddr | None], Any] = lambda data, _: data
) -> Ended:
    """As much as there is, up to `limit`; with MSG_WAITALL as much as was asked for, where nothing ends it."""
    file = p.file(fd)
    sock = file.sock
    if sock is None:
        return Done(limit, details(bytes(limit), None))
    if flags & _MSG_ERRQUEUE:
        raise Unsupported("there is no error queue")
    waits = file.waits and not flags & c.MSG_DONTWAIT
    whole = bool(flags & c.MSG_WAITALL) and waits and isinstance(sock, Sock)
    flags &= ~c.MSG_WAITALL
    got = b""

    def attempt() -> Done | None:
        nonlocal got
        if isinstance(sock, DatagramSock):
            found = sock.recvfrom(limit, flags)
            if isinstance(found, WouldBlock):
                return None
            data, source = found
            return Done(len(data), details(data, None if source is None else SockAddr(sock.family, *source)))
        if not limit:
            return Done(0, details(b"", None))
        while True:
            data_or_wait = sock.recv(limit - len(got), flags)
            if isinstance(data_or_wait, WouldBlock):
                return None
            if flags & c.MSG_PEEK and whole and len(data_or_wait) < limit and not _is_over(sock):
                return None
            got += data_or_wait
            if not whole or not data_or_wait or len(got) == limit or flags & c.MSG_PEEK:
                return Done(len(got), details(got, None))

    return p.attempt(attempt, waits=waits)


def _is_over(sock: Sock) -> bool:
    connection = sock.connection
    return connection is None or connection.eof or connection.ending is not None


def _bytes(buffer: Any, size: int) -> bytes:
    """The bytes that `...`, or a string, stands for."""
    if buffer is Ellipsis:
        return bytes(size)
    if isinstance(buffer, bytes):
        return buffer[:size].ljust(size, b"\0")
    if buffer == _NULL:
        if size:
            raise os_error(errno.EFAULT)
        return b""
    raise Unsupported(f"this is no buffer: {buffer!r}")


def _room(buffer: Any, size: int) -> int:
    """How many bytes the buffer takes."""
    if size < 0:
        raise os_error(errno.EINVAL)
    if buffer == _NULL and not isinstance(buffer, EllipsisType | bytes) and size:
        raise os_error(errno.EFAULT)
    return size


def _gathered(iov: tuple[IoVec, ...]) -> bytes:
    return b"".join(_bytes(part.base, part.len) for part in iov)


def _scattered(iov: tuple[IoVec, ...]) -> int:
    return sum(_room(part.base, part.len) for part in iov)


def _write(p: Process, fd: Fd, buffer: Any, size: int) -> Ended:
    return _write_text(p, fd, _bytes(buffer, size), 0)


def _writev(p: Process, fd: Fd, iov: tuple[IoVec, ...], count: int) -> Ended:
    return _write_text(p, fd, _gathered(iov[:count]), 0)


def _send(p: Process, fd: Fd, buffer: Any, size: int, flags: int) -> Ended:
    return _write_text(p, fd, _bytes(buffer, size), flags)


def _sendto(p: Process, fd: Fd, buffer: Any, size: int, flags: int, address: Any, length: Any) -> Ended:
    return _write_text(p, fd, _bytes(buffer, size), flags, address)


def _sendmsg(p: Process, fd: Fd, message: MsgHdr, flags: int) -> Ended:
    if message.control:
        raise Unsupported("control messages are not there")
    return _write_text(p, fd, _gathered(message.iov), flags, message.name)


def _sendfile(p: Process, fd: Fd, source: Fd, offset: Any, size: int) -> Ended:
    """A file is zero bytes, as many as are wanted."""
    if p.file(source).sock is not None:
        raise os_error(errno.EINVAL)
    return _write_text(p, fd, bytes(size), 0)


def _read(p: Process, fd: Fd, buffer: Any, size: int) -> Ended:
    return _read_text(p, fd, _room(buffer, size), 0)


def _readv(p: Process, fd: Fd, iov: tuple[IoVec, ...], count: int) -> Ended:
    return _read_text(p, fd, _scattered(iov[:count]), 0)


def _recv(p: Process, fd: Fd, buffer: Any, size: int, flags: int) -> Ended:
    return _read_text(p, fd, _room(buffer, size), flags)


def _recvfrom(p: Process, fd: Fd, buffer: Any, size: int, flags: int, address: Any, length: Any) -> Ended:
    return _read_text(p, fd, _room(buffer, size), flags, lambda data, source: (data, source))


def _recvmsg(p: Process, fd: Fd, message: MsgHdr, flags: int) -> Ended:
    def details(data: bytes, source: SockAddr | None) -> MsgHdr:
        return MsgHdr((IoVec(data, len(data)),), source)

    return _read_text(p, fd, _scattered(message.iov), flags, details)


CALLS: Final[dict[str, Callable[..., Any]]] = {
    "write": _write,
    "writev": _writev,
    "send": _send,
    "sendto": _sendto,
    "sendmsg": _sendmsg,
    "sendfile": _sendfile,
    "read": _read,
    "readv": _readv,
    "recv": _recv,
    "recvfrom": _recvfrom,
    "recvmsg": _recvmsg,
}
