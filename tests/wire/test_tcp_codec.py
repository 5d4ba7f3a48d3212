"""TCP segments as bytes, with scapy as the judge."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from pystack.wire import checksum, ipv4, options, tcp
from pystack.wire.errors import Malformed
from pystack.wire.options import NO_OPTIONS, Options

SRC4, DST4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
SRC6, DST6 = IPv6Address("fd00:7079::1").packed, IPv6Address("fd00:7079::2").packed
IP4 = IP(src="10.0.0.1", dst="10.0.0.2")
IP6 = IPv6(src=IPv6Address(SRC6), dst=IPv6Address(DST6))

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
flags = st.integers(0, 0x1FF)
texts = st.lists(st.binary(max_size=9), max_size=4)
option_sets = st.one_of(
    st.just(NO_OPTIONS),
    st.builds(Options, ts_val=u32, ts_ecr=u32),
    st.builds(Options, mss=u16, wscale=st.integers(0, 14), sack_permitted=st.booleans(), ts_val=u32),
    st.builds(Options, sack=st.lists(st.tuples(u32, u32), max_size=4).map(tuple)),
)


def pseudo(size: int, src: bytes = SRC4, dst: bytes = DST4) -> int:
    return checksum.pseudo_sum(src, dst, tcp.PROTOCOL, size)


def wire(seg: tcp.Segment, src_port: int, dst_port: int, src: bytes = SRC4, dst: bytes = DST4) -> bytes:
    header = tcp.build_header(seg, src_port, dst_port)
    return tcp.fill_checksum(header, seg.pieces, pseudo(len(header) + seg.size, src, dst)) + b"".join(seg.pieces)


@given(u16, u16, u32, u32, flags, u16, u16, texts, option_sets)
def test_what_is_built_reads_back(src_port, dst_port, seq, ack, bits, window, urgent, pieces, opts) -> None:
    text = b"".join(pieces)
    seg = tcp.Segment(seq, ack, bits, window, tuple(pieces), len(text), opts)
    seg.urg = urgent
    for src, dst in ((SRC4, DST4), (SRC6, DST6)):
        ours = wire(seg, src_port, dst_port, src, dst)
        read = tcp.parse(memoryview(ours), pseudo(len(ours), src, dst))
        assert (read.src_port, read.dst_port, read.seq, read.ack) == (src_port, dst_port, seq, ack)
        assert (read.flags, read.wnd, read.urg, read.size) == (bits, window, urgent, len(text))
        assert (bytes(read.payload), read.options) == (text, opts)


@given(u16, u16, u32, u32, flags, u16, u16, texts, option_sets)
def test_scapy_reads_what_we_build(src_port, dst_port, seq, ack, bits, window, urgent, pieces, opts) -> None:
    """MUST-2: the checksum covers pseudo-header, header and text, in pieces of any length."""
    text = b"".join(pieces)
    seg = tcp.Segment(seq, ack, bits, window, tuple(pieces), len(text), opts)
    seg.urg = urgent
    for ip, src, dst in ((IP4, SRC4, DST4), (IP6, SRC6, DST6)):
        ours = wire(seg, src_port, dst_port, src, dst)
        theirs = TCP(ours)
        assert (theirs.sport, theirs.dport, theirs.seq, theirs.ack) == (src_port, dst_port, seq, ack)
        assert (int(theirs.flags), theirs.window, theirs.urgptr) == (bits, window, urgent)
        assert theirs.dataofs * 4 == 20 + len(options.build(opts))
        assert bytes(theirs.payload) == text
        del theirs.chksum
        assert bytes(ip / theirs)[len(ip) :] == ours


@pytest.mark.parametrize(("ip", "src", "dst"), [(IP4, SRC4, DST4), (IP6, SRC6, DST6)])
@pytest.mark.parametrize("text", [b"", b"x", b"GET / HTTP/1.1\r\n\r\n", bytes(1461)])
def test_we_read_what_scapy_builds(ip, src: bytes, dst: bytes, text: bytes) -> None:
    """MUST-5: options are read in any segment, here in one with text."""
    syn_options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 9)), ("NOP", None), ("WScale", 7)]
    built = ip / TCP(sport=4000, dport=80, seq=5, ack=6, flags="PA", window=77, options=syn_options) / Raw(text)
    data = memoryview(bytes(built))[len(ip) :]
    seg = tcp.parse(data, pseudo(len(data), src, dst))
    assert (seg.src_port, seg.dst_port, seg.seq, seg.ack, seg.wnd) == (4000, 80, 5, 6, 77)
    assert (seg.flags, bytes(seg.payload), seg.size) == (tcp.PSH | tcp.ACK, text, len(text))
    assert seg.options == Options(1460, 7, True, 7, 9)


@given(st.binary(max_size=40), st.integers(0, 1000), st.integers(0, 7))
def test_must_3_a_flipped_bit_is_noticed_unless_vouched_for(text: bytes, position: int, bit: int) -> None:
    good = wire(tcp.Segment(1, 2, tcp.ACK, 3, (text,), len(text), Options(ts_val=1)), 80, 90)
    bad = bytearray(good)
    at = position % len(good)
    bad[at] ^= 1 << bit
    with pytest.raises(Malformed) as caught:
        tcp.parse(bad, pseudo(len(bad)))
    assert caught.value.counter in ("TcpInCsumErrors", "TcpInErrs")
    if at != 12:
        assert caught.value.counter == "TcpInCsumErrors"
        assert tcp.parse(bad, None).size == len(text)


def test_must_3_the_checksum_covers_the_addresses() -> None:
    good = wire(tcp.Segment(1, 2, tcp.ACK, 3), 80, 90)
    with pytest.raises(Malformed) as caught:
        tcp.parse(good, pseudo(len(good), dst=bytes((10, 0, 0, 3))))
    assert caught.value.counter == "TcpInCsumErrors"


def test_a_checksum_of_all_ones_is_the_other_zero() -> None:
    """Some hardware sends 0xFFFF for 0x0000; to a receiver that adds, they are the same."""
    blank = tcp.build_header(tcp.Segment(1, 2, tcp.ACK, 0), 80, 90)
    window = checksum.finish(pseudo(20) + checksum.sum16(blank))
    blank = tcp.build_header(tcp.Segment(1, 2, tcp.ACK, window), 80, 90)
    assert tcp.fill_checksum(blank, (), pseudo(20)) == blank
    for field in (0x0000, 0xFFFF):
        assert tcp.parse(tcp.build_header(tcp.Segment(1, 2, tcp.ACK, window), 80, 90, field), pseudo(20)).wnd == window


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(19),
        bytes(12) + b"\x40" + bytes(7),  # a data offset of 16 bytes
        bytes(12) + b"\x60" + bytes(7),  # one past the end
        bytes(12) + b"\xf0" + bytes(40),
    ],
)
def test_what_is_malformed_names_its_counter(data: bytes) -> None:
    for vouched in (None, 0):
        with pytest.raises(Malformed) as caught:
            tcp.parse(data, vouched)
        assert caught.value.counter == "TcpInErrs"


def test_reserved_bits_are_ignored_and_the_ninth_flag_kept() -> None:
    """RFC 9293 section 3.1: reserved bits must be ignored; AE is the bit that RFC 9768 took from them."""
    data = bytearray(tcp.build_header(tcp.Segment(flags=tcp.SYN | tcp.AE), 1, 2))
    assert data[12] == 0x51
    data[12] |= 0x0E
    assert tcp.parse(data, None).flags == tcp.SYN | tcp.AE


def test_numbers_are_wrapped_to_32_bits() -> None:
    """Connections count without wrapping; the wire does not."""
    seg = tcp.Segment((3 << 32) + 5, (1 << 32) + 6, tcp.ACK, 1)
    read = tcp.parse(tcp.build_header(seg, 1, 2), None)
    assert (read.seq, read.ack) == (5, 6)


def test_the_text_is_a_view_of_the_packet() -> None:
    seg = tcp.Segment(1, 2, tcp.ACK, 3, (b"text",), 4)
    data = wire(seg, 80, 90)
    packet = memoryview(ipv4.build_header(SRC4, DST4, tcp.PROTOCOL, len(data)) + data)
    payload = tcp.parse(ipv4.parse(packet).payload, pseudo(len(data))).payload
    assert isinstance(payload, memoryview)
    assert payload.obj is packet.obj


def test_must_7_a_segment_with_a_bogus_option_still_parses() -> None:
    """MUST-7: the codec survives it and says so; what to do about it is the connection's decision."""
    header = tcp.build_header(tcp.Segment(1, 2, tcp.SYN, 3, options=Options(mss=1460)), 80, 90)
    seg = tcp.parse(header[:20] + b"\x02\x00\x05\xb4", None)
    assert seg.options.malformed
    assert seg.options.mss is None


def test_syn_and_fin_occupy_sequence_numbers() -> None:
    for bits, more in ((0, 0), (tcp.SYN, 1), (tcp.FIN, 1), (tcp.SYN | tcp.FIN, 2), (tcp.ACK | tcp.PSH | tcp.RST, 0)):
        assert tcp.Segment(flags=bits, pieces=(b"ab", b"c"), size=3).len == 3 + more


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0, "-"),
        (tcp.SYN, "S"),
        (tcp.SYN | tcp.ACK, "S."),
        (tcp.FIN | tcp.PSH | tcp.ACK, "FP."),
        (tcp.RST | tcp.ACK, "R."),
        (tcp.SYN | tcp.ECE | tcp.CWR, "SEW"),
        (tcp.SYN | tcp.ECE | tcp.ACK, "SE."),
        (tcp.SYN | tcp.ECE | tcp.CWR | tcp.AE, "SEWA"),
        (tcp.SYN | tcp.CWR | tcp.ACK, "SW."),
        (tcp.AE | tcp.ACK, "A."),
        (tcp.URG | tcp.ACK, "U."),
    ],
)
def test_flag_letters(bits: int, text: str) -> None:
    assert tcp.flag_letters(bits) == text


def test_representation_reads_like_a_capture() -> None:
    seg = tcp.Segment(5, 6, tcp.PSH | tcp.ACK, 7, (b"abc",), 3, Options(mss=1460))
    assert repr(seg) == "<P. 5:8(3) ack 6 win 7 Options(mss=1460)>"
