"""Duplicates are reported (RFC 2883)."""

from dataclasses import replace

from tcp_peer import PLAIN, Peer, established

CONFIG = replace(PLAIN, sack=True)


def blocks(p: Peer) -> list[tuple[int, int]]:
    return [(left - p.irs, right - p.irs) for left, right in p.sent[-1].options.sack]


def test_a_segment_that_was_acknowledged_already() -> None:
    p = established(CONFIG, sack_permitted=True)
    p.gives(".", text=1460)
    p.gives(".", text=1460, seq=1461)
    assert p.gives(".", seq=1, text=1460) == [". 1:1(0) ack 2921"]
    assert blocks(p) == [(1, 1461)]
    p.gives(".", seq=2921, text=1460)
    p.gives(".", seq=4381, text=1460)
    assert blocks(p) == [], "reported once"


def test_the_part_that_was_acknowledged_already() -> None:
    p = established(CONFIG, sack_permitted=True)
    p.gives(".", text=1000)
    assert p.gives(".", seq=501, text=1000)[-1] == ". 1:1(0) ack 1501"
    assert blocks(p) == [(501, 1001)]


def test_a_duplicate_beyond_a_hole_comes_before_the_block_that_holds_it() -> None:
    p = established(CONFIG, sack_permitted=True)
    p.gives(".", seq=1001, text=1000)
    p.gives(".", seq=2001, text=1000)
    assert blocks(p) == [(1001, 3001)]
    p.gives(".", seq=2001, text=1000)
    assert blocks(p) == [(2001, 3001), (1001, 3001)]


def test_it_can_be_turned_off() -> None:
    p = established(replace(CONFIG, dsack=False), sack_permitted=True)
    p.gives(".", text=1460)
    p.gives(".", seq=1, text=1460)
    assert blocks(p) == []


def test_a_peer_without_sack_gets_none() -> None:
    p = established(CONFIG)
    p.gives(".", text=1460)
    p.gives(".", seq=1, text=1460)
    assert blocks(p) == []
