"""Sockets by family, type and protocol."""

from pystack.sock.calls import Sock
from pystack.sock.constants import SOCK_DGRAM
from pystack.sock.datagram import UdpSock
from pystack.stack.host import Host


def new_sock(host: Host, family: int, type: int, proto: int = 0) -> Sock | UdpSock:
    """A socket of `host`: TCP for SOCK_STREAM, UDP for SOCK_DGRAM. Raises EAFNOSUPPORT or EPROTONOSUPPORT."""
    if type == SOCK_DGRAM:
        return UdpSock(host, family, type, proto)
    return Sock(host, family, type, proto)
