"""The ICMP echo sockets of a host: their identifiers, and the replies that have arrived for them (RFC 792; RFC 4443
section 4).
"""

from collections.abc import Callable

from pystack.ip.datagram import Datagram
from pystack.ip.icmp import Error
from pystack.ip.layer import Ip
from pystack.ip.names import Count, names_of
from pystack.stack.datagrams import Datagrams
from pystack.stack.memory import Memory
from pystack.stack.ports import Ports
from pystack.udp.config import UdpConfig
from pystack.udp.echo import EchoEndpoint, Identifiers, identifier_of, is_request
from pystack.udp.endpoint import Received, UdpEndpoint


class Echoes(Datagrams):
    """As `Datagrams`, with identifiers for ports: any but 0, at random, for who asks for none. `entropy(n)` gives n
    random bytes.
    """

    __slots__ = ()

    def __init__(
        self,
        ip: Ip,
        config: UdpConfig,
        ttl: int,
        entropy: Callable[[int], bytes],
        memory: Memory,
        count: Count,
        notify: Callable[[UdpEndpoint], None],
    ) -> None:
        super().__init__(ip, config, ttl, Ports(1, 0xFFFF, entropy), memory, count, notify)
        self._table: Identifiers = Identifiers()

    def open(self, wildcard: bytes) -> EchoEndpoint:
        """A new endpoint of the family of `wildcard`, without an identifier."""
        return EchoEndpoint(wildcard, self._config.rcvbuf, self._ttl, self._memory.charge)

    def receive(self, datagram: Datagram, now: int) -> None:
        """An echo reply has arrived, whose checksum holds: an endpoint gets it as it is."""
        names = names_of(datagram.dst)
        message = bytes(datagram.payload)
        endpoint = self._table.find_identifier(datagram.dst, identifier_of(message))
        if endpoint is None or datagram.to_group:
            self._count(names.icmp_in_echo_replies_unasked)
            return
        received = Received(message, datagram.src, 0, datagram.ttl)
        refusal = self._give(
            endpoint,
            received,
            no_memory=names.icmp_in_echo_replies_no_memory,
            no_room=names.icmp_in_echo_replies_no_room,
        )
        if refusal is not None:
            self._count(refusal)

    def _count_sent(self, address: bytes) -> None:
        names = names_of(address)
        self._count(names.icmp_out_msgs)
        self._count(names.icmp_out_echos)

    def _sender_of(self, error: Error) -> UdpEndpoint | None:
        if not is_request(error.src, error.transport):
            return None
        return self._table.find_identifier(error.src, identifier_of(error.transport))
