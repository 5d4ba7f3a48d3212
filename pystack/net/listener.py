"""Opening listeners on every family that the stack has."""

import errno
import socket as stdlib
from collections.abc import Sequence

import trio

from pystack.net.address import family_of
from pystack.net.driver import Driver
from pystack.net.factory import new_socket
from pystack.net.socket import Socket

_MOST_BACKLOG = 0xFFFF
"""trio's default: as long as the host allows (`Config.somaxconn`)."""

_TRIES = 16
"""How many random ports to try for one that is free in both families."""


async def open_listeners(
    driver: Driver, families: Sequence[stdlib.AddressFamily], port: int, host: str | None, backlog: int | None
) -> list[trio.SocketListener]:
    """One listener on `host`, or on the wildcard of each family; for port 0 all on the same free port. None is left
    open where one cannot be. Raises OSError.
    """
    if backlog is None:
        backlog = _MOST_BACKLOG
    if host:
        families = [family_of(host)]
    for _ in range(_TRIES if port == 0 and len(families) > 1 else 1):
        try:
            sockets = await _bind_all(driver, families, port, host)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
            failure = error
            continue
        for socket in sockets:
            socket.listen(backlog)
        return [trio.SocketListener(socket) for socket in sockets]
    raise failure


async def _bind_all(
    driver: Driver, families: Sequence[stdlib.AddressFamily], port: int, host: str | None
) -> list[Socket]:
    sockets: list[Socket] = []
    try:
        for family in families:
            socket = new_socket(driver, family)
            sockets.append(socket)
            # As trio: a server that starts again must not wait for its last connections' TIME-WAIT.
            socket.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_REUSEADDR, 1)
            await socket.bind((host or "", port))
            port = socket.getsockname()[1]
    except BaseException:
        for socket in sockets:
            socket.close()
        raise
    return sockets
