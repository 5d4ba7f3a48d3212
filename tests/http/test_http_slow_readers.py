"""What clients that do not read leave lying with the server, in virtual time over stacks of ours."""

from functools import partial

import trio
import trio.testing
from http_cases import get
from http_exchange import CONFIG, run

from pystack.http import Exchange, Response, serve_http
from pystack.link.memory import memory_pair
from pystack.net.open import open_device

SIZE = 4_000_000
CLIENTS = 10


async def large(exchange: Exchange) -> Response:
    return Response(200, body=bytes(SIZE))


def test_a_client_that_does_not_read_costs_little_and_still_gets_everything() -> None:
    """Each would have all of its connection's send buffer, a mebibyte, if the server had no care."""

    async def main() -> tuple[int, list[int]]:
        near, far = memory_pair(delay_ns=1_000_000)
        async with (
            open_device(near, ["10.0.0.2/24"]) as server,
            open_device(far, ["10.0.0.1/24"]) as client,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(partial(serve_http, await server.open_tcp_listeners(80), large, CONFIG))
            streams = [await client.open_tcp_stream("10.0.0.2", 80) for _ in range(CLIENTS)]
            for stream in streams:
                await stream.send_all(get("/", "Connection: close"))
            await trio.sleep(5)
            held = server.inspect().memory
            sizes = [sum([len(data) async for data in stream]) for stream in streams]
            nursery.cancel_scope.cancel()
        return held, sizes

    held, sizes = run(main)
    assert held < CLIENTS * 200_000
    assert min(sizes) > SIZE
