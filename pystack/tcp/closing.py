"""How a connection ends by the application's word (RFC 9293 sections 3.10.4, 3.10.5), and what is left of it then."""

from pystack.tcp import header
from pystack.tcp.core import Core
from pystack.tcp.events import Ending, Event
from pystack.tcp.state import State
from pystack.tcp.timers import Timer

_SILENT = frozenset((State.LISTEN, State.SYN_SENT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT))
"""The states whose ABORT sends no RST (section 3.10.5)."""


def shutdown_write(c: Core) -> None:
    """CLOSE as a half-close: a FIN after what is queued."""
    state = c.tcb.state
    if c.fin_queued or state is State.CLOSED:
        return
    if state in (State.LISTEN, State.SYN_SENT):
        finish(c, Ending.NORMAL)
        return
    c.fin_queued = True
    # In SYN-RECEIVED the FIN waits for ESTABLISHED (section 3.10.4); `arrival` moves on then.
    if state is State.ESTABLISHED:
        c.tcb.enter(State.FIN_WAIT_1)
    elif state is State.CLOSE_WAIT:
        c.tcb.enter(State.LAST_ACK)


def close(c: Core, now: int) -> None:
    """The application lets go: in order, or by a RST where it leaves text unread (SHLD-3)."""
    c.orphaned = True
    leaves_unread = c.recvbuf.size > 0
    c.recvbuf.clear()
    if leaves_unread and c.tcb.state not in (State.TIME_WAIT, State.CLOSED):
        c.control.append(header.reset(c))
        finish(c, Ending.ABORTED)
        return
    shutdown_write(c)
    if c.tcb.state is State.FIN_WAIT_2:
        wait_for_fin(c, now)


def wait_for_fin(c: Core, now: int) -> None:
    """FIN-WAIT-2 without an application: for a while, or not at all (Linux: TCP_LINGER2)."""
    if c.config.fin_timeout < 0:
        abort(c)
    else:
        c.timers.set(Timer.LINGER, now + c.config.fin_timeout)


def abort(c: Core) -> None:
    """At once, with a RST."""
    if c.tcb.state is State.CLOSED:
        return
    if c.tcb.state not in _SILENT:
        c.control.append(header.reset(c))
    finish(c, Ending.ABORTED)


def finish(c: Core, ending: Ending) -> None:
    """The connection is CLOSED. What was received in order can still be read."""
    c.tcb.enter(State.CLOSED)
    c.ending = ending
    c.timers.stop_all()
    c.board.clear()
    c.sendbuf.clear()
    c.reassembly.clear()
    c.acks.on_ack_sent()
    c.keepalive_due = c.probe_due = False
    c.events |= Event.CLOSED


def enter_time_wait(c: Core, now: int) -> None:
    """Both sides have closed: stay for 2 MSL (MUST-13)."""
    c.tcb.enter(State.TIME_WAIT)
    c.timers.stop_all()
    c.board.clear()
    c.reassembly.clear()
    c.timers.set(Timer.LINGER, now + c.config.time_wait)
