"""Fragments through the layer: what scapy cuts we join, what we cut scapy joins; sizes, times, and who is told."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ip_lab import (
    OURS,
    PACKED,
    PACKED_THEIRS,
    PREFIX,
    PROTOCOL,
    SECOND,
    THEIRS,
    Layer,
    entropy,
    fragment,
    fragments,
    gives,
    host,
    ip,
)
from scapy.layers.inet import ICMP, IP, defragment
from scapy.layers.inet import fragment as scapy_fragment
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    defragment6,
    fragment6,
)

from pystack.ip.fragment import Fragmenter, MessageTooLong

FAMILIES = pytest.mark.parametrize("family", [4, 6])
TEXT = bytes(n * 31 & 0xFF for n in range(4000))


def text(size: int) -> bytes:
    return random.Random(size).randbytes(size)


# In


@FAMILIES
@pytest.mark.parametrize("seed", range(5))
def test_a_datagram_of_fragments_in_any_order(family: int, seed: int) -> None:
    layer = Layer()
    pieces = fragments(family, TEXT, 504)
    random.Random(seed).shuffle(pieces)
    *early, last = [layer.takes(piece) for piece in pieces]
    assert early == [None] * 7
    assert last is not None
    assert (last.src, last.dst, last.protocol) == (PACKED_THEIRS[family], PACKED[family], PROTOCOL)
    assert last.payload == TEXT
    assert layer.ip.held == 0
    names = (f"{PREFIX[family]}{n}" for n in ("ReasmReqds", "ReasmOKs", "InDelivers"))
    assert [layer.counts[n] for n in names] == [8, 1, 1]


@pytest.mark.parametrize("size", [576, 1280, 1500])
def test_what_scapy_cuts(size: int) -> None:
    packet = ip(4, proto=PROTOCOL) / TEXT
    layer = Layer()
    got = [layer.takes(p) for p in scapy_fragment(packet, size)]
    assert got[-1] is not None
    assert got[-1].payload == TEXT
    packet6 = ip(6) / IPv6ExtHdrFragment(nh=PROTOCOL, id=9) / TEXT
    got = [layer.takes(p) for p in fragment6(packet6, size)]
    assert got[-1] is not None
    assert got[-1].payload == TEXT


def test_names_of_datagrams_v4() -> None:
    """Source, destination, protocol and identification (RFC 791)."""
    layer = Layer(addresses=((PACKED[4], 24), (bytes([10, 0, 0, 7]), 24)))
    variants = [{}, {"ident": 8}, {"protocol": 254}, {"src": "10.0.0.9"}, {"dst": "10.0.0.7"}]
    for fields in variants:
        assert layer.takes(fragment(4, 0, TEXT[:8], True, **fields)) is None
    for fields in variants:
        assert layer.takes(fragment(4, 8, TEXT[8:16], False, **fields)) is not None


def test_names_of_datagrams_v6() -> None:
    """Source, destination and identification; next headers may differ, the first fragment's counts (RFC 8200 4.5)."""
    other = bytes([0xFD, *bytes(14), 7])
    layer = Layer(addresses=((PACKED[6], 64), (other, 64)))
    assert layer.takes(fragment(6, 8, TEXT[8:16], False, protocol=6)) is None
    for fields in ({"ident": 8}, {"src": "fd00::9"}, {"dst": "fd00::7"}):
        assert layer.takes(fragment(6, 0, TEXT[:8], True, **fields)) is None
    got = layer.takes(fragment(6, 0, TEXT[:8], True, protocol=PROTOCOL))
    assert got is not None
    assert (got.protocol, got.payload) == (PROTOCOL, TEXT[:16])


@FAMILIES
def test_ttl_and_tos_are_the_first_fragments(family: int) -> None:
    layer = Layer()
    first = {"ttl": 9, "tos": 0x20} if family == 4 else {"hlim": 9, "tc": 0x20}
    assert layer.takes(fragment(family, 8, TEXT[8:16], False)) is None
    got = layer.takes(fragment(family, 0, TEXT[:8], True, **first))
    assert got is not None
    assert (got.ttl, got.tos) == (9, 0x20)


def test_an_atomic_fragment_is_a_datagram_of_its_own() -> None:
    """RFC 6946: also while fragments of the same name wait."""
    layer = Layer()
    assert layer.takes(fragment(6, 0, TEXT[:8], True)) is None
    got = layer.takes(fragment(6, 0, TEXT[:20], False))
    assert got is not None
    assert bytes(got.payload) == TEXT[:20]
    got = layer.takes(fragment(6, 8, TEXT[8:20], False))
    assert got is not None
    assert got.payload == TEXT[:20]
    assert layer.counts["Ip6ReasmReqds"] == 2


def test_extension_headers_behind_the_fragment_header() -> None:
    layer = Layer()
    inner = bytes(IPv6ExtHdrDestOpt(nh=PROTOCOL)) + TEXT[:32]
    assert layer.takes(fragment(6, 16, inner[16:], False, protocol=60)) is None
    got = layer.takes(fragment(6, 0, inner[:16], True, protocol=60))
    assert got is not None
    assert (got.protocol, got.payload) == (PROTOCOL, TEXT[:32])
    assert got.packet[got.named_at] == PROTOCOL


@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        (60, bytes([PROTOCOL, 5, *bytes(14)])),
        (6, bytes(16)),
        (60, bytes(IPv6ExtHdrDestOpt(nh=6)) + bytes(8)),
    ],
)
def test_a_first_fragment_must_have_all_headers(protocol: int, data: bytes) -> None:
    """RFC 8200 section 4.5, RFC 7112."""
    layer = Layer()
    assert layer.takes(fragment(6, 0, data, True, protocol=protocol)) is None
    (problem,) = layer.sent()
    assert (problem[ICMPv6ParamProblem].code, problem[ICMPv6ParamProblem].ptr) == (3, 0)
    assert layer.ip.held == 0


@FAMILIES
def test_overlaps_are_given_up_and_nobody_is_told(family: int) -> None:
    layer = Layer()
    for piece in (
        fragment(family, 0, TEXT[:16], True),
        fragment(family, 8, TEXT[8:24], True),
        fragment(family, 16, TEXT[16:24], False),
    ):
        assert layer.takes(piece) is None
    assert layer.counts["IpExtReasmOverlaps" if family == 4 else "PystackIp6ReasmOverlaps"] == 1
    layer.ip.on_deadline(100 * SECOND)
    assert layer.sent() == []


@FAMILIES
def test_what_cannot_be_a_fragment(family: int) -> None:
    layer = Layer()
    for piece in (fragment(family, 8, b"", True), fragment(family, 8, b"", False)):
        assert layer.takes(piece) is None
    assert layer.counts[f"{PREFIX[family]}InHdrErrors"] == 2
    assert layer.takes(fragment(family, 0, TEXT[:12], True)) is None
    assert layer.counts[f"{PREFIX[family]}InHdrErrors"] == 3
    sent = layer.sent()
    if family == 4:
        assert sent == []
    else:  # the payload length is wrong, says RFC 8200 section 4.5
        assert [(p[ICMPv6ParamProblem].code, p[ICMPv6ParamProblem].ptr) for p in sent] == [(0, 4)]
    assert layer.ip.held == 0


def test_the_ping_of_death() -> None:
    layer = Layer()
    assert layer.takes(fragment(4, 65528, bytes(8), False)) is None
    assert layer.takes(fragment(4, 65512, bytes(8), False)) is None
    assert layer.counts["IpInHdrErrors"] == 2
    assert layer.takes(fragment(6, 65528, bytes(8), False)) is None
    late = IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(nh=PROTOCOL, offset=65520 // 8, id=1)
    assert layer.takes(ip(6) / late / bytes(8)) is None, "the headers before it count"
    for problem, pointer in zip(layer.sent(), (42, 50), strict=True):
        assert (problem[ICMPv6ParamProblem].code, problem[ICMPv6ParamProblem].ptr) == (0, pointer)
    assert layer.ip.held == 0


@FAMILIES
def test_the_largest_datagram(family: int) -> None:
    layer = Layer()
    whole = text(65535 - (20 if family == 4 else 0))
    got = None
    for piece in fragments(family, whole, 8192):
        assert got is None
        got = layer.takes(piece)
    assert got is not None
    assert got.payload == whole


@pytest.mark.parametrize(("family", "seconds"), [(4, 30), (6, 60)])
def test_the_sender_learns_that_time_is_up(family: int, seconds: int) -> None:
    layer = Layer()
    first = fragment(family, 0, TEXT[:1400], True)
    layer.takes(first, now=7)
    layer.takes(fragment(family, 2800, TEXT[2800:], False), now=9 * SECOND)
    deadline = layer.ip.next_deadline()
    assert deadline == seconds * SECOND + 7
    layer.ip.on_deadline(deadline - 1)
    assert layer.sent() == []
    layer.ip.on_deadline(deadline)
    (told,) = layer.sent()
    assert (told.src, told.dst) == (OURS[family], THEIRS[family])
    if family == 4:
        assert (told[ICMP].type, told[ICMP].code) == (11, 1)
        assert bytes(told)[28:] == bytes(first)[: 576 - 28]
        assert len(told) == 576
    else:
        assert told[ICMPv6TimeExceeded].code == 1
        assert bytes(told)[48:] == bytes(first)[: 1280 - 48]
        assert len(told) == 1280
    assert layer.counts["IcmpOutTimeExcds" if family == 4 else "Icmp6OutTimeExcds"] == 1
    assert layer.counts[f"{PREFIX[family]}ReasmTimeout"] == 1
    assert layer.ip.next_deadline() is None


@FAMILIES
def test_without_the_first_fragment_nobody_is_told(family: int) -> None:
    layer = Layer()
    layer.takes(fragment(family, 8, TEXT[:8], True))
    layer.ip.on_deadline(60 * SECOND)
    assert layer.sent() == []
    assert layer.counts[f"{PREFIX[family]}ReasmTimeout"] == 1


@FAMILIES
def test_the_host_wakes_for_it(family: int) -> None:
    stack = host()
    stack.receive(bytes(fragment(family, 0, TEXT[:8], True)), 5)
    deadline = stack.next_deadline()
    assert deadline == (30 if family == 4 else 60) * SECOND + 5
    stack.on_deadline(deadline)
    assert stack.poll_transmit(deadline) is not None
    assert stack.next_deadline() is None


# Out


@FAMILIES
@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
@pytest.mark.parametrize("size", [1, 1200, 1472, 1473, 8972, 60_000])
def test_what_we_cut_scapy_joins(family: int, mtu: int, size: int) -> None:
    layer = Layer(mtu)
    data = text(size)
    layer.ip.send(PACKED[family], PACKED_THEIRS[family], PROTOCOL, (data[:7], data[7:]), 0, tos=0x48)
    sent = layer.sent()
    assert all(len(p) <= mtu for p in sent)
    if len(sent) == 1:
        assert bytes(sent[0].payload) == data
        assert len(sent[0]) <= mtu
        return
    assert all(len(p) > mtu - 8 for p in sent[:-1]), "as few as can be"
    if family == 4:
        (whole,) = defragment(sent)
        assert len({p.id for p in sent}) == 1
    else:
        whole = defragment6(sent)
    assert bytes(whole.payload) == data
    assert {p.tos if family == 4 else p.tc for p in sent} == {0x48}
    prefix = PREFIX[family]
    assert layer.counts[f"{prefix}FragOKs"] == layer.counts[f"{prefix}OutRequests"] == 1
    assert layer.counts[f"{prefix}FragCreates"] == len(sent)


@settings(max_examples=60)
@given(
    family=st.sampled_from([4, 6]),
    size=st.integers(0, 65515),
    mtu=st.integers(68, 2000),
    seed=st.integers(0, 99),
)
def test_what_we_cut_we_join(family: int, size: int, mtu: int, seed: int) -> None:
    sender = Fragmenter(bytes(32), entropy())
    data = text(size)
    packets = sender.packets(PACKED_THEIRS[family], PACKED[family], PROTOCOL, (data,), mtu, ttl=64)
    assert all(len(p) <= mtu for p in packets)
    random.Random(seed).shuffle(packets)
    layer = Layer()
    *early, last = [layer.takes(bytes(p)) for p in packets]
    assert not any(early)
    assert last is not None
    assert bytes(last.payload) == data


@FAMILIES
def test_what_may_not_be_cut(family: int) -> None:
    layer = Layer()
    ends = PACKED[family], PACKED_THEIRS[family]
    header = 20 if family == 4 else 40
    layer.ip.send(*ends, PROTOCOL, (bytes(1500 - header),), 0, dont_fragment=True)
    assert len(layer.sent()) == 1
    with pytest.raises(MessageTooLong) as caught:
        layer.ip.send(*ends, PROTOCOL, (bytes(1501 - header),), 0, dont_fragment=True)
    assert caught.value.mtu == 1500
    with pytest.raises(MessageTooLong):
        layer.ip.send(*ends, PROTOCOL, (bytes(65536 - (20 if family == 4 else 0)),), 0)
    assert layer.sent() == []
    assert layer.counts[f"{PREFIX[family]}FragFails"] == 2


@FAMILIES
def test_packets_fit_the_path(family: int) -> None:
    layer = Layer()
    layer.ip.pmtu.lower(PACKED_THEIRS[family], 1300, 0)
    layer.ip.send(PACKED[family], PACKED_THEIRS[family], PROTOCOL, (bytes(2000),), 1)
    assert [len(p) <= 1300 for p in layer.sent()] == [True, True]
    layer.ip.send(PACKED[family], PACKED_THEIRS[family], PROTOCOL, (bytes(1400),), 600 * SECOND)
    assert len(layer.sent()) == 1, "forgotten"


def test_identifications() -> None:
    """RFC 6864: none where nothing can be cut, else no two alike among those that can meet."""
    f = Fragmenter(b"s" * 32, entropy())

    def ident(dst: int = 1, **fields: object) -> int:
        (packet,) = f.packets(PACKED[4], bytes([10, 0, 1, dst]), 17, (b"x",), 1500, ttl=64, **fields)
        read = IP(bytes(packet))
        assert ("DF" in read.flags) == bool(fields)
        return read.id

    assert ident(dont_fragment=True) == 0
    assert len({ident() for _ in range(5000)}) == 5000
    firsts = [ident(dst) for dst in range(2, 250)]
    assert len(set(firsts)) > 200, "counters of different destinations have nothing to do with each other"
    other = Fragmenter(b"t" * 32, entropy())
    (packet,) = other.packets(PACKED[4], bytes([10, 0, 1, 1]), 17, (b"x",), 1500, ttl=64)
    assert IP(bytes(packet)).id != ident()


def test_identifications_v6_cannot_be_foretold() -> None:
    f = Fragmenter(bytes(32), entropy())
    seen = set()
    for _ in range(10):
        packets = f.packets(PACKED[6], PACKED_THEIRS[6], 17, (bytes(3000),), 1500, ttl=64)
        idents = {IPv6(bytes(p))[IPv6ExtHdrFragment].id for p in packets}
        assert len(idents) == 1
        seen |= idents
    steps = {b - a for a, b in zip(sorted(seen), sorted(seen)[1:], strict=False)}
    assert len(seen) == 10
    assert len(steps) == 9


@FAMILIES
@pytest.mark.parametrize("size", [1400, 20_000, 65_507])
def test_large_pings_both_ways(family: int, size: int) -> None:
    stack = host()
    data = text(size)
    if family == 4:
        request = scapy_fragment(ip(4, id=5) / ICMP(id=3, seq=4) / data, 1480)
    else:
        plain = ip(6) / ICMPv6EchoRequest(id=3, seq=4, data=data)
        request = [plain] if size < 1400 else fragments(6, bytes(plain)[40:], 1432, protocol=58)
    replies = [reply for piece in request for reply in gives(stack, piece)]
    if family == 4:
        (whole,) = defragment(replies)
        assert (whole[ICMP].type, whole[ICMP].id, whole[ICMP].seq) == (0, 3, 4)
        assert bytes(whole[ICMP].payload) == data
    else:
        whole = IPv6(bytes(defragment6(replies))) if len(replies) > 1 else replies[0]
        assert (whole[ICMPv6EchoReply].id, whole[ICMPv6EchoReply].seq) == (3, 4)
        assert whole[ICMPv6EchoReply].data == data
