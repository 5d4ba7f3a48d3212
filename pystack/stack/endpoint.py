"""A connection's place in its host."""

from typing import TYPE_CHECKING

from pystack.stack.segments import packet_of
from pystack.tcp.connection import Connection
from pystack.udp.discovery import Discovery
from pystack.wire.packet import Packet
from pystack.wire.tcp import Segment

if TYPE_CHECKING:
    from pystack.stack.listener import Listener


class Endpoint:
    """One TCP connection of a host: the connection, its two addresses (packed) and ports, and what the host keeps
    with it.

    `id` is unique in the host; `listener` is set until an application has accepted the connection; `context` belongs
    to the layer above (a socket).
    """

    __slots__ = (
        "armed",
        "charged",
        "connection",
        "context",
        "discovery",
        "dont_fragment",
        "id",
        "key",
        "listener",
        "local",
        "local_port",
        "out_of_order",
        "pseudo",
        "remote",
        "remote_port",
        "tos",
        "touched",
        "ttl",
    )

    def __init__(
        self,
        id: int,
        key: bytes,
        connection: Connection,
        local: bytes,
        local_port: int,
        remote: bytes,
        remote_port: int,
        pseudo: int,
        ttl: int,
        tos: int,
    ) -> None:
        self.id = id
        self.key = key
        self.connection = connection
        self.local = local
        self.local_port = local_port
        self.remote = remote
        self.remote_port = remote_port
        self.pseudo = pseudo
        """Sum of the pseudo-header but for its length."""
        self.ttl = ttl
        self.tos = tos
        """The TOS byte or traffic class; its two ECN bits are TCP's own."""
        self.discovery = Discovery.WANT
        self.dont_fragment = True
        """Whether routers are forbidden to cut its packets (IPv4)."""
        self.charged = 0
        """What the host's memory budget counts for this connection."""
        self.out_of_order = 0
        """Where `OutOfOrder` has it: the bits of what its text out of order takes."""
        self.listener: Listener | None = None
        self.touched = False
        self.armed: tuple[int, int, int] | None = None
        """The live entry on the host's heap of deadlines."""
        self.context: object = None

    def next_deadline(self) -> int | None:
        """When a timer of the connection is due, in nanoseconds; None: none runs."""
        return self.connection.next_deadline()

    def packet(self, seg: Segment, identification: int | None) -> Packet:
        """The packet that carries `seg` to the peer; with an `identification` routers may cut it (IPv4)."""
        return packet_of(
            seg,
            self.local,
            self.local_port,
            self.remote,
            self.remote_port,
            self.pseudo,
            self.ttl,
            self.tos,
            identification,
        )
