"""TCP segments (RFC 9293 section 3.1): a header and its text as one mutable value.

A `Segment` that was parsed holds the 32-bit numbers of the wire; the connection unwraps them at its door (see
`pystack.tcp.seq`), and `build_header` wraps them again, so that nothing in between knows of the wrap.
"""

from collections.abc import Sequence
from struct import Struct

from pystack.wire import options as tcp_options
from pystack.wire.buffers import Buffer
from pystack.wire.checksum import combine, finish, sum16
from pystack.wire.errors import Malformed
from pystack.wire.options import NO_OPTIONS, Options

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = 1, 2, 4, 8, 16, 32, 64, 128, 256

HEADER_BYTES = 20
PROTOCOL = 6

_header = Struct("!HHIIHHHH")
_unpack_header = _header.unpack_from
_pack_header = _header.pack
_parse_options = tcp_options.parse
_build_options = tcp_options.build

_KNOWN_FLAGS = 0x1FF


class Segment:
    """One TCP segment, or a super-segment of `segs` wire segments of `mss` bytes each.

    - `seq`, `ack`, `wnd`, `urg`, `flags`: the header's fields; `wnd` is the raw 16-bit field.
    - `pieces`: the text as buffers in order (an inbound segment has at most one); `size`: its length in bytes.
    - `mss`: bytes per wire segment when this is a super-segment, 0 for a single one; `segs`: how many.
    - `ecn`: the two ECN bits of the IP header.
    - `reason`: why an outbound segment is sent, for captures and traces.
    """

    __slots__ = (
        "ack",
        "dst_port",
        "ecn",
        "flags",
        "mss",
        "options",
        "pieces",
        "reason",
        "segs",
        "seq",
        "size",
        "src_port",
        "urg",
        "wnd",
    )

    def __init__(
        self,
        seq: int = 0,
        ack: int = 0,
        flags: int = 0,
        wnd: int = 0,
        pieces: tuple[Buffer, ...] = (),
        size: int = 0,
        options: Options = NO_OPTIONS,
        reason: str = "",
    ) -> None:
        self.src_port = 0
        self.dst_port = 0
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.wnd = wnd
        self.urg = 0
        self.options = options
        self.pieces = pieces
        self.size = size
        self.mss = 0
        self.segs = 1
        self.ecn = 0
        self.reason = reason

    @property
    def len(self) -> int:
        """SEG.LEN: the sequence numbers that the segment occupies, SYN and FIN included."""
        return self.size + (self.flags & FIN) + ((self.flags & SYN) >> 1)

    @property
    def payload(self) -> Buffer:
        """The text as one buffer; a view into the packet where there is one piece, a copy where there are more."""
        pieces = self.pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __repr__(self) -> str:
        text = f"{self.seq}:{self.seq + self.size}({self.size}) ack {self.ack} win {self.wnd}"
        return f"<{flag_letters(self.flags)} {text} {self.options!r}>"


_FLAG_LETTERS = (
    (SYN, "S"),
    (FIN, "F"),
    (RST, "R"),
    (PSH, "P"),
    (URG, "U"),
    (ECE, "E"),
    (CWR, "W"),
    (AE, "A"),
    (ACK, "."),
)


def flag_letters(flags: int) -> str:
    """The flags as test scripts and captures write them: `S`, `S.`, `FP.`, `SEW` …, and `-` for none."""
    return "".join([letter for bit, letter in _FLAG_LETTERS if flags & bit]) or "-"


def parse(data: Buffer, pseudo: int | None) -> Segment:
    """Reads a segment from the payload of an IP packet. Its text is a view of `data`, which should be a memoryview.

    `pseudo` is the sum of the pseudo-header (`checksum.pseudo_sum` for `len(data)` bytes), with which the checksum is
    verified (MUST-3). None: somebody vouches for the segment, do not look; the field may then hold anything.

    Raises `Malformed`: `TcpInErrs` for a length or data offset that cannot be, `TcpInCsumErrors` for a bad checksum.
    The three reserved bits are ignored (RFC 9293 section 3.1). A bad option is no error here: `Options.malformed`.
    """
    length = len(data)
    if length < HEADER_BYTES:
        raise Malformed("TcpInErrs", f"{length} bytes are too few for a TCP header")
    src_port, dst_port, seq, ack, offset_flags, wnd, _, urg = _unpack_header(data)
    offset = (offset_flags >> 12) << 2
    if not HEADER_BYTES <= offset <= length:
        raise Malformed("TcpInErrs", f"a TCP data offset of {offset} in {length} bytes")
    # The data offset makes the sum non-zero, so that a remainder of 0 is -0, as it must be.
    if pseudo is not None and (pseudo + sum16(data)) % 65535:
        raise Malformed("TcpInCsumErrors", "bad TCP checksum")
    size = length - offset
    seg = Segment(
        seq,
        ack,
        offset_flags & _KNOWN_FLAGS,
        wnd,
        (data[offset:],) if size else (),
        size,
        _parse_options(data[HEADER_BYTES:offset]) if offset > HEADER_BYTES else NO_OPTIONS,
    )
    seg.src_port = src_port
    seg.dst_port = dst_port
    seg.urg = urg
    return seg


def build_header(seg: Segment, src_port: int, dst_port: int, checksum: int = 0) -> bytes:
    """The header with options; numbers are wrapped to 32 bits. `checksum` goes in as given (see `fill_checksum`).

    Raises `struct.error` for a port, window or urgent pointer that its field cannot hold.
    """
    opts = _build_options(seg.options)
    offset_flags = (HEADER_BYTES + len(opts)) << 10 | seg.flags
    head = _pack_header(
        src_port, dst_port, seg.seq & 0xFFFFFFFF, seg.ack & 0xFFFFFFFF, offset_flags, seg.wnd, checksum, seg.urg
    )
    return head + opts


def fill_checksum(header: bytes, pieces: Sequence[Buffer], pseudo: int) -> bytes:
    """`header`, built with a checksum of 0, with the checksum that covers it and the text in `pieces` (MUST-2).

    `pseudo` is the sum of the pseudo-header (`checksum.pseudo_sum` for the bytes of header and text together).
    """
    total = pseudo + sum16(header)
    if pieces:
        # A header has an even length, so that the text starts on a word of its own.
        total += sum16(pieces[0]) if len(pieces) == 1 else combine(pieces)
    return header[:16] + finish(total).to_bytes(2, "big") + header[18:]
