"""From a packet with live numbers to the bytes of an IP packet, and back.

The numbers in a `Packet` here are those of the wire; `pystack.drill.flow` maps between them and the script's.
"""

from dataclasses import dataclass
from typing import Final

from pystack.drill import icmpnames
from pystack.drill.flags import with_ace
from pystack.drill.script import (
    Direction,
    Icmp,
    IpInfo,
    Packet,
    Quoted,
    QuotedRaw,
    QuotedTcp,
    QuotedUdp,
    Tcp,
    Udp,
)
from pystack.drill.tcpoptions import decode, encode
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, tcp, udp
from pystack.wire.buffers import Buffer
from pystack.wire.checksum import pseudo_sum
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message
from pystack.wire.tcp import Segment

ECN_MARKS: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
_TTL: Final = 64
_QUOTED_TRANSPORT_BYTES: Final = 8
_ECHOES_V4: Final = (icmpv4.ECHO_REPLY, icmpv4.ECHO_REQUEST)
_ECHOES_V6: Final = (icmpv6.ECHO_REPLY, icmpv6.ECHO_REQUEST)


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends as the peer sees them: packed addresses, and ports (0 where there are none)."""

    remote_ip: bytes
    local_ip: bytes
    remote_port: int
    local_port: int
    protocol: int = tcp.PROTOCOL


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet of the stack under test: when (nanoseconds), its bytes, and what they say, in live numbers; its IP
    header is told as `tos`, `ttl` and `flow_label`. `problems`: what no packet of a script may have, a wrong checksum
    for one. `ends` are `None` where it is between other addresses, or of another protocol.
    """

    at: int
    data: bytes
    packet: Packet | None
    ends: Ends | None
    problems: tuple[str, ...] = ()


# To the stack under test


def build(packet: Packet, ends: Ends) -> bytes:
    """The bytes of an inbound packet, its text zeros. `ValueError` says which value fits into no packet."""
    body = packet.body
    match body:
        case Tcp():
            payload, protocol = _build_tcp(body, ends), tcp.PROTOCOL
        case Udp(size):
            _check_size(size)
            data = bytes(size)
            pseudo = pseudo_sum(ends.remote_ip, ends.local_ip, udp.PROTOCOL, udp.HEADER_BYTES + size)
            payload = udp.build_header(ends.remote_port, ends.local_port, (data,), pseudo) + data
            protocol = udp.PROTOCOL
        case Icmp():
            payload, protocol = _build_icmp(body, ends)
    return _build_ip(packet.ip, ends.remote_ip, ends.local_ip, protocol, len(payload)) + payload


def _check_size(size: int) -> None:
    if size > ipv4.MAX_PACKET_BYTES - 60:
        raise ValueError(f"{size} bytes fit into no packet")


def _build_ip(ip: IpInfo, src: bytes, dst: bytes, protocol: int, size: int) -> bytes:
    tos = ip.tos or 0
    if ip.ecn is not None:
        tos = ECN_MARKS[ip.ecn]
    ttl = _TTL if ip.ttl is None else ip.ttl
    if len(src) == 16:
        return ipv6.build_header(src, dst, protocol, size, ttl=ttl, tos=tos, flow_label=ip.flow_label or 0)
    if ip.flow_label is not None:
        raise ValueError("IPv4 has no flow label")
    return ipv4.build_header(src, dst, protocol, size, ttl=ttl, tos=tos)


def _build_tcp(body: Tcp, ends: Ends) -> bytes:
    _check_size(body.size)
    segment = Segment(body.seq, body.ack or 0, with_ace(body.flags, body.ace), body.win or 0)
    segment.urg = body.urg or 0
    options = encode(body.options or ())
    header = bytearray(tcp.build_header(segment, ends.remote_port, ends.local_port) + options)
    header[12] += len(options) // 4 << 4
    text = bytes(body.size)
    pseudo = pseudo_sum(ends.remote_ip, ends.local_ip, tcp.PROTOCOL, len(header) + body.size)
    return tcp.fill_checksum(bytes(header), (text,), pseudo) + text


def _build_icmp(body: Icmp, ends: Ends) -> tuple[bytes, int]:
    is_ipv6 = len(ends.local_ip) == 16
    kind, code = icmpnames.numbers_of(body.type, body.code, is_ipv6)
    takes_mtu = kind == icmpnames.PACKET_TOO_BIG if is_ipv6 else (kind, code) == icmpnames.FRAGMENTATION_NEEDED
    if body.mtu is not None and not takes_mtu:
        raise ValueError("this ICMP message has no MTU")
    is_echo = kind in (_ECHOES_V6 if is_ipv6 else _ECHOES_V4)
    if body.id is not None and not is_echo:
        raise ValueError("this ICMP message has no identifier")
    if is_echo and body.quoted is not None:
        raise ValueError("an echo quotes nothing")
    rest = (body.id or 0) << 16 if is_echo else body.mtu or 0
    quote = b"" if is_echo else _quote(body.quoted or QuotedTcp(0, 0), ends)
    message = Message(kind, code, rest, quote)
    if is_ipv6:
        return icmpv6.build(message, ends.remote_ip, ends.local_ip), icmpv6.PROTOCOL
    return icmpv4.build(message), icmpv4.PROTOCOL


def _quote(quoted: Quoted, ends: Ends) -> bytes:
    """The packet of the stack that an error is about: its IP header and the first 8 bytes of its transport."""
    src, dst = ends.local_ip, ends.remote_ip
    match quoted:
        case QuotedTcp(seq, size):
            header = tcp.build_header(Segment(seq), ends.local_port, ends.remote_port)
            transport, protocol, length = header, tcp.PROTOCOL, len(header) + size
        case QuotedUdp(size):
            _check_size(size)
            transport = udp.build_header(ends.local_port, ends.remote_port, (bytes(size),), 0)
            protocol, length = udp.PROTOCOL, udp.HEADER_BYTES + size
        case QuotedRaw(size):
            transport, protocol, length = bytes(min(size, _QUOTED_TRANSPORT_BYTES)), 255, size
    _check_size(length)
    return _build_ip(IpInfo(), src, dst, protocol, length) + transport[:_QUOTED_TRANSPORT_BYTES]


# From the stack under test


def hear(at: int, data: bytes, local_ip: bytes, remote_ip: bytes) -> Heard:
    """Reads a packet that the stack has sent. Never raises."""
    try:
        header = ipv6.parse(data) if data and data[0] >> 4 == ipv6.VERSION else ipv4.parse(data)
    except Malformed as error:
        return Heard(at, data, None, None, (str(error),))
    if (header.src, header.dst) != (local_ip, remote_ip):
        return Heard(at, data, None, None)
    problems: list[str] = []
    if isinstance(header, ipv4.Header):
        ip = IpInfo(tos=header.tos, ttl=header.ttl)
        if header.more_fragments or header.fragment_offset:
            return Heard(at, data, None, None)
    else:
        ip = IpInfo(tos=header.tos, ttl=header.ttl, flow_label=header.flow_label)
    try:
        body, ports = _read(header, problems)
    except Malformed as error:
        return Heard(at, data, None, Ends(remote_ip, local_ip, 0, 0, header.protocol), (str(error),))
    if body is None:
        return Heard(at, data, None, None)
    ends = Ends(remote_ip, local_ip, ports[1], ports[0], header.protocol)
    return Heard(at, data, Packet(Direction.OUTBOUND, body, ip), ends, tuple(problems))


def _read(header: ipv4.Header | ipv6.Header, problems: list[str]) -> tuple[Tcp | Udp | Icmp | None, tuple[int, int]]:
    payload = header.payload
    is_ipv6 = isinstance(header, ipv6.Header)
    pseudo = pseudo_sum(header.src, header.dst, header.protocol, len(payload))
    match header.protocol:
        case tcp.PROTOCOL:
            return _read_tcp(payload, pseudo, problems)
        case udp.PROTOCOL:
            try:
                datagram = udp.parse(payload, pseudo, checksum_required=is_ipv6)
            except Malformed as error:
                problems.append(str(error))
                datagram = udp.parse(payload, None)
            _look_for_zeros(datagram.payload, problems)
            return Udp(len(datagram.payload)), (datagram.src_port, datagram.dst_port)
        case icmpv4.PROTOCOL if not is_ipv6:
            return _read_icmp(icmpv4.parse(payload), is_ipv6), (0, 0)
        case icmpv6.PROTOCOL if is_ipv6:
            return _read_icmp(icmpv6.parse(payload, header.src, header.dst), is_ipv6), (0, 0)
        case _:
            return None, (0, 0)


def _read_tcp(payload: memoryview, pseudo: int, problems: list[str]) -> tuple[Tcp, tuple[int, int]]:
    try:
        segment = tcp.parse(payload, pseudo)
    except Malformed as error:
        problems.append(str(error))
        segment = tcp.parse(payload, None)
    _look_for_zeros(segment.payload, problems)
    ports = segment.src_port, segment.dst_port
    body = Tcp(
        segment.flags,
        segment.seq,
        segment.size,
        segment.ack,
        segment.wnd,
        segment.urg,
        decode(payload[tcp.HEADER_BYTES : len(payload) - segment.size]),
        ports=ports,
    )
    return body, ports


def _look_for_zeros(text: Buffer, problems: list[str]) -> None:
    if any(text):
        problems.append("its text is not all zeros")


def _read_icmp(message: Message, is_ipv6: bool) -> Icmp:
    return Icmp(*icmpnames.words_of(message.type, message.code, is_ipv6))
