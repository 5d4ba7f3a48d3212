"""Keep-alive (RFC 9293 section 3.8.4), in virtual time."""

from dataclasses import replace

import pytest
from tcp_peer import MS, PLAIN, SECOND, established, in_state

from pystack.tcp.events import Ending
from pystack.tcp.state import State

ON = replace(PLAIN, keepalive=True)
HOURS = 3600 * SECOND


def test_must_25_off_by_default() -> None:
    p = established()
    assert p.waits(30 * 24 * HOURS) == []
    assert p.c.next_deadline() is None


def test_must_28_the_first_probe_comes_after_two_hours() -> None:
    p = established(ON)
    (at, probe), *_ = p.waits(2 * HOURS + SECOND)
    assert at == 7_200_000
    assert probe == ". 0:0(0) ack 1", "SHLD-12: no text, and an old number"


def test_must_29_a_lost_probe_is_not_the_end() -> None:
    p = established(ON)
    probes = p.waits(2 * HOURS + 9 * 75 * SECOND - SECOND)
    assert [at for at, _ in probes] == [7_200_000 + 75_000 * n for n in range(9)]
    assert p.state is State.ESTABLISHED
    p.gives(".")
    assert p.c.probes == 0
    assert [at for at, _ in p.waits(2 * HOURS)] == [7_200_000]


def test_a_peer_that_is_gone_is_reset_and_told_to_the_application() -> None:
    p = established(ON)
    sent = p.waits(3 * HOURS)
    assert sent[-1] == (7_200_000 + 9 * 75_000, "R. 1:1(0) ack 1")
    assert p.state is State.CLOSED
    assert p.c.ending is Ending.TIMED_OUT


def test_must_26_what_arrives_starts_the_idle_time_anew() -> None:
    p = established(ON)
    p.waits(HOURS)
    p.gives(".", text=b"x")
    sent = [(at, shown) for at, shown in p.waits(2 * HOURS - SECOND)]
    assert [shown for _, shown in sent if shown.startswith(". 0:0")] == []


def test_must_26_no_probe_while_text_is_outstanding() -> None:
    p = established(replace(ON, retries=100, keepalive_idle=5 * SECOND))
    p.sends(100)
    sent = p.waits(60 * SECOND)
    assert sent
    assert {shown for _, shown in sent} == {"P. 1:101(100) ack 1"}


def test_must_24_27_switched_and_set_on_a_live_connection() -> None:
    p = established()
    p.c.prefs.change("keepalive", True)
    p.c.prefs.change("keepalive_idle", 10 * SECOND)
    p.c.prefs.change("keepalive_interval", SECOND)
    p.c.prefs.change("keepalive_count", 2)
    assert p.takes() == []
    assert [at for at, _ in p.waits(11 * SECOND)] == [10_000, 11_000]
    p.c.prefs.change("keepalive", False)
    p.takes()
    assert p.waits(HOURS) == []


def test_the_user_timeout_decides_where_it_is_set() -> None:
    p = established(replace(ON, keepalive_idle=10 * SECOND, keepalive_interval=SECOND, user_timeout=15 * SECOND))
    sent = p.waits(HOURS)
    assert [at for at, _ in sent] == [10_000, 11_000, 12_000, 13_000, 14_000, 15_000]
    assert p.c.ending is Ending.TIMED_OUT


@pytest.mark.parametrize("state", [State.FIN_WAIT_2, State.CLOSE_WAIT])
def test_half_closed_connections_are_watched_too(state: State) -> None:
    p = in_state(state, ON)
    assert [at for at, _ in p.waits(7201 * SECOND)] == [7_200_000]


@pytest.mark.parametrize("name", ["nodelay", "keepalive", "keepalive_idle", "user_timeout"])
def test_what_an_application_sets_meanwhile_sends_and_counts_no_probe(name: str) -> None:
    p = established(replace(ON, keepalive_idle=10 * SECOND, keepalive_interval=5 * SECOND))
    p.waits(10 * SECOND)
    assert p.c.probes == 1
    for _ in range(20):
        p.c.prefs.change(name, getattr(p.c.prefs, name))
        assert p.takes() == []
        assert p.waits(100 * MS) == []
    assert p.c.probes == 1
    assert [at for at, _ in p.waits(9 * SECOND)] == [3_000, 8_000]


def test_a_longer_idle_time_puts_the_next_probe_off() -> None:
    p = established(replace(ON, keepalive_idle=10 * SECOND))
    p.c.prefs.change("keepalive_idle", 20 * SECOND)
    p.takes()
    assert [at for at, _ in p.waits(30 * SECOND)] == [20_000]
