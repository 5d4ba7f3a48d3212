"""Packets that are changed on the way stay packets: scapy would have written the same bytes."""

from typing import Any

import pytest
from fault_lan import pass_through
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.packet import Packet

from pystack.link.crossing import Crossing
from pystack.link.faults import AckUnsent, BleachEcn, CorruptText, Drop, Split, parse_faults
from pystack.link.faults.carried import read, without_options

SYN_OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 0)), ("NOP", None), ("WScale", 7)]
STAMP = [("NOP", None), ("NOP", None), ("Timestamp", (7, 9))]
V4, V6 = IP(src="10.0.0.1", dst="10.0.0.2", id=65535), IPv6(src="fd00::1", dst="fd00::2")
FAMILIES = pytest.mark.parametrize("ip", [V4, V6], ids=["IPv4", "IPv6"])


def rebuilt(packet: bytes) -> bytes:
    """What scapy writes for it when it works out lengths and checksums itself."""
    found = (IPv6 if packet[0] >> 4 == 6 else IP)(packet)
    layer: Any = found
    while layer:
        for name in ("len", "plen", "ihl", "chksum", "cksum", "dataofs"):
            if name in layer.fields:
                layer.delfieldval(name)
        layer = layer.payload
    return bytes(found)


def cross(packet: Packet | bytes, *faults: Any, is_back: bool = False) -> list[Packet]:
    """What crosses instead, as scapy reads it; it has to be right to the byte."""
    found = pass_through(faults, Crossing(bytes(packet), is_back))
    assert all(crossed.packet == rebuilt(crossed.packet) for crossed in found)
    return [(IPv6 if crossed.packet[0] >> 4 == 6 else IP)(crossed.packet) for crossed in found]


@pytest.mark.parametrize(
    "packet",
    [
        V4 / TCP(flags="S", options=SYN_OPTIONS),
        V4 / TCP(flags="PA", urgptr=7, options=STAMP) / b"hello",
        IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption(b"\x94\x04\0\0")], tos=5, ttl=3, flags=0) / TCP() / b"odd",
        V6 / TCP(flags="SEC", options=SYN_OPTIONS),
        V6 / IPv6ExtHdrDestOpt() / TCP(flags="FA", seq=2**32 - 1) / b"x",
    ],
    ids=lambda p: p.summary(),
)
def test_a_segment_is_written_as_it_was_read(packet: Packet) -> None:
    carried = read(bytes(packet))
    assert carried is not None
    assert carried.pack() == bytes(packet)
    carried.text += b"more"
    assert carried.pack() == rebuilt(carried.pack()) != bytes(packet)


BROKEN = bytearray(bytes(V4 / TCP() / b"hello"))
BROKEN[-1] ^= 1


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"E",
        b"\x60",
        bytes(40),
        bytes(BROKEN),
        bytes(V4 / UDP() / b"hello"),
        bytes(V6 / ICMP()),
        bytes(IP(flags="MF") / TCP() / b"hello"),
        bytes(IP(frag=1) / (b"x" * 40)),
        bytes(V6 / IPv6ExtHdrFragment(m=1) / TCP()),
        bytes(V4 / TCP() / b"hello")[:-1],
    ],
    ids=range(11),
)
def test_what_is_no_segment_passes(packet: bytes) -> None:
    spec = "drop=any,ack-unsent=any/1B,split=1B,merge=9B,bleach=all,bleach=ece,close-window=0B,reset=0B,in:reboot=0B"
    spec = spec.replace(",in:", ";in:")
    assert read(packet) is None
    assert pass_through(parse_faults(spec), Crossing(packet, False)) == [Crossing(packet, False)]


@FAMILIES
@pytest.mark.parametrize("kind", ["sack", "timestamps", "wscale", "mss", "all"])
@pytest.mark.parametrize("remove", [False, True])
def test_options_are_bleached(ip: Packet, kind: str, remove: bool) -> None:
    names = {"sack": {"SAckOK", "SAck"}, "timestamps": {"Timestamp"}, "wscale": {"WScale"}, "mss": {"MSS"}}
    segments = [
        TCP(flags="S", options=SYN_OPTIONS),
        TCP(flags="A", options=[*STAMP, ("NOP", None), ("NOP", None), ("SAck", (1, 2, 5, 9))]),
    ]
    for tcp in segments:
        before = {name for name, _ in tcp.options} - {"NOP"}
        gone = names.get(kind, before)
        (crossed,) = cross(ip / tcp / b"text", *parse_faults(f"{'strip' if remove else 'bleach'}={kind}"))
        assert {name for name, _ in crossed[TCP].options} - {"NOP", "EOL"} == before - gone
        assert bytes(crossed[TCP].payload) == b"text"
        if remove and before & gone:
            sizes = {"MSS": 4, "SAckOK": 2, "Timestamp": 10, "WScale": 3, "SAck": 18}
            assert crossed[TCP].dataofs == 5 + -(-sum(sizes[name] for name in before - gone) // 4)
            assert not any(name == "NOP" for name, _ in crossed[TCP].options)
        else:
            assert len(crossed) == len(bytes(ip / tcp / b"text"))


def test_options_that_cannot_be_read_stay() -> None:
    for broken in (b"\x02", b"\x02\x00\x01\x01", b"\x02\x09\x01\x01", b"\x00\x02\x04\x05"):
        assert without_options(b"\x04\x02" + broken, range(2, 256)) == b"\x01\x01" + broken
        assert without_options(b"\x04\x02" + broken, range(2, 256), leave_nops=False) == broken
    assert without_options(b"\x04\x02", range(2, 256)) == b"\x01\x01"


@FAMILIES
def test_ecn_is_bleached(ip: Packet) -> None:
    field = "tc" if IPv6 in ip else "tos"
    ip = ip.__class__(src=ip.src, dst=ip.dst, **{field: 0xB7}, **({"fl": 0xABCDE} if IPv6 in ip else {}))
    for packet in (ip / TCP(flags="PAEC") / b"text", ip / UDP() / b"text"):
        (crossed,) = cross(packet, BleachEcn())
        assert getattr(crossed, field) == 0xB4
        setattr(crossed, field, 0xB7)
        assert rebuilt(bytes(crossed)) == bytes(packet)
    (crossed,) = cross(ip / TCP(flags="PAEC") / b"text", *parse_faults("bleach=ece"))
    assert str(crossed[TCP].flags) == "PA"
    assert getattr(crossed, field) == 0xB7


def test_a_header_alone_has_ecn() -> None:
    (crossed,) = cross(IP(tos=3), BleachEcn())
    assert crossed.tos == 0


def test_what_is_no_packet_has_no_ecn() -> None:
    for packet in (b"", b"E" * 19, bytes(40)):
        assert pass_through([BleachEcn()], Crossing(packet, True)) == [Crossing(packet, True)]


@FAMILIES
def test_a_segment_is_split(ip: Packet) -> None:
    tcp = TCP(seq=2**32 - 5, ack=9, flags="FPACE", window=77, options=STAMP)
    crossed = cross(ip / tcp / b"0123456789ab", Split(5))
    assert [(bytes(p[TCP].payload), p[TCP].seq, str(p[TCP].flags)) for p in crossed] == [
        (b"01234", 2**32 - 5, "AEC"),
        (b"56789", 0, "AE"),
        (b"ab", 5, "FPAE"),
    ]
    assert {(p[TCP].ack, p[TCP].window, str(p[TCP].options)) for p in crossed} == {(9, 77, str(STAMP))}
    if IP in ip:
        assert [p.id for p in crossed] == [65535, 0, 1]
    for whole in (TCP(flags="A") / b"01234", TCP(flags="FA"), *(TCP(flags=f) / b"0123456789" for f in ("S", "AU"))):
        assert [bytes(p) for p in cross(ip / whole, Split(5))] == [bytes(ip / whole)]


@FAMILIES
def test_a_segment_is_merged_with_the_one_before(ip: Packet) -> None:
    faults = parse_faults("merge=8B")

    def send(seq: int, data: bytes, flags: str = "A") -> tuple[int, bytes, str]:
        (crossed,) = cross(ip / TCP(seq=seq & 0xFFFFFFFF, flags=flags) / data, *faults)
        return crossed[TCP].seq, bytes(crossed[TCP].payload), str(crossed[TCP].flags)

    assert send(-3, b"abc") == (2**32 - 3, b"abc", "A")
    assert send(0, b"") == (0, b"", "A")
    assert send(0, b"def", "PA") == (2**32 - 3, b"abcdef", "PA")
    assert send(3, b"ghijkl") == (3, b"ghijkl", "A"), "together more than 8"
    assert send(9, b"mn", "FA") == (3, b"ghijklmn", "FA")
    assert send(20, b"x") == (20, b"x", "A"), "there is a hole before it"
    assert send(3, b"ghijkl") == (3, b"ghijkl", "A"), "sent again"


@FAMILIES
def test_the_text_is_corrupted_and_nobody_can_tell(ip: Packet) -> None:
    first, second, empty = (ip / TCP(flags="A", options=STAMP) / data for data in (b"\x0fabc", b"def", b""))
    fault = CorruptText("data", 1)
    assert bytes(cross(first, fault)[0][TCP].payload) == b"\xf0abc"
    assert bytes(cross(second, fault)[0]) == bytes(second)
    assert bytes(cross(empty, CorruptText("ack"))[0]) == bytes(empty)


@FAMILIES
def test_the_kinds_of_segments(ip: Packet) -> None:
    def is_chosen(kind: str, flags: str, data: bytes = b"") -> bool:
        return cross(ip / TCP(flags=flags) / data, Drop(kind)) == []

    assert [is_chosen("syn", flags) for flags in ("S", "SA", "A", "SEC")] == [True, True, False, True]
    assert [is_chosen("fin", flags) for flags in ("FA", "FPA", "A")] == [True, True, False]
    assert [is_chosen("rst", flags) for flags in ("R", "RA", "A")] == [True, True, False]
    assert [is_chosen("ack", flags) for flags in ("A", "AE", "SA", "FA", "RA", "")] == [True, True, *4 * [False]]
    assert [is_chosen("data", "A", data) for data in (b"", b"x")] == [False, True]
    assert not is_chosen("ack", "A", b"x")
    assert all(is_chosen("any", flags) for flags in ("S", "FA", "R", ""))


@FAMILIES
def test_what_is_sent_again(ip: Packet) -> None:
    fault = Drop("resent")

    def passes(seq: int, flags: str = "A", data: bytes = b"", is_back: bool = False) -> bool:
        ends = {"sport": 2, "dport": 1} if is_back else {"sport": 1, "dport": 2}
        head = ip.copy()
        if is_back:
            head.src, head.dst = ip.dst, ip.src
        return bool(cross(head / TCP(seq=seq & 0xFFFFFFFF, flags=flags, **ends) / data, fault, is_back=is_back))

    assert passes(-2, "S")
    assert not passes(-2, "S")
    assert passes(-9, "SA", is_back=True), "the other direction has its own numbers"
    assert passes(-1, data=b"abc")
    assert not passes(-1, data=b"abcde"), "a part of it is new"
    assert not passes(3, data=b"ef"), "what was dropped has been seen all the same"
    assert passes(5, data=b"gh")
    assert passes(5) and passes(7), "a pure ACK takes no numbers"  # noqa: PT018
    assert passes(7, "FA")
    assert not passes(7, "FA")
    assert passes(-8, data=b"abc", is_back=True)
    assert passes(0, "R"), "what it says is not believed"
    assert passes(-99, "S"), "another connection between the same ports"
    assert passes(-98, data=b"abc")
    assert not passes(-98, data=b"abc")


@FAMILIES
def test_the_nth_of_each_connection(ip: Packet) -> None:
    def passed(fault: Any, *ports: int) -> list[bool]:
        return [bool(cross(ip / TCP(flags="A", seq=n, sport=port) / b"x", fault)) for n, port in enumerate(ports)]

    assert passed(Drop("data", 2), 1, 1, 1, 2, 2, 2) == [True, False, True, True, False, True]
    assert passed(Drop("data"), 1, 1, 2) == [False, False, False]


def test_the_directions() -> None:
    forth = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1, dport=2, flags="A") / b"x"
    back = IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=2, dport=1, flags="A") / b"x"

    def passed(spec: str) -> list[bool]:
        faults = parse_faults(spec)
        return [bool(cross(packet, *faults, is_back=packet is back)) for packet in (forth, back, forth, back)]

    assert passed("drop=data#2") == [True, False, True, True], "both together"
    assert passed("in:drop=data#2") == [True, True, True, False]
    assert passed("out:drop=data#2") == [True, True, False, True]
    assert passed("in:drop=data#1;out:drop=data#1") == [False, False, True, True]


def test_the_connection_that_was_silent_the_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pystack.link.faults.flows.FLOWS", 2)
    fault = Drop("any", 1)
    packets = {port: bytes(V4 / TCP(sport=port)) for port in (1, 2, 3)}
    passed = [bool(pass_through([fault], Crossing(packets[port], False))) for port in (1, 2, 1, 3, 1, 2, 3)]
    assert passed == [False, False, True, False, True, False, False]


@FAMILIES
def test_a_packet_that_fits_into_a_black_hole(ip: Packet) -> None:
    size = len(ip / TCP()) + 9
    hole = parse_faults(f"black-hole={size}B")
    assert [bool(cross(ip / UDP() / bytes(12 + n), *hole)) for n in (8, 9, 10)] == [True, True, False]
    assert cross(ip / TCP(), *parse_faults("black-hole=0B")) == []


@FAMILIES
def test_text_alone_is_counted(ip: Packet) -> None:
    def passed(spec: str, *segments: tuple[int, str, bytes]) -> list[bool]:
        faults = parse_faults(spec)
        return [bool(cross(ip / TCP(seq=seq, flags=flags) / data, *faults)) for seq, flags, data in segments]

    whole = (0, "S", b""), (1, "A", b""), (1, "A", b"abc"), (1, "A", b"abc"), (4, "FA", b""), (5, "A", b"")
    assert passed("stall=3B", *whole) == [True] * 6, "neither SYN nor FIN, and once what is sent again"
    assert passed("stall=2B", *whole) == [True, True, False, False, False, False]
    assert passed("stall=3B", *whole[2:4], (4, "A", b"d")) == [True, True, False], "where the SYN was not seen"
    assert passed("stall=3B", *whole[:3], (4, "A", b"d"), (4, "A", b"")) == [True, True, True, False, False]


@FAMILIES
@pytest.mark.parametrize(("scales", "window"), [((0, 4), 625), ((2, 4), 625), ((2, None), 10_000), ((None, 4), 10_000)])
def test_the_scale_of_a_window_is_what_both_have_agreed_on(ip: Packet, scales: tuple, window: int) -> None:
    faults = parse_faults("in:close-window=10kB")
    options = [[] if scale is None else [("WScale", scale)] for scale in scales]
    back = ip.__class__(src=ip.dst, dst=ip.src)
    cross(ip / TCP(sport=1, dport=2, flags="S", seq=9, options=options[0]), *faults)
    syn = TCP(sport=2, dport=1, flags="SA", ack=10, options=options[1], window=40_000)
    assert cross(back / syn, *faults, is_back=True)[0][TCP].window == 10_000
    ack = TCP(sport=2, dport=1, flags="A", seq=1, ack=10, window=40_000)
    assert cross(back / ack, *faults, is_back=True)[0][TCP].window == window


@FAMILIES
def test_the_faults_of_a_list_are_met_in_its_order(ip: Packet) -> None:
    faults = parse_faults("dup=data#1,delay=data#2/2s,split=2B")
    crossed = pass_through(faults, Crossing(bytes(ip / TCP(flags="A") / b"abc"), True, late=5))
    assert [(read(each.packet).text, each.late, each.is_back) for each in crossed] == [  # type: ignore[union-attr]
        (b"ab", 5, True),
        (b"c", 5, True),
        (b"ab", 2_000_000_005, True),
        (b"c", 2_000_000_005, True),
    ]


@FAMILIES
def test_an_ack_of_what_was_not_sent(ip: Packet) -> None:
    fault = AckUnsent("ack", by=1000)
    ack = ip / TCP(sport=2, dport=1, flags="A", ack=7)
    ack[ip.name].src, ack[ip.name].dst = ip.dst, ip.src
    assert cross(ack, fault, is_back=True)[0][TCP].ack == 7, "nothing is known of what was sent"
    cross(ip / TCP(sport=1, dport=2, seq=2**32 - 2, flags="A") / b"abc", fault)
    assert cross(ack, fault, is_back=True)[0][TCP].ack == 1001
