"""From the text of a packet line to a `Packet`."""

import re
from typing import Final

from pystack.drill.cursor import Cursor
from pystack.drill.errors import Unsupported
from pystack.drill.flags import parse_flags
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
from pystack.drill.tcpoptions import parse_options

_PORTS: Final = re.compile(r"\d+\s*>")
_TUNNELS: Final = ("ipv4", "ipv6", "gre", "mpls")
_ECN_WORDS: Final = ("noecn", "ect0", "ect1", "ect01", "ce")
_MAX_SIZE: Final = 65535


def parse_packet(cursor: Cursor) -> Packet:
    """Reads a packet line from its `<` or `>` on."""
    direction = Direction.INBOUND if cursor.accept("<") else Direction.OUTBOUND
    if direction is Direction.OUTBOUND:
        cursor.expect(">")
    if cursor.looks_at_word(*_TUNNELS):
        raise Unsupported("tunnels are not supported", cursor.position)
    ip = _parse_ip_info(cursor, direction)
    body: Tcp | Udp | Icmp
    if cursor.accept_word("icmp"):
        body = _parse_icmp(cursor)
    elif cursor.accept_word("udp"):
        body = Udp(_parse_size(cursor))
    else:
        body = _parse_tcp(cursor, direction)
    return Packet(direction, body, ip)


def _parse_ip_info(cursor: Cursor, direction: Direction) -> IpInfo:
    closing = "]" if cursor.accept("[") else ")" if cursor.accept("(") else ""
    if not closing:
        return IpInfo()
    ecn = tos = ttl = flow_label = None
    while True:
        begin = cursor.position
        word = cursor.expect_word("one of noecn, ect0, ect1, ect01, ce, tos, ttl and flowlabel")
        seen = {"tos": tos, "ttl": ttl, "flowlabel": flow_label}
        if seen.get(word, ecn if word in _ECN_WORDS else None) is not None:
            raise cursor.error(f"{word} stands there twice, or with what says the same", begin)
        if word in _ECN_WORDS:
            if word == "ect01" and direction is Direction.INBOUND:
                raise cursor.error("ect01 is no mark to send: ect0 or ect1", begin)
            ecn = word
        elif word == "tos":
            tos = cursor.number("a TOS byte", 8)
        elif word == "ttl":
            ttl = cursor.number("a TTL", 8)
        elif word == "flowlabel":
            flow_label = cursor.number("a flow label", 20)
        else:
            raise cursor.error(f"{word} is nothing that an IP header has", begin)
        if not cursor.accept(","):
            break
    if ecn is not None and tos is not None:
        raise cursor.error("tos says what the ECN bits are: give one of them", begin)
    cursor.expect(closing)
    return IpInfo(ecn, tos, ttl, flow_label)


def _parse_tcp(cursor: Cursor, direction: Direction) -> Tcp:
    ports = None
    if cursor.matches(_PORTS):
        source = cursor.number("a port", 16)
        cursor.expect(">")
        ports = (source, cursor.number("a port", 16))
    flags, ace = parse_flags(cursor)
    seq, size = _parse_range(cursor)
    ack = cursor.number("an acknowledgement number") if cursor.accept_word("ack") else None
    begin = cursor.position
    win = cursor.number("a window", 16) if cursor.accept_word("win") else None
    if win is None and direction is Direction.INBOUND:
        raise cursor.error("an inbound segment needs its window: `win N`", begin)
    urg = cursor.number("an urgent pointer", 16) if cursor.accept_word("urg") else None
    begin = cursor.position
    options = parse_options(cursor) if cursor.looks_at("<") else ()
    if options is None and direction is Direction.INBOUND:
        raise cursor.error("an inbound segment needs its options one by one, not `<...>`", begin)
    return Tcp(flags, seq, size, ack, win, urg, options, ace, ports)


def _parse_range(cursor: Cursor) -> tuple[int, int]:
    """`START:END(LEN)` as START and LEN."""
    begin = cursor.position
    start = cursor.number("a sequence number")
    cursor.expect(":")
    end = cursor.number("a sequence number")
    size = _parse_size(cursor)
    if (start + size - end) % (1 << 32):
        raise cursor.error(f"{start}:{end} are {(end - start) % (1 << 32)} bytes, not {size}", begin)
    return start, size


def _parse_size(cursor: Cursor) -> int:
    cursor.expect("(")
    size = cursor.number("a length", 31)
    cursor.expect(")")
    return size


def _parse_icmp(cursor: Cursor) -> Icmp:
    kind = cursor.expect_word("a type of ICMP message")
    code = "" if cursor.looks_at_word("mtu", "id") else cursor.word() or ""
    mtu = cursor.number("an MTU") if cursor.accept_word("mtu") else None
    identifier = cursor.number("an identifier", 16) if cursor.accept_word("id") else None
    quoted = None
    if cursor.accept("["):
        quoted = _parse_quoted(cursor)
        cursor.expect("]")
    return Icmp(kind, code, mtu, identifier, quoted)


def _parse_quoted(cursor: Cursor) -> Quoted:
    if cursor.accept_word("udp"):
        return QuotedUdp(_parse_size(cursor))
    if cursor.accept_word("raw"):
        return QuotedRaw(_parse_size(cursor))
    return QuotedTcp(*_parse_range(cursor))
