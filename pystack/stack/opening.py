"""Which local name a connection has that is opened from here (RFC 9293 section 3.9.1.1; RFC 6056)."""

from typing import TYPE_CHECKING

from pystack.stack.connections import key_of
from pystack.stack.errors import AddressInUse, AddressNotAvailable, InvalidDestination, InvalidSource, Unreachable

if TYPE_CHECKING:
    from pystack.stack.host import Host


def local_name(
    host: "Host", remote: bytes, remote_port: int, local: bytes | None, local_port: int
) -> tuple[bytes, int]:
    """The address and port to call `remote` from, where `local` (None, or the wildcard) and `local_port` (0) may leave
    the choice to the host. Raises what `Host.connect` does, but for `OutOfMemory`.
    """
    routes, connections, ports = host.routes, host.connections, host.ports
    if not routes.is_unicast(remote) or not remote_port:
        raise InvalidDestination("no host can have this address")
    source = routes.source_for(remote)
    if source is None:
        raise Unreachable("no address of this family, or no route")
    if local is None or not any(local):
        local = source
    elif not routes.is_own(local) or len(local) != len(remote):
        raise AddressNotAvailable("not an address of this host")
    elif not routes.can_speak(local, remote):
        raise InvalidSource("a loopback address speaks within the host only")
    ends = remote, local, remote_port
    if local_port:
        if connections.find(key_of(*ends, local_port)) is not None:
            raise AddressInUse("this connection exists")
        return local, local_port
    size = len(local)
    itself = remote_port if local == remote else 0  # where nobody listens it must find nobody, not itself
    # A port that some socket is bound to is that socket's own, whatever the address, as in Linux.
    return local, ports.ephemeral(
        lambda p: p != itself and not ports.is_bound(size, p) and connections.find(key_of(*ends, p)) is None
    )
