"""One packet as one line of text, in tcpdump's manner, for logs and demonstrations.

TCP is written as test scripts write it: flags as letters, `first:last(size)`, the raw window, and the options in the
order of the wire with their padding. So the option bytes are read here once more, not taken from `Options`.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, tcp, udp
from pystack.wire import options as tcp_options
from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message

_ICMPV4_NAMES = {
    icmpv4.DESTINATION_UNREACHABLE: "unreachable",
    icmpv4.SOURCE_QUENCH: "source quench",
    icmpv4.REDIRECT: "redirect",
    icmpv4.TIME_EXCEEDED: "time exceeded",
    icmpv4.PARAMETER_PROBLEM: "parameter problem",
    icmpv4.TIMESTAMP_REQUEST: "timestamp request",
    icmpv4.TIMESTAMP_REPLY: "timestamp reply",
}
_ICMPV6_NAMES = {
    icmpv6.DESTINATION_UNREACHABLE: "unreachable",
    icmpv6.PACKET_TOO_BIG: "packet too big",
    icmpv6.TIME_EXCEEDED: "time exceeded",
    icmpv6.PARAMETER_PROBLEM: "parameter problem",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
}


def render(packet: Buffer) -> str:
    """The packet as a line of text without a line end; never raises.

    What cannot be read is called malformed, with the reason. The checksums of TCP and UDP are not looked at, since
    they are unfinished in packets that are on their way to a device with checksum offload.
    """
    try:
        header = ipv6.parse(packet) if packet and packet[0] >> 4 == ipv6.VERSION else ipv4.parse(packet)
    except Malformed as error:
        return f"malformed packet ({len(packet)} bytes): {error}"
    try:
        return _transport(header)
    except Malformed as error:
        return f"{_hosts(header)} malformed: {error} ({len(header.payload)} bytes)"


def _transport(header: ipv4.Header | ipv6.Header) -> str:
    payload = header.payload
    size = len(payload)
    if isinstance(header, ipv4.Header):
        if header.more_fragments or header.fragment_offset:
            first = header.fragment_offset
            more = "+" if header.more_fragments else ""
            span = f"{first}:{first + size}({size}){more}"
            return f"{_hosts(header)} protocol {header.protocol} fragment id {header.identification} {span}"
        if header.protocol == icmpv4.PROTOCOL:
            return f"{_hosts(header)} {_icmpv4(icmpv4.parse(payload))}"
    elif header.protocol == icmpv6.PROTOCOL:
        return f"{_hosts(header)} {_icmpv6(icmpv6.parse(payload, header.src, header.dst))}"
    if header.protocol == tcp.PROTOCOL:
        seg = tcp.parse(payload, None)
        options = payload[tcp.HEADER_BYTES : size - seg.size]
        return f"{_sockets(header, seg.src_port, seg.dst_port)} {_segment(seg, options)}"
    if header.protocol == udp.PROTOCOL:
        datagram = udp.parse(payload, None)
        return f"{_sockets(header, datagram.src_port, datagram.dst_port)} udp ({len(datagram.payload)})"
    return f"{_hosts(header)} protocol {header.protocol} ({size})"


def _hosts(header: ipv4.Header | ipv6.Header) -> str:
    return f"{ip_address(header.src)} > {ip_address(header.dst)}"


def _sockets(header: ipv4.Header | ipv6.Header, src_port: int, dst_port: int) -> str:
    src, dst = ip_address(header.src), ip_address(header.dst)
    if src.version == 6:
        return f"[{src}]:{src_port} > [{dst}]:{dst_port}"
    return f"{src}:{src_port} > {dst}:{dst_port}"


def _segment(seg: tcp.Segment, options: Buffer) -> str:
    words = [tcp.flag_letters(seg.flags), f"{seg.seq}:{(seg.seq + seg.size) & 0xFFFFFFFF}({seg.size})"]
    if seg.flags & tcp.ACK:
        words.append(f"ack {seg.ack}")
    words.append(f"win {seg.wnd}")
    if seg.flags & tcp.URG:
        words.append(f"urg {seg.urg}")
    if options:
        words.append(f"<{','.join(_options(options))}>")
    return " ".join(words)


def _options(data: Buffer) -> Iterator[str]:
    at = 0
    while at < len(data):
        kind = data[at]
        if kind == tcp_options.EOL:
            # What follows is padding, of zeros (MUST-69); each is shown, so that the list adds up to the header.
            padding = bytes(data[at:])
            yield from ["eol"] * len(padding) if not any(padding) else ["eol", f"padding {padding[1:].hex()}"]
            return
        if kind == tcp_options.NOP:
            yield "nop"
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            yield f"malformed {bytes(data[at:]).hex()}"
            return
        yield _option(kind, bytes(data[at + 2 : at + length]))
        at += length


def _option(kind: int, value: bytes) -> str:
    words = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
    match kind, len(value):
        case tcp_options.MSS, 2:
            return f"mss {words[0]}"
        case tcp_options.WINDOW_SCALE, 1:
            return f"wscale {words[0]}"
        case tcp_options.SACK_PERMITTED, 0:
            return "sackOK"
        case tcp_options.TIMESTAMPS, 8:
            return f"TS val {words[0]} ecr {words[1]}"
        case tcp_options.SACK, size if size and size % 8 == 0:
            return "sack " + " ".join(f"{left}:{right}" for left, right in zip(words[::2], words[1::2], strict=True))
        case _:
            return f"kind {kind} {value.hex()}".rstrip()


def _icmpv4(message: Message) -> str:
    if message.type in (icmpv4.ECHO_REQUEST, icmpv4.ECHO_REPLY):
        return f"icmp {_echo(message, message.type == icmpv4.ECHO_REQUEST)}"
    name = _ICMPV4_NAMES.get(message.type, f"type {message.type}")
    too_big = message.type == icmpv4.DESTINATION_UNREACHABLE and message.code == icmpv4.FRAGMENTATION_NEEDED
    mtu = f" mtu {message.rest & 0xFFFF}" if too_big else ""
    return f"icmp {name} code {message.code}{mtu} ({len(message.body)})"


def _icmpv6(message: Message) -> str:
    if message.type in (icmpv6.ECHO_REQUEST, icmpv6.ECHO_REPLY):
        return f"icmp6 {_echo(message, message.type == icmpv6.ECHO_REQUEST)}"
    name = _ICMPV6_NAMES.get(message.type, f"type {message.type}")
    mtu = f" mtu {message.rest}" if message.type == icmpv6.PACKET_TOO_BIG else ""
    return f"icmp6 {name} code {message.code}{mtu} ({len(message.body)})"


def _echo(message: Message, is_request: bool) -> str:
    kind = "request" if is_request else "reply"
    return f"echo {kind} id {message.identifier} seq {message.sequence} ({len(message.body)})"
