"""Datagram sockets, as trio's own are."""

import errno
from collections.abc import Iterable
from operator import index
from typing import Any

from pystack.net import address as addresses
from pystack.net.base import BaseSocket, as_bytes_like, checkpoint_if_cancelled, schedule_point
from pystack.sock.constants import MSG_TRUNC, WouldBlock
from pystack.sock.datagram import DatagramSock, Message

Ancillary = list[tuple[int, int, bytes]]


class DatagramSocket(BaseSocket):
    """A socket for datagrams, UDP's where it is no subclass, of a stack inside this process. Made by `Net.socket`; it
    has no descriptor.
    """

    _sock: DatagramSock

    def _state(self) -> str:
        return "not connected" if self._sock.endpoint.remote is None else "connected"

    async def connect(self, address: Any) -> None:
        """Sends to and hears from this address only, from now on."""
        await checkpoint_if_cancelled()
        self._driver.check_device()
        self._sock.connect(*addresses.pack(self.family, address), self._driver.clock())
        await schedule_point()

    def disconnect(self) -> None:
        """Hears from everybody again. For a kernel's socket that is a `connect` to an AF_UNSPEC address, for which
        Python has no word.
        """
        self._sock.disconnect()

    # Sending, which never waits

    async def send(self, data: Any, flags: int = 0) -> int:
        await checkpoint_if_cancelled()
        return await self._sent(self._sock.send(as_bytes_like(data), self._driver.clock(), flags))

    async def sendto(self, *args: Any) -> int:
        """`sendto(data, address)` or `sendto(data, flags, address)`."""
        if len(args) not in (2, 3):
            raise TypeError(f"sendto takes 2 or 3 arguments, not {len(args)}")
        data, flags, address = args[0], args[1] if len(args) == 3 else 0, args[-1]
        await checkpoint_if_cancelled()
        host, port = addresses.pack(self.family, address)
        return await self._sent(self._sock.sendto(as_bytes_like(data), host, port, self._driver.clock(), flags))

    async def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Sends `buffers` as one datagram. Ancillary data is not supported yet."""
        if list(ancdata):
            raise OSError(errno.EOPNOTSUPP, "ancillary data is not supported")
        data = b"".join(bytes(as_bytes_like(buffer)) for buffer in buffers)
        return await (self.send(data, flags) if address is None else self.sendto(data, flags, address))

    async def _sent(self, size: int) -> int:
        self._driver.flush()
        await schedule_point()
        return size

    # Receiving

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        return (await self._receive(buflen, flags)).data

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return (await self.recvfrom_into(buffer, nbytes, flags))[0]

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        message = await self._receive(bufsize, flags)
        return message.data, _source(message)

    async def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        with memoryview(buffer) as whole, whole.cast("B") as view:
            if nbytes < 0:
                raise ValueError("negative buffersize in recvfrom_into")
            if nbytes > len(view):
                raise ValueError("nbytes is greater than the length of the buffer")
            message = await self._receive(nbytes or len(view), flags)
            view[: len(message.data)] = message.data
        return len(message.data), _source(message)

    async def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> tuple[bytes, Ancillary, int, Any]:
        """Data, no ancillary data, MSG_TRUNC where some of the datagram is lost, and the sender's address."""
        message = await self._receive(bufsize, flags)
        return message.data, [], _flags(message), _source(message)

    async def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, Ancillary, int, Any]:
        """As `recvmsg`, into one buffer after the other."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        message = await self._receive(sum(map(len, views)), flags)
        _scatter(message.data, views)
        return len(message.data), [], _flags(message), _source(message)

    async def _receive(self, limit: int, flags: int) -> Message:
        limit = index(limit)
        if limit < 0:
            raise ValueError("negative buffersize in recv")
        await checkpoint_if_cancelled()
        message = self._sock.recvmsg(limit, flags)
        if isinstance(message, WouldBlock):
            return await self._wait(self._readers, lambda: self._sock.recvmsg(limit, flags))
        await schedule_point()
        return message


def _flags(message: Message) -> int:
    return MSG_TRUNC if message.truncated else 0


def _source(message: Message) -> addresses.SocketAddress | None:
    return None if message.source is None else addresses.unpack(*message.source)


def _scatter(data: bytes, views: Iterable[memoryview]) -> None:
    at = 0
    for view in views:
        piece = data[at : at + len(view)]
        view[: len(piece)] = piece
        at += len(piece)
