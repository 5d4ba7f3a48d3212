"""The TCP connections of a host: how they are found, and what a new one starts with."""

from collections.abc import Callable

from pystack.ip.address import default_mss, family_of
from pystack.ip.pmtu import PathMtu
from pystack.stack.endpoint import Endpoint
from pystack.stack.memory import Memory
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.isn import initial_sequence_number, timestamp_offset
from pystack.tcp.pressure import Level
from pystack.wire import tcp
from pystack.wire.checksum import pseudo_sum


def key_of(remote: bytes, local: bytes, remote_port: int, local_port: int) -> bytes:
    """How a connection is found: the source, destination and ports of the packets that the peer sends, as they lie in
    them one after the other.
    """
    return remote + local + remote_port.to_bytes(2, "big") + local_port.to_bytes(2, "big")


_CONNECTION_BYTES = 4096
"""What a connection takes beside its text; half-open ones count with it."""


class Connections:
    """All connections of a host. `secret` (32 bytes) is what initial sequence numbers are made with."""

    __slots__ = ("_by_key", "_last_id", "_memory", "_pmtu", "_secret", "by_id")

    def __init__(self, secret: bytes, pmtu: PathMtu, memory: Memory) -> None:
        self._memory = memory
        self.by_id: dict[int, Endpoint] = {}
        """Oldest first."""
        self._by_key: dict[bytes, Endpoint] = {}
        self._last_id = 0
        self._secret = secret
        self._pmtu = pmtu

    def find(self, key: bytes) -> Endpoint | None:
        """The connection with this key (see `key_of`)."""
        return self._by_key.get(key)

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
        self._by_key[key] = endpoint
        return endpoint

    def charge(self, endpoint: Endpoint) -> int:
        """Counts what the connection holds now. Where memory is short its out-of-order text goes; returns how many
        bytes of it.
        """
        if endpoint.id not in self.by_id:
            return 0  # it gave way to a newer one while it still had its turn to send: nothing would be given back
        held = _CONNECTION_BYTES + endpoint.connection.memory
        level = self._memory.charge(held - endpoint.charged)
        endpoint.charged = held
        if level is not Level.REFUSE or not endpoint.connection.reassembly:
            return 0
        dropped = endpoint.connection.drop_out_of_order()
        self._memory.charge(-dropped)
        endpoint.charged -= dropped
        return dropped

    def remove(self, endpoint: Endpoint) -> None:
        """Forgets a connection."""
        self._memory.charge(-endpoint.charged)
        endpoint.charged = 0
        self.by_id.pop(endpoint.id, None)
        if self._by_key.get(endpoint.key) is endpoint:
            del self._by_key[endpoint.key]

    def of_remote(self, remote: bytes) -> list[Endpoint]:
        """The connections with a peer at this address."""
        return [endpoint for endpoint in self.by_id.values() if endpoint.remote == remote]


def mss_of(mtu: int, address: bytes) -> int:
    """How many bytes of text and options TCP may put into a packet of `mtu` bytes (RFC 9293 section 3.7.1)."""
    ip_header: int = family_of(address).HEADER_BYTES
    return mtu - ip_header - tcp.HEADER_BYTES
