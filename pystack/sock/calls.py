"""BSD socket semantics, sans-IO: each call gives its value, raises the `OSError` that Linux would, or says what it
has to wait for.

The layer below the line turns a `WouldBlock` into whatever waiting is there, and makes the call again. It tells a
`Sock` of news through `on_ready`, which is a hint: what holds is the state (`poll`).
"""

import errno

from pystack.ip.address import wildcard_of
from pystack.sock import poll
from pystack.sock.base import Address
from pystack.sock.constants import (
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_MORE,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SOCK_STREAM,
    WouldBlock,
)
from pystack.sock.core import SockCore
from pystack.sock.errors import from_stack, os_error
from pystack.sock.options import OPTIONS
from pystack.stack.errors import AddressInUse, StackError
from pystack.stack.host import Host
from pystack.tcp.connection import Connection
from pystack.tcp.info import TcpInfo
from pystack.tcp.state import State
from pystack.wire.buffers import Buffer

READ = WouldBlock.READ
WRITE = WouldBlock.WRITE

_HARMLESS = MSG_DONTWAIT | MSG_NOSIGNAL
_SENDING = _HARMLESS | MSG_EOR | MSG_MORE | MSG_OOB
_OPENING = frozenset((State.SYN_SENT, State.SYN_RECEIVED))
_OVER = frozenset((State.CLOSED, State.TIME_WAIT))
"""Where Linux has taken the connection from its socket."""
_NAMELESS = _OVER | {State.SYN_SENT}


class Sock(SockCore):
    """A TCP socket of `host`. `family` is AF_INET or AF_INET6, `proto` 0 or IPPROTO_TCP.

    Addresses are packed and of the family's length; `now` is in nanoseconds. Raises EAFNOSUPPORT or EPROTONOSUPPORT.
    """

    __slots__ = ()

    options = OPTIONS

    def __init__(self, host: Host, family: int, type: int = SOCK_STREAM, proto: int = 0) -> None:
        super().__init__(host, family, type, proto)

    # Names

    def bind(self, address: bytes, port: int) -> None:
        """Takes a local address (or the wildcard) and port; port 0 takes a free one.

        Without SO_REUSEADDR a port on which connections still linger is refused. Raises EINVAL (has a name already),
        EAFNOSUPPORT, EADDRNOTAVAIL, EADDRINUSE.
        """
        self._check()
        if self._bound or self.endpoint is not None:
            raise os_error(errno.EINVAL, "the socket has a name already")
        address = self._packed(address)
        if any(address) and not self.host.routes.is_own(address):
            raise os_error(errno.EADDRNOTAVAIL, "Cannot assign requested address: it is not the stack's own")
        taken: list[Address] = []
        try:
            for name, _ in self._names(address, port):
                if port and not self.reuse_address and self.host.connections.have_name(name, port):
                    raise AddressInUse(f"port {port} has connections")
                port = self.host.ports.bind(name, port, reuse=self.reuse_address, taken=self.host.listeners)
                taken.append((name, port))
        except StackError as error:
            for each in taken:
                self.host.ports.release(*each)
            raise from_stack(error) from None
        self._local = self._bound = address, port

    def getsockname(self) -> Address:
        """The local name; the wildcard and port 0 where there is none yet."""
        self._check()
        address, port = self._local
        return self._shown(address), port

    def getpeername(self) -> Address:
        """The name of the other side. Raises ENOTCONN before and after a connection, as Linux does."""
        self._check()
        endpoint, connection = self.endpoint, self.connection
        if endpoint is None or connection is None or connection.state in _NAMELESS:
            raise os_error(errno.ENOTCONN)
        return self._shown(endpoint.remote), endpoint.remote_port

    # Opening

    def listen(self, backlog: int) -> None:
        """Accepts connections from now on; `backlog` bounds those that wait, a negative one as much as the host allows.
        On a listening socket it changes the bound. Raises EINVAL (is connected), EADDRINUSE.
        """
        self._check()
        if self.endpoint is not None:
            raise os_error(errno.EINVAL)
        if self.listener is not None:
            self.host.set_backlog(self.listener, backlog)
            return
        if not self._bound:
            self.bind(self._wildcard, 0)
        names = self._names(*self._local)
        for local, port in names:
            others = [a for a, p in self.host.listeners if p == port and len(a) == len(local)]
            if any(not any(a) or not any(local) for a in others):
                raise os_error(errno.EADDRINUSE)  # one of the two has all addresses
        try:
            self.listener = self.host.listen(*self._local, backlog, self._settings, also=names[1:])
        except StackError as error:
            raise from_stack(error) from None
        self.listener.context = self
        self.listener.ttl, self.listener.tos = self.ttl, self.tos

    def accept(self) -> "Sock | WouldBlock":
        """The next connection. It inherits the settings of this socket. Raises EINVAL when not listening.

        A connection that has failed meanwhile is given too, with its error pending; `peer` tells its name.
        """
        self._check()
        self._raise_pending()
        if self.listener is None:
            raise os_error(errno.EINVAL, "the socket is not listening")
        endpoint = self.listener.accept()
        if endpoint is None:
            return READ
        child = Sock(self.host, self.family, self.type, self.proto)
        child.v6only = self.v6only
        child.discovery = self.discovery
        child._adopt(endpoint)
        child.reuse_address = self.reuse_address
        child.linger = self.linger
        child.notsent_lowat = self.notsent_lowat
        child.oob_inline = self.oob_inline
        child.ttl, child.tos = endpoint.ttl, endpoint.tos
        endpoint.connection.urgent.inline = self.oob_inline
        return child

    @property
    def peer(self) -> Address:
        """The name of the other side, however the connection fares; the wildcard when there never was one."""
        endpoint = self.endpoint
        return (self._wildcard, 0) if endpoint is None else (self._shown(endpoint.remote), endpoint.remote_port)

    def connect(self, address: bytes, port: int, now: int) -> "WouldBlock | None":
        """Begins to connect. Once there is writability, `connect_result`, or calling this again, tells how it went.

        Raises EISCONN, EALREADY (still at it), EAFNOSUPPORT, ENETUNREACH, EADDRNOTAVAIL, ECONNREFUSED (port 0).
        """
        self._check()
        connection = self.connection
        if self.listener is not None or (connection is not None and not self._connecting):
            raise os_error(errno.EISCONN)
        if connection is not None:
            if connection.state in _OPENING:
                raise os_error(errno.EALREADY)
            return self.connect_result()
        address = self._packed(address)
        if not port:
            raise os_error(errno.ECONNREFUSED)
        self._error = 0  # what `disconnect` has left
        local, local_port = self._local
        if len(address) != len(local) and not any(local):
            local = wildcard_of(address)
        try:
            endpoint = self.host.connect(
                address,
                port,
                now,
                local=local,
                local_port=local_port,
                config=self._settings,
                ttl=self.ttl,
                tos=self.tos,
            )
        except AddressInUse:
            raise os_error(errno.EADDRNOTAVAIL, "this connection exists already") from None
        except StackError as error:
            raise from_stack(error) from None
        self._adopt(endpoint)
        self._connecting = True
        return WRITE

    def connect_result(self) -> "WouldBlock | None":
        """None once connected; raises the error of an attempt that failed, after which `connect` may be tried anew."""
        self._check()
        connection = self.connection
        if connection is None:
            raise os_error(errno.ENOTCONN)
        state = connection.state
        if state in _OPENING:
            return WRITE
        self._connecting = False
        if state is State.CLOSED:
            code = self.take_error() or errno.ECONNABORTED
            connection.close(0)  # whatever the time: it is CLOSED, and only what nobody has read is left of it
            self.touch()
            self._let_go()
            raise os_error(code)
        return None

    def disconnect(self, now: int) -> None:
        """Ends whatever there is, by a RST where that has to be, and is a new socket again, but for its options and the
        name that `bind` gave it: what Linux does for `connect` to an AF_UNSPEC address. ECONNRESET is pending then.
        """
        self._check()
        self._stop_listening()
        endpoint = self.endpoint
        if endpoint is not None:
            if endpoint.connection.state not in _OVER:
                self._error = errno.ECONNRESET
            endpoint.connection.abort()
            endpoint.connection.close(now)  # what nobody has read goes
            self.host.touch(endpoint)
        self._let_go()
        self._connecting = self.read_shut = False
        self._tell()

    # Text

    def send(self, data: Buffer, flags: int = 0) -> "int | WouldBlock":
        """Queues bytes and returns how many, at least one unless `data` is empty. With MSG_MORE a packet that is not
        full waits for what follows; with MSG_OOB the last byte is urgent data (RFC 6093); after MSG_EOR a new packet
        begins.

        Raises a pending error once, and EPIPE where nothing can be sent (any more).
        """
        connection = self.connection
        if connection is None or self._connecting or self.down or flags & ~_SENDING:
            self._check()
            self._check_flags(flags, _SENDING)
            if connection is None:
                raise os_error(self.take_error() or errno.EPIPE)
            if connection.state in _OPENING:
                return WRITE
        more, urgent, record = bool(flags & MSG_MORE), bool(flags & MSG_OOB), bool(flags & MSG_EOR)
        taken = connection.send(data, more=more, urgent=urgent, record=record)
        if taken:
            self.touch()
            return taken
        if connection.fin_queued or connection.state is State.CLOSED:
            raise os_error(self.take_error() or errno.EPIPE)
        return WRITE if len(data) else 0

    def recv(self, limit: int, flags: int = 0) -> "bytes | WouldBlock":
        """Takes up to `limit` bytes; empty at the end of the peer's text. What arrived before an error comes before it.

        With MSG_PEEK the bytes stay; with MSG_OOB it gives the byte of urgent data, once. A read stops at the mark of
        urgent data. Raises a pending error once, ENOTCONN where there never was a connection, EINVAL where MSG_OOB
        has nothing to give.
        """
        connection = self.connection
        if connection is None or self.down or flags:
            self._check()
            self._check_flags(flags, _HARMLESS | MSG_PEEK | MSG_OOB)
            if connection is None:
                raise os_error(self.take_error() or errno.ENOTCONN)
            if flags & MSG_OOB:
                return self._recv_urgent(connection)
            if flags & MSG_PEEK and connection.readable:
                return connection.peek(limit)
        if connection.readable:
            data = connection.recv(limit)
            # The window has opened so far that the peer should know; or no packet will tell the host what is read.
            if connection.ack_is_due or connection.eof or connection.ending is not None:
                self.touch()
            return data
        if connection.eof:
            return b""
        if connection.ending is not None:
            self._raise_pending()
            return b""
        return b"" if self.read_shut else READ

    def _recv_urgent(self, connection: Connection) -> "bytes | WouldBlock":
        byte = connection.recv_urgent()
        if byte is None:
            raise os_error(errno.EINVAL, "there is no urgent data to read")
        if not byte and not (connection.eof or connection.ending):
            raise os_error(errno.EAGAIN, "the urgent data has not arrived")  # it never waits, as in Linux
        return byte

    # Closing

    def shutdown(self, how: int) -> None:
        """Ends one direction or both. Ends a listening socket's listening where it includes reading, and an attempt to
        connect. Raises EINVAL, ENOTCONN.
        """
        self._check()
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(errno.EINVAL)
        if self.listener is not None:
            if how != SHUT_WR:
                self._stop_listening()
                self._tell()
            return
        connection = self.connection
        if connection is None or connection.state in _OVER:
            raise os_error(errno.ENOTCONN)
        if how != SHUT_WR:
            self.read_shut = True
        if how != SHUT_RD or connection.state is State.SYN_SENT:
            connection.shutdown_write()
            self.touch()
        self._tell()

    def close(self, now: int) -> None:
        """Lets go. The connection ends in order on its own; with text unread, or SO_LINGER of 0 seconds, by a RST.
        Closing twice is fine.
        """
        if self.closed:
            return
        self.closed = True
        endpoint = self.endpoint
        if self.listener is not None:
            self._stop_listening()
        elif endpoint is not None:
            if self.linger == 0 and endpoint.connection.state is not State.TIME_WAIT:
                endpoint.connection.abort()
            endpoint.connection.close(now)
            self.host.touch(endpoint)
        self._let_go()
        if self._bound is not None:
            for name in self._names(*self._bound):
                self.host.ports.release(*name)
            self._bound = None
        self._tell()
        self.on_ready = None

    def fail(self, code: int) -> None:
        """The network under the socket has gone: every call on a connection raises `code` from now on. A listening
        socket raises it once, and is not listening after it: whoever ignores the errors of `accept` must not spin.
        """
        if self.listener is not None:
            self._stop_listening()
            self._error = code
        elif not self.closed:
            self.down = code
        self._tell()

    # What holds

    def poll(self) -> int:
        """The POLLIN, POLLOUT, POLLERR, POLLHUP and POLLRDHUP flags that hold now. Raises EBADF."""
        if self.closed:
            raise os_error(errno.EBADF)
        return poll.readiness(self)

    def unread(self) -> int:
        """How many bytes wait to be read (SIOCINQ, FIONREAD). Raises EINVAL on a listening socket."""
        self._check()
        if self.listener is not None:
            raise os_error(errno.EINVAL)
        return 0 if self.connection is None else self.connection.readable

    def unacknowledged(self) -> int:
        """How many bytes the peer has not acknowledged yet (SIOCOUTQ), a FIN counted as one. Raises EINVAL."""
        self._check()
        connection = self.connection
        if self.listener is not None:
            raise os_error(errno.EINVAL)
        if connection is None or connection.state in _OPENING or connection.state in _OVER:
            return 0
        return len(connection.sendbuf) + (connection.fin_queued and not connection.fin_acked)

    def unsent(self) -> int:
        """How many of those have not even been sent (SIOCOUTQNSD). Raises EINVAL."""
        return min(self.unacknowledged(), 0 if self.connection is None else self.connection.unsent)

    def at_mark(self) -> bool:
        """Whether the next byte to be read is that of urgent data, or was it (SIOCATMARK; RFC 9293 MUST-33)."""
        self._check()
        connection = self.connection
        return connection is not None and connection.at_mark

    def tcp_info(self, now: int) -> TcpInfo:
        """A snapshot of the connection; of one that is CLOSED where there is none."""
        self._check()
        connection = self.connection or Connection(self._settings, iss=0, advmss=536, default_mss=536)
        return connection.info(now)

    def _stop_listening(self) -> None:
        if self.listener is not None:
            self.host.close_listener(self.listener)
            self.listener.context = None
            self.listener = None
