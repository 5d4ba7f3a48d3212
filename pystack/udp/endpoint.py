"""One UDP endpoint: its two names, what waits to be read, the error that waits to be told, and how it sends."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.ip.fragment import MessageTooLong
from pystack.ip.icmp import Error
from pystack.ip.layer import Ip
from pystack.tcp.icmp import IcmpKind
from pystack.udp.discovery import CUTS, KNOWS_PATH, SETS_DF, Discovery
from pystack.udp.sent import Flow
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, udp
from pystack.wire.checksum import pseudo_sum

HELD_BESIDE_DATA: Final = 256
"""What a datagram that waits holds beside its data: the objects of its data, its sender and its place."""

_SOFT_V4: Final = frozenset(
    (
        icmpv4.NET_UNREACHABLE,
        icmpv4.HOST_UNREACHABLE,
        icmpv4.SOURCE_ROUTE_FAILED,
        icmpv4.NET_UNREACHABLE_FOR_TOS,
        icmpv4.HOST_UNREACHABLE_FOR_TOS,
    )
)
_LAST_V4: Final = 15
_SOFT_V6: Final = frozenset((icmpv6.NO_ROUTE, icmpv6.BEYOND_SCOPE, icmpv6.ADDRESS_UNREACHABLE))
"""Codes of "destination unreachable" that may be over in a moment: only who asks is told (RFC 1122 section 4.1.3.3).
Linux: icmp_err_convert, icmpv6_err_convert."""

_NOT_ABOUT_REACH: Final = {
    IcmpKind.TIME_EXCEEDED: False,
    IcmpKind.SOURCE_QUENCH: False,
    IcmpKind.PARAMETER_PROBLEM: True,
    IcmpKind.UNREACHABLE_PROTOCOL: True,
}
"""Whether kinds that are no matter of codes are hard."""


class Received(NamedTuple):
    """A datagram that waits to be read: its data, the address and port that it came from, and the TTL or hop limit that
    it had left.
    """

    data: bytes
    src: bytes
    src_port: int
    ttl: int


def most_data(address: bytes) -> int:
    """Most bytes that a datagram of this address's family can have (no jumbograms): 65,507 or 65,527."""
    return 0xFFFF - udp.HEADER_BYTES - (ipv4.HEADER_BYTES if len(address) == 4 else 0)


class UdpEndpoint:
    """A UDP endpoint. It begins without a name: `local` is `wildcard`, the unspecified address of its family.

    `remote` is None unless connected. `charge` is told by how many bytes what waits has grown or shrunk.
    """

    __slots__ = (
        "_charge",
        "_queue",
        "context",
        "discovery",
        "error",
        "held",
        "local",
        "local_port",
        "rcvbuf",
        "remote",
        "remote_port",
        "reuse",
        "tos",
        "ttl",
    )

    def __init__(self, wildcard: bytes, rcvbuf: int, ttl: int, charge: Callable[[int], object]) -> None:
        self.local = wildcard
        self.local_port = 0
        self.remote: bytes | None = None
        self.remote_port = 0
        self.reuse = False
        """It shares its port with others that say so too. Linux: SO_REUSEADDR."""
        self.rcvbuf = rcvbuf
        """Bound of `held`; one datagram is taken however small it is."""
        self.ttl = ttl
        self.tos = 0
        self.discovery = Discovery.WANT
        self.error: Error | None = None
        """The last hard ICMP error about what a connected endpoint sent, until somebody takes it."""
        self.held = 0
        """Bytes of memory that unread datagrams hold."""
        self.context: object = None
        """Belongs to the layer above (a socket)."""
        self._charge = charge
        self._queue: deque[Received] = deque()

    # What arrives

    def receive(self, received: Received) -> bool:
        """A datagram has arrived; False: there is no room for it."""
        size = len(received.data) + HELD_BESIDE_DATA
        if self._queue and self.held + size > self.rcvbuf:
            return False
        self._queue.append(received)
        self._hold(size)
        return True

    def on_icmp(self, error: Error) -> bool:
        """An ICMP error about a datagram of ours. Returns whether it has to be told: it is hard, and this endpoint is
        connected, so that it is clear which of its datagrams can be meant.
        """
        if self.remote is None or not self._is_hard(error):
            return False
        self.error = error
        return True

    @property
    def readable(self) -> bool:
        """Whether there is a datagram to read, be it an empty one."""
        return bool(self._queue)

    def peek(self) -> Received | None:
        """The datagram that came first, which stays."""
        return self._queue[0] if self._queue else None

    def recv(self) -> Received | None:
        """Takes the datagram that came first."""
        if not self._queue:
            return None
        received = self._queue.popleft()
        self._hold(-len(received.data) - HELD_BESIDE_DATA)
        return received

    def drop_all(self) -> None:
        """Nobody will read what waits."""
        self._queue.clear()
        self._hold(-self.held)

    # What is sent

    def flow(self, dst: bytes, dst_port: int) -> Flow:
        """How `Sent` knows what this endpoint sends to there."""
        return self.local_port, dst, dst_port

    def send(self, ip: Ip, data: bytes, src: bytes, dst: bytes, dst_port: int, now: int) -> int:
        """Sends a datagram at once. Returns the size of the packet, or of the largest that it is cut into. Raises
        `MessageTooLong`.
        """
        if len(data) > most_data(dst):
            raise MessageTooLong(ipv4.MAX_PACKET_BYTES)
        pseudo = pseudo_sum(src, dst, udp.PROTOCOL, udp.HEADER_BYTES + len(data))
        head = udp.build_header(self.local_port, dst_port, (data,), pseudo)
        return self._transmit(ip, udp.PROTOCOL, (head, data), src, dst, now, "udp")

    def _transmit(
        self, ip: Ip, protocol: int, pieces: tuple[bytes, ...], src: bytes, dst: bytes, now: int, reason: str
    ) -> int:
        """Sends a message of `protocol` as the socket's options say. Returns and raises what `send` does."""
        size = sum(map(len, pieces)) + (ipv4.HEADER_BYTES if len(dst) == 4 else ipv6.HEADER_BYTES)
        mtu = ip.pmtu.get(dst, now) if self.discovery in KNOWS_PATH else ip.pmtu.mtu
        fits = size <= mtu
        if not fits and self.discovery not in CUTS:
            raise MessageTooLong(mtu)
        ip.send(
            src,
            dst,
            protocol,
            pieces,
            now,
            ttl=self.ttl,
            tos=self.tos,
            dont_fragment=fits and self.discovery in SETS_DF,
            mtu=mtu,
            reason=reason,
        )
        return min(size, mtu)

    def _hold(self, change: int) -> None:
        self.held += change
        self._charge(change)

    def _is_hard(self, error: Error) -> bool:
        if error.kind is IcmpKind.FRAGMENTATION_NEEDED:
            return self.discovery is not Discovery.DONT
        if error.kind in _NOT_ABOUT_REACH:
            return _NOT_ABOUT_REACH[error.kind]
        if len(error.dst) == 4:
            return error.code not in _SOFT_V4 and error.code <= _LAST_V4
        return error.code not in _SOFT_V6
