"""Applications of a few lines, hosted over memory."""

from collections.abc import Iterable
from typing import Any

import trio
import trio.testing
from http_exchange import CONFIG, Reply, get, read_all, replies, run, say

from pystack.http import HttpConfig, hosted, serve_connection

OK = {"type": "http.response.start", "status": 200}


def asked(
    app: Any, said: bytes = get(), config: HttpConfig = CONFIG, root_path: str = "", parts: Iterable[bytes] = ()
) -> bytes:
    """All that the server says to a client that sends `said` (and `parts`, one by one) and half-closes."""

    async def main() -> bytes:
        client, server = trio.testing.memory_stream_pair()
        async with hosted(app, root_path=root_path) as handler, trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, config)
            nursery.start_soon(say, client, [said, *parts])
            return await read_all(client)

    return run(main)  # type: ignore[no-any-return]


async def answer(send: Any, body: bytes = b"", *headers: tuple[bytes, bytes]) -> None:
    await send({**OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await answer(send, b"hello")


def only(raw: bytes, method: str = "GET") -> Reply:
    (reply,) = replies(raw, [method])
    return reply
