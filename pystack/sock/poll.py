"""Readiness, level-triggered, computed from the state of the moment as Linux's tcp_poll does."""

from typing import TYPE_CHECKING, Final

from pystack.sock.constants import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from pystack.tcp.state import State

if TYPE_CHECKING:
    from pystack.sock.core import SockCore

_LEAST_LOWAT: Final = 2 * 65536
"""TCP_NOTSENT_LOWAT is never honoured below two super-segments: with less queued they could not form."""

_OPENING: Final = frozenset((State.SYN_SENT, State.SYN_RECEIVED))


def is_readable(sock: "SockCore") -> bool:
    """Whether `recv` or `accept` would not block."""
    if sock.listener is not None:
        return sock.listener.has_ready or sock.has_error
    connection = sock.connection
    if connection is None:
        return True
    return bool(connection.readable or connection.eof or connection.ending or sock.read_shut or sock.has_error)


def is_writable(sock: "SockCore") -> bool:
    """Whether `send` would not block and it pays to call it: a third of the buffer is free, as Linux has it, the host
    has memory left, and what has not been sent yet is less than TCP_NOTSENT_LOWAT.
    """
    connection = sock.connection
    if connection is None:
        return sock.listener is None
    state = connection.state
    if state in _OPENING:
        return sock.has_error
    if connection.fin_queued or state is State.CLOSED or sock.has_error:
        return True
    if 3 * len(connection.sendbuf) > 2 * connection.config.sndbuf or not connection.send_room:
        return False
    lowat = sock.notsent_lowat
    return not lowat or connection.unsent < max(lowat, _LEAST_LOWAT)


def readiness(sock: "SockCore") -> int:
    """The POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP and POLLRDHUP flags that hold now."""
    flags = POLLERR if sock.has_error else 0
    if is_writable(sock):
        flags |= POLLOUT
    if sock.listener is not None:
        return flags | POLLIN if is_readable(sock) else flags
    connection = sock.connection
    if connection is None:
        return flags | POLLHUP
    if is_readable(sock):
        flags |= POLLIN
    if connection.urgent.pending:
        flags |= POLLPRI
    ended = connection.state in (State.CLOSED, State.TIME_WAIT)
    receive_shut = connection.eof or sock.read_shut or ended
    if receive_shut:
        flags |= POLLRDHUP
    if ended or (receive_shut and connection.fin_queued):
        flags |= POLLHUP
    return flags
