"""ICMP echo as a socket sees it (Linux's "ping sockets"): an endpoint whose port is the identifier of its requests."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.ip.address import wildcard_of
from pystack.ip.icmp import Error, protocol_of
from pystack.ip.layer import Ip
from pystack.tcp.icmp import IcmpKind
from pystack.udp.endpoint import HELD_BESIDE_DATA, UdpEndpoint
from pystack.udp.sent import Flow
from pystack.udp.table import Table
from pystack.wire import icmpv4, icmpv6
from pystack.wire.icmp import HEADER_BYTES, Message

_MOST_REPORTS: Final = 64
"""So many may wait: as many packets as a driver reads before whoever waits for them runs."""


class Report(NamedTuple):
    """What an ICMP error says of the request with number `sequence` that was for `dst`.

    - `src`: who says it; `kind`, `code`, `mtu`: as in `pystack.tcp.icmp.IcmpError`.
    """

    src: bytes
    dst: bytes
    sequence: int
    kind: IcmpKind
    code: int
    mtu: int


def is_request(address: bytes, message: bytes) -> bool:
    """Whether `message`, of 8 bytes or more, begins as an echo request of the address's family."""
    return message[0] == (icmpv4.ECHO_REQUEST if len(address) == 4 else icmpv6.ECHO_REQUEST) and not message[1]


def identifier_of(message: bytes | memoryview) -> int:
    """The identifier in an echo request or reply."""
    return int.from_bytes(message[4:6], "big")


def sequence_of(message: bytes | memoryview) -> int:
    """The sequence number in an echo request or reply."""
    return int.from_bytes(message[6:8], "big")


class EchoEndpoint(UdpEndpoint):
    """Its data are whole ICMP messages: requests that it sends, replies that it receives. `local_port` is its
    identifier, `remote_port` means nothing.

    Unlike UDP's it keeps what ICMP says of its requests, also where that is no error that a call raises: who asks
    whether a host can be reached wants to know.
    """

    __slots__ = ("_reports",)

    def __init__(self, wildcard: bytes, rcvbuf: int, ttl: int, charge: Callable[[int], object]) -> None:
        super().__init__(wildcard, rcvbuf, ttl, charge)
        self.reuse = True
        self._reports: deque[Report] = deque()

    def flow(self, dst: bytes, dst_port: int) -> Flow:
        return self.local_port, dst, 0

    def send(self, ip: Ip, data: bytes, src: bytes, dst: bytes, dst_port: int, now: int) -> int:
        """Sends an echo request, of which identifier and checksum are filled in."""
        rest = self.local_port << 16 | sequence_of(data)
        request = Message(data[0], data[1], rest, memoryview(data)[HEADER_BYTES:])
        body = icmpv4.build(request) if len(dst) == 4 else icmpv6.build(request, src, dst)
        return self._transmit(ip, protocol_of(dst), (body,), src, dst, now, "echo-request")

    def on_icmp(self, error: Error) -> bool:
        """An ICMP error about a request of ours: it has to be told, be it as a report alone."""
        super().on_icmp(error)
        if len(self._reports) < _MOST_REPORTS:
            self._hold(HELD_BESIDE_DATA)
        else:
            self._reports.popleft()
        sequence = sequence_of(error.transport)
        self._reports.append(Report(error.reporter, error.dst, sequence, error.kind, error.code, error.mtu))
        return True

    @property
    def has_reports(self) -> bool:
        """Whether there is a report to take."""
        return bool(self._reports)

    def take_report(self) -> Report | None:
        """Takes the report that came first of the last 64; None where there is none."""
        if not self._reports:
            return None
        self._hold(-HELD_BESIDE_DATA)
        return self._reports.popleft()

    def drop_all(self) -> None:
        self._reports.clear()
        super().drop_all()


class Identifiers(Table):
    """The echo endpoints of a host. As in Linux they share an identifier where all are ready to, whatever their
    addresses, and hear replies from everybody: a router may answer from another address than was asked.
    """

    __slots__ = ()

    def is_free(self, address: bytes, port: int, reuse: bool = False) -> bool:
        return super().is_free(wildcard_of(address), port, reuse)

    def find_identifier(self, local: bytes, identifier: int) -> UdpEndpoint | None:
        """The endpoint with this identifier that hears what is for `local`: of many the one that was named last."""
        for endpoint in reversed(self._by_port.get((len(local), identifier), {})):
            if endpoint.local == local or not any(endpoint.local):
                return endpoint
        return None
