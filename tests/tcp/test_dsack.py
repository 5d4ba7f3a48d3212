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


def after_holes(p: Peer) -> None:
    """Text is here up to 1001, from 1501 to 2001, and from 2501 to 3001."""
    for seq in (501, 1501, 2501):
        p.gives(".", seq=seq, text=500)
    assert p.gives(".", seq=1, text=500)[-1] == ". 1:1(0) ack 1001"
    assert blocks(p) == [(2501, 3001), (1501, 2001)]


def test_text_in_order_that_was_held_beyond_the_hole() -> None:
    """The sender has larger packets by now: the second half has arrived before."""
    p = established(CONFIG, sack_permitted=True)
    after_holes(p)
    assert p.gives(".", seq=1001, text=1000) == [". 1:1(0) ack 2001"]
    assert blocks(p) == [(1501, 2001), (2501, 3001)]
    assert p.gives(".", seq=2001, text=500) == [". 1:1(0) ack 3001"]
    assert blocks(p) == [], "what follows on the hole did not arrive twice"


def test_text_in_order_that_ends_within_what_was_held() -> None:
    p = established(CONFIG, sack_permitted=True)
    after_holes(p)
    assert p.gives(".", seq=1001, text=700) == [". 1:1(0) ack 2001"]
    assert blocks(p) == [(1501, 1701), (2501, 3001)]


def test_text_in_order_over_two_runs_reports_the_first() -> None:
    """RFC 2883 section 4.2.2."""
    p = established(CONFIG, sack_permitted=True)
    after_holes(p)
    assert p.gives(".", seq=1001, text=1800) == [". 1:1(0) ack 3001"]
    assert blocks(p) == [(1501, 2001)]


def test_text_partly_acknowledged_and_partly_held_reports_what_was_acknowledged() -> None:
    """RFC 2883 section 4.2.2, example 5."""
    p = established(CONFIG, sack_permitted=True)
    after_holes(p)
    assert p.gives(".", seq=501, text=1460) == [". 1:1(0) ack 2001"]
    assert blocks(p) == [(501, 1001), (2501, 3001)]
    assert p.c.recv(5000) == bytes(2000)


def test_the_fin_is_no_text_that_arrived_twice() -> None:
    p = established(CONFIG, sack_permitted=True)
    p.gives(".", seq=501, text=500)
    p.gives("F.", seq=701)
    assert blocks(p) == [(501, 1001)]
