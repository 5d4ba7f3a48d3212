"""What becomes of a packet that arrives: a datagram for a transport, or a drop with its counter, of which the sender
may have to be told.
"""

from collections.abc import Callable
from typing import NamedTuple

from pystack.ip.datagram import Datagram
from pystack.ip.errors import Errors
from pystack.ip.names import V4, V6, Count, Names
from pystack.ip.reassembly import Reassembly, Whole
from pystack.ip.routes import Routes
from pystack.wire import icmpv6, ipv4, ipv4_options, ipv6, ipv6_extensions, tcp, udp
from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.ipv6_extensions import Chain, Fragment, ParameterProblem

_PROTOCOL_AT_V4 = 9
_LENGTH_AT_V6 = 4
_ECN = 3

_INCOMPLETE_CHAIN = 3
"""Code of a parameter problem: the first fragment has not all headers (RFC 7112)."""

_KEPT_OF_FIRST = 1280
"""No ICMP error quotes more."""

_TRANSPORT_BYTES = {tcp.PROTOCOL: tcp.HEADER_BYTES, udp.PROTOCOL: udp.HEADER_BYTES, icmpv6.PROTOCOL: 8}
"""What a first fragment has to hold of these (RFC 8200 section 4.5)."""

_TRANSPORTS = frozenset(_TRANSPORT_BYTES)


class _First(NamedTuple):
    """What is kept of a first fragment: the datagram but for its payload, which begins after `skip` bytes of extension
    headers of the reassembled ones.
    """

    datagram: Datagram
    skip: int


class Receiver:
    """The way in, for both families."""

    __slots__ = ("_count", "_errors", "_reassembly_v4", "_reassembly_v6", "_routes")

    def __init__(
        self,
        routes: Routes,
        errors: Errors,
        count: Count,
        *,
        budget_v4: int,
        budget_v6: int,
        timeout_v4: int,
        timeout_v6: int,
        memory_is_short: Callable[[], bool],
    ) -> None:
        self._routes = routes
        self._errors = errors
        self._count = count
        self._reassembly_v4: Reassembly[_First] = Reassembly(V4, count, budget_v4, timeout_v4, memory_is_short)
        self._reassembly_v6: Reassembly[_First] = Reassembly(V6, count, budget_v6, timeout_v6, memory_is_short)

    def receive(self, packet: Buffer, now: int, *, looped: bool = False) -> Datagram | None:
        """A packet has arrived, from the host itself where it is `looped`; returns the datagram that is whole with it.
        Never raises for what is in the packet.
        """
        try:
            if packet and packet[0] >> 4 == ipv6.VERSION:
                self._count(V6.in_receives)
                datagram = self._receive_v6(packet, now, looped)
            else:
                self._count(V4.in_receives)
                datagram = self._receive_v4(packet, now, looped)
        except Malformed as reason:
            self._count(reason.counter)
            return None
        if datagram is not None:
            self._count(V4.in_delivers if len(datagram.src) == 4 else V6.in_delivers)
        return datagram

    @property
    def held(self) -> int:
        """Bytes of memory that incomplete datagrams hold."""
        return self._reassembly_v4.held + self._reassembly_v6.held

    def next_deadline(self) -> int | None:
        """When `on_deadline` wants to be called; None: not before something else happens."""
        waits = [r.next_deadline() for r in (self._reassembly_v4, self._reassembly_v6)]
        return min([d for d in waits if d is not None], default=None)

    def on_deadline(self, now: int) -> None:
        """Gives up the datagrams that have been incomplete for too long."""
        for reassembly in (self._reassembly_v4, self._reassembly_v6):
            for first in reassembly.take_expired(now):
                self._errors.reassembly_time_exceeded(first.datagram, now)

    def _is_for_us(self, src: bytes, dst: bytes, names: Names) -> bool:
        routes = self._routes
        if not routes.is_of_device(dst) and not routes.is_group(dst):
            # A device brings what its kernel says to groups of its own; that must not hide what is really astray.
            self._count(names.in_addr_errors if routes.is_unicast(dst) else names.in_groups)
            return False
        if not routes.is_source(src):
            self._count(names.in_addr_errors)
            return False
        return True

    # IPv4

    def _receive_v4(self, packet: Buffer, now: int, looped: bool) -> Datagram | None:
        header = ipv4.parse(packet)
        if not looped and not self._is_for_us(header.src, header.dst, V4):
            return None
        if header.options:
            try:
                options = ipv4_options.kinds(header.options)
            except ipv4_options.BadOption as problem:
                if not header.fragment_offset:
                    self._errors.bad_option(header, packet, problem.pointer, now)
                raise
            if not ipv4_options.SOURCE_ROUTES.isdisjoint(options):
                self._count("PystackIpInSourceRoutes")
                return None
        if header.more_fragments or header.fragment_offset:
            return self._reassemble_v4(header, packet, now)
        return self._datagram_v4(header, header.payload, packet)

    def _datagram_v4(self, header: ipv4.Header, payload: Buffer, packet: Buffer) -> Datagram:
        return Datagram(
            header.src,
            header.dst,
            header.protocol,
            header.ttl,
            header.tos,
            payload,
            packet,
            _PROTOCOL_AT_V4,
            not self._routes.is_own(header.dst),
        )

    def _reassemble_v4(self, header: ipv4.Header, packet: Buffer, now: int) -> Datagram | None:
        offset, more, payload = header.fragment_offset, header.more_fragments, header.payload
        if not payload or (more and len(payload) % 8):
            raise Malformed("IpInHdrErrors", f"a fragment of {len(payload)} bytes")
        if header.header_length + offset + len(payload) > ipv4.MAX_PACKET_BYTES:
            raise Malformed("IpInHdrErrors", "a fragment beyond the 65,535 bytes of a packet")
        key = b"%b%b%c%b" % (header.src, header.dst, header.protocol, header.identification.to_bytes(2, "big"))
        first = None if offset else _First(self._datagram_v4(header, b"", bytes(packet[:_KEPT_OF_FIRST])), 0)
        return _finished(self._reassembly_v4.add(key, offset, more, payload, first, header.tos & _ECN, now))

    # IPv6

    def _receive_v6(self, packet: Buffer, now: int, looped: bool) -> Datagram | None:
        header = ipv6.parse(packet)
        if not looped and not self._is_for_us(header.src, header.dst, V6):
            return None
        try:
            if header.protocol in _TRANSPORTS:
                chain = Chain(header.protocol, header.payload, ipv6.HEADER_BYTES, ipv6_extensions.NEXT_HEADER_AT, None)
            else:
                chain = ipv6_extensions.walk(header.protocol, header.payload)
            if chain.fragment is None or chain.fragment.is_atomic:
                datagram = self._datagram_v6(header, chain, chain.payload, packet)
            else:
                whole = self._reassemble_v6(header, chain, chain.fragment, packet, now)
                if whole is None:
                    return None
                datagram = whole
        except ParameterProblem as problem:
            self._errors.parameter_problem(problem, header.src, header.dst, packet, now)
            raise
        if datagram.protocol == ipv6_extensions.NO_NEXT_HEADER:
            self._count("PystackIp6InNoNextHeader")
            return None
        return datagram

    def _datagram_v6(self, header: ipv6.Header, chain: Chain, payload: Buffer, packet: Buffer) -> Datagram:
        return Datagram(
            header.src,
            header.dst,
            chain.protocol,
            header.ttl,
            header.tos,
            payload,
            packet,
            chain.named_at,
            not self._routes.is_own(header.dst),
        )

    def _reassemble_v6(
        self, header: ipv6.Header, chain: Chain, fragment: Fragment, packet: Buffer, now: int
    ) -> Datagram | None:
        offset, more, payload = fragment.offset, fragment.more, chain.payload
        if more and len(payload) % 8:
            raise ParameterProblem(icmpv6.ERRONEOUS_HEADER_FIELD, _LENGTH_AT_V6, f"a fragment of {len(payload)} bytes")
        if not payload:
            raise Malformed("Ip6InHdrErrors", "an empty fragment")
        if fragment.at - ipv6.HEADER_BYTES + offset + len(payload) > ipv4.MAX_PACKET_BYTES:
            raise ParameterProblem(
                icmpv6.ERRONEOUS_HEADER_FIELD, fragment.at + 2, "a fragment beyond the 65,535 bytes of a payload"
            )
        first = None
        if not offset:
            inner = _all_headers(chain)
            datagram = self._datagram_v6(header, inner, b"", bytes(packet[:_KEPT_OF_FIRST]))
            first = _First(datagram, inner.at - chain.at)
        key = header.src + header.dst + fragment.identification.to_bytes(4, "big")
        return _finished(self._reassembly_v6.add(key, offset, more, payload, first, header.tos & _ECN, now))


def _finished(whole: Whole[_First] | None) -> Datagram | None:
    if whole is None:
        return None
    datagram, skip = whole.first
    datagram.payload = whole.payload[skip:]
    datagram.tos = datagram.tos & ~_ECN | whole.ecn
    return datagram


def _all_headers(chain: Chain) -> Chain:
    """The headers behind the fragment header of a first fragment, up to the transport's. They have to be there as a
    whole, so that those who look at first fragments only see what the datagram is (RFC 8200 section 4.5, RFC 7112).
    """
    try:
        inner = ipv6_extensions.walk(chain.protocol, chain.payload, chain.at, chain.named_at, fragment=chain.fragment)
    except Malformed as reason:
        if reason.counter != "Ip6InTruncatedPkts":
            raise
        raise ParameterProblem(_INCOMPLETE_CHAIN, 0, "a first fragment without all headers") from None
    if len(inner.payload) < _TRANSPORT_BYTES.get(inner.protocol, 0):
        raise ParameterProblem(_INCOMPLETE_CHAIN, 0, "a first fragment without its transport header")
    return inner
