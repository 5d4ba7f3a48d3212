"""What can be set about UDP: one frozen value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpConfig:
    """What new UDP sockets start with. Sizes are bytes."""

    rcvbuf: int = 212_992
    """Most memory that datagrams may hold that nobody has read yet. Linux: net.core.rmem_default."""

    sndbuf: int = 212_992
    """What SO_SNDBUF says at first. Nothing is ever queued here: a datagram is with the device when the call returns.
    Linux: net.core.wmem_default."""
