"""A host, and scapy as everybody else."""

from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet as ScapyPacket

from pystack.link.entropy import random_bytes, stream
from pystack.stack.config import Config
from pystack.stack.host import Host

MS = 1_000_000
SECOND = 1_000_000_000
OURS = {4: "10.0.0.2", 6: "fd00::2"}
THEIRS = {4: "10.0.0.1", 6: "fd00::1"}
PACKED = {4: bytes([10, 0, 0, 2]), 6: bytes([0xFD, *bytes(14), 2])}
PACKED_THEIRS = {4: bytes([10, 0, 0, 1]), 6: bytes([0xFD, *bytes(14), 1])}
PREFIX = {4: 24, 6: 64}


def host(**changes: Any) -> Host:
    """A host with one address of each family."""
    generator = stream(1, "host")
    changes.setdefault("addresses", tuple((PACKED[v], PREFIX[v]) for v in (4, 6)))
    return Host(Config(**changes), lambda n: random_bytes(generator, n))


def ip(family: int, **fields: Any) -> ScapyPacket:
    """An IP header from them to us; `src` and `dst` may be others."""
    fields = {"src": THEIRS[family], "dst": OURS[family]} | fields
    return IP(**fields) if family == 4 else IPv6(**fields)


def segment(family: int, flags: str = "S", *, sport: int = 5000, dport: int = 80, **fields: Any) -> ScapyPacket:
    """A TCP segment from them to us."""
    return ip(family) / TCP(sport=sport, dport=dport, flags=flags, **fields)


def drain(stack: Host, now: int = 0) -> list[ScapyPacket]:
    """What the host sends, read by scapy, with every checksum verified."""
    found = []
    while (packet := stack.poll_transmit(now)) is not None:
        data = bytes(packet)
        read = IP(data) if data[0] >> 4 == 4 else IPv6(data)
        assert bytes(read) == data
        again = read.copy()
        for layer in (again, again.payload):  # not what an ICMP error quotes
            for name in ("chksum", "cksum"):
                if name in layer.fields:
                    layer.delfieldval(name)
        assert bytes(again) == data, "scapy would have written the same checksums"
        found.append(read)
    return found


def gives(stack: Host, packet: ScapyPacket | bytes, now: int = 0) -> list[ScapyPacket]:
    """A packet arrives; returns what is sent then."""
    stack.receive(bytes(packet), now)
    return drain(stack, now)


def accepted(stack: Host, family: int, listener: Any, sport: int = 5000, now: int = 0) -> Any:
    """A connection from them, with the handshake done and accepted."""
    (syn_ack,) = gives(stack, segment(family, "S", seq=100, sport=sport), now)
    gives(stack, segment(family, "A", seq=101, ack=syn_ack[TCP].seq + 1, sport=sport), now)
    return listener.accept()
