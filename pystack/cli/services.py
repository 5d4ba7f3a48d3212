"""Three old services over any trio stream: echo (RFC 862), discard (RFC 863) and the character generator (RFC 864)."""

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from pystack.http.drain import Drain

Service = Callable[[trio.abc.HalfCloseableStream], Awaitable[None]]

_CHUNK = 65536
_LINE_WIDTH = 72
_PRINTABLE = bytes(range(32, 127))

CHARGEN_PATTERN = b"".join((_PRINTABLE * 2)[start : start + _LINE_WIDTH] + b"\r\n" for start in range(len(_PRINTABLE)))
"""RFC 864's recommended pattern: lines of 72 printable characters, each line one character further on."""


async def echo(stream: trio.abc.HalfCloseableStream) -> None:
    """Sends back what comes, until the client has ended its side; then ends ours."""
    while data := await stream.receive_some(_CHUNK):
        await stream.send_all(data)
    await stream.send_eof()


async def discard(stream: trio.abc.HalfCloseableStream) -> None:
    """Throws away what comes, until the client has ended its side."""
    while await stream.receive_some(_CHUNK):
        pass


async def chargen(stream: trio.abc.HalfCloseableStream) -> None:
    """Sends the pattern until the client goes away; what the client sends is thrown away (RFC 864)."""
    block = CHARGEN_PATTERN * (_CHUNK * 4 // len(CHARGEN_PATTERN))

    async def send() -> None:
        while True:
            await stream.send_all(block)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await discard(stream)
        # The client has ended its side, and may still be reading; only its going away ends this.


SERVICES: dict[str, Service] = {"echo": echo, "discard": discard, "chargen": chargen}


async def serve_stream_service(
    name: str,
    listeners: list[trio.SocketListener],
    drain: Drain,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serves one of `SERVICES` until `drain` stops it and the last connection has ended."""
    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        await accepting.start(
            partial(trio.serve_listeners, partial(_serve_one, SERVICES[name]), listeners, handler_nursery=connections)
        )
        task_status.started()
        await drain.wait_stopping()
        accepting.cancel_scope.cancel()


async def _serve_one(service: Service, stream: trio.abc.HalfCloseableStream) -> None:
    """Runs a service on one connection to its end. That the client goes away, or the stack is told to, is no error."""
    async with stream:
        try:
            await service(stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
