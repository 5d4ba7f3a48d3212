"""A listening port: its half-open connections and those that wait to be accepted."""

from collections import deque

from pystack.stack.endpoint import Endpoint
from pystack.tcp.config import TcpConfig


class Listener:
    """A passive OPEN (RFC 9293 section 3.9.1.1).

    `names` are its local addresses, each packed or the wildcard of its family, and ports. `backlog` bounds the
    connections that wait for `accept`, `syn_queue` the half-open ones. `ttl` and `tos` are what its connections start
    with. `context` belongs to the layer above.
    """

    __slots__ = ("_half_open", "_ready", "_syn_queue", "backlog", "config", "context", "names", "tos", "ttl")

    def __init__(self, names: tuple[tuple[bytes, int], ...], syn_queue: int, config: TcpConfig, ttl: int) -> None:
        self.ttl = ttl
        self.tos = 0
        self.names = names
        self.backlog = 0
        self.config = config
        self.context: object = None
        self._syn_queue = syn_queue
        self._half_open: dict[int, Endpoint] = {}
        self._ready: deque[Endpoint] = deque()

    @property
    def is_full(self) -> bool:
        """Whether as many connections wait to be accepted as may: like Linux, one more than the backlog."""
        return len(self._ready) > self.backlog

    @property
    def has_ready(self) -> bool:
        """Whether `accept` would give a connection."""
        return bool(self._ready)

    @property
    def half_open_count(self) -> int:
        """Connections in their handshake."""
        return len(self._half_open)

    @property
    def waiting_count(self) -> int:
        """Connections that wait to be accepted."""
        return len(self._ready)

    def accept(self) -> Endpoint | None:
        """The connection that was complete first, or None."""
        if not self._ready:
            return None
        endpoint = self._ready.popleft()
        endpoint.listener = None
        return endpoint

    def half_open(self, endpoint: Endpoint) -> Endpoint | None:
        """A SYN has come; returns the half-open connection that has to give way, None while there is room."""
        oldest = None
        if len(self._half_open) >= self._syn_queue:
            oldest = self._half_open.pop(next(iter(self._half_open)))
        self._half_open[endpoint.id] = endpoint
        return oldest

    def completed(self, endpoint: Endpoint) -> None:
        """The handshake of a half-open connection is complete."""
        self._half_open.pop(endpoint.id, None)
        self._ready.append(endpoint)

    def forget(self, endpoint: Endpoint) -> None:
        """A half-open connection has failed. A complete one stays, and `accept` gives it with its error."""
        self._half_open.pop(endpoint.id, None)

    def drain(self) -> list[Endpoint]:
        """Removes and returns all connections that nobody has accepted."""
        endpoints = [*self._half_open.values(), *self._ready]
        self._half_open.clear()
        self._ready.clear()
        return endpoints
