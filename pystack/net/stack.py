"""What a program holds of its stack: the factory of sockets, streams and listeners."""

import ipaddress
import socket as stdlib
from ipaddress import IPv4Address, IPv6Address
from typing import overload

import trio

from pystack.net.address import family_of
from pystack.net.datagram import DatagramSocket
from pystack.net.driver import Driver
from pystack.net.factory import Datagram, Stream, new_socket
from pystack.net.listener import open_listeners
from pystack.net.socket import Socket
from pystack.stack.inspect import Inspection, inspect


class Net:
    """One running stack. `pystack.open_tun` and `pystack.open_device` make one; each host of `pystack.sim` is one."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def addresses(self) -> list[IPv4Address | IPv6Address]:
        """The stack's own addresses."""
        return [ipaddress.ip_address(address) for address, _ in self._driver.host.routes.addresses]

    @property
    def device_name(self) -> str:
        """The name of the network device, such as tun0."""
        return self._driver.name

    @property
    def mtu(self) -> int:
        """The largest packet of the device in bytes."""
        return self._driver.host.ip.pmtu.mtu

    @property
    def metrics(self) -> dict[str, int]:
        """A snapshot of the counters that are not 0, by name."""
        return self._driver.host.metrics.snapshot()

    def inspect(self) -> Inspection:
        """What the stack is doing now: its connections, listeners, datagram sockets and counters, addresses packed."""
        return inspect(self._driver.host, self._driver.clock())

    @overload
    def socket(self, family: int = ..., type: Stream = ..., proto: int = 0) -> Socket: ...

    @overload
    def socket(self, family: int, type: Datagram, proto: int = 0) -> DatagramSocket: ...

    @overload
    def socket(self, family: int, type: int, proto: int = 0) -> Socket | DatagramSocket: ...

    def socket(
        self, family: int = stdlib.AF_INET, type: int = stdlib.SOCK_STREAM, proto: int = 0
    ) -> Socket | DatagramSocket:
        """A new socket, a `trio.socket.SocketType`: TCP for SOCK_STREAM, UDP for SOCK_DGRAM, or with IPPROTO_ICMP
        (IPPROTO_ICMPV6 for AF_INET6) ICMP echo, an `EchoSocket`. Raises OSError EAFNOSUPPORT or EPROTONOSUPPORT.
        """
        return new_socket(self._driver, family, type, proto)

    async def open_tcp_listeners(
        self, port: int, *, host: str | None = None, backlog: int | None = None
    ) -> list[trio.SocketListener]:
        """Listens on `port` of the numeric address `host`, or on one listener for each family that the stack has
        addresses of. Port 0 takes a free one, the same for all. Raises OSError.
        """
        present = {len(address) for address, _ in self._driver.host.routes.addresses}
        families = [family for length, family in ((4, stdlib.AF_INET), (16, stdlib.AF_INET6)) if length in present]
        return await open_listeners(self._driver, families, port, host, backlog)

    async def open_tcp_stream(self, host: str, port: int, *, local_address: str | None = None) -> trio.SocketStream:
        """Connects to a numeric address, from `local_address` where that is given. Raises OSError."""
        socket = self.socket(family_of(host))
        try:
            if local_address is not None:
                await socket.bind((local_address, 0))
            await socket.connect((host, port))
        except BaseException:
            socket.close()
            raise
        return trio.SocketStream(socket)

    def abort(self) -> None:
        """Resets every connection and closes every socket, now. The stack stays up, and can open new ones."""
        self._driver.abort()
