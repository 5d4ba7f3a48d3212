"""The account of what a stack has sent, with packets that scapy makes: each thing that can be wrong is found."""

from collections.abc import Callable

import pytest
from capture_audit import faults
from capture_frames import Frame
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Packet, Raw

V4, V6 = bytes((10, 0, 0, 2)), bytes.fromhex("fd00" + 27 * "0" + "2")


def theirs(segment: Packet) -> Packet:
    return IP(src="10.0.0.1", dst="10.0.0.2") / segment


def ours(segment: Packet) -> Packet:
    return IP(src="10.0.0.2", dst="10.0.0.1", id=0, flags="DF") / segment


def segment_to(seq: int, ack: int, flags: str, text: bytes = b"") -> Packet:
    return theirs(TCP(sport=5000, dport=80, seq=seq, ack=ack, flags=flags) / text)


def segment_from(seq: int, ack: int, flags: str, text: bytes = b"") -> Packet:
    return ours(TCP(sport=80, dport=5000, seq=seq, ack=ack, flags=flags) / text)


DATAGRAM = theirs(UDP(sport=5, dport=81) / b"what?")
UNREACHABLE = IP(src="10.0.0.2", dst="10.0.0.1", id=0, flags="DF", tos=0xC0) / ICMP(type=3, code=3) / bytes(DATAGRAM)
DATAGRAM_V6 = IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=5, dport=81) / b"what?"
UNREACHABLE_V6 = IPv6(src="fd00::2", dst="fd00::1") / ICMPv6DestUnreach(code=4) / Raw(bytes(DATAGRAM_V6))

CONVERSATION = [
    segment_to(100, 0, "S"),
    segment_from(900, 101, "SA"),
    segment_to(101, 901, "A"),
    segment_to(106, 901, "PA", b"later"),
    segment_from(901, 101, "A"),
    segment_to(101, 901, "PA", b"first"),
    segment_from(901, 111, "PA", b"answer"),
    segment_to(111, 907, "FA"),
    segment_from(907, 112, "A"),
    theirs(TCP(sport=6000, dport=81, seq=7, flags="S")),
    ours(TCP(sport=81, dport=6000, seq=0, ack=8, flags="RA")),
    DATAGRAM,
    UNREACHABLE,
    DATAGRAM_V6,
    UNREACHABLE_V6,
    theirs(ICMP(type=8, id=1, seq=2) / b"ping"),
    ours(ICMP(type=0, id=1, seq=2) / b"ping"),
]


def frames_of(packets: list[Packet]) -> list[Frame]:
    own = ("10.0.0.2", "fd00::2")
    return [Frame(number, packet.src in own, bytes(packet)) for number, packet in enumerate(packets, 1)]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert faults(frames_of(CONVERSATION), [V4, V6]) == []


def with_ack(ack: int) -> Callable[[Packet], None]:
    return lambda packet: packet[TCP].setfieldval("ack", ack)


def with_checksum(layer: type[Packet]) -> Callable[[Packet], None]:
    def change(packet: Packet) -> None:
        packet[layer].chksum = type(packet)(bytes(packet))[layer].chksum ^ 1

    return change


def with_quote(change: Callable[[bytes], bytes]) -> Callable[[Packet], None]:
    return lambda packet: packet.lastlayer().setfieldval("load", change(packet.lastlayer().load))


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (2, with_ack(102)),
        (2, with_ack(100)),
        (5, with_ack(102)),
        (5, with_ack(111)),
        (7, with_ack(112)),
        (9, with_ack(113)),
        (9, with_ack(110)),
        (9, lambda packet: packet[TCP].setfieldval("flags", "")),
        (11, with_ack(7)),
        (11, with_ack(9)),
        (7, with_checksum(TCP)),
        (7, with_checksum(IP)),
        (13, with_checksum(ICMP)),
        (13, with_quote(lambda quote: quote[:-1])),
        (13, with_quote(lambda quote: quote[:-1] + b"!")),
        (13, with_quote(lambda quote: quote + b"!")),
        (13, lambda packet: packet[ICMP].setfieldval("code", 2)),
        (13, lambda packet: packet[ICMP].setfieldval("length", 1)),
        (13, lambda packet: packet[IP].setfieldval("dst", "10.0.0.7")),
        (15, with_quote(lambda quote: quote[:-1] + b"!")),
        (15, lambda packet: packet.setfieldval("dst", "fd00::7")),
        (17, lambda packet: packet[ICMP].setfieldval("seq", 3)),
        (17, lambda packet: packet[IP].setfieldval("len", 27)),
    ],
)
def test_what_is_wrong_is_found(number: int, change: Callable[[Packet], None]) -> None:
    packets = [packet.copy() for packet in CONVERSATION]
    change(packets[number - 1])
    assert faults(frames_of(packets), [V4, V6])[0].number == number
