"""Preconditions, their dates, and content codings: what makes 304 or 412 of a request, and what keeps a range."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.http.conditional import Validators, http_time, outcome, range_still_fits
from pystack.http.encodings import acceptable
from pystack.http.request import Request, build
from pystack.http.response import http_date

CHANGED = 784_111_777
OURS = Validators(b'"a,b"', CHANGED, CHANGED + 1)
WEAK = Validators(b'W/"a"', CHANGED, CHANGED + 1)
SAME = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"


def asking(*fields: str, method: bytes = b"GET") -> Request:
    split = [field.encode("latin-1").split(b": ", 1) for field in fields]
    return build(method, b"/", "1.1", ((b"host", b"x"), *((name.lower(), value) for name, value in split)))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([], None),
        (['If-None-Match: "a,b"'], 304),
        (['If-None-Match: W/"a,b"'], 304),
        (['If-None-Match: "x", "a,b"'], 304),
        (['If-None-Match: ,"x" , , "a,b",'], 304),
        (['If-None-Match: "x"', 'If-None-Match: "a,b"'], 304),
        (["If-None-Match: *"], 304),
        (['If-None-Match: "a"'], None),
        (['If-None-Match: "A,B"'], None),
        (['If-None-Match: w/"a,b"'], None),
        (["If-None-Match: a,b"], None),
        (['If-None-Match: "x" "a,b"'], None),
        (['If-None-Match: "a,b'], None),
        (['If-None-Match: *, "x"'], None),
        (['If-Match: "a,b"'], None),
        (["If-Match: *"], None),
        (['If-Match: "x","a,b"'], None),
        (['If-Match: W/"a,b"'], 412),
        (['If-Match: "x"'], 412),
        (["If-Match: rubbish"], 412),
        ([f"If-Modified-Since: {SAME}"], 304),
        ([f"If-Modified-Since: {AFTER}"], 304),
        ([f"If-Modified-Since: {BEFORE}"], None),
        ([f"If-Modified-Since: {SAME}", f"If-Modified-Since: {SAME}"], None),
        ([f"If-Modified-Since: {SAME}", 'If-None-Match: "x"'], None),
        ([f"If-Modified-Since: {BEFORE}", 'If-None-Match: "a,b"'], 304),
        ([f"If-Unmodified-Since: {SAME}"], None),
        ([f"If-Unmodified-Since: {AFTER}"], None),
        ([f"If-Unmodified-Since: {BEFORE}"], 412),
        (["If-Unmodified-Since: rubbish"], None),
        ([f"If-Unmodified-Since: {BEFORE}", 'If-Match: "a,b"'], None),
        ([f"If-Unmodified-Since: {SAME}", 'If-Match: "x"'], 412),
        (['If-Match: "a,b"', 'If-None-Match: "a,b"'], 304),
        (['If-Match: "x"', 'If-None-Match: "a,b"'], 412),
    ],
)
def test_preconditions_are_weighed_in_the_order_of_rfc_9110(fields: list[str], status: int | None) -> None:
    assert outcome(asking(*fields), OURS) == status
    assert outcome(asking(*fields, method=b"HEAD"), OURS) == status


def test_only_safe_methods_are_answered_with_304() -> None:
    assert outcome(asking('If-None-Match: "a,b"', method=b"PUT"), OURS) == 412
    assert outcome(asking(f"If-Modified-Since: {SAME}", method=b"PUT"), OURS) is None


def test_a_weak_tag_of_ours_is_good_for_a_304_only() -> None:
    assert outcome(asking('If-None-Match: "a"'), WEAK) == 304
    assert outcome(asking('If-Match: W/"a"'), WEAK) == 412
    assert not range_still_fits(asking('If-Range: W/"a"'), WEAK)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ([], True),
        (['If-Range: "a,b"'], True),
        (['If-Range: W/"a,b"'], False),
        (['If-Range: "a,b", "a,b"'], False),
        (['If-Range: "a,b"', 'If-Range: "a,b"'], False),
        (["If-Range: *"], False),
        (["If-Range: "], False),
        ([f"If-Range: {SAME}"], True),
        ([f"If-Range: {BEFORE}"], False),
        ([f"If-Range: {AFTER}"], False),
        (["If-Range: rubbish"], False),
    ],
)
def test_a_range_is_sent_only_of_the_content_that_if_range_names(fields: list[str], fits: bool) -> None:
    assert range_still_fits(asking(*fields), OURS) is fits


def test_a_date_is_no_strong_validator_within_its_own_second() -> None:
    assert not range_still_fits(asking(f"If-Range: {SAME}"), Validators(b'"a"', CHANGED, CHANGED))


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ-7")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("date", [SAME, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
@pytest.mark.usefixtures("far_from_greenwich")
def test_all_three_forms_of_a_date_are_in_utc(date: str) -> None:
    assert http_time(date.encode()) == CHANGED


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"1994",
        b"yesterday",
        b"784111777",
        b"1994-11-06T08:49:37Z",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 EST",
        b"Sun, 06 Nov 1994 08:49:37 +0100",
        b"Sun, 06 Nov 1994 08:49 GMT",
        b"Sun, 06 Nov 1994 25:49:37 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 06 Xxx 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3\N{SUPERSCRIPT TWO} GMT".encode("latin-1"),
    ],
)
def test_what_is_no_date_is_none(value: bytes | None) -> None:
    assert http_time(value) is None


@given(st.integers(0, 253_402_300_799))
def test_the_dates_that_we_send_come_back(seconds: int) -> None:
    assert http_time(http_date(seconds)) == seconds


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, []),
        ("", []),
        ("gzip", [b"gzip"]),
        ("GZip", [b"gzip"]),
        ("x-gzip", [b"gzip"]),
        ("br", [b"br"]),
        ("gzip, br", [b"br", b"gzip"]),
        ("gzip, deflate, br, zstd", [b"br", b"gzip"]),
        ("gzip;q=0.9, br;q=0.8", [b"gzip", b"br"]),
        ("gzip ; q=0.5,br\t;\tq=1.000", [b"br", b"gzip"]),
        ("*", [b"br", b"gzip"]),
        ("*;q=0.1, gzip", [b"gzip", b"br"]),
        ("gzip;q=0, *", [b"br"]),
        ("gzip;q=0", []),
        ("gzip;q=0.000", []),
        ("identity", []),
        ("identity, gzip;q=0.5", []),
        ("identity;q=0.5, gzip;q=0.5, br;q=0.4", [b"gzip"]),
        ("gzip;q=2", []),
        ("gzip;q=nan", []),
        ("gzip;q=", []),
        ("gzip;level=9", []),
        ("gzip br", []),
        ("gzipped", []),
    ],
)
def test_codings_are_those_that_the_client_prefers(value: str | None, wanted: list[bytes]) -> None:
    fields = [] if value is None else [f"Accept-Encoding: {value}"]
    assert acceptable(asking(*fields), (b"br", b"gzip")) == wanted


def test_a_list_may_come_in_several_fields() -> None:
    assert acceptable(asking("Accept-Encoding: gzip", "Accept-Encoding: br"), (b"br", b"gzip")) == [b"br", b"gzip"]
