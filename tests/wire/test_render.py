"""Packets as lines of text."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_RS,
    ICMPv6PacketTooBig,
    IPv6,
)
from scapy.packet import Raw

from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, tcp
from pystack.wire.options import Options
from pystack.wire.render import render

IP4 = IP(src="10.0.0.1", dst="10.0.0.2")
IP6 = IPv6(src="fd00::1", dst="fd00::2")
SYN = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
LINK_PADDING = bytes(6)

LINES = [
    (
        IP4 / TCP(sport=43210, dport=80, flags="S", seq=100, window=64240, options=SYN),
        "10.0.0.1:43210 > 10.0.0.2:80 S 100:100(0) win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
    ),
    (
        IP4 / TCP(sport=1, dport=2, flags="PA", seq=0xFFFFFFFF, ack=9, window=3) / Raw(b"abc"),
        "10.0.0.1:1 > 10.0.0.2:2 P. 4294967295:2(3) ack 9 win 3",
    ),
    (
        IP6 / TCP(sport=80, dport=4000, flags="FA", seq=7, ack=8, window=9),
        "[fd00::1]:80 > [fd00::2]:4000 F. 7:7(0) ack 8 win 9",
    ),
    (
        IP4 / TCP(sport=1, dport=2, flags="UA", seq=1, ack=2, window=3, urgptr=4),
        "10.0.0.1:1 > 10.0.0.2:2 U. 1:1(0) ack 2 win 3 urg 4",
    ),
    (
        IP4
        / TCP(sport=1, dport=2, flags="A", ack=2, window=3, options=[("NOP", 0), ("NOP", 0), ("SAck", (1, 2, 5, 9))]),
        "10.0.0.1:1 > 10.0.0.2:2 . 0:0(0) ack 2 win 3 <nop,nop,sack 1:2 5:9>",
    ),
    (IP4 / ICMP(type=8, id=1, seq=1) / Raw(bytes(56)), "10.0.0.1 > 10.0.0.2 icmp echo request id 1 seq 1 (56)"),
    (IP4 / ICMP(type=0, id=1, seq=2), "10.0.0.1 > 10.0.0.2 icmp echo reply id 1 seq 2 (0)"),
    (
        IP4 / ICMP(type=3, code=4, nexthopmtu=1400) / Raw(bytes(28)),
        "10.0.0.1 > 10.0.0.2 icmp unreachable code 4 mtu 1400 (28)",
    ),
    (IP4 / ICMP(type=11, code=0) / Raw(bytes(28)), "10.0.0.1 > 10.0.0.2 icmp time exceeded code 0 (28)"),
    (IP4 / ICMP(type=42, code=5), "10.0.0.1 > 10.0.0.2 icmp type 42 code 5 (0)"),
    (IP6 / ICMPv6EchoRequest(id=3, seq=4, data=b"xy"), "fd00::1 > fd00::2 icmp6 echo request id 3 seq 4 (2)"),
    (IP6 / ICMPv6EchoReply(id=3, seq=4, data=b"xy"), "fd00::1 > fd00::2 icmp6 echo reply id 3 seq 4 (2)"),
    (IP6 / ICMPv6DestUnreach(code=4) / Raw(bytes(48)), "fd00::1 > fd00::2 icmp6 unreachable code 4 (48)"),
    (
        IP6 / ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(48)),
        "fd00::1 > fd00::2 icmp6 packet too big code 0 mtu 1280 (48)",
    ),
    (IP6 / ICMPv6ND_RS(), "fd00::1 > fd00::2 icmp6 router solicitation code 0 (0)"),
    (IP4 / UDP(sport=53, dport=1053) / Raw(b"hello"), "10.0.0.1:53 > 10.0.0.2:1053 udp (5)"),
    (IP6 / UDP(sport=53, dport=1053) / Raw(b"hello"), "[fd00::1]:53 > [fd00::2]:1053 udp (5)"),
    (IP(src="10.0.0.1", dst="10.0.0.2", proto=132) / Raw(bytes(12)), "10.0.0.1 > 10.0.0.2 protocol 132 (12)"),
    (IPv6(src="fd00::1", dst="fd00::2", nh=0) / Raw(bytes(36)), "fd00::1 > fd00::2 protocol 0 (36)"),
    (
        IP(src="10.0.0.1", dst="10.0.0.2", proto=6, id=9, flags="MF", frag=185) / Raw(bytes(16)),
        "10.0.0.1 > 10.0.0.2 protocol 6 fragment id 9 1480:1496(16)+",
    ),
    (
        IP(src="10.0.0.1", dst="10.0.0.2", proto=17, id=9, frag=187) / Raw(b"end"),
        "10.0.0.1 > 10.0.0.2 protocol 17 fragment id 9 1496:1499(3)",
    ),
]


@pytest.mark.parametrize(("packet", "line"), LINES, ids=[line.split(" > ")[1][:40] for _, line in LINES])
def test_lines(packet, line: str) -> None:
    assert render(bytes(packet)) == line
    assert render(memoryview(bytes(packet) + LINK_PADDING)) == line


def with_option_bytes(text: str) -> bytes:
    header = bytearray(tcp.build_header(tcp.Segment(flags=tcp.ACK), 1, 2) + bytes.fromhex(text))
    header[12] = len(header) << 2
    return ipv4.build_header(bytes(4), bytes(4), 6, len(header)) + header


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("0204 05b4 01 00 00 00", "<mss 1460,nop,eol,eol,eol>"),
        ("0204 05b4 00 01 02 03", "<mss 1460,eol,padding 010203>"),
        ("1e06 aabbccdd 0101", "<kind 30 aabbccdd,nop,nop>"),
        ("fe02 0101", "<kind 254,nop,nop>"),
        ("0203 0501", "<kind 2 05,nop>"),
        ("01 01 0502", "<nop,nop,kind 5>"),
        ("0204 05b4 0300 0000", "<mss 1460,malformed 03000000>"),
        ("0101 0108", "<nop,nop,nop,malformed 08>"),
    ],
)
def test_options_are_shown_as_they_came(wire: str, shown: str) -> None:
    assert render(with_option_bytes(wire)) == f"0.0.0.0:1 > 0.0.0.0:2 . 0:0(0) ack 0 win 0 {shown}"


@pytest.mark.parametrize(
    ("packet", "line"),
    [
        (b"", "malformed packet (0 bytes): 0 bytes are too few for an IPv4 header"),
        (bytes(20), "malformed packet (20 bytes): IP version 0, not 4"),
        (b"\x60" + bytes(3), "malformed packet (4 bytes): 4 bytes are too few for an IPv6 header"),
        (
            ipv4.build_header(bytes(4), bytes(4), 6, 3) + b"abc",
            "0.0.0.0 > 0.0.0.0 malformed: 3 bytes are too few for a TCP header (3 bytes)",
        ),
        (
            ipv6.build_header(bytes(16), bytes(16), 58, 8) + bytes(8),
            ":: > :: malformed: bad ICMPv6 checksum (8 bytes)",
        ),
    ],
)
def test_malformed_packets_are_shown_as_such(packet: bytes, line: str) -> None:
    assert render(packet) == line


def test_a_checksum_that_a_device_still_has_to_finish_is_no_fault() -> None:
    seg = tcp.Segment(1, 2, tcp.ACK, 3, options=Options(ts_val=4, ts_ecr=5))
    header = tcp.build_header(seg, 80, 90, checksum=0xBEEF)
    line = render(ipv4.build_header(bytes(4), bytes(4), 6, len(header)) + header)
    assert line == "0.0.0.0:80 > 0.0.0.0:90 . 1:1(0) ack 2 win 3 <nop,nop,TS val 4 ecr 5>"


protocols = st.sampled_from([icmpv4.PROTOCOL, icmpv6.PROTOCOL, tcp.PROTOCOL, 17, 0, 255])


@given(st.binary(max_size=120))
def test_any_bytes_give_one_line(data: bytes) -> None:
    line = render(data)
    assert line
    assert line.isprintable()


@given(st.sampled_from([4, 16]), protocols, st.binary(max_size=100), st.booleans())
def test_any_payload_gives_one_line_with_both_hosts(size: int, protocol: int, payload: bytes, fragment: bool) -> None:
    src, dst = bytes(range(1, size + 1)), bytes(range(101, size + 101))
    if size == 4:
        header = ipv4.build_header(src, dst, protocol, len(payload), more_fragments=fragment)
    else:
        header = ipv6.build_header(src, dst, protocol, len(payload))
    line = render(header + payload)
    assert line.isprintable()
    assert str(ip_address(src)) in line
    assert str(ip_address(dst)) in line
