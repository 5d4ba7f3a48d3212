"""Sockets by family, type and protocol."""

from pystack.sock.calls import Sock
from pystack.sock.constants import IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM
from pystack.sock.datagram import UdpSock
from pystack.sock.echo import EchoSock
from pystack.stack.host import Host


def new_sock(host: Host, family: int, type: int, proto: int = 0) -> Sock | UdpSock | EchoSock:
    """A socket of `host`: TCP for SOCK_STREAM; for SOCK_DGRAM UDP, or ICMP echo where `proto` says so. Raises
    EAFNOSUPPORT or EPROTONOSUPPORT.
    """
    if type == SOCK_DGRAM:
        if proto in (IPPROTO_ICMP, IPPROTO_ICMPV6):
            return EchoSock(host, family, type, proto)
        return UdpSock(host, family, type, proto)
    return Sock(host, family, type, proto)
