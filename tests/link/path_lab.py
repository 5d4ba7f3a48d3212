"""What the tests of paths share."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from pystack.link.entropy import stream
from pystack.link.impair import Impairments
from pystack.link.path import Path
from pystack.link.way import Way
from pystack.wire import ipv4, ipv6

MS = 1_000_000
A4, B4 = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
A6, B6 = bytes([0xFD, *bytes(14), 1]), bytes([0xFD, *bytes(14), 2])

Came = list[tuple[int, bytes]]


def way_of(seed: int = 1, **fields: Any) -> Way:
    return Way(Impairments(**fields), partial(stream, seed))


def path_of(forward: Impairments, back: Impairments, faults: Iterable[Any] = ()) -> Path:
    return Path(forward, back, (partial(stream, 1, "f"), partial(stream, 1, "b")), faults)


def numbered(n: int, size: int = 1000) -> bytes:
    """A packet of nothing that is IP."""
    return n.to_bytes(2, "big") + bytes(size - 2)


def number_of(packet: bytes) -> int:
    return int.from_bytes(packet[:2], "big")


def ip_packet(family: int, protocol: int, payload: bytes, ecn: int = 0) -> bytes:
    if family == 4:
        return ipv4.build_header(A4, B4, protocol, len(payload), tos=ecn) + payload
    return ipv6.build_header(A6, B6, protocol, len(payload), tos=ecn) + payload


def drive(way: Way, puts: Iterable[tuple[int, bytes]]) -> Came:
    """Puts packets in at their times, and asks for those that are due at `next_due` alone. Each has to come at its very
    time. What came, and when.
    """
    came: Came = []
    empty = 0

    def come_back(until: float) -> None:
        nonlocal empty
        while (due := way.next_due) is not None and due <= until:
            before = len(came)
            while (rank := way.rank(due)) is not None:
                assert rank[0] == due, "not asked in time"
                came.append((due, way.pop()))
            empty += len(came) == before

    for now, packet in puts:
        come_back(now - 1)
        way.put(packet, now)
    come_back(float("inf"))
    assert empty <= way.counts.sent, "asked too often"
    return came
