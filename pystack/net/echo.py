"""ICMP echo sockets: to ask whether, and how fast, a host answers."""

from dataclasses import dataclass

from pystack.net import address as addresses
from pystack.net.base import checkpoint_if_cancelled, schedule_point
from pystack.net.datagram import DatagramSocket
from pystack.sock.constants import WouldBlock
from pystack.sock.echo import EchoSock
from pystack.tcp.icmp import IcmpKind
from pystack.udp.echo import Report, sequence_of
from pystack.udp.endpoint import Received
from pystack.wire.icmp import HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Reply:
    """An echo reply: who sent it, the `sequence` number and the data of the request that it answers, and the TTL or hop
    limit that it had left.
    """

    source: str
    sequence: int
    ttl: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """What an ICMP error says of the request with number `sequence`.

    - `source`: who says it, a router or the host itself; `destination`: whom the request was for.
    - `kind` and `code` (of the ICMP or ICMPv6 message): why. `mtu`: how large packets may be, in bytes with the IP
      header, for `IcmpKind.FRAGMENTATION_NEEDED`; else 0.
    """

    source: str
    destination: str
    sequence: int
    kind: IcmpKind
    code: int
    mtu: int


class EchoSocket(DatagramSocket):
    """A "ping socket", as Linux's: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6. What `send` and `sendto` take is an
    echo request with its 8 bytes of header, into which the stack writes the identifier (the port of the socket's own
    name) and the checksum; what is received is an echo reply with its header.
    """

    _sock: EchoSock

    async def receive(self) -> Reply | Failure:
        """What comes next of all that is known of the requests. Linux has IP_RECVERR and IP_RECVTTL for this. Raises
        OSError EPIPE once reading was shut down, ENETDOWN.
        """
        await checkpoint_if_cancelled()
        found = self._sock.receive()
        if isinstance(found, WouldBlock):
            return _public(await self._wait(self._readers, self._sock.receive))
        await schedule_point()
        return _public(found)

    def _wake(self) -> None:
        super()._wake()
        if self._readers and self._sock.has_news:
            self._readers.unpark_all()


def _public(found: Received | Report) -> Reply | Failure:
    source = addresses.unpack(found.src, 0)[0]
    if isinstance(found, Received):
        return Reply(source, sequence_of(found.data), found.ttl, found.data[HEADER_BYTES:])
    destination = addresses.unpack(found.dst, 0)[0]
    return Failure(source, destination, found.sequence, found.kind, found.code, found.mtu)
