"""Sockets by family, type and protocol."""

import errno
import socket as stdlib
from typing import Literal, cast, overload

from pystack.net.datagram import DatagramSocket
from pystack.net.driver import Driver
from pystack.net.echo import EchoSocket
from pystack.net.socket import Socket
from pystack.sock import constants
from pystack.sock.datagram import DatagramSock
from pystack.sock.echo import EchoSock
from pystack.sock.factory import new_sock

_FAMILIES = {stdlib.AF_INET: constants.AF_INET, stdlib.AF_INET6: constants.AF_INET6}
_FLAGS_OF_TYPE = getattr(stdlib, "SOCK_NONBLOCK", 0) | getattr(stdlib, "SOCK_CLOEXEC", 0)
_TYPES = (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM)

Stream = Literal[stdlib.SocketKind.SOCK_STREAM]
Datagram = Literal[stdlib.SocketKind.SOCK_DGRAM]


@overload
def new_socket(driver: Driver, family: int, type: Stream = ..., proto: int = 0) -> Socket: ...


@overload
def new_socket(driver: Driver, family: int, type: Datagram, proto: int = 0) -> DatagramSocket: ...


@overload
def new_socket(driver: Driver, family: int, type: int, proto: int = 0) -> Socket | DatagramSocket: ...


def new_socket(driver: Driver, family: int, type: int = stdlib.SOCK_STREAM, proto: int = 0) -> Socket | DatagramSocket:
    """A socket of the host; an `EchoSocket` where `proto` is ICMP's. Raises EAFNOSUPPORT or EPROTONOSUPPORT."""
    if family not in _FAMILIES:
        raise OSError(errno.EAFNOSUPPORT, f"address family {family} is not supported: only AF_INET and AF_INET6")
    kind = type & ~_FLAGS_OF_TYPE
    if kind not in _TYPES:
        raise OSError(errno.EPROTONOSUPPORT, "only SOCK_STREAM and SOCK_DGRAM are supported")
    ours = constants.SOCK_STREAM if kind == stdlib.SOCK_STREAM else constants.SOCK_DGRAM
    sock = new_sock(driver.host, _FAMILIES[cast(stdlib.AddressFamily, family)], ours, proto)
    if isinstance(sock, EchoSock):
        return EchoSocket(driver, sock)
    return DatagramSocket(driver, sock) if isinstance(sock, DatagramSock) else Socket(driver, sock)
