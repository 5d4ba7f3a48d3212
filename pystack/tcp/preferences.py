"""What an application may change while its connection lives; the rest is fixed by its `TcpConfig`."""

from pystack.tcp.config import TcpConfig


class Preferences:
    """Starts as the configuration says. Times are nanoseconds; the fields are `TcpConfig`'s where they have its names.

    `cork` holds back what does not fill a packet, as TCP_CORK does. `changed` has the names of those that `change` has
    set since the connection last looked: what depends on the time happens at the next `poll_transmit`.
    """

    __slots__ = (
        "changed",
        "cork",
        "keepalive",
        "keepalive_count",
        "keepalive_idle",
        "keepalive_interval",
        "nodelay",
        "user_timeout",
        "user_timeout_adopted",
    )

    def __init__(self, config: TcpConfig) -> None:
        self.changed: frozenset[str] = frozenset()
        self.nodelay = config.nodelay
        self.cork = config.cork
        self.user_timeout = config.user_timeout
        self.user_timeout_adopted = False
        """Whether it is what the peer asked for (RFC 5482)."""
        self.keepalive = config.keepalive
        self.keepalive_idle = config.keepalive_idle
        self.keepalive_interval = config.keepalive_interval
        self.keepalive_count = config.keepalive_count

    def change(self, name: str, value: int) -> None:
        """The application sets one."""
        setattr(self, name, value)
        self.changed |= {name}
