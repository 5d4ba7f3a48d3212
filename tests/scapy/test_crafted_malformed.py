"""Segments that are damaged: each is dropped and counted, and none changes a byte of what the application reads."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from pystack.sock.constants import WouldBlock
from pystack.tcp.state import State
from pystack.testing import Conversation, Peer

TEXT = b"the text"


def header_bytes(p: Peer) -> int:
    return 20 if p.family == 4 else 40


def good(c: Conversation) -> bytes:
    return bytes(c.packet("PA", TEXT, seq=1, ack=1, window=65535))


def received(p: Peer) -> int:
    return p.host.metrics["IpInReceives"] + p.host.metrics["Ip6InReceives"]


def with_lengths(p: Peer, data: bytes) -> bytes:
    """With IP's length field and checksum right again."""
    changed = bytearray(data)
    if p.family == 4:
        changed[2:4] = len(data).to_bytes(2, "big")
        read = IP(bytes(changed))
        del read.chksum
        return bytes(read)[: len(data)]
    changed[4:6] = (len(data) - 40).to_bytes(2, "big")
    return bytes(changed)


@pytest.mark.parametrize("honest", [False, True], ids=["as cut off", "with the length put right"])
def test_cut_off_anywhere(p: Peer, honest: bool) -> None:
    c = p.established()
    packet = good(c)
    for size in range(len(packet)):
        piece = packet[:size]
        if honest and size >= header_bytes(p):
            piece = with_lengths(p, piece)
        before = received(p)
        p.send(piece)
        assert received(p) == before + 1
    assert c.connection.recvbuf.size == 0
    assert c.state is State.ESTABLISHED
    p.expect_nothing(TCP)
    p.send(packet)
    assert c.sock.recv(100) == TEXT


def test_any_bit_flipped(p: Peer) -> None:
    """The checksums find each, but for what they do not cover: traffic class, flow label and hop limit of IPv6."""
    c = p.established()
    packet = good(c)
    harmless = set()
    for bit in range(8 * len(packet)):
        damaged = bytearray(packet)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        p.send(bytes(damaged))
        if c.connection.recvbuf.size:
            harmless.add(bit)
            assert c.sock.recv(100) == TEXT
            p.skip()
            c = p.established()
            packet = good(c)
    expected = set() if p.family == 4 else {*range(4, 32), *range(56, 64)}
    assert harmless == expected
    assert c.state is State.ESTABLISHED
    p.send(packet)
    assert c.sock.recv(100) == TEXT


@pytest.mark.parametrize("offset", [0, 1, 4, 8, 14, 15])
def test_data_offsets_that_cannot_be(p: Peer, offset: int) -> None:
    """Before the end of the fixed header, or behind the segment's own."""
    c = p.established()
    before = p.host.metrics["TcpInErrs"]
    c.send("PA", TEXT, seq=1, ack=1, dataofs=offset)
    assert p.host.metrics["TcpInErrs"] == before + 1
    assert c.sock.recv(100) is WouldBlock.READ
    assert c.state is State.ESTABLISHED


@pytest.mark.parametrize("kind", [*range(10), 14, 19, 27, 28, 29, 30, 34, 69, 172, 253, 254, 255])
def test_options_of_every_length(p: Peer, kind: int) -> None:
    """In a SYN, where options count. It is answered, whatever they say."""
    ip = IP() if p.family == 4 else IPv6()
    listener = p.syn_received().listener
    port = listener.getsockname()[1]
    for number, length in enumerate((0, 1, 2, 3, 4, 5, 6, 8, 10, 34, 40, 41, 255)):
        raw = bytes((kind, length)) + bytes(38)
        p.send(ip / TCP(sport=100 + number, dport=port, flags="S", seq=5, dataofs=15) / Raw(raw))
        syn_ack = p.expect(TCP, flags="SA", dport=100 + number, ack=6)
        assert syn_ack[TCP].sport == port


FLAGS = ["", "F", "U", "P", "FPU", "SF", "SR", "SFR", "SFRPAUEC", "FU", "E", "C", "EC", "SP", "SU", "RF", "FR"]


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: flags or "none")
def test_odd_flags_to_a_listener(p: Peer, flags: str) -> None:
    """Null, Christmas tree and the like: what scanners send. Nothing opens but for an honest SYN."""
    listener = p.syn_received().listener
    known = len(p.host.endpoints())
    p.send(TCP(sport=9, dport=listener.getsockname()[1], flags=flags, seq=5))
    opens = "S" in flags and not set(flags) & set("FRA")
    assert len(p.host.endpoints()) == known + opens
    if opens:
        p.expect(TCP, flags="SA")
    elif "A" in flags and "R" not in flags:
        p.expect(TCP, flags="R")
    else:
        p.expect_nothing()


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: flags or "none")
@pytest.mark.parametrize("state", ["established", "fin_wait_2", "close_wait", "time_wait", "syn_received", "syn_sent"])
def test_odd_flags_to_a_connection(p: Peer, flags: str, state: str) -> None:
    """Only a reset with the exact number ends it; from SYN-RECEIVED a SYN goes back to LISTEN (RFC 9293 3.10.7.4)."""
    c = getattr(p, state)()
    before = c.state
    number = (c.connection.tcb.rcv.nxt - c.connection.tcb.irs) & 0xFFFFFFFF if state != "syn_sent" else 0
    c.send(flags, seq=number)
    p.skip()
    if ("R" in flags and state != "syn_sent") or ("S" in flags and state == "syn_received"):
        assert c.state is State.CLOSED
    elif set(flags) >= set("RA") and state == "syn_sent":
        assert c.state is State.CLOSED, "refused"
    elif "S" in flags and state == "syn_sent" and not set(flags) & set("RA"):
        assert c.state is State.SYN_RECEIVED
    else:
        assert c.state is before
