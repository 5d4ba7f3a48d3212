"""RFC 9293 section 3.7.1: the maximum segment size."""

from collections.abc import Callable

import pytest
from rfc9293_common import mss
from scapy.layers.inet import TCP

from pystack.testing import Peer


def announced(packet) -> int:  # type: ignore[no-untyped-def]
    return dict(packet[TCP].options)["MSS"]


def test_must_14_the_option_is_sent_and_received(p: Peer) -> None:
    c = p.established(options=[("MSS", 999)])
    assert announced(p.heard[0].packet) == mss(p)
    c.sock.send(bytes(1500))
    c.expect(size=999)


def test_must_15_without_the_option_the_default_holds(p: Peer) -> None:
    c = p.established(options=[])
    c.sock.send(bytes(3000))
    c.expect(size=536 if p.family == 4 else 1220)


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("theirs", [600, 9000])
@pytest.mark.parametrize("stamps", [False, True])
def test_must_16_what_a_segment_may_carry(p: Peer, active: bool, theirs: int, stamps: bool) -> None:
    """The least of what the peer takes and what IP takes, without the bytes that the options need."""
    options = [("MSS", theirs)] + [("Timestamp", (1, 0))] * stamps
    c = p.established(active=active, options=options)
    c.sock.send(bytes(5000))
    c.expect(size=min(theirs, mss(p)) - 12 * stamps)


@pytest.mark.parametrize("theirs", [600, 9000])
@pytest.mark.parametrize("stamps", [False, True])
@pytest.mark.parametrize("gaps", [1, 2, 5])
def test_must_16_sack_blocks_take_their_room_from_the_text(p: Peer, theirs: int, stamps: bool, gaps: int) -> None:
    options = [("MSS", theirs), ("SAckOK", b"")] + [("Timestamp", (1, 0))] * stamps
    c = p.established(options=options)
    for n in range(gaps):
        c.send("A", b"x", seq=10 + 10 * n)
    p.skip()
    blocks = min(gaps, 3 if stamps else 4)
    c.sock.send(bytes(5000))
    packet = c.expect(size=min(theirs, mss(p)) - 12 * stamps - 4 - 8 * blocks)
    assert len(dict(packet[TCP].options)["SAck"]) == 2 * blocks


@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
def test_must_67_never_more_than_ip_can_take(peer_of: Callable[..., Peer], mtu: int) -> None:
    p = peer_of(mtu=mtu)
    p.syn_sent()
    assert announced(p.heard[-1].packet) == mtu - (40 if p.family == 4 else 60)


def test_shld_5_in_the_syn_of_both_roles(p: Peer) -> None:
    p.syn_sent()
    p.syn_received()
    p.syn_received(options=[])
    assert [announced(h.packet) for h in p.heard] == [mss(p)] * 3


def test_may_3_even_where_it_is_the_default(peer_of: Callable[..., Peer], family: int) -> None:
    default = 536 if family == 4 else 1220
    p = peer_of(mtu=default + (40 if family == 4 else 60))
    p.syn_sent()
    assert announced(p.heard[-1].packet) == default
