"""The numbers and words of `pystack ping`, without a network."""

import re

import pytest

from pystack.cli import icmpwords
from pystack.cli.icmpwords import words_of
from pystack.cli.roundtrips import RoundTrips, milliseconds
from pystack.net.echo import Failure
from pystack.tcp.icmp import IcmpKind


def test_the_summary() -> None:
    trips = RoundTrips()
    trips.sent = 7
    for took in (0.001, 0.002, 0.003):
        trips.reply(took)
    assert trips.summary("h", 6.0004) == (
        "--- h ping statistics ---\n"
        "7 packets transmitted, 3 received, 57.1429% packet loss, time 6000ms\n"
        "rtt min/avg/max/mdev = 1.000/2.000/3.000/0.816 ms"
    )
    trips.duplicate(0.006)
    trips.errors = 2
    assert "7 packets transmitted, 3 received, +1 duplicates, +2 errors, 57.1429% packet loss" in trips.summary("h", 6)
    assert "rtt min/avg/max/mdev = 1.000/3.000/6.000/1.871 ms" in trips.summary("h", 6)


def test_the_summary_of_nothing() -> None:
    trips = RoundTrips()
    assert (
        trips.summary("h", 0)
        == "--- h ping statistics ---\n0 packets transmitted, 0 received, 0% packet loss, time 0ms"
    )
    trips.sent = 2
    assert "100% packet loss" in trips.summary("h", 1)
    assert "rtt" not in trips.summary("h", 1)


@pytest.mark.parametrize(
    ("took", "text"),
    [(0.0000444, "0.044 ms"), (0.00123, "1.23 ms"), (0.0123, "12.3 ms"), (0.123, "123 ms"), (12.3456, "12346 ms")],
)
def test_times(took: float, text: str) -> None:
    assert milliseconds(took) == text


@pytest.mark.parametrize("source", ["10.0.0.1", "fd00::1"])
def test_each_error_has_words_of_its_own(source: str) -> None:
    codes = icmpwords._UNREACHABLE_V6 if ":" in source else icmpwords._UNREACHABLE_V4
    said = [words_of(Failure(source, source, 1, IcmpKind.UNREACHABLE_HOST, code, 0)) for code in (*codes, 99)]
    for kind, code in (
        (IcmpKind.TIME_EXCEEDED, 0),
        (IcmpKind.TIME_EXCEEDED, 1),
        (IcmpKind.PARAMETER_PROBLEM, 0),
        (IcmpKind.FRAGMENTATION_NEEDED, 4),
        (IcmpKind.SOURCE_QUENCH, 0),
    ):
        said.append(words_of(Failure(source, source, 1, kind, code, 1280)))
    assert len(set(said)) == len(said)
    assert any(re.search("Packet too big.*1280", words) for words in said)
    assert all(re.match("[A-Z]", words) for words in said)
