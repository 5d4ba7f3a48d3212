"""Packets as bytes: what scripts inject is what scapy reads, and what scapy builds is what scripts see."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPerror6, IPv6
from scapy.packet import Raw

from pystack.drill.parser import parse
from pystack.drill.script import Icmp, Packet, QuotedTcp, Tcp, TcpOption, Udp
from pystack.drill.tcpoptions import decode, encode, option_text
from pystack.drill.wireform import Ends, build, hear
from pystack.wire.tcp import ACK, AE, CWR, PSH, SYN

V4 = Ends(bytes((192, 0, 2, 1)), bytes((192, 168, 0, 1)), 40000, 8080)
V6 = Ends(bytes((0xFD, *range(15))), bytes((0xFE, *range(15))), 40000, 8080)


def line(text: str) -> Packet:
    (event,) = parse(f"0 {text}").events
    assert isinstance(event.what, Packet)
    return event.what


def injected(text: str, ends: Ends = V4) -> Any:
    """What scapy makes of it, once it has found that it would have built the same checksums."""
    data = build(line(text), ends)
    read = (IP if len(ends.local_ip) == 4 else IPv6)(data)
    again = read.copy()
    for layer in (IP, TCP, UDP, ICMP, ICMPv6PacketTooBig):
        for name in ("chksum", "cksum"):
            if layer in again and name in again[layer].fields:
                delattr(again[layer], name)
    assert bytes(again) == data
    return read


@pytest.mark.parametrize("ends", [V4, V6])
def test_a_segment(ends: Ends) -> None:
    read = injected(
        "< [ect1, ttl 9] PU. 7:107(100) ack 9 win 55 urg 3 <mss 1460,nop,wscale 4,nop,nop,TS val 1 ecr 2>", ends
    )
    tcp = read[TCP]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, tcp.window, tcp.urgptr) == (40000, 8080, 7, 9, 55, 3)
    assert str(tcp.flags) == "PAU"
    assert tcp.options == [
        ("MSS", 1460),
        ("NOP", None),
        ("WScale", 4),
        ("NOP", None),
        ("NOP", None),
        ("Timestamp", (1, 2)),
    ]
    assert bytes(tcp.payload) == bytes(100)
    outer = read[IP] if ends is V4 else read[IPv6]
    assert (outer.tos if ends is V4 else outer.tc) == 1
    assert (outer.ttl if ends is V4 else outer.hlim) == 9


def test_the_bits_of_accurate_ecn() -> None:
    assert injected("< .5 1:1(0) win 1")[TCP].flags.value == ACK | 0x100 | 0x40
    assert injected("< SEWA 1:1(0) win 1")[TCP].flags.value == SYN | 0x1C0


def test_a_datagram() -> None:
    read = injected("< udp (33)")
    assert (read[UDP].sport, read[UDP].dport, bytes(read[UDP].payload)) == (40000, 8080, bytes(33))


def test_an_icmp_error_quotes_the_stack() -> None:
    read = injected("< icmp unreachable frag_needed mtu 1400 [1001:2461(1460)]")
    icmp = read[ICMP]
    assert (icmp.type, icmp.code, icmp.nexthopmtu) == (3, 4, 1400)
    quote = icmp.payload
    assert (quote.src, quote.dst, quote.len) == ("192.168.0.1", "192.0.2.1", 1500)
    assert bytes(quote.payload)[:8] == (8080).to_bytes(2, "big") + (40000).to_bytes(2, "big") + (1001).to_bytes(
        4, "big"
    )


def test_an_icmpv6_error() -> None:
    read = injected("< icmp packet_too_big mtu 1400 [5:5(0)]", V6)
    assert read[ICMPv6PacketTooBig].mtu == 1400
    assert read[IPerror6].nh == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("< icmp unreachable port_unreachable mtu 5", "no MTU"),
        ("< icmp unreachable id 5", "no identifier"),
        ("< icmp echo_request [1:1(0)]", "quotes nothing"),
        ("< icmp packet_too_big", "no type of ICMP here"),
        ("< icmp unreachable exceeded_hop_limit", "no code of ICMP here"),
        ("< icmp type_256", "no type"),
        ("< [flowlabel 3] . 1:1(0) win 1", "no flow label"),
        ("< . 1:70001(70000) win 1", "fit into no packet"),
        ("< udp (70000)", "fit into no packet"),
    ],
)
def test_what_no_packet_holds(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(line(text), V4)


@pytest.mark.parametrize(("text", "size"), [("< . 1:65001(65000) win 1", 65040), ("< . 1:1(0) win 1", 40)])
def test_large_and_small(text: str, size: int) -> None:
    assert len(build(line(text), V4)) == size


# What the stack sends


def heard(packet: Any, local: str = "192.168.0.1", remote: str = "192.0.2.1") -> Any:
    inner = IP(src=local, dst=remote) / packet
    return hear(5, bytes(inner), V4.local_ip, V4.remote_ip)


def test_a_segment_that_is_heard() -> None:
    found = heard(
        TCP(sport=8080, dport=40000, flags="PA", seq=3, ack=4, window=9, options=[("NOP", None), ("EOL", None)])
        / Raw(bytes(7))
    )
    body = found.packet.body
    assert body.options is not None
    assert body == Tcp(PSH | ACK, 3, 7, 4, 9, 0, body.options, None, (8080, 40000))
    assert [o.name for o in body.options] == ["nop", "eol", "eol", "eol"]
    assert (found.ends, found.problems, found.at) == (V4, (), 5)


def test_a_wrong_checksum_and_other_text_are_told() -> None:
    assert heard(TCP(sport=8080, dport=40000, chksum=1)).problems == ("bad TCP checksum",)
    assert heard(UDP(sport=8080, dport=40000, chksum=1)).problems == ("bad UDP checksum",)
    assert heard(TCP(sport=8080, dport=40000) / Raw(b"\0x")).problems == ("its text is not all zeros",)
    assert heard(UDP(sport=8080, dport=40000) / Raw(b"\0x")).problems == ("its text is not all zeros",)


def test_what_cannot_be_read_is_a_problem() -> None:
    assert hear(0, b"", V4.local_ip, V4.remote_ip).problems
    assert hear(0, b"\x45" + bytes(30), V4.local_ip, V4.remote_ip).problems == ("bad IPv4 header checksum",)
    assert heard(TCP(sport=8080, dport=40000, dataofs=15)).problems
    assert heard(ICMP(chksum=1)).problems == ("bad ICMP checksum",)


def test_packets_between_others_are_none_of_ours() -> None:
    found = heard(TCP(), remote="192.0.2.99")
    assert (found.packet, found.ends, found.problems) == (None, None, ())


def test_icmp_and_udp_that_are_heard() -> None:
    assert heard(ICMP(type=3, code=3) / Raw(bytes(8))).packet.body == Icmp("unreachable", "port_unreachable")
    assert heard(ICMP(type=77, code=9)).packet.body == Icmp("type_77", "code_9")
    assert heard(UDP(sport=8080, dport=40000) / Raw(bytes(8))).packet.body == Udp(8)


# Options


@pytest.mark.parametrize(
    ("option", "data"),
    [
        (TcpOption("mss", (1460,)), "020405b4"),
        (TcpOption("wscale", (8,)), "030308"),
        (TcpOption("sackOK"), "0402"),
        (TcpOption("sack", (1, 2, 3, 4)), "0512" + "00000001000000020000000300000004"),
        (TcpOption("TS", (1, 2)), "080a0000000100000002"),
        (TcpOption("md5", data=bytes(range(16))), "1312000102030405060708090a0b0c0d0e0f"),
        (TcpOption("FO", data=b"\xaa\xbb"), "2204aabb"),
        (TcpOption("FO"), "2202"),
        (TcpOption("FOEXP", data=b"\xaa"), "fe05f989aa"),
        (TcpOption("ECN", (1, 2, 3)), "ac0b000001000002000003"),
        (TcpOption("ECN", (1,), order=1), "ae05000001"),
        (TcpOption("nop"), "01"),
        (TcpOption("eol"), "00"),
    ],
)
def test_options_as_bytes(option: TcpOption, data: str) -> None:
    assert encode([option]).hex() == data
    assert decode(bytes.fromhex(data)) == (option,)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("1c040007", "kind 28 0007"),
        ("02030501", "kind 2 05"),
        ("fe040101", "kind 254 0101"),
        ("1302", "kind 19"),
        ("0500", "malformed 0500"),
        ("02", "malformed 02"),
    ],
)
def test_options_that_the_language_has_no_word_for(data: str, text: str) -> None:
    assert option_text(decode(bytes.fromhex(data))[0]) == text


def test_a_quote_of_nothing_is_the_first_number() -> None:
    quoted = build(Packet(line("< icmp source_quench").direction, Icmp("source_quench", quoted=QuotedTcp(0, 0))), V4)
    assert build(line("< icmp source_quench"), V4) == quoted


def test_flags_beyond_eight_bits() -> None:
    data = build(line("< A. 1:1(0) win 1"), V4)
    assert data[32] & 1
    assert line("> A. 1:1(0)").body == Tcp(ACK | AE, 1, 0)
    assert line("> W 1:1(0)").body == Tcp(CWR, 1, 0)
