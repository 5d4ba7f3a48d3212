"""The UDP of a host: its endpoints, their ports, and what has arrived for them (RFC 768; RFC 1122 section 4.1)."""

from collections.abc import Callable

from pystack.ip.address import is_multicast, wildcard_of
from pystack.ip.datagram import Datagram
from pystack.ip.fragment import MessageTooLong
from pystack.ip.icmp import Error
from pystack.ip.layer import Ip
from pystack.ip.names import Count, names_of
from pystack.ip.pmtu import LEAST_V4, LEAST_V6
from pystack.stack.errors import (
    AddressInUse,
    AddressNotAvailable,
    BroadcastDenied,
    DatagramTooLong,
    InvalidDestination,
    InvalidSource,
    Unreachable,
)
from pystack.stack.memory import Memory
from pystack.stack.ports import Ports
from pystack.tcp.icmp import IcmpKind
from pystack.udp.config import UdpConfig
from pystack.udp.discovery import BELIEVES_ICMP
from pystack.udp.endpoint import Received, UdpEndpoint
from pystack.udp.sent import Sent
from pystack.udp.table import Table
from pystack.wire import udp
from pystack.wire.checksum import pseudo_sum
from pystack.wire.errors import Malformed


class Datagrams:
    """`ports` gives ephemeral ports, of a space that is UDP's own; `notify` is called when an endpoint has news."""

    __slots__ = ("_config", "_count", "_ip", "_memory", "_notify", "_ports", "_sent", "_table", "_ttl")

    def __init__(
        self,
        ip: Ip,
        config: UdpConfig,
        ttl: int,
        ports: Ports,
        memory: Memory,
        count: Count,
        notify: Callable[[UdpEndpoint], None],
    ) -> None:
        self._ip = ip
        self._config = config
        self._ttl = ttl
        self._ports = ports
        self._memory = memory
        self._count = count
        self._notify = notify
        self._sent = Sent()
        self._table: Table = Table()

    # What applications do

    def open(self, wildcard: bytes) -> UdpEndpoint:
        """A new endpoint of the family of `wildcard`, without a name."""
        return UdpEndpoint(wildcard, self._config.rcvbuf, self._ttl, self._memory.charge)

    def endpoints(self) -> list[UdpEndpoint]:
        """All that have a port."""
        return list(self._table)

    def bind(self, endpoint: UdpEndpoint, address: bytes, port: int) -> None:
        """Gives an endpoint that has none a name: an address of the host or the wildcard, and `port` or a free one for
        0. Raises `AddressNotAvailable`, or `AddressInUse`, also when none is free, as in Linux.
        """
        if any(address) and not self._ip.routes.is_own(address):
            raise AddressNotAvailable("not an address of this host")
        if not port:
            try:
                port = self._free_port(address)
            except AddressNotAvailable as error:
                raise AddressInUse(str(error)) from None
        elif not self._table.is_free(address, port, endpoint.reuse):
            raise AddressInUse(f"port {port} is taken")
        self._table.rename(endpoint, address, port)

    def name(self, endpoint: UdpEndpoint) -> None:
        """Gives an endpoint a free port where it has none. Raises `AddressNotAvailable`."""
        if not endpoint.local_port:
            self._table.rename(endpoint, endpoint.local, self._free_port(endpoint.local))

    def close(self, endpoint: UdpEndpoint) -> None:
        """Forgets an endpoint and what it holds."""
        self._table.remove(endpoint)
        endpoint.drop_all()

    def connect(self, endpoint: UdpEndpoint, address: bytes, port: int) -> None:
        """From now on the endpoint hears from this address and port only, and of ICMP errors about them. It gets a name
        where it has none. Raises `AddressNotAvailable`, `InvalidDestination`, `InvalidSource`, `BroadcastDenied`,
        `Unreachable`.
        """
        self.name(endpoint)
        self._table.rename(endpoint, self._source(endpoint, address), endpoint.local_port, address, port)

    def disconnect(self, endpoint: UdpEndpoint, *, keep_address: bool, keep_port: bool) -> None:
        """From now on the endpoint hears from everybody. Its address and port stay where the application has chosen
        them itself.
        """
        local = endpoint.local if keep_address else wildcard_of(endpoint.local)
        self._table.rename(endpoint, local, endpoint.local_port if keep_port else 0)

    def send(self, endpoint: UdpEndpoint, data: bytes, address: bytes, port: int, now: int) -> None:
        """Sends a datagram at once; the endpoint gets a name where it has none. Raises what `connect` does, and
        `DatagramTooLong`.
        """
        self.name(endpoint)
        try:
            size = endpoint.send(self._ip, data, self._source(endpoint, address), address, port, now)
        except MessageTooLong as reason:
            raise DatagramTooLong(str(reason)) from None
        if size > (LEAST_V4 if len(address) == 4 else LEAST_V6):
            self._sent.note(endpoint.flow(address, port), size, now)
        self._count_sent(address)

    def _free_port(self, address: bytes) -> int:
        return self._ports.ephemeral(lambda p: self._table.is_free(address, p))

    def _source(self, endpoint: UdpEndpoint, address: bytes) -> bytes:
        routes = self._ip.routes
        if not routes.is_unicast(address):
            if any(address) and not is_multicast(address):
                raise BroadcastDenied("this is a broadcast address")
            raise InvalidDestination("no host can have this address")
        source = routes.source_for(address)
        if source is None:
            raise Unreachable("no address of this family, or no route")
        if not any(endpoint.local):
            return source
        if not routes.can_speak(endpoint.local, address):
            raise InvalidSource("a loopback address speaks within the host only")
        return endpoint.local

    # What the network does

    def receive(self, datagram: Datagram, now: int) -> None:
        """A datagram has arrived: an endpoint gets it, or its sender is told that nobody does."""
        names = names_of(datagram.dst)
        src, dst = datagram.src, datagram.dst
        pseudo = pseudo_sum(src, dst, udp.PROTOCOL, len(datagram.payload))
        try:
            arrived = udp.parse(datagram.payload, pseudo, checksum_required=len(dst) == 16)
        except Malformed as reason:
            self._count(names.udp_in_errors)
            if reason.counter == "UdpInCsumErrors":
                self._count(names.udp_in_csum_errors)
            return
        if datagram.to_group:
            self._count(names.udp_ignored_multi)
            return
        endpoint = self._table.find(dst, arrived.dst_port, src, arrived.src_port)
        if endpoint is None:
            self._count(names.udp_no_ports)
            self._ip.errors.port_unreachable(datagram, now)
            return
        received = Received(bytes(arrived.payload), src, arrived.src_port, datagram.ttl)
        refusal = self._give(endpoint, received, no_memory=names.udp_mem_errors, no_room=names.udp_rcvbuf_errors)
        if refusal is None:
            self._count(names.udp_in_datagrams)
        else:
            self._count(refusal)
            self._count(names.udp_in_errors)

    def _give(self, endpoint: UdpEndpoint, received: Received, *, no_memory: str, no_room: str) -> str | None:
        """An endpoint gets a datagram; or it does not, for which the counter is returned."""
        had_some = endpoint.readable
        if self._memory.is_short:
            return no_memory
        if not endpoint.receive(received):
            return no_room
        if not had_some:
            self._notify(endpoint)
        return None

    def icmp_arrives(self, error: Error, now: int) -> bool:
        """An ICMP error about one of these packets. Returns whether the path MTU to its destination is smaller now.
        Raises `Malformed` where nobody here can have sent such a packet.

        That a packet was too large is believed where one as large, and larger than what it says that fits, was sent to
        there lately: it concerns all that is sent to there, TCP too (RFC 5927 section 7).
        """
        endpoint = self._sender_of(error)
        if endpoint is None:
            raise Malformed(names_of(error.src).icmp_in_errors, "an error about a datagram that nobody has sent")
        lowered = False
        if error.kind is IcmpKind.FRAGMENTATION_NEEDED:
            flow, size = endpoint.flow(error.dst, error.dst_port), error.quoted_length
            if size <= error.mtu or not self._sent.has(flow, size, now):
                self._count("PystackIcmpInUnbelieved")
                return False
            if endpoint.discovery in BELIEVES_ICMP:
                lowered = self._ip.pmtu.lower(error.dst, error.mtu, now, quoted_length=size)
        if endpoint.on_icmp(error):
            self._notify(endpoint)
        return lowered

    # What is UDP's own

    def _count_sent(self, address: bytes) -> None:
        self._count(names_of(address).udp_out_datagrams)

    def _sender_of(self, error: Error) -> UdpEndpoint | None:
        """Who can have sent the packet that an error is about."""
        return self._table.find(error.src, error.src_port, error.dst, error.dst_port)
