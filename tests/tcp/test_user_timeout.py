"""The user timeout option (RFC 5482), both ways."""

from dataclasses import replace

import pytest
from tcp_peer import PLAIN, SECOND, Peer, established

from pystack.tcp.events import Ending
from pystack.tcp.state import State
from pystack.tcp.usertimeout import LEAST, MOST, adopted
from pystack.wire.options import Options, build, parse
from pystack.wire.tcp import Segment

ON = replace(PLAIN, user_timeout_option=True)


def asks(p: Peer, seconds: int, flags: str = ".", seq: int = 1) -> list[str]:
    receive = p.c.receive

    class Asking:
        @staticmethod
        def receive(seg: Segment, now: int) -> None:
            seg.options.user_timeout = seconds
            receive(seg, now)

    connection, p.c = p.c, Asking  # type: ignore[assignment]
    p.puts(flags, seq=seq)
    p.c = connection
    return p.takes()


@pytest.mark.parametrize(("seconds", "read"), [(1, 1), (32767, 32767), (32768, 32820), (7_200_000, 32767 * 60)])
def test_on_the_wire(seconds: int, read: int) -> None:
    options = Options(mss=1460)
    options.user_timeout = seconds
    data = build(options)
    assert data[4:6] == b"\x1c\x04"
    assert parse(data).user_timeout == read


@pytest.mark.parametrize(
    ("own", "remote", "expected"), [(0, 200, 200), (300, 200, 300), (0, 1, LEAST // SECOND), (0, 10**6, MOST // SECOND)]
)
def test_the_longer_wish_within_limits(own: int, remote: int, expected: int) -> None:
    assert adopted(own * SECOND, remote * SECOND) == expected * SECOND


def test_the_syn_tells_it() -> None:
    p = Peer(replace(ON, user_timeout=250 * SECOND))
    p.takes()
    assert p.sent[-1].options.user_timeout == 250


def test_a_change_is_told_once() -> None:
    p = established(ON)
    p.c.prefs.change("user_timeout", 150 * SECOND)
    p.sends(10)
    p.c.prefs.change("cork", False)
    p.sends(10)
    p.gives(".", ack=11)
    assert [seg.options.user_timeout for seg in p.sent] == [150, None]


@pytest.mark.parametrize("wnd", [0, 65535])
def test_a_change_counts_for_what_waits_already(wnd: int) -> None:
    p = established(wnd=wnd)
    p.sends(10)
    p.waits(100 * SECOND)
    p.c.prefs.change("user_timeout", 101 * SECOND)
    p.takes()
    p.waits(SECOND)
    assert p.c.ending is Ending.TIMED_OUT


def test_the_peers_wish_is_adopted_where_there_is_none_of_our_own() -> None:
    p = established(ON)
    asks(p, 200)
    assert p.c.prefs.user_timeout == 200 * SECOND
    asks(p, 300)
    assert p.c.prefs.user_timeout == 300 * SECOND
    p.sends(10)
    assert p.sent[-1].options.user_timeout is None, "nothing of ours to tell"


def test_what_the_application_has_set_stays() -> None:
    p = established(replace(ON, user_timeout=30 * SECOND))
    asks(p, 200)
    assert p.c.prefs.user_timeout == 30 * SECOND


def test_off_by_default() -> None:
    p = established()
    asks(p, 200)
    assert p.c.prefs.user_timeout == 0
    p = Peer(replace(PLAIN, user_timeout=250 * SECOND))
    p.takes()
    assert p.sent[-1].options.user_timeout is None


def shut_but_answering(p: Peer) -> State:
    """The state after 100 probes or retransmissions into a shut window, each of them answered."""
    for _ in range(100):
        if p.waits(120 * SECOND):
            p.gives(wnd=0)
    return p.state


@pytest.mark.parametrize("in_flight", [0, 1000])
def test_the_peers_wish_does_not_end_a_peer_with_a_shut_window_that_answers(in_flight: int) -> None:
    """RFC 9293 MUST-37."""
    p = established(ON)
    asks(p, 150)
    p.sends(in_flight)
    p.gives(wnd=0)
    p.sends(5000)
    assert shut_but_answering(p) is State.ESTABLISHED
    p.waits(600 * SECOND)
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT), "it answers no more"


@pytest.mark.parametrize("in_flight", [0, 1000])
def test_the_applications_own_word_ends_it(in_flight: int) -> None:
    """As Linux: TCP_USER_TIMEOUT bounds how long the peer's window may stay shut, too."""
    p = established(replace(ON, user_timeout=150 * SECOND))
    p.sends(in_flight)
    p.gives(wnd=0)
    p.sends(5000)
    assert shut_but_answering(p) is State.CLOSED
    assert p.c.ending is Ending.TIMED_OUT


def test_an_old_answer_is_no_silence() -> None:
    """Text comes long after the peer has last said anything: its time begins then."""
    p = established(ON)
    asks(p, 150)
    p.gives(wnd=0)
    p.waits(3600 * SECOND)
    p.sends(5000)
    p.waits(100 * SECOND)
    assert p.state is State.ESTABLISHED


def test_nobody_waits_for_ever_for_a_shut_window_when_the_application_has_gone() -> None:
    p = established()
    p.sends(1000)
    p.c.close(p.now)
    p.gives(wnd=0)
    for _ in range(100):
        p.waits(50 * SECOND)
        p.gives(wnd=0)
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT)


@pytest.mark.parametrize("seconds", [1, 30, 110, 400])
@pytest.mark.parametrize("waits_for", ["SYN", "ACK", "window"])
def test_it_ends_when_it_is_over_not_at_the_next_time_out(seconds: int, waits_for: str) -> None:
    config = replace(PLAIN, user_timeout=seconds * SECOND, syn_retries=20)
    p = Peer(config) if waits_for == "SYN" else established(config, wnd=0 if waits_for == "window" else 65535)
    if waits_for == "SYN":
        p.takes()
    else:
        p.sends(100)
    p.waits(seconds * SECOND - 1)
    assert p.c.ending is None
    p.waits(1)
    assert p.c.ending is Ending.TIMED_OUT
