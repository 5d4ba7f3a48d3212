"""RFC 9293 section 3.1: the header."""

import pytest
from rfc9293_common import BLOCKED, DELAYING, TIMESTAMPS, mss
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from pystack.tcp.config import TcpConfig
from pystack.testing import Peer

WIDE = TcpConfig(initial_cwnd=200)


def test_must_1_a_window_of_more_than_32767_bytes(p: Peer) -> None:
    c = p.established(tcp=WIDE, window=0xFFFF)
    c.sock.send(bytes(70_000))
    sent = p.skip()
    assert 65_535 - mss(p) < sum(len(packet[TCP].payload) for packet in sent) <= 65_535


def checksum_by_scapy(packet) -> int:  # type: ignore[no-untyped-def]
    again = packet.copy()
    del again[TCP].chksum
    return type(again)(bytes(again))[TCP].chksum


def test_must_2_every_segment_has_the_right_checksum(p: Peer) -> None:
    c = p.established(options=TIMESTAMPS)
    for text in (b"x", b"an odd number of bytes!", bytes(range(256)) * 5):
        c.sock.send(text)
        packet = c.expect("PA", text=text)
        assert packet[TCP].chksum == checksum_by_scapy(packet)
        c.send()


def test_must_2_text_of_several_writes_in_one_segment(p: Peer) -> None:
    """Writes are kept as they came where they are large: some of these begin and end in the middle of a word."""
    c = p.established(window=0xFFFF)
    writes = [bytes((7 * n + size) % 251 for n in range(size)) for size in (4095, 3, 4095, 1001, 4096, 5)]
    for text in writes:
        assert c.sock.send(text) == len(text)
    c.sock.shutdown(1)
    sent = p.skip()
    assert b"".join(bytes(packet[TCP].payload) for packet in sent) == b"".join(writes)
    assert all(packet[TCP].chksum == checksum_by_scapy(packet) for packet in sent)


def test_must_3_a_bad_checksum_is_dropped(p: Peer) -> None:
    c = p.established()
    good = type(c.packet())(bytes(c.packet("PA", b"text", seq=1, ack=1)))[TCP].chksum
    c.send("PA", b"text", seq=1, ack=1, chksum=good ^ 1)
    c.expect_nothing("1 s")
    assert c.sock.recv(100) is BLOCKED
    c.send("PA", b"text", seq=1)
    assert c.sock.recv(100) == b"text"


def test_must_4_the_options_that_every_tcp_knows(p: Peer) -> None:
    """EOL, NOP and MSS are read; MSS is sent, and NOPs pad what needs it."""
    c = p.established(options=[("NOP", None), ("MSS", 700), ("EOL", None)])
    c.sock.send(bytes(2000))
    c.expect(size=700)
    p.skip()
    p.syn_sent()
    syn = p.heard[-1].packet[TCP]
    names = [name for name, _ in syn.options]
    assert "MSS" in names
    assert "NOP" in names


@pytest.mark.parametrize("options", [[("MSS", 500)], [("NOP", None)], [(254, b"?!")], [("WScale", 3)]], ids=str)
def test_must_5_options_may_come_in_any_segment(p: Peer, options: list) -> None:
    c = p.established()
    c.send("PA", b"text", options=options)
    c.expect("A", ack=5)
    assert c.sock.recv(100) == b"text"


def test_must_5_and_are_used_there(p: Peer) -> None:
    c = p.established(options=TIMESTAMPS)
    c.send("PA", b"text", options=[("Timestamp", (5000, 0))])
    assert dict(c.expect("A", ack=5)[TCP].options)["Timestamp"][1] == 5000


@pytest.mark.parametrize("unknown", [(254, b""), (254, b"ab"), (253, bytes(20)), (31, b"x")], ids=str)
def test_must_6_unknown_options_are_skipped_by_their_length(p: Peer, unknown: tuple[int, bytes]) -> None:
    c = p.established(options=[unknown, ("MSS", 700)])
    c.sock.send(bytes(1000))
    c.expect(size=700)


@pytest.mark.parametrize("raw", ["02000000", "02010000", "02ff0000", "fe000000", "080a0000", "0101010a"])
def test_must_7_bogus_lengths_do_no_harm(p: Peer, raw: str) -> None:
    """We read no further, and take the rest of the segment: whoever sends such options has a sound TCP otherwise."""
    c = p.established()
    # With this data offset the first four bytes behind the header are options.
    c.send("PA", bytes.fromhex(raw) + b"text", seq=1, ack=1, dataofs=6)
    c.expect("A", ack=5)
    assert c.sock.recv(100) == b"text"
    ip = IP() if p.family == 4 else IPv6()
    p.send(ip / TCP(sport=7, dport=9, flags="S", seq=0, dataofs=6) / Raw(bytes.fromhex(raw)))
    p.expect(TCP, flags="RA", ack=1)


def test_must_68_each_option_has_its_length_but_eol_and_nop(p: Peer) -> None:
    p.syn_sent()
    c = p.established(options=TIMESTAMPS)
    c.send("A", b"later", seq=10)
    c.expect("A")  # with a SACK block
    kinds = set()
    for heard in p.heard:
        options = bytes(heard.packet[TCP])[20 : heard.packet[TCP].dataofs * 4]
        at = 0
        while at < len(options):
            kinds.add(options[at])
            assert options[at] <= 1 or options[at + 1] >= 2
            at += 1 if options[at] <= 1 else options[at + 1]
        assert at == len(options)
    assert kinds == {1, 2, 3, 4, 5, 8}


@pytest.mark.parametrize("before", [False, True])
def test_must_68_so_what_an_unknown_option_holds_is_none(p: Peer, before: bool) -> None:
    """Here it would be another MSS."""
    known, unknown = ("MSS", 700), (254, bytes((2, 4, 500 >> 8, 500 & 0xFF)))
    c = p.established(options=[known, unknown] if before else [unknown, known])
    c.sock.send(bytes(1000))
    c.expect(size=700)


def test_must_69_nothing_is_an_option_behind_the_end(p: Peer) -> None:
    """A sender pads with zeros behind EOL. Ours pads with NOPs before, so that it never comes to that."""
    c = p.established(options=[("MSS", 700), ("EOL", None), ("MSS", 500)])
    c.sock.send(bytes(1000))
    c.expect(size=700)
    for heard in p.heard:
        options = bytes(heard.packet[TCP])[20 : heard.packet[TCP].dataofs * 4]
        names = [name for name, _ in heard.packet[TCP].options]
        assert "EOL" not in names or not any(options[options.index(0) :])


def test_rec_1_windows_of_more_than_16_bits(p: Peer) -> None:
    c = p.established(tcp=WIDE, options=[("MSS", 1460), ("WScale", 8)], window=1000)
    c.sock.send(bytes(300_000))
    assert sum(len(packet[TCP].payload) for packet in p.skip()) > 200 * 1000
    assert DELAYING.rcvbuf > 0xFFFF
    c.send("A", b"x", ack=1)
    assert c.expect(ack=2)[TCP].window << 8 > 0xFFFF
