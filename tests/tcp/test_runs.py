"""Runs of sequence numbers, against a set of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.runs import Runs

ranges = st.tuples(st.integers(0, 60), st.integers(1, 8)).map(lambda r: (r[0], r[0] + r[1]))


@given(st.lists(st.tuples(st.booleans(), ranges), max_size=40))
def test_against_a_set(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    runs, numbers = Runs(), set[int]()
    for forgets, (start, end) in steps:
        if forgets:
            runs.forget_before(start)
            numbers = {n for n in numbers if n >= start}
        elif not numbers & set(range(start, end)):
            runs.add(start, end)
            numbers |= set(range(start, end))
        found = list(reversed(runs))
        assert {n for a, b in found for n in range(a, b)} == numbers
        assert all(low[1] < high[0] for high, low in zip(found, found[1:], strict=False)), "joined, and in order"  # noqa: RUF007
        for at in range(70):
            assert runs.end_of(at) == next(n for n in range(at, 80) if n not in numbers)
    runs.clear()
    assert list(reversed(runs)) == []
