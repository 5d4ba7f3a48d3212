"""An IP layer, or a whole host, and scapy as everybody else."""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Packet as ScapyPacket

from pystack.ip.config import IpConfig
from pystack.ip.datagram import Datagram
from pystack.ip.layer import Ip
from pystack.stack.config import Config
from pystack.stack.host import Host

SECOND = 1_000_000_000
OURS = {4: "10.0.0.2", 6: "fd00::2"}
THEIRS = {4: "10.0.0.1", 6: "fd00::1"}
PACKED = {4: bytes([10, 0, 0, 2]), 6: bytes([0xFD, *bytes(14), 2])}
PACKED_THEIRS = {4: bytes([10, 0, 0, 1]), 6: bytes([0xFD, *bytes(14), 1])}
ADDRESSES = ((PACKED[4], 24), (PACKED[6], 64))
PREFIX = {4: "Ip", 6: "Ip6"}


def entropy(seed: str = "ip") -> Callable[[int], bytes]:
    count = 0

    def draw(n: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_128(f"{seed} {count}".encode()).digest(n)

    return draw


def host(**changes: Any) -> Host:
    """A host with one address of each family."""
    return Host(Config(**{"addresses": ADDRESSES} | changes), entropy())


def ip(family: int, **fields: Any) -> ScapyPacket:
    """An IP header from them to us; `src` and `dst` may be others."""
    fields = {"src": THEIRS[family], "dst": OURS[family]} | fields
    return IP(**fields) if family == 4 else IPv6(**fields)


def read(data: bytes) -> ScapyPacket:
    """A packet of ours, which scapy would have written with the same checksums and lengths."""
    found = IP(data) if data[0] >> 4 == 4 else IPv6(data)
    again = found.copy()
    is_fragment = IP in found and (found.frag or "MF" in found.flags)
    for layer in (again,) if is_fragment else (again, again.payload):
        for name in ("chksum", "cksum", "len", "plen"):
            if name in layer.fields:
                layer.delfieldval(name)
    assert bytes(again) == data
    return found


def drain(stack: Host, now: int = 0) -> list[ScapyPacket]:
    """What the host sends."""
    found = []
    while (packet := stack.poll_transmit(now)) is not None:
        found.append(read(bytes(packet)))
    return found


def gives(stack: Host, packet: ScapyPacket | bytes, now: int = 0) -> list[ScapyPacket]:
    """A packet arrives; returns what is sent then."""
    stack.receive(bytes(packet), now)
    return drain(stack, now)


class Layer:
    """An IP layer alone; `counts` by name."""

    def __init__(self, mtu: int = 1500, addresses: Any = ADDRESSES, **config: Any) -> None:
        self.counts: Counter[str] = Counter()
        self.ip = Ip(IpConfig(**config), addresses, mtu, 64, entropy(), self._count)

    def _count(self, name: str) -> None:
        self.counts[name] += 1

    def takes(self, packet: ScapyPacket | bytes, now: int = 0) -> Datagram | None:
        """What a packet gives to a transport."""
        got = self.ip.receive(bytes(packet), now)
        assert got is None or isinstance(got, Datagram)
        return got

    def sent(self) -> list[ScapyPacket]:
        """What the layer has sent since."""
        found = []
        while (packet := self.ip.poll_transmit()) is not None:
            found.append(read(bytes(packet)))
        return found


PROTOCOL = 253
"""One for experiments (RFC 3692): its payload is any bytes."""


def fragment(
    family: int, offset: int, data: bytes, more: bool, ident: int = 7, protocol: int = PROTOCOL, **fields: Any
) -> ScapyPacket:
    """One fragment; `offset` in bytes."""
    if family == 4:
        return ip(4, id=ident, frag=offset // 8, flags="MF" if more else 0, proto=protocol, **fields) / data
    header = IPv6ExtHdrFragment(nh=protocol, offset=offset // 8, m=int(more), id=ident)
    return ip(6, **fields) / header / data


def fragments(family: int, data: bytes, size: int, ident: int = 7, protocol: int = PROTOCOL) -> list[ScapyPacket]:
    """A datagram in pieces of `size` bytes, a multiple of 8."""
    return [
        fragment(family, at, data[at : at + size], at + size < len(data), ident, protocol)
        for at in range(0, len(data), size)
    ]
