"""Datagram sockets, sans-IO, with the calling conventions of `pystack.sock.calls` and the semantics of Linux's."""

import errno
from typing import Final, NamedTuple

from pystack.sock.base import Address, SockBase
from pystack.sock.constants import (
    IPPROTO_UDP,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_PEEK,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SOCK_DGRAM,
    WouldBlock,
)
from pystack.sock.datagram_options import OPTIONS
from pystack.sock.errors import errno_of_report, from_stack, os_error
from pystack.stack.datagrams import Datagrams
from pystack.stack.errors import StackError
from pystack.stack.host import Host
from pystack.wire.buffers import Buffer

READ: Final = WouldBlock.READ

_HARMLESS = MSG_DONTWAIT | MSG_NOSIGNAL


class Message(NamedTuple):
    """What `recvmsg` gives: as much of a datagram as was asked for, who sent it (None: reading was shut down and there
    is no datagram), and whether the rest of it is lost.
    """

    data: bytes
    source: Address | None
    truncated: bool


class DatagramSock(SockBase):
    """A socket of `host` for datagrams of the protocol `is_proto`, of whose endpoints `home` has all.

    Addresses are packed and of the family's length; `now` is in nanoseconds. Raises EAFNOSUPPORT or EPROTONOSUPPORT.
    """

    __slots__ = ("_home", "_keeps_address", "_keeps_port", "_write_shut", "endpoint", "sndbuf")

    options = OPTIONS

    def __init__(self, host: Host, family: int, type: int, proto: int, is_proto: int, home: Datagrams) -> None:
        super().__init__(host, family, type, proto, SOCK_DGRAM, is_proto)
        self._home = home
        self.endpoint = home.open(self._wildcard)
        self.endpoint.context = self
        self.sndbuf = host.config.udp.sndbuf
        self._write_shut = False
        self._keeps_address = False
        self._keeps_port = False
        """What `bind` was told, and `disconnect` leaves."""

    # Names

    def bind(self, address: bytes, port: int) -> None:
        """Takes a local address (or the wildcard) and port; port 0 takes a free one.

        Raises EINVAL (has a name already), EAFNOSUPPORT, EADDRNOTAVAIL, EADDRINUSE.
        """
        self._check()
        if self.endpoint.local_port:
            raise os_error(errno.EINVAL, "the socket has a name already")
        self._check_family(address)
        try:
            self._home.bind(self.endpoint, address, port)
        except StackError as error:
            raise from_stack(error) from None
        self._keeps_address, self._keeps_port = any(address), port != 0

    def getsockname(self) -> Address:
        """The local name; the wildcard and port 0 where there is none yet."""
        self._check()
        return self.endpoint.local, self.endpoint.local_port

    def getpeername(self) -> Address:
        """Whom the socket is connected to. Raises ENOTCONN."""
        self._check()
        remote, port = self.endpoint.remote, self.endpoint.remote_port
        if remote is None or not port:
            raise os_error(errno.ENOTCONN)
        return remote, port

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Sends to and hears from this address and port only, from now on, and is told of ICMP errors about it. May be
        called again for another. Raises EAFNOSUPPORT, ENETUNREACH, EACCES (a broadcast address), EADDRNOTAVAIL.
        """
        self._check()
        self._check_family(address)
        try:
            self._home.connect(self.endpoint, address, port)
        except StackError as error:
            raise from_stack(error) from None

    def disconnect(self) -> None:
        """Hears from everybody again: what Linux does for `connect` to an AF_UNSPEC address. What `bind` was not told
        of the local name is given up.
        """
        self._check()
        self._home.disconnect(self.endpoint, keep_address=self._keeps_address, keep_port=self._keeps_port)

    # Datagrams

    def send(self, data: Buffer, now: int, flags: int = 0) -> int:
        """Sends a datagram to whom the socket is connected to. Raises EDESTADDRREQ, and what `sendto` does."""
        self._check()
        remote = self.endpoint.remote
        return self._send(data, None if remote is None else (remote, self.endpoint.remote_port), now, flags)

    def sendto(self, data: Buffer, address: bytes, port: int, now: int, flags: int = 0) -> int:
        """Sends a datagram, whole and at once, and returns its size.

        Raises a pending error once, after which nothing is sent; EMSGSIZE (larger than UDP allows, or than fits where
        it must not be cut), EAFNOSUPPORT, EINVAL (port 0), EACCES (a broadcast address), ENETUNREACH, EADDRNOTAVAIL
        (no port is free), EPIPE (writing was shut down), EOPNOTSUPP (flags).
        """
        self._check()
        self._check_family(address)
        return self._send(data, (address, port), now, flags, may_be_nobody=False)

    def _send(self, data: Buffer, to: Address | None, now: int, flags: int, may_be_nobody: bool = True) -> int:
        """In the order in which Linux looks at things; a socket that is connected to port 0 may send there."""
        try:
            self._home.name(self.endpoint)
            self._check_flags(flags, _HARMLESS)
            self._check_data(data)
            if to is None:
                raise os_error(errno.EDESTADDRREQ)
            if not may_be_nobody:
                self._check_port(to[1])
            self._raise_pending()
            if self._write_shut:
                raise os_error(errno.EPIPE)
            # The packet may outlive the call, and the caller's buffer change: only bytes are safe.
            self._home.send(self.endpoint, bytes(data), *to, now)
        except StackError as error:
            raise from_stack(error) from None
        return len(data)

    def _check_data(self, data: Buffer) -> None:
        """Raises the errno for what this protocol cannot send."""

    def _check_port(self, port: int) -> None:
        """Raises the errno for a port that nobody can have."""

    def recvmsg(self, limit: int, flags: int = 0) -> "Message | WouldBlock":
        """The next datagram, of which what does not fit into `limit` bytes is lost; with MSG_PEEK it stays as it is.

        Raises a pending error once, before any datagram; EOPNOTSUPP (flags).
        """
        self._check()
        self._check_flags(flags, _HARMLESS | MSG_PEEK)
        self._raise_pending()
        received = self.endpoint.peek() if flags & MSG_PEEK else self.endpoint.recv()
        if received is None:
            return Message(b"", None, False) if self.read_shut else READ
        return Message(received.data[:limit], (received.src, received.src_port), len(received.data) > limit)

    def recvfrom(self, limit: int, flags: int = 0) -> "tuple[bytes, Address | None] | WouldBlock":
        """As `recvmsg`, without telling what is lost."""
        message = self.recvmsg(limit, flags)
        return message if isinstance(message, WouldBlock) else (message.data, message.source)

    def recv(self, limit: int, flags: int = 0) -> "bytes | WouldBlock":
        """As `recvmsg`, the data alone."""
        message = self.recvmsg(limit, flags)
        return message if isinstance(message, WouldBlock) else message.data

    # Closing

    def shutdown(self, how: int) -> None:
        """Ends one direction or both. As in Linux, without a connection it raises ENOTCONN and takes effect all the
        same. What has arrived, and still arrives, can be read; after it there is b"". Raises EINVAL.
        """
        self._check()
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(errno.EINVAL)
        if how != SHUT_WR:
            self.read_shut = True
        if how != SHUT_RD:
            self._write_shut = True
        self._tell()
        if self.endpoint.remote is None:
            raise os_error(errno.ENOTCONN)

    def close(self, now: int) -> None:
        """Lets go; what nobody has read is gone. Closing twice is fine."""
        if self.closed:
            return
        self.closed = True
        self._home.close(self.endpoint)
        self.endpoint.context = None
        self._tell()
        self.on_ready = None

    def fail(self, code: int) -> None:
        """The network under the socket has gone: every call raises `code` from now on."""
        if not self.closed:
            self.down = code
        self._tell()

    # What holds

    @property
    def readable(self) -> bool:
        """Whether `recv` would not block."""
        return self.endpoint.readable or self.read_shut or self.has_error

    @property
    def writable(self) -> bool:
        """Always: nothing is queued."""
        return True

    @property
    def has_error(self) -> bool:
        """Whether an error is pending."""
        return super().has_error or self.endpoint.error is not None

    def take_error(self) -> int:
        """SO_ERROR: the pending errno, which is not pending any more; 0 for none."""
        code = super().take_error()
        error = self.endpoint.error
        if code or error is None:
            return code
        self.endpoint.error = None
        return errno_of_report(error, self.family)

    def poll(self) -> int:
        """The POLLIN, POLLOUT, POLLERR, POLLHUP and POLLRDHUP flags that hold now, as Linux's datagram_poll has them.
        Raises EBADF.
        """
        if self.closed:
            raise os_error(errno.EBADF)
        flags = POLLOUT
        if self.has_error:
            flags |= POLLERR
        if self.endpoint.readable:
            flags |= POLLIN
        if self.read_shut:
            flags |= POLLIN | POLLRDHUP
            if self._write_shut:
                flags |= POLLHUP
        return flags


class UdpSock(DatagramSock):
    """A UDP socket of `host`. `family` is AF_INET or AF_INET6, `proto` 0 or IPPROTO_UDP."""

    __slots__ = ()

    def __init__(self, host: Host, family: int, type: int = SOCK_DGRAM, proto: int = 0) -> None:
        super().__init__(host, family, type, proto, IPPROTO_UDP, host.datagrams)

    def _check_port(self, port: int) -> None:
        if not port:
            raise os_error(errno.EINVAL, "nobody has port 0")
