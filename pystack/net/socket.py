"""TCP sockets, as trio's own are."""

from operator import index
from typing import Any

import trio

from pystack.net import address as addresses
from pystack.net.base import BaseSocket, as_bytes_like, checkpoint_if_cancelled, schedule_point
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.info import TcpInfo


class Socket(BaseSocket):
    """A TCP socket of a stack inside this process. Made by `Net.socket`; it has no descriptor."""

    _sock: Sock

    def _state(self) -> str:
        if self._sock.listener:
            return "listening"
        connection = self._sock.connection
        return "not connected" if connection is None else str(connection.state)

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
        super().setsockopt(level, optname, value, optlen)
        self._flush_if_touched()

    def tcp_info(self) -> TcpInfo:
        """A frozen snapshot with the names of Linux's tcp_info; CLOSED where there is no connection yet."""
        return self._sock.tcp_info(self._driver.clock())

    # Opening

    def listen(self, backlog: int = 128) -> None:
        self._driver.check_device()
        self._sock.listen(max(backlog, 0))  # as the standard library, which hands the kernel no negative one

    async def accept(self) -> tuple["Socket", addresses.SocketAddress]:
        await checkpoint_if_cancelled()
        sock = self._sock.accept()
        waited = isinstance(sock, WouldBlock)
        if isinstance(sock, WouldBlock):
            sock = await self._wait(self._readers, self._sock.accept)
        accepted = Socket(self._driver, sock), addresses.unpack(*sock.peer)
        if not waited:
            await schedule_point()
        return accepted

    async def connect(self, address: Any) -> None:
        """Connects. Raises the OSErrors that a connection attempt has; cancelled, it closes the socket."""
        await checkpoint_if_cancelled()
        self._driver.check_device()
        if self._sock.connect(*addresses.pack(self.family, address), self._driver.clock()) is None:
            await schedule_point()
            return
        self._driver.flush()
        try:
            await self._wait(self._writers, self._sock.connect_result)
        except trio.Cancelled:
            # As trio's own: what has become of the attempt is not known, so nothing else could be done with it.
            self.close()
            raise

    # Text

    async def send(self, data: Any, flags: int = 0) -> int:
        await checkpoint_if_cancelled()
        if type(data) is not bytes:
            data = as_bytes_like(data)
        sent = self._sock.send(data, flags)
        if isinstance(sent, WouldBlock):
            sent = await self._wait(self._writers, lambda: self._sock.send(data, flags))
            self._driver.flush()
            return sent
        self._driver.flush()
        await schedule_point()
        return sent

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        await checkpoint_if_cancelled()
        if index(buflen) <= 0:
            if buflen < 0:
                raise ValueError("negative buffersize in recv")
            await schedule_point()
            return b""  # without a look at the connection, as the standard library
        data = self._sock.recv(buflen, flags)
        if isinstance(data, WouldBlock):
            data = await self._wait(self._readers, lambda: self._sock.recv(buflen, flags))
            self._flush_if_touched()
            return data
        self._flush_if_touched()
        await schedule_point()
        return data

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        with memoryview(buffer) as whole, whole.cast("B") as view:
            if nbytes < 0:
                raise ValueError("negative buffersize in recv_into")
            if nbytes > len(view):
                raise ValueError("buffer too small for requested bytes")
            data = await self.recv(nbytes or len(view), flags)
            view[: len(data)] = data
        return len(data)

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As `recv`; a stream socket has no address to tell, and gives None."""
        return await self.recv(bufsize, flags), None

    def _flush_if_touched(self) -> None:
        endpoint = self._sock.endpoint
        if endpoint is not None and endpoint.touched:
            self._driver.flush()
