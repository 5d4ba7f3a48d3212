"""What the layer above learns of a connection without looking into its rooms."""

from tcp_peer import Peer, established, in_state

from pystack.tcp.events import Ending, Event
from pystack.tcp.state import State


def test_what_is_queued_and_was_never_sent() -> None:
    p = Peer()
    p.takes()
    assert p.c.unsent == 0
    p.c.send(bytes(100))
    assert p.c.unsent == 100, "it waits for the handshake"
    p = established(wnd=1000)
    p.sends(3000)
    assert p.c.unsent == 2000
    p.gives(ack=1001, wnd=4000)
    assert p.c.unsent == 0
    p.c.shutdown_write()
    p.takes()
    assert p.c.unsent == 0, "a FIN is no text"


def test_an_ack_is_due_when_reading_has_opened_the_window() -> None:
    p = established()
    for i in range(40):
        p.gives(seq=1 + 1460 * i, text=1460)
    assert not p.c.ack_is_due
    p.c.recv(1460)
    assert not p.c.ack_is_due
    p.c.recv(1 << 20)
    assert p.c.ack_is_due
    assert len(p.takes()) == 1
    assert not p.c.ack_is_due


def test_what_a_defect_has_broken_is_discarded() -> None:
    p = established()
    p.sends(100)
    p.c.poll_event()
    p.c.board = None  # type: ignore[assignment]
    p.c.discard()
    assert (p.c.state, p.c.ending, p.c.poll_event()) == (State.CLOSED, Ending.ABORTED, Event(0))
    p.c.discard()
    assert p.c.ending is Ending.ABORTED
    p = established()
    p.gives("R", ack=0)
    assert p.c.ending is Ending.RESET
    p.c.discard()
    assert p.c.ending is Ending.RESET, "the first one tells what happened"


def test_time_wait_goes_on_elsewhere() -> None:
    p = in_state(State.TIME_WAIT)
    p.c.leave_time_wait()
    assert (p.c.state, p.c.ending, p.c.next_deadline()) == (State.CLOSED, Ending.NORMAL, None)
    assert p.takes() == []
