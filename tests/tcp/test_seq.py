"""Sequence numbers without the wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.seq import before, unwrap

M = 2**32


@given(st.integers(-M, 2**40), st.integers(-(2**31), 2**31 - 1))
def test_unwrap_finds_the_nearest_number(near: int, offset: int) -> None:
    assert unwrap((near + offset) % M, near) == near + offset


@pytest.mark.parametrize(
    ("wire", "near", "expected"),
    [(0, M - 1, M), (M - 1, M, M - 1), (5, 3 * M + 4, 3 * M + 5), (2**31, 0, -(2**31)), (2**31 - 1, 0, 2**31 - 1)],
)
def test_unwrap_around_the_wrap(wire: int, near: int, expected: int) -> None:
    assert unwrap(wire, near) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(1, 2, True), (2, 1, False), (7, 7, False), (M - 1, 0, True), (0, M - 1, False), (0, 2**31 - 1, True)],
)
def test_before_is_circular(a: int, b: int, expected: bool) -> None:
    assert before(a, b) is expected
