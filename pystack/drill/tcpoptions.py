"""TCP options in all their three shapes: the words of the language, values, and the bytes of the header.

Unlike `pystack.wire.options` this keeps order and padding, and knows what only tests send: what a script says is what
goes onto the wire, and what came from the wire is compared as a list. RFC 9293 section 3.1; RFC 2018 (SACK), RFC 7323
(timestamps, window scale), RFC 2385 (MD5), RFC 7413 (fast open), RFC 6994 (the experimental form), RFC 9768 (AccECN).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from pystack.drill.cursor import Cursor
from pystack.drill.script import TcpOption
from pystack.wire import options as wire
from pystack.wire.buffers import Buffer

_MD5: Final = 19
_FAST_OPEN: Final = 34
_EXPERIMENT: Final = 254
_ACCURATE_ECN: Final = (172, 174)
_FAST_OPEN_MAGIC: Final = bytes((0xF9, 0x89))
_DIGEST_BYTES: Final = 16
_COUNTERS: Final = (("e0b", "ceb", "e1b"), ("e1b", "ceb", "e0b"))
_MAX_SACK_BLOCKS: Final = 4
_MALFORMED: Final = "malformed"
_HEX: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)(?=\s|[,>])")


# From the words


def parse_options(cursor: Cursor) -> tuple[TcpOption, ...] | None:
    """The list from `<` to `>`; `None` for `<...>`. The whole has to be a multiple of 4 bytes, and 40 at most."""
    begin = cursor.position
    cursor.expect("<")
    if cursor.accept("..."):
        cursor.expect(">")
        return None
    options = [_parse_option(cursor)]
    while cursor.accept(","):
        options.append(_parse_option(cursor))
    cursor.expect(">")
    size = len(encode(options))
    if size % 4 or size > wire.MAX_OPTION_BYTES:
        raise cursor.error(f"these options take {size} bytes: that has to be a multiple of 4, and 40 at most", begin)
    return tuple(options)


def _parse_option(cursor: Cursor) -> TcpOption:
    wanted = "a TCP option"
    begin = cursor.position
    name = cursor.expect_word(wanted)
    parse = _PARSERS.get(name)
    if parse is None:
        raise cursor.error(f"{name} is no TCP option", begin)
    return parse(cursor, name)


def _bare(cursor: Cursor, name: str) -> TcpOption:
    return TcpOption(name)


def _mss(cursor: Cursor, name: str) -> TcpOption:
    return TcpOption(name, (cursor.number("an MSS", 16),))


def _wscale(cursor: Cursor, name: str) -> TcpOption:
    return TcpOption(name, (cursor.number("a shift count", 8),))


def _timestamps(cursor: Cursor, name: str) -> TcpOption:
    cursor.expect("val")
    val = cursor.number("val")
    cursor.expect("ecr")
    return TcpOption(name, (val, cursor.number("ecr")))


def _sack(cursor: Cursor, name: str) -> TcpOption:
    edges: list[int] = []
    while not edges or cursor.matches(_DIGIT):
        if len(edges) == 2 * _MAX_SACK_BLOCKS:
            raise cursor.error(f"there is room for {_MAX_SACK_BLOCKS} blocks")
        edges.append(cursor.number("the left edge of a block"))
        cursor.expect(":")
        edges.append(cursor.number("the right edge of a block"))
    return TcpOption(name, tuple(edges))


_DIGIT: Final = re.compile(r"\d")


def _hex(cursor: Cursor) -> bytes:
    match = cursor.matches(_HEX)
    if match is None:
        return b""
    if len(match[1]) % 2:
        raise cursor.error("hex digits come in pairs")
    cursor.take(_HEX)
    return bytes.fromhex(match[1])


def _cookie(cursor: Cursor, name: str) -> TcpOption:
    return TcpOption(name, data=_hex(cursor))


def _md5(cursor: Cursor, name: str) -> TcpOption:
    begin = cursor.position
    digest = _hex(cursor)
    if digest and len(digest) != _DIGEST_BYTES:
        raise cursor.error("an MD5 digest has 32 hex digits", begin)
    return TcpOption(name, data=digest)


def _accurate_ecn(cursor: Cursor, name: str) -> TcpOption:
    order = int(cursor.looks_at_word("e1b"))
    numbers = []
    for counter in _COUNTERS[order]:
        if not cursor.accept_word(counter):
            break
        numbers.append(cursor.number(counter, 24))
    return TcpOption(name, tuple(numbers), order=order)


_PARSERS: Final[dict[str, Callable[[Cursor, str], TcpOption]]] = {
    "nop": _bare,
    "eol": _bare,
    "mss": _mss,
    "wscale": _wscale,
    "sackOK": _bare,
    "sack": _sack,
    "TS": _timestamps,
    "md5": _md5,
    "FO": _cookie,
    "FOEXP": _cookie,
    "ECN": _accurate_ecn,
}


# Into words


def option_text(option: TcpOption) -> str:
    """The option as a script writes it; one that the language has no word for as its kind and hex digits."""
    name, numbers = option.name, option.numbers
    match name:
        case "mss" | "wscale":
            return f"{name} {numbers[0]}"
        case "TS":
            return f"TS val {numbers[0]} ecr {numbers[1]}"
        case "sack":
            return " ".join([name, *(f"{left}:{right}" for left, right in blocks_of(option))])
        case "ECN":
            counters = zip(_COUNTERS[option.order], numbers, strict=False)
            return " ".join([name, *(f"{counter} {number}" for counter, number in counters)])
        case "kind":
            return f"kind {numbers[0]} {option.data.hex()}".rstrip()
        case _:
            return f"{name} {option.data.hex()}".rstrip()


def blocks_of(option: TcpOption) -> list[tuple[int, int]]:
    """The blocks of a `sack` option as (left, right) edges."""
    edges = option.numbers
    return list(zip(edges[::2], edges[1::2], strict=True))


# Into bytes and back


def encode(options: Sequence[TcpOption]) -> bytes:
    """The bytes of the header, exactly as listed; an MD5 digest that is not given is 16 zero bytes."""
    return b"".join(map(_encode_one, options))


def _encode_one(option: TcpOption) -> bytes:
    numbers, data = option.numbers, option.data
    match option.name:
        case "eol":
            return bytes((wire.EOL,))
        case "nop":
            return bytes((wire.NOP,))
        case "mss":
            return _framed(wire.MSS, numbers[0].to_bytes(2, "big"))
        case "wscale":
            return _framed(wire.WINDOW_SCALE, bytes(numbers))
        case "sackOK":
            return _framed(wire.SACK_PERMITTED, b"")
        case "sack":
            return _framed(wire.SACK, _words(numbers))
        case "TS":
            return _framed(wire.TIMESTAMPS, _words(numbers))
        case "md5":
            return _framed(_MD5, data or bytes(_DIGEST_BYTES))
        case "FO":
            return _framed(_FAST_OPEN, data)
        case "FOEXP":
            return _framed(_EXPERIMENT, _FAST_OPEN_MAGIC + data)
        case "ECN":
            return _framed(_ACCURATE_ECN[option.order], b"".join(n.to_bytes(3, "big") for n in numbers))
        case name:
            raise AssertionError(f"{name} comes from the wire only")


def _framed(kind: int, value: bytes) -> bytes:
    return bytes((kind, 2 + len(value) & 0xFF)) + value


def _words(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def decode(data: Buffer) -> tuple[TcpOption, ...]:
    """The options in a header, with all their padding, in order. What has an impossible length is `malformed`, and the
    last. Never raises.
    """
    data = bytes(data)
    options: list[TcpOption] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in (wire.EOL, wire.NOP):
            options.append(TcpOption("nop" if kind == wire.NOP else "eol"))
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            options.append(TcpOption(_MALFORMED, data=data[at:]))
            break
        options.append(_decode_one(kind, data[at + 2 : at + length]))
        at += length
    return tuple(options)


def _decode_one(kind: int, value: bytes) -> TcpOption:
    words = tuple(int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4))
    match kind, len(value):
        case wire.MSS, 2:
            return TcpOption("mss", words)
        case wire.WINDOW_SCALE, 1:
            return TcpOption("wscale", words)
        case wire.SACK_PERMITTED, 0:
            return TcpOption("sackOK")
        case wire.SACK, size if size and size % 8 == 0:
            return TcpOption("sack", words)
        case wire.TIMESTAMPS, 8:
            return TcpOption("TS", words)
        case int(known), 16 if known == _MD5:
            return TcpOption("md5", data=value)
        case int(known), _ if known == _FAST_OPEN:
            return TcpOption("FO", data=value)
        case int(known), _ if known == _EXPERIMENT and value.startswith(_FAST_OPEN_MAGIC):
            return TcpOption("FOEXP", data=value[len(_FAST_OPEN_MAGIC) :])
        case int(known), size if known in _ACCURATE_ECN and size % 3 == 0 and size <= 9:
            counters = tuple(int.from_bytes(value[at : at + 3], "big") for at in range(0, size, 3))
            return TcpOption("ECN", counters, order=_ACCURATE_ECN.index(known))
        case _:
            return TcpOption("kind", (kind,), value)
