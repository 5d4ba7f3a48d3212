"""Both ends of a conversation for the tests: our server, and h11 as the judge of what it says."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import h11
import trio
import trio.testing
from http_cases import NOW, get

from pystack.http import Drain, Handler, HttpConfig, serve_connection

__all__ = ["CONFIG", "NOW", "Client", "Reply", "exchange", "get", "read_all", "replies", "run", "say", "start"]

CONFIG = HttpConfig(wall_clock=lambda: NOW)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    closes: bool
    """By its own words (`Connection: close`, or HTTP/1.0's default)."""
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    continues: int = 0
    """How many 100 Continue came before it."""


def run(function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """`trio.run` on a clock that jumps to the next deadline whenever nothing else can happen."""
    return trio.run(function, *args, clock=trio.testing.MockClock(autojump_threshold=0))


def exchange(parts: bytes | Iterable[bytes], handler: Handler, config: HttpConfig = CONFIG) -> bytes:
    """All that the server says to a client that sends `parts`, half-closes, and reads on to the end."""

    async def main() -> bytes:
        client, server = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, config)
            nursery.start_soon(say, client, [parts] if isinstance(parts, bytes) else list(parts))
            return await read_all(client)

    return run(main)  # type: ignore[no-any-return]


async def say(client: trio.abc.HalfCloseableStream, parts: Sequence[bytes]) -> None:
    try:
        for part in parts:
            await client.send_all(part)
            await trio.testing.wait_all_tasks_blocked()
        await client.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the server has heard enough


async def read_all(client: trio.abc.ReceiveStream) -> bytes:
    return b"".join([chunk async for chunk in client])


def replies(raw: bytes, methods: Sequence[str] = (), *, closed: bool = True) -> list[Reply]:
    """`raw` as h11 understands it, for requests of these methods (GET once they run out).

    With `closed`, `raw` is all that came up to the end of the connection. Raises `h11.RemoteProtocolError` for anything
    that is not HTTP/1.1, an unfinished or an unasked-for response included.
    """
    result = []
    rest = raw
    while rest:
        connection = h11.Connection(h11.CLIENT)
        method = methods[len(result)] if len(result) < len(methods) else "GET"
        connection.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(rest)
        if closed:
            connection.receive_data(b"")
        response = connection.next_event()
        continues = 0
        while isinstance(response, h11.InformationalResponse):
            assert response.status_code == 100
            continues += 1
            response = connection.next_event()
        assert isinstance(response, h11.Response), response
        assert response.http_version == b"1.1"
        body = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            body += event.data
        headers = {name.decode(): value.decode() for name, value in response.headers}
        assert len(headers) == len(response.headers)
        closes = headers.get("connection") == "close"
        trailers = tuple(event.headers)
        result.append(Reply(response.status_code, headers, body, closes, trailers, continues))
        rest = connection.trailing_data[0]
        assert not (closes and rest), "the server went on after Connection: close"
    return result


class Client:
    """A client that keeps its connection, for tests about time and order."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.stream = stream

    async def ask(self, raw: bytes, method: str = "GET") -> Reply:
        """Sends `raw` and reads one whole reply."""
        await self.stream.send_all(raw)
        return await self.read(method)

    async def read(self, method: str = "GET") -> Reply:
        raw = b""
        while True:
            chunk = await self.stream.receive_some(65_536)
            raw += chunk
            try:
                (reply,) = replies(raw, [method], closed=not chunk)
            except (AssertionError, ValueError):
                assert chunk, f"the connection ended within a reply: {raw!r}"
                continue
            return reply


async def start(
    nursery: trio.Nursery, handler: Handler, config: HttpConfig = CONFIG, drain: Drain | None = None
) -> Client:
    """A client whose other end is being served over memory."""
    client, server = trio.testing.memory_stream_pair()

    async def serve() -> None:
        await serve_connection(server, handler, config, drain=drain)

    nursery.start_soon(serve)
    return Client(client)
