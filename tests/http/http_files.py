"""Files to serve, and clients that ask for them."""

import os
from pathlib import Path

import trio
import trio.testing
from http_exchange import CONFIG, NOW, Reply, exchange, get, replies, run

from pystack.http import StaticFiles, serve_connection

CHANGED = NOW - 100  # Tue, 14 Nov 2023 22:11:40 GMT


def put(path: Path, content: bytes, changed: int = CHANGED) -> Path:
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


def ask(root: Path, target: str, *fields: str, method: str = "GET", listed: bool = False) -> Reply:
    handler = StaticFiles(root, list_directories=listed, wall_clock=CONFIG.wall_clock)
    (reply,) = replies(exchange(get(target, *fields, method=method), handler), [method])
    return reply


def take(root: Path, request: bytes, most: int) -> bytes:
    """What comes of an answer before the client, or the server, ends the connection."""

    async def main() -> bytes:
        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, StaticFiles(root), CONFIG)
            await client.send_all(request)
            received = b""
            while len(received) < most and (chunk := await client.receive_some(most - len(received))):
                received += chunk
            await client.aclose()
            return received

    return run(main)  # type: ignore[no-any-return]
