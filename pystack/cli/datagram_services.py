"""The same three services over UDP, one datagram at a time: echo (RFC 862), discard (RFC 863), characters (RFC 864).

Two such services can be made to talk to each other for ever, by one datagram with a forged source (CERT CA-1996-01). So
nothing is answered that comes from a port that is the system's (below 1024, where such services live; what inetd
does) or that a service here has itself. Chargen answers a small datagram with up to 512 bytes: it must not be
reachable from where sources can be forged, which RFC 864 could not know.
"""

import errno
import logging
import random
import socket
from collections.abc import Callable, Collection
from functools import partial

import trio

from pystack.cli.services import CHARGEN_PATTERN
from pystack.http.drain import Drain
from pystack.net.datagram import DatagramSocket
from pystack.net.stack import Net

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
    return CHARGEN_PATTERN[: int(random.random() * (_MOST_CHARACTERS + 1))]


ANSWERS: dict[str, Answer] = {"echo": echo, "discard": discard, "chargen": chargen}


async def serve_datagram_service(
    name: str,
    net: Net,
    port: int,
    never_to: Collection[int],
    drain: Drain,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serves one of `ANSWERS` until `drain` stops it, on one socket for each address, so that an answer comes from
    where the question went. What comes from a system port or one of `never_to` is not answered.
    """
    async with trio.open_nursery() as nursery:
        for address in net.addresses:
            sock = net.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
            await sock.bind((str(address), port))
            await nursery.start(partial(serve_datagrams, sock, ANSWERS[name], never_to))
        task_status.started()
        await drain.wait_stopping()
        nursery.cancel_scope.cancel()


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
