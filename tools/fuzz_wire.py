"""Bytes into every parser of `pystack.wire`: what a fuzzer runs, and what replays its files.

    python tools/fuzz_wire.py FILE…             run each, and say nothing where all is well
    python tools/fuzz_wire.py --explain FILE…   say what a file is, and what becomes of it

The first byte of an input picks the parser (`TARGETS`, by its remainder); its highest bit has the checksum put right
first, so that what lies behind it is reached. The rest are the bytes to be read. Only `Malformed` may come out, with a
counter that is known; what is read must build back to bytes that read as the same value.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fuzz_packets import filled
from fuzz_replay import main

from pystack.stack.counters import COUNTERS
from pystack.wire import icmpv4, icmpv6, ipv4, ipv4_options, ipv6, ipv6_extensions, options, quoted, tcp, udp
from pystack.wire.checksum import finish, pseudo_sum, sum16
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message
from pystack.wire.packet import Packet
from pystack.wire.render import render

SRC, DST = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
SRC6, DST6 = (bytes.fromhex("fd00" + 27 * "0" + n) for n in "12")
SUMMED = 0x80


def one_input(data: bytes) -> None:
    """Reads `data` as the text above says. Raises whatever is not as it should be."""
    if not data:
        return
    error = _refusal(data)
    assert error is None or error.counter in COUNTERS, f"nobody knows the counter {error.counter}"


def explain(data: bytes) -> str:
    """What an input is, and what is read of it."""
    if not data:
        return "  empty"
    summed = ", with a good checksum" if data[0] & SUMMED else ""
    words = f"  {target_of(data).__name__[1:]}{summed}: {data[1:].hex(' ') or '(empty)'}"
    error = _refusal(data)
    return f"{words}\n  is read, and builds back" if error is None else f"{words}\n  {error.counter}: {error}"


def _refusal(data: bytes) -> Malformed | None:
    try:
        target_of(data)(data[1:], bool(data[0] & SUMMED))
    except Malformed as error:
        return error
    return None


def target_of(data: bytes) -> Callable[[bytes, bool], None]:
    """The parser that an input is for."""
    return TARGETS[(data[0] & ~SUMMED) % len(TARGETS)]


@contextmanager
def _built() -> Iterator[None]:
    """What is read in here was built, and must be readable."""
    try:
        yield
    except Malformed as error:
        raise AssertionError(f"what was built cannot be read: {error}") from error


def _same(one: Any, other: Any, *names: str) -> None:
    for name in names:
        assert getattr(one, name) == getattr(other, name), f"{name}: {getattr(one, name)!r}, {getattr(other, name)!r}"


def _ipv4(data: bytes, summed: bool) -> None:
    if summed and len(data) >= ipv4.HEADER_BYTES:
        size = min(max((data[0] & 15) * 4, ipv4.HEADER_BYTES), len(data))
        head = data[:10] + bytes(2) + data[12:size]
        data = head[:10] + finish(sum16(head)).to_bytes(2, "big") + head[12:] + data[size:]
    header = ipv4.parse(data)
    built = ipv4.build_header(
        header.src,
        header.dst,
        header.protocol,
        len(header.payload),
        ttl=header.ttl,
        tos=header.tos,
        identification=header.identification,
        dont_fragment=header.dont_fragment,
        more_fragments=header.more_fragments,
        fragment_offset=header.fragment_offset,
    )
    if not header.options:
        # But for the flag that has no meaning, and the checksum, of which -0 is written in two ways.
        assert (built[:6], built[6], built[7:10]) == (data[:6], data[6] & 0x7F, data[7:10])
        assert built[12:] == data[12 : ipv4.HEADER_BYTES]
    with _built():
        again = ipv4.parse(built + bytes(header.payload))
    _same(header, again, "src", "dst", "protocol", "ttl", "tos", "identification", "payload")
    _same(header, again, "dont_fragment", "more_fragments", "fragment_offset")
    assert len(header.options) == header.header_length - ipv4.HEADER_BYTES
    ipv4_options.kinds(header.options)


def _ipv4_options(data: bytes, summed: bool) -> None:
    kinds = ipv4_options.kinds(data)
    assert not {ipv4_options.END, ipv4_options.NOP} & set(kinds)
    assert 2 * len(kinds) <= len(data)


def _ipv6(data: bytes, summed: bool) -> None:
    header = ipv6.parse(data)
    built = ipv6.build_header(
        header.src,
        header.dst,
        header.protocol,
        len(header.payload),
        ttl=header.ttl,
        tos=header.tos,
        flow_label=header.flow_label,
    )
    assert built == data[: ipv6.HEADER_BYTES]
    _walk(header.protocol, header.payload)


def _ipv6_extensions(data: bytes, summed: bool) -> None:
    if data:
        _walk(data[0], memoryview(data)[1:])


def _walk(protocol: int, payload: memoryview) -> None:
    try:
        chain = ipv6_extensions.walk(protocol, payload)
    except ipv6_extensions.ParameterProblem as problem:
        if problem.pointer >= ipv6.HEADER_BYTES + len(payload):
            raise AssertionError("a pointer beyond the packet") from problem
        raise
    assert chain.at - ipv6.HEADER_BYTES + len(chain.payload) == len(payload)
    fragment = chain.fragment
    if fragment is None:
        return
    built = ipv6_extensions.build_fragment(chain.protocol, fragment.offset, fragment.more, fragment.identification)
    _same(fragment, ipv6_extensions.Fragment(built, fragment.at), "offset", "more", "identification", "is_atomic")
    if not fragment.is_atomic:
        # As the first fragment of a datagram, once it is whole.
        ipv6_extensions.walk(chain.protocol, chain.payload, chain.at, chain.named_at, fragment=fragment)


def _icmpv4(data: bytes, summed: bool) -> None:
    message = icmpv4.parse(filled(icmpv4.PROTOCOL, SRC, DST, data) if summed else data)
    _messages(message, icmpv4.build(message), data, icmpv4.parse)


def _icmpv6(data: bytes, summed: bool) -> None:
    message = icmpv6.parse(filled(icmpv6.PROTOCOL, SRC6, DST6, data) if summed else data, SRC6, DST6)
    _messages(message, icmpv6.build(message, SRC6, DST6), data, lambda d: icmpv6.parse(d, SRC6, DST6))


def _messages(message: Message, built: bytes, data: bytes, parse: Callable[[bytes], Message]) -> None:
    assert (built[:2], built[4:]) == (data[:2], data[4:])
    with _built():
        again = parse(built)
    _same(message, again, "type", "code", "rest", "body", "identifier", "sequence")
    assert (message.identifier << 16 | message.sequence) == message.rest


def _tcp(data: bytes, summed: bool) -> None:
    """In IPv6, whose pseudo-header differs in its padding only."""
    pseudo = pseudo_sum(SRC6, DST6, tcp.PROTOCOL, len(data))
    seg = tcp.parse(memoryview(filled(tcp.PROTOCOL, SRC6, DST6, data) if summed else data), pseudo)
    head = tcp.build_header(seg, seg.src_port, seg.dst_port)
    # All of the fixed part but the data offset, the reserved bits and the checksum.
    assert (head[:12], head[13:16], head[18:20]) == (data[:12], data[13:16], data[18:20])
    pieces = seg.pieces
    pseudo = pseudo_sum(SRC6, DST6, tcp.PROTOCOL, len(head) + seg.size)
    built = tcp.fill_checksum(head, pieces, pseudo) + b"".join(pieces)
    with _built():
        again = tcp.parse(built, pseudo)
    _same(seg, again, "src_port", "dst_port", "seq", "ack", "flags", "wnd", "urg", "size", "payload", "len")
    _options_again(seg.options, again.options)
    repr(seg)


def _tcp_options(data: bytes, summed: bool) -> None:
    data = data[: options.MAX_OPTION_BYTES] + bytes(-len(data[: options.MAX_OPTION_BYTES]) % 4)
    opts = options.parse(data)
    if not opts.malformed:
        # The shape that nearly every segment has is read on a path of its own, and with padding on the other.
        assert opts == options.parse(data + bytes(4))
    built = options.build(opts)
    assert len(built) <= options.MAX_OPTION_BYTES
    assert len(built) % 4 == 0
    _options_again(opts, options.parse(built))


def _options_again(opts: options.Options, again: options.Options) -> None:
    _same(opts, again, "mss", "wscale", "sack_permitted", "ts_val", "ts_ecr", "user_timeout")
    assert opts.sack[: len(again.sack)] == again.sack, "blocks that do not fit are left out, the last ones first"
    assert not again.malformed


def _udp(data: bytes, summed: bool) -> None:
    pseudo = pseudo_sum(SRC6, DST6, udp.PROTOCOL, len(data))
    if summed:
        length = int.from_bytes(data[4:6], "big")  # the checksum covers no more than that
        data = filled(udp.PROTOCOL, SRC6, DST6, data[:length]) + data[length:]
    datagram = udp.parse(data, pseudo, checksum_required=bool(len(data) & 1))
    pieces = (datagram.payload,)
    size = udp.HEADER_BYTES + len(datagram.payload)
    pseudo = pseudo_sum(SRC6, DST6, udp.PROTOCOL, size)
    built = udp.build_header(datagram.src_port, datagram.dst_port, pieces, pseudo) + bytes(datagram.payload)
    assert (built[:6], built[8:]) == (data[:6], data[8:size])
    with _built():
        assert udp.parse(built, pseudo, checksum_required=True) == datagram


def _quoted(data: bytes, summed: bool) -> None:
    packet = quoted.read(data)
    assert len(packet.src) == len(packet.dst) in (4, 16)
    assert len(packet.transport) <= len(data)


def _render(data: bytes, summed: bool) -> None:
    line = render(data)
    assert line
    assert "\n" not in line
    assert bytes(Packet((data[:7], data[7:]))) == data


TARGETS = (
    _ipv4,
    _ipv4_options,
    _ipv6,
    _ipv6_extensions,
    _icmpv4,
    _icmpv6,
    _tcp,
    _tcp_options,
    _udp,
    _quoted,
    _render,
)

if __name__ == "__main__":
    main(__doc__, one_input, explain)
