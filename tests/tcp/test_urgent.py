"""Urgent data (RFC 9293 section 3.8.5; RFC 6093), sent and received as BSD sockets have it."""

from dataclasses import replace

import pytest
from tcp_peer import PLAIN, Peer, established

from pystack.tcp import reading
from pystack.tcp.events import Event
from pystack.tcp.urgent import pointer
from pystack.wire.tcp import URG


def urgent(p: Peer, flags: str, seq: int, text: bytes, up: int) -> list[str]:
    """A segment whose urgent pointer names `up`, relative."""
    original = p.c.receive

    def receive(seg, now):  # type: ignore[no-untyped-def]
        seg.urg = up - seq
        original(seg, now)

    p_c = p.c
    p.c = type("Pointing", (), {"receive": staticmethod(receive)})()
    p.puts(flags + "U", seq, 1, text)
    p.c = p_c
    return p.takes()


def test_must_62_the_pointer_names_the_octet_after() -> None:
    p = established(replace(PLAIN, nodelay=True))
    p.c.send(b"abc", urgent=True)
    p.takes()
    assert p.sent[-1].flags & URG
    assert p.sent[-1].urg == 3
    assert p.sends(b"not urgent")
    assert not p.sent[-1].flags & URG


def test_urgent_data_is_not_held_back_by_nagle() -> None:
    p = established()
    p.sends(b"a")
    p.c.send(b"b", urgent=True)
    p.takes()
    assert p.sent[-1].urg == 1
    assert p.sent[-1].size == 1


@pytest.mark.parametrize(
    ("up", "seq", "nxt", "expected"),
    [
        (100, 100, 100, None),
        (101, 100, 100, 1),
        (100 + 65535, 100, 100, 65535),
        (100 + 65536, 100, 100, 65535),
        (100 + 200_000, 100, 100, 65535),
        (100 + 200_000, 100, 100 + 150_000, None),
    ],
)
def test_must_31_urgent_data_of_any_length(up: int, seq: int, nxt: int, expected: int | None) -> None:
    assert pointer(up, seq, nxt) == expected


def test_reading_stops_at_the_mark_and_the_byte_comes_by_itself() -> None:
    p = established()
    p.c.poll_event()
    urgent(p, "P.", 1, b"beforeX", 8)
    assert p.c.poll_event() & Event.URGENT, "MUST-32"
    p.gives("P.", seq=8, text=b"after")
    assert p.c.recv(100) == b"before"
    assert p.c.recv_urgent() == b"X"
    assert p.c.recv_urgent() is None, "once"
    assert p.c.recv(100) == b"after"


def test_the_byte_can_be_read_late() -> None:
    p = established()
    urgent(p, "P.", 1, b"beforeXafter", 8)
    assert p.c.recv(100) == b"before"
    assert p.c.recv(100) == b"after"
    assert p.c.recv_urgent() == b"X"


def test_in_line_it_stays_in_the_stream_behind_a_stop() -> None:
    p = established()
    p.c.urgent.inline = True
    urgent(p, "P.", 1, b"beforeXafter", 8)
    assert p.c.recv(100) == b"before"
    assert p.c.urgent.is_at(reading.read_next(p.c))
    assert p.c.recv(100) == b"Xafter"
    assert p.c.recv_urgent() is None


def test_an_announcement_ahead_of_the_data() -> None:
    """MUST-33: how much is still to come can be told."""
    p = established()
    urgent(p, ".", 1, b"ab", 6)
    assert p.c.recv_urgent() == b""
    assert p.c.urgent.at is not None
    assert p.c.urgent.at - reading.read_next(p.c) == 4
    p.gives("P.", seq=3, text=b"cd!x")
    assert p.c.recv(100) == b"abcd"
    assert p.c.recv_urgent() == b"!"
    assert p.c.recv(100) == b"x"


def test_a_lone_urgent_byte_is_nothing_to_read() -> None:
    p = established()
    urgent(p, "P.", 1, b"!", 2)
    assert p.c.readable == 0
    assert p.c.recv_urgent() == b"!"


def test_must_66_an_announcement_counts_while_the_window_is_shut() -> None:
    p = established(replace(PLAIN, rcvbuf=1000))
    p.gives(".", text=500)
    p.gives(".", seq=501, text=500)
    p.c.tcb.rcv.wnd = 0
    p.c.poll_event()
    urgent(p, ".", 1001, b"", 1003)
    assert p.c.poll_event() & Event.URGENT


def test_the_same_announcement_again_is_no_news() -> None:
    """RFC 9293 section 3.10.7.4, the sixth step: RCV.UP only moves on."""
    p = established()
    p.c.poll_event()
    for up, is_news in ((5, True), (5, False), (4, False), (6, True)):
        urgent(p, ".", 1, b"", up)
        assert bool(p.c.poll_event() & Event.URGENT) is is_news
        assert p.c.urgent.at is not None
    assert p.c.tcb.rcv.up - p.irs == 6
    assert p.c.urgent.at - p.irs == 5
