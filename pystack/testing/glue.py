"""What we ask of scapy: to read and write packets, and to be the judge of what a host writes.

Its packets are typed as `Any` here, and it is imported by the functions that need it, so that a program which only
imports `pystack.testing` does not pay for it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

_COMPUTED = ("chksum", "cksum", "len", "plen", "ihl", "dataofs")
"""Fields that scapy fills in when it builds a packet."""


class Layers(NamedTuple):
    """The layers of scapy that are filled in."""

    ipv4: Any
    ipv6: Any
    tcp: Any
    udp: Any
    raw: Any
    padding: Any
    fragment6: Any
    in_error: tuple[Any, ...]


@cache
def layers() -> Layers:
    """Raises `ModuleNotFoundError`, with what to do about it, where scapy is missing."""
    try:
        from scapy.layers import inet, inet6  # noqa: PLC0415 (half a second, and a library that only tests need)
        from scapy.packet import Padding, Raw  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the scripted peer reads and writes packets with scapy, which is not installed: pip install scapy",
            name=error.name,
        ) from error
    return Layers(
        inet.IP, inet6.IPv6, inet.TCP, inet.UDP, Raw, Padding, inet6.IPv6ExtHdrFragment, (inet.IPerror, inet6.IPerror6)
    )


def read(data: bytes) -> Any:
    """The packet in these bytes, by the IP version in the first of them."""
    known = layers()
    return (known.ipv6 if data[:1] and data[0] >> 4 == 6 else known.ipv4)(data)


def read_damaged(data: bytes) -> Any:
    """The same for what a script sends, which may be no packet at all: then it is scapy's Raw."""
    try:
        return read(data)
    except Exception:  # scapy raises what it happens to stumble over
        return layers().raw(data)


def walk(packet: Any) -> Iterator[Any]:
    """The layers of a packet from the outside in, those that an ICMP error quotes not among them."""
    quoted = layers().in_error
    while packet and not isinstance(packet, quoted):
        yield packet
        packet = packet.payload


def find(packet: Any, layer: Any) -> Any:
    """The first layer of this class that is the packet's own, None where there is none."""
    return next((found for found in walk(packet) if isinstance(found, layer)), None)


def text_of(packet: Any) -> bytes:
    """What the innermost header carries."""
    tcp = find(packet, (layers().tcp, layers().udp))
    return bytes(tcp.payload) if tcp is not None else b""


def misbuilt(packet: Any, data: bytes) -> str | None:
    """What scapy would have written in another way than the host did, None where it agrees with every byte of `data`:
    lengths, checksums, padding.
    """
    behind = find(packet, layers().padding)
    if behind is not None:
        return f"there are {len(behind)} bytes behind its end"
    again = packet.copy()
    ip = next(walk(again))
    # What a fragment carries is a part of something, whose lengths and checksums are those of the whole.
    for layer in (ip,) if _is_fragment(again) else walk(again):
        for name in _COMPUTED:
            if name in layer.fields:
                layer.delfieldval(name)
    if bytes(again) == data:
        return None
    rebuilt = read(bytes(again))
    for ours, theirs in zip(walk(packet), walk(rebuilt), strict=False):
        for name, value in ours.fields.items():
            if theirs.fields.get(name) != value:
                return f"{ours.name} {name} is {value!r}, and should be {theirs.fields.get(name)!r}"
    return "scapy would have written other bytes"


def _is_fragment(packet: Any) -> bool:
    ipv4, fragment6 = find(packet, layers().ipv4), find(packet, layers().fragment6)
    if ipv4 is not None:
        return bool(ipv4.frag or ipv4.flags.MF)
    return fragment6 is not None and bool(fragment6.offset or fragment6.m)
