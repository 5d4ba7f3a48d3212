"""What more than one section needs."""

from typing import Any

from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6
from scapy.packet import Raw

from pystack.sock.constants import WouldBlock
from pystack.tcp.config import TcpConfig
from pystack.testing import Conversation, Peer

BLOCKED = WouldBlock.READ
DELAYING = TcpConfig(quick_acks=0)
"""No quick ACKs at the start, so that the delayed ones show."""
TINY = TcpConfig(rcvbuf=4000, window_scaling=False, quick_acks=0)
"""A receiver that is soon full."""
TIMESTAMPS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (77, 0))]


def mss(p: Peer) -> int:
    """Of an Ethernet, and of our peer's SYN for IPv4."""
    return 1460 if p.family == 4 else 1440


def takes_all(c: Conversation, within: str = "0 s") -> int:
    """Takes all text that the host sends within a time; returns how many bytes, from the first number on."""
    c.peer.wait(within)
    end = 1
    for packet in c.peer.skip():
        end = max(end, c.seq(packet) + len(packet["TCP"].payload))
    return end - 1


def filled(p: Peer, tcp: TcpConfig = TINY, **opening: Any) -> Conversation:
    """A connection whose receive window is shut: the application reads nothing."""
    c = p.established(tcp=tcp, **opening)
    for size in (1000, 1000, 1000, 1000):
        c.send("A", size)
    p.wait("1 s")
    assert p.skip()[-1]["TCP"].window == 0
    return c


def error(p: Peer, about: Any, v4: tuple[int, int], v6: tuple[int, int], mtu: int = 0) -> Any:
    """An ICMP error about a packet of the host: type and code for each family."""
    quoted = Raw(bytes(about))
    if p.family == 4:
        return IP() / ICMP(type=v4[0], code=v4[1], nexthopmtu=mtu) / Raw(bytes(about)[:28])
    kind, code = v6
    messages = {
        1: lambda: ICMPv6DestUnreach(code=code),
        2: lambda: ICMPv6PacketTooBig(mtu=mtu),
        3: lambda: ICMPv6TimeExceeded(code=code),
        4: lambda: ICMPv6ParamProblem(code=code),
    }
    return IPv6() / messages[kind]() / quoted


NET_UNREACHABLE = (3, 0), (1, 0)
HOST_UNREACHABLE = (3, 1), (1, 3)
SOURCE_ROUTE_FAILED = (3, 5), (1, 3)
PROTOCOL_UNREACHABLE = (3, 2), (4, 1)
PORT_UNREACHABLE = (3, 3), (1, 4)
TIME_EXCEEDED = (11, 0), (3, 0)
PARAMETER_PROBLEM = (12, 0), (4, 0)
