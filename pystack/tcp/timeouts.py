"""A timer has expired (RFC 9293 section 3.10.8): what happens then, and when a connection gives up."""

from pystack.tcp import closing, header, output
from pystack.tcp.core import Core
from pystack.tcp.events import Ending, Event
from pystack.tcp.keepalive import KeepAlive, decide
from pystack.tcp.state import SYNCHRONIZED, State
from pystack.tcp.timers import Timer, has_timed_out
from pystack.tcp.usertimeout import bounded, waiting_since

R1 = 3
"""Retransmissions after which the application is told of trouble (RFC 9293 SHLD-9, SHLD-10)."""


def expired(c: Core, timer: Timer, now: int) -> None:
    """Does what the timer was set for."""
    if timer is Timer.RETRANSMIT:
        _retransmit(c, now)
    elif timer is Timer.PROBE:
        _probe(c, now)
    elif timer is Timer.KEEP_ALIVE:
        _keep_alive(c, now)
    elif timer is Timer.CORK:
        c.cork_expired = True
        c.pushes.waits_no_longer(c.sendbuf.end)
    elif timer is Timer.LINGER:
        closing.finish(c, Ending.NORMAL)


def follow_preferences(c: Core, now: int) -> None:
    """The application wishes other times: the timers that run follow."""
    changed, c.prefs.changed = c.prefs.changed, frozenset()
    if "user_timeout" in changed:
        c.tell_user_timeout = c.config.user_timeout_option
        for timer in (Timer.RETRANSMIT, Timer.PROBE):
            deadline = c.timers[timer]
            if deadline is not None:
                c.timers.set(timer, max(now, bounded(c, deadline)))
    if changed & {"keepalive", "keepalive_idle"}:
        watch_idleness(c, now)


def watch_idleness(c: Core, now: int) -> None:
    """Starts or stops the keep-alive timer, as the application wishes (MUST-24, MUST-25)."""
    if c.prefs.keepalive and c.tcb.state in SYNCHRONIZED and c.tcb.state is not State.TIME_WAIT:
        deadline = max(now, c.received_at + c.prefs.keepalive_idle)
        if c.probes:  # the next one keeps its distance, whatever the idle time before the first
            deadline = max(deadline, c.timers[Timer.KEEP_ALIVE] or 0)
        c.timers.set(Timer.KEEP_ALIVE, deadline)
    else:
        c.timers.stop(Timer.KEEP_ALIVE)


def _retransmit(c: Core, now: int) -> None:
    """The oldest segment has gone unanswered for an RTO (RFC 6298 rules 5.4 to 5.6; RFC 9293 section 3.8.3 for R2)."""
    config = c.config
    waiting = now - waiting_since(c)
    in_handshake = c.tcb.state in (State.SYN_SENT, State.SYN_RECEIVED)
    if in_handshake:
        limit = config.syn_retries if c.active_open else config.synack_retries
        gives_up = c.retransmits >= limit or 0 < c.prefs.user_timeout <= waiting
    else:
        gives_up = has_timed_out(config, waiting=waiting, user_timeout=c.prefs.user_timeout, orphaned=c.orphaned)
    if gives_up:
        closing.finish(c, Ending.TIMED_OUT)
        return
    c.retransmits += 1
    if c.retransmits == R1:
        c.events |= Event.TROUBLE
    c.rtt.back_off()
    if in_handshake:
        c.board.mark_all_lost()
    else:
        c.recovery.on_timeout(c.tcb.snd.una, c.tcb.snd.nxt, c.board, c.cc, now)
        c.ecn.cwr_due = c.ecn.active  # a reduction for any reason (RFC 3168 section 6.1.2)
        # What the peer held, and has dropped, may be larger than the path is by now.
        c.board.recut(c.snd_mss, c.tcb.snd.una)
    c.timers.set(Timer.RETRANSMIT, bounded(c, now + c.rtt.rto))


def _probe(c: Core, now: int) -> None:
    """The peer's window has been shut for a probe interval (RFC 9293 section 3.8.6.1)."""
    # An answer sets `probes` back: a peer may keep its window shut for ever (MUST-37), but not for nobody.
    gone = c.probe_backoff >= c.config.orphan_retries if c.orphaned else c.probes >= c.config.retries
    if gone or 0 < c.prefs.user_timeout <= now - waiting_since(c):
        closing.finish(c, Ending.TIMED_OUT)
        return
    c.probe_due = True
    c.probe_backoff += 1
    c.timers.set(Timer.PROBE, bounded(c, now + output.probe_interval(c)))


def _keep_alive(c: Core, now: int) -> None:
    """The connection may have been idle for long enough (RFC 9293 section 3.8.4)."""
    prefs = c.prefs
    idle = now - c.received_at
    verdict = decide(
        idle=idle,
        outstanding=bool(c.board) or c.tcb.snd.nxt < c.sendbuf.end,
        probes=c.probes,
        idle_limit=prefs.keepalive_idle,
        count_limit=prefs.keepalive_count,
        user_timeout=prefs.user_timeout,
    )
    if verdict is KeepAlive.GIVE_UP:
        c.control.append(header.reset(c))
        closing.finish(c, Ending.TIMED_OUT)
        return
    if verdict is KeepAlive.PROBE:
        c.keepalive_due = True
        c.timers.set(Timer.KEEP_ALIVE, now + prefs.keepalive_interval)
    else:
        wait = prefs.keepalive_idle - idle
        c.timers.set(Timer.KEEP_ALIVE, now + (wait if wait > 0 else prefs.keepalive_idle))
