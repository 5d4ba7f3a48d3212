"""What a host sends, byte for byte as scapy builds it from the values alone; and the forms in which one segment may
arrive.
"""

import itertools

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet import fragment as fragments_of
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.packet import Raw

from pystack.sock.constants import MSG_OOB, WouldBlock
from pystack.testing import Conversation, Peer

OFFERS = [
    offer
    for count in range(5)
    for offer in itertools.combinations(
        [("MSS", 1300), ("SAckOK", b""), ("Timestamp", (0xFFFFFFF0, 0)), ("WScale", 14)], count
    )
]


def built(
    c: Conversation, heard: bytes, flags: str, seq: int, ack: int, window: int, options: list, text: bytes
) -> bytes:
    """The packet that scapy makes of these values; of what was sent it takes the identification alone."""
    ends = c.flow.ends
    tcp = TCP(sport=ends.host_port, dport=ends.peer_port, flags=flags, seq=seq, ack=ack, window=window, options=options)
    if c.peer.family == 4:
        ip = IP(src=ends.host, dst=ends.peer, flags="DF", ttl=64, id=IP(heard).id)
    else:
        ip = IPv6(src=ends.host, dst=ends.peer, hlim=64)
    return bytes(ip / tcp / Raw(text)) if text else bytes(ip / tcp)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: "+".join(name for name, _ in offer) or "none")
def test_the_syn_ack_for_every_offer(p: Peer, offer: tuple) -> None:
    """The options that were offered, in Linux's order, and nothing else."""
    c = p.syn_received(options=list(offer))
    heard = p.heard[-1]
    names = {name for name, _ in offer}
    mss = 1460 if p.family == 4 else 1440
    options: list = [("MSS", mss)]
    if "Timestamp" in names:
        options += [("SAckOK", b"")] if "SAckOK" in names else [("NOP", None), ("NOP", None)]
        ours = dict(heard.packet[TCP].options)["Timestamp"][0]
        options += [("Timestamp", (ours, 0xFFFFFFF0))]
    elif "SAckOK" in names:
        options += [("NOP", None), ("NOP", None), ("SAckOK", b"")]
    if "WScale" in names:
        options += [("NOP", None), ("WScale", 8)]
    assert heard.data == built(c, heard.data, "SA", c.flow.irs, c.flow.iss + 1, 65535, options, b"")


@pytest.mark.parametrize("size", [1, 2, 3, 535, 536, 1300])
@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x80\x7f"], ids=["zeros", "ones", "mixed"])
def test_text_of_any_length_and_filling(p: Peer, size: int, fill: bytes) -> None:
    """Sums that carry, that do not, that end on half a word."""
    c = p.established()
    text = (fill * size)[:size]
    c.sock.send(text)
    c.expect("PA")
    heard = p.heard[-1]
    assert heard.data == built(c, heard.data, "PA", c.flow.irs + 1, c.flow.iss + 1, 65535, [], text)


def test_a_checksum_that_comes_out_as_zero(p: Peer) -> None:
    """TCP has no other way to write it, unlike UDP: zero it stays."""
    c = p.established()
    c.sock.send(b"\x00\x00")
    first = c.expect("PA")[TCP].chksum
    c.send()
    # Two bytes of text that are the complement of what is left make it zero; the numbers move by two.
    moved = first - 2
    c.sock.send((moved if moved >= 0 else moved + 0xFFFF).to_bytes(2, "big"))
    assert c.expect("PA")[TCP].chksum in (0x0000, 0xFFFF)


@pytest.mark.parametrize("blocks", range(1, 6))
@pytest.mark.parametrize("stamps", [False, True])
def test_selective_acknowledgements(p: Peer, blocks: int, stamps: bool) -> None:
    """The newest block first, and as many as fit."""
    options = [("MSS", 1460), ("SAckOK", b"")] + [("Timestamp", (1, 0))] * stamps
    c = p.established(options=options)
    for n in range(blocks):
        c.send("A", b"x" * 10, seq=101 + 100 * n)
        packet = c.expect("A", ack=1)
    edges = dict(packet[TCP].options)["SAck"]
    expected = [c.flow.iss + 101 + 100 * n + add for n in reversed(range(blocks)) for add in (0, 10)]
    assert list(edges) == expected[: 2 * (3 if stamps else 4)]


def test_urgent_reset_and_fin(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"abc", MSG_OOB)
    c.expect("PAU", urgptr=3)
    c.sock.shutdown(1)
    c.expect("FA", seq=4)
    c.connection.abort()
    p.host.touch(c.endpoint)
    c.expect("RA", seq=5)
    heard = p.heard[-1]
    assert heard.data == built(c, heard.data, "RA", c.flow.irs + 5, c.flow.iss + 1, 65535, [], b"")


# The same segment in other clothes


def arrives(c: Conversation, packets: list) -> bool:
    """Whether the text arrives, with the last of these packets and no earlier."""
    early = False
    for packet in packets:
        early = early or c.connection.recvbuf.size > 0
        c.peer.send(bytes(packet))
    return not early and c.sock.recv(5000) == bytes(range(256)) * 5


def whole(c: Conversation):  # type: ignore[no-untyped-def]
    packet = c.packet("PA", bytes(range(256)) * 5, seq=1, ack=1)
    packet[TCP].window = 65535
    return type(packet)(bytes(packet))


@pytest.mark.parametrize("size", [8, 64, 512])
@pytest.mark.parametrize("order", ["forward", "backward", "inside out", "twice"])
def test_in_fragments(p: Peer, size: int, order: str) -> None:
    c = p.established()
    packet = whole(c)
    if p.family == 4:
        packet.flags = 0
        del packet.chksum
        pieces = fragments_of(packet, max(size, 24))
    else:
        header = IPv6(src=packet.src, dst=packet.dst)
        pieces = fragment6(header / IPv6ExtHdrFragment(id=77) / packet[TCP], 48 + max(size, 24))
    assert len(pieces) > 2
    last = pieces[-1:]
    others = pieces[:-1]
    if order == "backward":
        others, last = pieces[:0:-1], pieces[:1]
    elif order == "inside out":
        others = others[1::2] + others[::2]
    elif order == "twice" and p.family == 4:
        others = [piece for piece in others for _ in (1, 2)]
    assert arrives(c, [*others, *last])


@pytest.mark.parametrize(
    "headers",
    [
        lambda: IPv6ExtHdrHopByHop(),
        lambda: IPv6ExtHdrDestOpt(),
        lambda: IPv6ExtHdrRouting(addresses=[], segleft=0),
        lambda: IPv6ExtHdrFragment(id=5),
        lambda: IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(id=6) / IPv6ExtHdrDestOpt(),
    ],
    ids=["hop-by-hop", "destination", "routing", "atomic fragment", "four of them"],
)
def test_behind_extension_headers(headers) -> None:  # type: ignore[no-untyped-def]
    from pystack import testing  # noqa: PLC0415

    with testing.peer(testing.host(), family=6) as p:
        c = p.established()
        packet = whole(c)
        assert arrives(c, [IPv6(src=packet.src, dst=packet.dst) / headers() / packet[TCP]])


def test_with_padding_behind_it(p: Peer) -> None:
    c = p.established()
    assert arrives(c, [Raw(bytes(whole(c)) + bytes(50))])
    assert c.sock.recv(1) is WouldBlock.READ


@pytest.mark.parametrize("tos", [0x00, 0x01, 0x03, 0xB8, 0xFF])
def test_with_any_traffic_class(p: Peer, tos: int) -> None:
    c = p.established()
    packet = whole(c)
    if p.family == 4:
        packet.tos = tos
        del packet.chksum
    else:
        packet.tc, packet.fl = tos, 0xABCDE
    assert arrives(c, [packet])


@pytest.mark.parametrize("reserved", range(8))
def test_reserved_bits_are_ignored(p: Peer, reserved: int) -> None:
    c = p.established()
    packet = whole(c)
    packet[TCP].reserved = reserved
    del packet[TCP].chksum
    assert arrives(c, [packet])
