"""IPv6 extension headers (RFC 8200 section 4), read as the host that a packet is addressed to has to read them.

No options are known here but the paddings, and no routing types: what a sender asks for beyond that is skipped or
refused as the two highest bits of an option's type (section 4.2), or the routing header's segments left (section 4.4),
demand.
"""

from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.icmpv6 import ERRONEOUS_HEADER_FIELD, UNRECOGNIZED_NEXT_HEADER, UNRECOGNIZED_OPTION
from pystack.wire.ipv6 import HEADER_BYTES

HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
NO_NEXT_HEADER = 59
DESTINATION_OPTIONS = 60

FRAGMENT_BYTES = 8

MAX_HEADERS = 8
"""Most extension headers of one packet. More have no use but to keep us busy (RFC 8504 section 5.3)."""

MAX_OPTIONS = 8
"""Most options of one header that are not padding. Linux: net.ipv6.max_dst_opts_number, max_hbh_opts_number."""

NEXT_HEADER_AT = 6
"""Where in an IPv6 header its next header field is."""

_UNIT = 8
_PAD1 = 0
_PADN = 1
_MORE = 1


class ParameterProblem(Malformed):
    """A packet that must be dropped, and its sender told why (RFC 4443 section 3.4).

    `code` is that of the ICMPv6 message, `pointer` the offset of the trouble from the start of the IPv6 header;
    `even_to_groups`: to be told also when the packet was addressed to a multicast group.
    """

    def __init__(self, code: int, pointer: int, message: str, *, even_to_groups: bool = False) -> None:
        super().__init__("Ip6InHdrErrors", message)
        self.code = code
        self.pointer = pointer
        self.even_to_groups = even_to_groups


class Fragment:
    """A fragment header: `offset` in bytes, `more` whether others follow, `identification` of 32 bits; `at`: where the
    header begins, from the start of the IPv6 header.
    """

    __slots__ = ("at", "identification", "more", "offset")

    def __init__(self, data: Buffer, at: int) -> None:
        field = int.from_bytes(data[2:4], "big")
        self.offset = field & 0xFFF8
        self.more = field & _MORE != 0
        self.identification = int.from_bytes(data[4:8], "big")
        self.at = at

    @property
    def is_atomic(self) -> bool:
        """Whether it is the only one: a whole packet with a fragment header (RFC 6946)."""
        return self.offset == 0 and not self.more


class Chain:
    """What follows the extension headers that were read.

    - `protocol`: the next header behind them, `named_at` the offset of the field that says so, `payload` the bytes
      there, `at` their offset; offsets are from the start of the IPv6 header.
    - `fragment`: the fragment header, if there was one. Unless it is atomic the reading ended behind it, and `payload`
      is a piece of the fragmentable part.
    - `options`: the types of the options that were skipped, in order.
    """

    __slots__ = ("at", "fragment", "named_at", "options", "payload", "protocol")

    def __init__(self, protocol: int, payload: memoryview, at: int, named_at: int, fragment: Fragment | None) -> None:
        self.protocol = protocol
        self.payload = payload
        self.at = at
        self.named_at = named_at
        self.fragment = fragment
        self.options: list[int] = []


def walk(
    protocol: int,
    payload: memoryview,
    at: int = HEADER_BYTES,
    named_at: int = NEXT_HEADER_AT,
    *,
    fragment: Fragment | None = None,
) -> Chain:
    """Reads the extension headers at the start of `payload`, the first of which is of the type `protocol`.

    For a packet that was reassembled, the other arguments say where its fragmentable part began in the first fragment,
    and which fragment header that had. Raises `ParameterProblem`, and `Malformed` for what is dropped in silence:
    `Ip6InTruncatedPkts` where the chain breaks off, `Ip6InHdrErrors`.
    """
    chain = Chain(protocol, payload, at, named_at, fragment)
    for _ in range(MAX_HEADERS + 1):
        kind = chain.protocol
        if kind == HOP_BY_HOP:
            if chain.at != HEADER_BYTES:
                raise ParameterProblem(UNRECOGNIZED_NEXT_HEADER, chain.named_at, "hop-by-hop options are not first")
            _skip_options(chain)
        elif kind == DESTINATION_OPTIONS:
            _skip_options(chain)
        elif kind == ROUTING:
            _skip_routing(chain)
        elif kind == FRAGMENT:
            if chain.fragment is not None:
                raise Malformed("Ip6InHdrErrors", "a fragment of a fragment")
            _need(chain, FRAGMENT_BYTES)
            chain.fragment = Fragment(chain.payload, chain.at)
            _advance(chain, FRAGMENT_BYTES)
            if not chain.fragment.is_atomic:
                return chain
        else:
            return chain
    raise Malformed("Ip6InHdrErrors", f"more than {MAX_HEADERS} extension headers")


def _need(chain: Chain, size: int) -> None:
    if len(chain.payload) < size:
        raise Malformed("Ip6InTruncatedPkts", f"{len(chain.payload)} bytes are too few for the extension header")


def _advance(chain: Chain, size: int) -> None:
    chain.protocol = chain.payload[0]
    chain.named_at = chain.at
    chain.payload = chain.payload[size:]
    chain.at += size


def _length(chain: Chain) -> int:
    """The length of a header of the common shape, which must be there as a whole."""
    _need(chain, _UNIT)
    size = (chain.payload[1] + 1) * _UNIT
    _need(chain, size)
    return size


def _skip_routing(chain: Chain) -> None:
    """Every routing type counts as unknown; of type 0 RFC 5095 demands it."""
    size = _length(chain)
    if chain.payload[3]:
        raise ParameterProblem(ERRONEOUS_HEADER_FIELD, chain.at + 2, f"a source route of type {chain.payload[2]}")
    _advance(chain, size)


def _skip_options(chain: Chain) -> None:
    size = _length(chain)
    data = chain.payload[:size]
    at = 2
    seen = 0
    while at < size:
        kind = data[at]
        if kind == _PAD1:
            at += 1
            continue
        # Two bytes of header there must be, and as many more as the second says.
        if at + 2 > size or at + 2 + data[at + 1] > size:
            raise ParameterProblem(ERRONEOUS_HEADER_FIELD, chain.at + at, "an option reaches beyond its header")
        if kind != _PADN:
            seen += 1
            if seen > MAX_OPTIONS:
                raise Malformed("Ip6InHdrErrors", f"more than {MAX_OPTIONS} options")
            _judge_option(kind, chain.at + at)
            chain.options.append(kind)
        at += 2 + data[at + 1]
    _advance(chain, size)


def _judge_option(kind: int, pointer: int) -> None:
    """What RFC 8200 section 4.2 wants done about an option that is not known."""
    action = kind >> 6
    if action == 0:
        return
    message = f"unknown option {kind:#04x}"
    if action == 1:
        raise Malformed("Ip6InHdrErrors", message)
    raise ParameterProblem(UNRECOGNIZED_OPTION, pointer, message, even_to_groups=action == 2)


def build_fragment(protocol: int, offset: int, more: bool, identification: int) -> bytes:
    """A fragment header of 8 bytes; `offset` in bytes, a multiple of 8, `protocol` what the fragmentable part begins
    with.
    """
    return bytes((protocol, 0)) + (offset | more).to_bytes(2, "big") + identification.to_bytes(4, "big")
