"""RFC 9293 section 3.6.1: half-closed connections, and TIME-WAIT."""

import errno

import pytest
from rfc9293_common import TIMESTAMPS

from pystack.tcp.state import State
from pystack.testing import Conversation, Peer, nanoseconds

HELD = pytest.mark.parametrize("held", [True, False], ids=["held by an application", "held by none"])


def assert_ends_in(c: Conversation, duration: str) -> None:
    """Until then what comes is acknowledged, and then it is reset."""
    c.peer.wait(nanoseconds(duration) - 1)
    c.send("PA", b"?", seq=1)
    c.expect("A", seq=2, ack=2)
    c.peer.wait(1)
    c.send("PA", b"?", seq=1, ack=2)
    c.expect("R")


def test_must_13_time_wait_lasts_two_msl(p: Peer) -> None:
    """With an MSL of 30 seconds, as Linux has it."""
    c = p.time_wait()
    p.wait("59 s")
    assert c.state is State.TIME_WAIT
    p.wait("1 s")
    assert c.state is State.CLOSED
    assert p.host.endpoints() == []


@HELD
@pytest.mark.parametrize("text", [b"", b"the last text"])
def test_must_13_a_fin_that_comes_again_starts_it_anew(p: Peer, held: bool, text: bytes) -> None:
    c = p.time_wait()
    if not held:
        c.sock.close(p.now)
    p.wait("50 s")
    c.send("FA", text, seq=1 - len(text))
    c.expect("A", ack=2)
    assert_ends_in(c, "60 s")


@HELD
@pytest.mark.parametrize(
    ("flags", "text", "numbers"),
    [
        ("A", b"", {"seq": 2}),
        ("A", b"", {"seq": 1}),
        ("A", b"", {"seq": 2, "ack": 1000}),
        ("PA", b"text", {"seq": 2}),
        ("PA", b"text", {"seq": -3}),
        ("PA", b"text", {"seq": 100_000}),
        ("FA", b"", {"seq": -1}),
        ("FA", b"", {"seq": 100_000}),
        ("S", b"", {"seq": 0}),
        ("R", b"", {"seq": 1}),
        ("R", b"", {"seq": 3}),
    ],
)
def test_must_13_nothing_else_does(p: Peer, held: bool, flags: str, text: bytes, numbers: dict[str, int]) -> None:
    """Only the peer's FIN, when it comes again (section 3.10.7.4, the fifth and the eighth step)."""
    c = p.time_wait()
    if not held:
        c.sock.close(p.now)
    p.wait("50 s")
    c.send(flags, text, **numbers)
    p.skip()
    assert_ends_in(c, "10 s")


def test_shld_3_text_that_nobody_has_read_at_close_gives_a_reset(p: Peer) -> None:
    c = p.established()
    c.send("PA", b"unread")
    c.expect("A", ack=7)
    c.sock.close(p.now)
    c.expect("RA", seq=1)


def test_shld_3_text_that_comes_after_close_gives_a_reset(p: Peer) -> None:
    c = p.established()
    c.sock.close(p.now)
    c.expect("FA", seq=1)
    c.send("PA", b"too late")
    c.expect("RA", seq=2)
    assert c.state is State.CLOSED


@pytest.mark.parametrize(("value", "flags"), [(200_000, "SA"), (1, "A")])
def test_shld_4_a_newer_timestamp_ends_time_wait(p: Peer, value: int, flags: str) -> None:
    """RFC 6191, though the number be lower; an older one does not."""
    c = p.time_wait(options=TIMESTAMPS)
    c.send("S", seq=-50_000, options=[("Timestamp", (value, 0))])
    c.expect(flags)


def test_may_1_close_is_for_both_directions(p: Peer) -> None:
    """As everywhere with BSD sockets; `shutdown` closes one."""
    half = p.fin_wait_2()
    half.send("PA", b"still readable")
    assert half.sock.recv(100) == b"still readable"
    p.skip()
    c = p.established()
    c.sock.close(p.now)
    with pytest.raises(OSError) as caught:
        c.sock.recv(100)
    assert caught.value.errno == errno.EBADF
    c.expect("FA", seq=1)
    c.send("FA")
    c.expect("A", seq=2, ack=2)


def test_may_2_a_higher_number_ends_time_wait(p: Peer) -> None:
    c = p.time_wait()
    old = c.connection.tcb.snd.nxt
    c.send("S", seq=50_000, options=[("MSS", 1460)])
    syn_ack = c.expect("SA", ack=50_001)
    assert 0 < (syn_ack["TCP"].seq - old) & 0xFFFFFFFF < 1 << 31, "beyond what the old connection has used"


def test_may_2_a_lower_number_does_not(p: Peer) -> None:
    c = p.time_wait()
    c.send("S", seq=-50_000)
    c.expect("A", ack=2)
    assert c.state is State.TIME_WAIT
