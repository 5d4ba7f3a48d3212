"""What routers say about sizes, and how far it is believed."""

import pytest
from ip_lab import PACKED_THEIRS, SECOND

from pystack.ip.pmtu import MINUTE, PLATEAUS, PathMtu

V4, V6 = PACKED_THEIRS[4], PACKED_THEIRS[6]


def test_lower_and_never_higher() -> None:
    p = PathMtu(1500)
    assert p.get(V4, 0) == 1500
    assert p.lower(V4, 1400, 0)
    assert p.get(V4, 0) == 1400
    assert not p.lower(V4, 1450, 0)
    assert p.get(V4, 0) == 1400
    assert p.lower(V4, 1300, 0)
    assert p.get(V4, 0) == 1300
    assert p.get(V6, 0) == 1500, "each destination for itself"


@pytest.mark.parametrize("claim", [1500, 1501, 65535])
def test_what_fits_the_device_is_no_news(claim: int) -> None:
    p = PathMtu(1500)
    assert not p.lower(V4, claim, 0)
    assert p.next_deadline() is None


def test_there_is_a_floor() -> None:
    p = PathMtu(1500)
    assert not p.lower(V4, 67, 0), "impossible"
    assert p.lower(V4, 68, 0)
    assert p.get(V4, 0) == 552
    assert not p.lower(V4, 296, 0)
    assert not p.lower(V6, 1279, 0), "not believed at all (RFC 8201 section 4)"
    assert p.get(V6, 0) == 1500
    assert p.lower(V6, 1280, 0)
    assert not p.lower(V6, 0, 0, quoted_length=1280)


@pytest.mark.parametrize(
    ("length", "mtu"), [(1500, 1492), (1492, 1006), (9000, 8166), (1006, 552), (2000, 1492), (65535, 32000)]
)
def test_a_router_that_does_not_say(length: int, mtu: int) -> None:
    """RFC 1191 section 7.1: the next plateau."""
    p = PathMtu(65535)
    assert p.lower(V4, 0, 0, quoted_length=length)
    assert p.get(V4, 0) == mtu
    assert list(PLATEAUS) == sorted(PLATEAUS, reverse=True)


def test_it_is_forgotten() -> None:
    """RFC 1191 section 6.3, RFC 8201 section 4."""
    p = PathMtu(1500)
    p.lower(V4, 1400, 5)
    assert p.next_deadline() == 10 * MINUTE + 5
    assert p.get(V4, 10 * MINUTE + 4) == 1400
    assert p.get(V4, 10 * MINUTE + 5) == 1500
    assert p.take_expired(10 * MINUTE + 4) == []
    assert p.take_expired(10 * MINUTE + 5) == [V4]
    assert p.next_deadline() is None


def test_to_be_told_again_keeps_it() -> None:
    p = PathMtu(1500)
    p.lower(V4, 1400, 0)
    p.lower(V6, 1400, SECOND)
    assert not p.lower(V4, 1400, 60 * SECOND)
    assert p.take_expired(10 * MINUTE + SECOND) == [V6]
    assert p.get(V4, 10 * MINUTE + 59 * SECOND) == 1400


def test_there_is_room_for_so_many() -> None:
    p = PathMtu(1500, capacity=3)
    for n in range(5):
        p.lower(bytes([10, 0, 1, n]), 1400, n)
    assert [p.get(bytes([10, 0, 1, n]), 9) for n in range(5)] == [1500, 1500, 1400, 1400, 1400]


def test_a_smaller_device_holds_for_all() -> None:
    p = PathMtu(1500)
    p.lower(V4, 1400, 0)
    p.mtu = 1300
    assert (p.get(V4, 0), p.get(V6, 0)) == (1300, 1300)
