"""TCP options (RFC 9293 section 3.1 and 3.2; RFC 7323; RFC 2018; RFC 5482).

On the way out the layout is Linux's, which the field's test scripts assume: MSS, SACK-permitted beside
the timestamps, NOP + window scale, the user timeout, and NOP NOP + SACK blocks last.
"""

from struct import Struct

from pystack.wire.buffers import Buffer

EOL, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMPS, USER_TIMEOUT = 0, 1, 2, 3, 4, 5, 8, 28

MAX_OPTION_BYTES = 40

_TS_ALONE = 0x0101080A
_ts_alone = Struct("!III").unpack_from
_pair = Struct("!II").unpack_from
_u16 = Struct("!H").unpack_from
_pack_pair = Struct("!II").pack
_pack_ts_alone = Struct("!III").pack
_TS_AFTER_NOPS = b"\x01\x01\x08\x0a"
_TS_AFTER_SACK_PERMITTED = b"\x04\x02\x08\x0a"


class Options:
    """The options of one segment.

    `mss` in bytes, `wscale` the shift count (None: absent), `sack_permitted` a flag, `ts_val` and `ts_ecr`
    the two halves of the timestamps option (`ts_val` None: absent), `sack` the blocks as (left, right) edges in
    the order of the wire, `user_timeout` in seconds (RFC 5482; None: absent), `malformed` true where a length was
    impossible and the rest was left unread (MUST-7).
    """

    __slots__ = ("malformed", "mss", "sack", "sack_permitted", "ts_ecr", "ts_val", "user_timeout", "wscale")

    def __init__(
        self,
        mss: int | None = None,
        wscale: int | None = None,
        sack_permitted: bool = False,
        ts_val: int | None = None,
        ts_ecr: int = 0,
        sack: tuple[tuple[int, int], ...] = (),
    ) -> None:
        self.mss = mss
        self.wscale = wscale
        self.sack_permitted = sack_permitted
        self.ts_val = ts_val
        self.ts_ecr = ts_ecr
        self.sack = sack
        self.user_timeout: int | None = None
        self.malformed = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ((n, getattr(self, n)) for n in self.__slots__)
        return f"Options({', '.join(f'{n}={v!r}' for n, v in shown if v not in (None, False, (), 0))})"


NO_OPTIONS = Options()
"""Shared by every segment without options; never change it."""


def parse(data: Buffer) -> Options:
    """Reads the option bytes of a TCP header (its length is a multiple of 4, at most 40).

    Unknown kinds are skipped by their length byte (MUST-6), at any alignment (MUST-64). A length of 0 or 1, or
    one that runs past the header, ends the reading and sets `malformed` (MUST-7). A known option of the wrong
    length is skipped like an unknown one.
    """
    size = len(data)
    if size == 12:
        word, val, ecr = _ts_alone(data)
        if word == _TS_ALONE:
            return Options(None, None, False, val, ecr)
    opts = Options()
    at = 0
    while at < size:
        kind = data[at]
        if kind == EOL:
            break
        if kind == NOP:
            at += 1
            continue
        length = data[at + 1] if at + 1 < size else 0
        if length < 2 or at + length > size:
            opts.malformed = True
            break
        if kind == MSS and length == 4:
            (opts.mss,) = _u16(data, at + 2)
        elif kind == WINDOW_SCALE and length == 3:
            opts.wscale = data[at + 2]
        elif kind == SACK_PERMITTED and length == 2:
            opts.sack_permitted = True
        elif kind == TIMESTAMPS and length == 10:
            opts.ts_val, opts.ts_ecr = _pair(data, at + 2)
        elif kind == SACK and (length - 2) % 8 == 0:
            opts.sack = tuple([_pair(data, edge) for edge in range(at + 2, at + length, 8)])
        elif kind == USER_TIMEOUT and length == 4:
            (field,) = _u16(data, at + 2)
            opts.user_timeout = (field & 0x7FFF) * 60 if field & 0x8000 else field
        at += length
    return opts


def build(opts: Options) -> bytes:
    """The option bytes in Linux's order, padded with NOPs to a multiple of 4.

    SACK blocks that do not fit into 40 bytes are left out, the last ones first (RFC 2018 section 3). Timestamps and
    SACK edges are wrapped to 32 bits; an MSS over 16 bits or a shift count over 8 raises OverflowError or ValueError.
    """
    if opts is NO_OPTIONS:
        return b""
    ts_val = opts.ts_val
    in_syn = opts.mss is not None or opts.wscale is not None or opts.sack_permitted
    if ts_val is not None and not opts.sack and not in_syn and opts.user_timeout is None:
        return _pack_ts_alone(_TS_ALONE, ts_val & 0xFFFFFFFF, opts.ts_ecr & 0xFFFFFFFF)
    out = b""
    if opts.mss is not None:
        out += bytes((MSS, 4)) + opts.mss.to_bytes(2, "big")
    if ts_val is not None:
        out += _TS_AFTER_SACK_PERMITTED if opts.sack_permitted else _TS_AFTER_NOPS
        out += _pack_pair(ts_val & 0xFFFFFFFF, opts.ts_ecr & 0xFFFFFFFF)
    elif opts.sack_permitted:
        out += bytes((NOP, NOP, SACK_PERMITTED, 2))
    if opts.wscale is not None:
        out += bytes((NOP, WINDOW_SCALE, 3, opts.wscale))
    if opts.user_timeout is not None:
        out += bytes((USER_TIMEOUT, 4)) + _user_timeout_field(opts.user_timeout).to_bytes(2, "big")
    room = (MAX_OPTION_BYTES - len(out) - 4) // 8
    blocks = opts.sack[:room] if room > 0 else ()
    if blocks:
        out += bytes((NOP, NOP, SACK, 2 + 8 * len(blocks)))
        for left, right in blocks:
            out += _pack_pair(left & 0xFFFFFFFF, right & 0xFFFFFFFF)
    return out


def _user_timeout_field(seconds: int) -> int:
    """15 bits of seconds, or of minutes with the top bit set (RFC 5482 section 3)."""
    return seconds if seconds <= 0x7FFF else 0x8000 | min(-(-seconds // 60), 0x7FFF)
