"""Durations as people write them."""

import pytest

from pystack.testing import nanoseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 s", 10**9),
        ("200 ms", 200 * 10**6),
        ("1.5 s", 1_500_000_000),
        ("0.1s", 10**8),
        (" 3 us ", 3000),
        ("7 ns", 7),
        ("2 min", 120 * 10**9),
        ("2 h", 7200 * 10**9),
        (5, 5),
    ],
)
def test_units(text: int | str, expected: int) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "1", "s", "1 day", "-1 s", "1 s 2", "0.5 ns", "1e3 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"ns|nanoseconds"):
        nanoseconds(text)
