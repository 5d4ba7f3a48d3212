"""Waking the sockets of a host: the last step of whoever drives it."""

from collections.abc import Callable

from pystack.sock.base import SockBase
from pystack.stack.host import Host
from pystack.tcp.events import Event


def dispatch(
    host: Host,
    *,
    guard: Callable[[Callable[[], None]], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> bool:
    """Takes all that `host` has to tell and calls `on_ready` of each socket that it is about, whatever its protocol:
    connections, listeners, datagrams. Returns whether there was anything.

    `guard` makes the call in the place of this function, for a driver that lets no exception of a socket through;
    `on_event` sees each event before. What the sockets then send waits for the next `poll_transmit`.
    """
    happened = False
    while (item := host.poll_event()) is not None:
        happened = True
        owner, event = item
        if on_event is not None:
            on_event(event)
        sock = owner.context
        if isinstance(sock, SockBase) and sock.on_ready is not None:
            if guard is None:
                sock.on_ready()
            else:
                guard(sock.on_ready)
    return happened
