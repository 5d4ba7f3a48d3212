"""The same three services over UDP, one datagram at a time: echo (RFC 862), discard (RFC 863), characters (RFC 864).

Two such services can be made to talk to each other for ever, by one datagram with a forged source (CERT CA-1996-01). So
nothing is answered that comes from a port that is the system's (below 1024, where such services live; what inetd
does) or that a service here has itself. Chargen answers a small datagram with up to 512 bytes: it must not be
reachable from where sources can be forged, which RFC 864 could not know.
"""

import errno
import logging
import random
from collections.abc import Callable, Collection

import trio

from pystack.cli.services import CHARGEN_PATTERN
from pystack.net.datagram import DatagramSocket

_log = logging.getLogger("pystack")

Answer = Callable[[bytes], bytes | None]
"""What a datagram is answered with; None: with nothing."""

_LARGEST = 65535
_MOST_CHARACTERS = 512
_FIRST_USER_PORT = 1024
_OVER = (errno.ENETDOWN, errno.EBADF)


def echo(data: bytes) -> bytes:
    """The same."""
    return data


def discard(data: bytes) -> None:
    """Nothing."""


def chargen(data: bytes) -> bytes:
    """Between 0 and 512 characters, at random, whatever came."""
    return CHARGEN_PATTERN[: random.randint(0, _MOST_CHARACTERS)]


async def serve_datagrams(
    sock: DatagramSocket,
    answer: Answer,
    never_to: Collection[int],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answers what comes, but for what comes from a system port or one of `never_to`. Raises the OSError that the loss
    of the device is; that one answer cannot be sent ends nothing.
    """
    task_status.started()
    while True:
        data, source = await sock.recvfrom(_LARGEST)
        port = source[1]
        if port < _FIRST_USER_PORT or port in never_to:
            _log.debug("a datagram from port %d is not answered, lest two services talk for ever", port)
            continue
        reply = answer(data)
        if reply is None:
            continue
        try:
            await sock.sendto(reply, source)
        except OSError as error:
            if error.errno in _OVER:
                raise
            _log.debug("no answer to %s: %s", source[0], error.strerror)
