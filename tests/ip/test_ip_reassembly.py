"""Fragments in every order, against a model that keeps a byte map; memory, time and ECN."""

import tracemalloc
from collections import Counter
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ip_lab import SECOND

from pystack.ip.names import V4
from pystack.ip.reassembly import Reassembly, Whole

TIMEOUT = 30 * SECOND


class Bench:
    """A reassembly whose first fragments are known by a word."""

    def __init__(self, budget: int = 1 << 20) -> None:
        self.counts: Counter[str] = Counter()
        self.short = False
        self.r: Reassembly[str] = Reassembly(V4, self._count, budget, TIMEOUT, lambda: self.short)

    def _count(self, name: str) -> None:
        self.counts[name] += 1

    def add(
        self, offset: int, data: bytes, more: bool = True, key: bytes = b"k", now: int = 0, ecn: int = 0
    ) -> Whole[str] | None:
        return self.r.add(key, offset, more, data, None if offset else "first", ecn, now)


DATA = bytes(range(40))
PIECES = [(0, DATA[:8], True), (8, DATA[8:24], True), (24, DATA[24:32], True), (32, DATA[32:], False)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_every_order_gives_the_same(order: tuple[int, ...]) -> None:
    b = Bench()
    *early, last = [b.add(*PIECES[n]) for n in order]
    assert early == [None] * 3
    assert last is not None
    assert (last.payload, last.first) == (DATA, "first")
    assert b.r.held == 0
    assert b.r.next_deadline() is None
    assert b.counts == {"IpReasmReqds": 4, "IpReasmOKs": 1}


@pytest.mark.parametrize("twice", range(4))
def test_exact_duplicates_do_no_harm(twice: int) -> None:
    b = Bench()
    for n in (0, 1, 2, 3):
        if n != twice:
            assert b.add(*PIECES[n]) is None
            assert b.add(*PIECES[n]) is None
    whole = b.add(*PIECES[twice])
    assert whole is not None
    assert whole.payload == DATA
    assert b.counts["IpExtReasmOverlaps"] == 0


@pytest.mark.parametrize(
    ("offset", "data", "more"),
    [
        (8, DATA[8:16], True),  # the same start, shorter
        (8, DATA[8:32], True),  # longer
        (0, DATA[:16], True),
        (16, DATA[16:32], True),
        (16, DATA[16:24], True),  # inside
        (8, bytes(16), True),  # other bytes
        (8, DATA[8:24], False),  # an end where there was none
        (24, bytes(8), False),  # before the end that is known
        (32, DATA[32:], True),  # the end is not the end
        (40, bytes(8), True),  # beyond it
        (40, bytes(8), False),
    ],
)
def test_contradictions_give_up_the_whole_datagram(offset: int, data: bytes, more: bool) -> None:
    """RFC 5722, for what is still to come too; and no error is sent for it."""
    b = Bench()
    b.add(*PIECES[0])
    b.add(*PIECES[1])
    b.add(*PIECES[3])
    assert b.add(offset, data, more) is None
    assert b.counts["IpExtReasmOverlaps"] == 1
    assert b.add(*PIECES[2]) is None, "it would have been whole"
    assert [b.add(*piece) for piece in PIECES] == [None] * 4, "nor by coming again"
    assert b.r.take_expired(TIMEOUT) == []
    assert b.counts["IpReasmTimeout"] == 0
    assert [b.add(*piece, now=TIMEOUT) for piece in PIECES][-1] is not None, "the name is free again"
    assert b.r.held == 0


def test_what_is_given_up_holds_no_memory() -> None:
    b = Bench()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for n in range(100):
            for at in range(0, 16_000, 1000):
                b.add(at, bytes(1000), key=bytes([n]))
            b.add(8, bytes(1000), key=bytes([n]))
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert b.counts["IpExtReasmOverlaps"] == 100
    assert held < b.r.held < 300_000


def test_datagrams_do_not_mix() -> None:
    b = Bench()
    other = bytes(40)
    for offset, data, more in PIECES[1:]:
        b.add(offset, data, more, key=b"a")
        b.add(offset, other[offset : offset + len(data)], more, key=b"b")
    a_, b_ = b.add(0, DATA[:8], key=b"a"), b.add(0, other[:8], key=b"b")
    assert a_ is not None
    assert b_ is not None
    assert (a_.payload, b_.payload) == (DATA, other)


def test_the_time_runs_from_the_first_arrival() -> None:
    b = Bench()
    b.add(8, DATA[8:16], now=5)
    b.add(0, DATA[:8], now=TIMEOUT)
    b.add(8, DATA[8:16], key=b"no first", now=7)
    assert b.r.next_deadline() == TIMEOUT + 5
    assert b.r.take_expired(TIMEOUT + 4) == []
    assert b.r.take_expired(TIMEOUT + 6) == ["first"]
    assert b.r.next_deadline() == TIMEOUT + 7
    assert b.r.take_expired(TIMEOUT + 7) == [], "without the first nobody is told"
    assert b.r.next_deadline() is None
    assert b.r.held == 0
    assert b.counts["IpReasmTimeout"] == b.counts["IpReasmFails"] == 2


def test_the_oldest_gives_way() -> None:
    b = Bench(budget=20_000)
    for n in range(100):
        b.add(0, bytes(800), key=bytes([n]), now=n)
        assert b.r.held <= 20_000
    kept = 20_000 // b.r.held * (b.r.held // 3104)
    assert b.counts["PystackIpReasmEvicted"] == b.counts["IpReasmFails"] == 100 - kept
    assert b.add(800, bytes(8), False, key=bytes([99])) is not None
    assert b.add(800, bytes(8), False, key=bytes([0])) is None


@pytest.mark.parametrize(("size", "per_datagram"), [(8, 1), (8, 1500), (1480, 40), (8, 30)])
def test_the_budget_is_what_memory_is_really_held(size: int, per_datagram: int) -> None:
    """Every second fragment of each datagram, so that none is ever whole: holes cost too."""
    budget = 1 << 20
    b = Bench(budget)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for n in range(16_000):
            datagram, piece = divmod(n, per_datagram)
            b.add(piece * 2 * size, bytes(size), key=datagram.to_bytes(4, "big"))
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert b.r.held > budget // 4
    assert held < budget * 1.2


def test_nothing_is_begun_while_memory_is_short() -> None:
    """What has begun may end: that gives memory back."""
    b = Bench()
    b.add(*PIECES[0])
    held, b.short = b.r.held, True
    assert b.add(*PIECES[0], key=b"another") is None
    assert b.r.held == held
    assert b.counts["PystackIpReasmRefused"] == b.counts["IpReasmFails"] == 1
    assert [b.add(*piece) is None for piece in PIECES[1:]] == [True, True, False]
    b.short = False
    assert b.add(*PIECES[0], key=b"another") is None
    assert b.r.held > 0
    assert b.counts["PystackIpReasmRefused"] == 1


@pytest.mark.parametrize(
    ("marks", "result"),
    [
        ((0, 0, 0, 0), 0),
        ((2, 2, 2, 2), 2),
        ((1, 1, 1, 1), 1),
        ((2, 3, 2, 2), 3),
        ((3, 3, 3, 3), 3),
        ((1, 3, 1, 1), 3),
        ((0, 0, 3, 0), None),
        ((2, 0, 2, 2), None),
    ],
)
def test_congestion_marks_survive(marks: tuple[int, ...], result: int | None) -> None:
    """RFC 3168 section 5.3."""
    b = Bench()
    whole = None
    for piece, ecn in zip(PIECES, marks, strict=True):
        whole = b.add(*piece, ecn=ecn)
    assert (whole.ecn if whole else None) == result
    assert b.counts["IpReasmFails"] == (result is None)
    assert b.r.held == 0


class Model:
    """One datagram as a map from offset to byte, and the arrivals as they were."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}
        self.arrivals: set[tuple[int, bytes, bool]] = set()
        self.end: int | None = None
        self.dead = False

    def add(self, offset: int, data: bytes, more: bool) -> bytes | None:
        if self.dead or (offset, data, more) in self.arrivals:
            return None
        span = range(offset, offset + len(data))
        beyond = self.end is not None and span.stop > self.end
        short = not more and (self.end is not None or any(at >= span.stop for at in self.bytes))
        if any(at in self.bytes for at in span) or beyond or short:
            self.dead = True
            return None
        self.arrivals.add((offset, data, more))
        self.bytes.update(zip(span, data, strict=True))
        if not more:
            self.end = span.stop
        if self.end is not None and len(self.bytes) == self.end:
            return bytes(self.bytes[at] for at in range(self.end))
        return None


arrival = st.builds(
    lambda at, units, tail, more, fill: (at * 8, bytes([fill]) * (units * 8 if more else units * 8 - tail), more),
    st.integers(0, 5),
    st.integers(1, 3),
    st.integers(0, 7),
    st.booleans(),
    st.integers(0, 1),
)


@settings(max_examples=400)
@given(st.lists(arrival, max_size=12))
def test_like_the_model(arrivals: list[tuple[int, bytes, bool]]) -> None:
    b, model = Bench(), Model()
    for offset, data, more in arrivals:
        whole, expected = b.add(offset, data, more), model.add(offset, data, more)
        assert (whole.payload if whole else None) == expected
        if expected is not None:
            model = Model()
        assert b.r.held >= 0
    b.r.take_expired(TIMEOUT)
    assert b.r.held == 0


@settings(max_examples=200)
@given(st.data())
def test_pieces_in_any_order_with_repeats(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3000))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, size // 8)).map(lambda n: n * 8), max_size=20)))
    edges = [0, *[c for c in cuts if c < size], size]
    text = bytes(n * 7 & 0xFF for n in range(size))
    pieces = [(a, text[a:z], z < size) for a, z in pairwise(edges)]
    missing = data.draw(st.permutations(pieces))
    b = Bench()
    for n, piece in enumerate(missing):
        for again in missing[:n]:
            assert b.add(*again) is None
        whole = b.add(*piece)
        if n < len(missing) - 1:
            assert whole is None
    assert whole is not None
    assert whole.payload == text
