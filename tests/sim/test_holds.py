"""Each property notices what violates it: a TCP that is wrong in one place is caught by the one that is meant."""

from collections.abc import Callable
from typing import Any

import pytest
from sim_holds import deadlines_are_ahead, nothing_is_left
from sim_options import HOSTILE, PLAIN, SECOND, Options
from sim_scenario import assert_all_or_error, run

from pystack.stack.connections import Connections
from pystack.stack.host import Host
from pystack.tcp import text
from pystack.tcp.core import Core
from pystack.tcp.output import sendable
from pystack.tcp.recovery import Recovery
from pystack.tcp.recvbuf import ReceiveBuffer
from pystack.tcp.scoreboard import Scoreboard
from pystack.tcp.window import window_to_offer
from pystack.testing import host

append, arrives, read, room = ReceiveBuffer.append, text.arrives, ReceiveBuffer.read, Recovery.room
SLOW_READER = PLAIN | {"read": 700, "read_pause": SECOND, "rcvbuf_b": 16384, "delay": 20_000_000}


def one_more_than_the_window(self: Recovery, board: Scoreboard, cc: Any, *, resend: bool = False) -> int:
    return room(self, board, cc, resend=resend) + 1


def beyond_the_offer(**limits: Any) -> int:
    return sendable(**limits | {"window": limits["window"] + limits["mss"]})


def takes_back(free: int, full: int, remaining: int, rcv_mss: int, scale: int) -> int:
    return window_to_offer(free, full, remaining, rcv_mss, scale) // 2 >> scale << scale


def acknowledges_too_much(c: Core, seg: Any, now: int) -> Any:
    dropped = arrives(c, seg, now)
    if seg.size and c.tcb.rcv.nxt > c.tcb.irs + 20_000:
        c.tcb.rcv.nxt += 1
    return dropped


def loses_a_byte(self: ReceiveBuffer, payload: Any) -> None:
    append(self, payload[1:])


def reads_another_byte(self: ReceiveBuffer, limit: int) -> bytes:
    return read(self, limit).replace(b"\x00", b"\x01")


def charges_nothing(self: Connections, endpoint: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("place", "wrong", "options", "said"),
    [
        ("tcp.recovery.Recovery.room", one_more_than_the_window, HOSTILE, "in flight, and a window of"),
        ("tcp.output.sendable", beyond_the_offer, SLOW_READER, "beyond the furthest window ever offered"),
        ("tcp.window.window_to_offer", takes_back, SLOW_READER, "to the left"),
        ("tcp.text.arrives", acknowledges_too_much, PLAIN, "acknowledged"),
        ("tcp.recvbuf.ReceiveBuffer.append", loses_a_byte, PLAIN, "bytes acknowledged"),
        ("tcp.recvbuf.ReceiveBuffer.read", reads_another_byte, PLAIN, "not all are as they were written"),
        ("stack.connections.Connections.charge", charges_nothing, PLAIN, "charged for"),
    ],
)
def test_a_wrong_tcp_is_noticed(
    place: str, wrong: Callable[..., Any], options: Options, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_all_or_error(run(1, options))
    monkeypatch.setattr(f"pystack.{place}", wrong)
    with pytest.raises(AssertionError, match=said):
        assert_all_or_error(run(1, options))


def test_memory_beyond_the_budget_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that takes a whole buffer where the host has no memory left."""
    options = PLAIN | {"memory": 40_000, "size_a": 300_000, "chunk": 300_000, "cut_at": 0, "heal_after": 5 * SECOND}
    assert_all_or_error(run(1, options))
    monkeypatch.setattr("pystack.tcp.core.send_limit", lambda sndbuf, queued, left: sndbuf)
    with pytest.raises(AssertionError, match="bytes held, of 40000"):
        run(1, options)


def test_a_host_that_is_not_done_is_noticed() -> None:
    stack: Host = host("10.0.0.1/24")
    nothing_is_left(stack)
    stack.connect(bytes([10, 0, 0, 2]), 80, 0)
    stack.poll_transmit(0)
    stack.poll_transmit(0)
    deadlines_are_ahead(stack, SECOND)
    with pytest.raises(AssertionError, match="1 ns past"):
        deadlines_are_ahead(stack, SECOND + 1)
    with pytest.raises(AssertionError):
        nothing_is_left(stack)
