"""The TCP connections of a host: how they are found, and what a new one starts with."""

from collections.abc import Callable

from pystack.ip.address import default_mss, family_of
from pystack.ip.names import Count
from pystack.ip.pmtu import PathMtu
from pystack.stack.endpoint import Endpoint
from pystack.stack.memory import Memory
from pystack.stack.outoforder import OutOfOrder
from pystack.stack.timewait import HELD, TimeWait
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.isn import initial_sequence_number, timestamp_offset
from pystack.wire import tcp
from pystack.wire.checksum import pseudo_sum


def key_of(remote: bytes, local: bytes, remote_port: int, local_port: int) -> bytes:
    """How a connection is found: the source, destination and ports of the packets that the peer sends, as they lie in
    them one after the other.
    """
    return remote + local + remote_port.to_bytes(2, "big") + local_port.to_bytes(2, "big")


_CONNECTION_BYTES = 4736
"""What a connection takes beside its text, by measure; half-open ones count with it."""


class Connections:
    """All connections of a host. `secret` (32 bytes) is what initial sequence numbers are made with, `max_time_wait`
    the most that may be in TIME-WAIT without an application. When `memory` is used up they give up their text out of
    order, whoever holds the most of it first.
    """

    __slots__ = (
        "_by_key",
        "_by_remote",
        "_count",
        "_last_id",
        "_local_ports",
        "_max_time_wait",
        "_memory",
        "_out_of_order",
        "_pmtu",
        "_secret",
        "by_id",
        "time_waits",
    )

    def __init__(self, secret: bytes, pmtu: PathMtu, memory: Memory, max_time_wait: int, count: Count) -> None:
        self._memory = memory
        memory.relieve = self._prune
        self._count = count
        self._out_of_order = OutOfOrder()
        self.by_id: dict[int, Endpoint] = {}
        """Oldest first."""
        self.time_waits: dict[int, TimeWait] = {}
        """Those in TIME-WAIT that no application holds."""
        self._max_time_wait = max_time_wait
        self._by_key: dict[bytes, Endpoint | TimeWait] = {}
        self._by_remote: dict[bytes, dict[int, Endpoint]] = {}
        self._local_ports: dict[bytes, int] = {}
        """How many there are on a local port, which is as in their keys."""
        self._last_id = 0
        self._secret = secret
        self._pmtu = pmtu

    def find(self, key: bytes) -> Endpoint | TimeWait | None:
        """The connection with this key (see `key_of`)."""
        return self._by_key.get(key)

    def have_name(self, address: bytes, port: int) -> bool:
        """Whether a connection, be it in TIME-WAIT, has this local name; the wildcard stands for any address."""
        wire, size = port.to_bytes(2, "big"), len(address)
        if wire not in self._local_ports:
            return False  # as nearly always; who names a port that is in use looks through all, and is refused
        return any(
            len(key) == 2 * size + 4 and key[-2:] == wire and (not any(address) or key[size:-4] == address)
            for key in self._by_key
        )

    def open(
        self,
        make: Callable[..., Connection],
        local: bytes,
        local_port: int,
        remote: bytes,
        remote_port: int,
        config: TcpConfig,
        now: int,
        *,
        ttl: int,
        tos: int = 0,
        iss: int | None = None,
    ) -> Endpoint:
        """A new connection, `make` being `Connection.active` or `Connection.passive`. `iss` replaces the initial
        sequence number of RFC 6528.
        """
        key = key_of(remote, local, remote_port, local_port)
        connection = make(
            config,
            iss=initial_sequence_number(self._secret, key, now) if iss is None else iss,
            advmss=min(mss_of(self._pmtu.mtu, local), config.max_mss or 0xFFFF),
            default_mss=default_mss(local),
            ts_offset=timestamp_offset(self._secret, key),
            pressure=self._memory.pressure,
        )
        path_mtu = self._pmtu.get(remote, now)
        if path_mtu < self._pmtu.mtu:
            connection.path_mss_is(mss_of(path_mtu, local))
        self._last_id += 1
        pseudo = pseudo_sum(local, remote, tcp.PROTOCOL, 0)
        endpoint = Endpoint(self._last_id, key, connection, local, local_port, remote, remote_port, pseudo, ttl, tos)
        endpoint.dont_fragment = not self._pmtu.must_allow_cutting(remote)
        self.by_id[endpoint.id] = endpoint
        self._by_remote.setdefault(remote, {})[endpoint.id] = endpoint
        self._take(endpoint)
        return endpoint

    def charge(self, endpoint: Endpoint) -> None:
        """Counts what the connection holds now. Of one that is gone that is the text which nobody has read yet."""
        connection = endpoint.connection
        if endpoint.id in self.by_id:
            held = _CONNECTION_BYTES + connection.memory
            self._out_of_order.note(endpoint)
        else:
            held = connection.recvbuf.held
        change, endpoint.charged = held - endpoint.charged, held
        self._memory.charge(change)

    def let_linger(self, endpoint: Endpoint) -> TimeWait | None:
        """A connection in TIME-WAIT that no application holds gives way to what remembers enough of it to answer; None
        where there are too many of those.
        """
        self.remove(endpoint)
        if len(self.time_waits) >= self._max_time_wait:
            return None
        record = TimeWait(endpoint)
        self.time_waits[record.id] = record
        self._take(record)
        self._memory.charge(HELD)
        return record

    def remove(self, member: Endpoint | TimeWait) -> None:
        """Forgets a connection, where it is not forgotten yet."""
        if self._by_key.get(member.key) is not member:
            return
        del self._by_key[member.key]
        port = member.key[-2:]
        self._local_ports[port] -= 1
        if not self._local_ports[port]:
            del self._local_ports[port]
        if isinstance(member, TimeWait):
            del self.time_waits[member.id]
            self._memory.charge(-HELD)
            return
        del self.by_id[member.id]
        neighbours = self._by_remote[member.remote]
        del neighbours[member.id]
        if not neighbours:
            del self._by_remote[member.remote]
        self._out_of_order.forget(member)
        self.charge(member)

    def of_remote(self, remote: bytes) -> list[Endpoint]:
        """The connections with a peer at this address."""
        return list(self._by_remote.get(remote, {}).values())

    def _prune(self) -> int:
        """A connection drops its text out of order; returns how many bytes that frees, 0 where none has any."""
        while (endpoint := self._out_of_order.take()) is not None:
            freed = endpoint.connection.drop_out_of_order()
            if freed:
                endpoint.charged -= freed
                self._count("TcpExtOfoPruned")
                return freed
        return 0

    def _take(self, member: Endpoint | TimeWait) -> None:
        port = member.key[-2:]
        self._by_key[member.key] = member
        self._local_ports[port] = self._local_ports.get(port, 0) + 1


def mss_of(mtu: int, address: bytes) -> int:
    """How many bytes of text and options TCP may put into a packet of `mtu` bytes (RFC 9293 section 3.7.1)."""
    ip_header: int = family_of(address).HEADER_BYTES
    return mtu - ip_header - tcp.HEADER_BYTES
