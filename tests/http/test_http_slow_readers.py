"""What clients that do not read leave lying with the server, in virtual time over stacks of ours."""

from functools import partial

import trio
import trio.testing
from http_cases import get
from http_exchange import CONFIG, run

from pystack.http import Exchange, Response, serve_http
from pystack.link.memory import memory_pair
from pystack.net.open import open_device
from pystack.sim import Network

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


SLOW = 100
LINE = {"rate": "20 Mbit/s", "delay": "10 ms"}


def seconds_of_a_download(beside: int) -> float:
    """How long one takes, in virtual time, beside so many clients on the same line that take 100 bytes a second."""

    async def server() -> None:
        await serve_http(await trio.open_tcp_listeners(80), large, CONFIG)

    async def sip() -> None:
        stream = await trio.open_tcp_stream("10.0.0.2", 80)
        await stream.send_all(get("/"))
        while True:
            if not await stream.receive_some(100):
                return
            await trio.sleep(1)

    async def download() -> float:
        await trio.sleep(30)  # by then the server can send the slow ones no more
        began = trio.current_time()
        stream = await trio.open_tcp_stream("10.0.0.2", 80)
        await stream.send_all(get("/", "Connection: close"))
        assert sum([len(data) async for data in stream]) > SIZE
        return trio.current_time() - began

    async def main() -> float:
        async with Network(seed=4, grace=0) as lab:
            a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2")
            lab.link(a, b, **LINE)
            b.start_soon(server)
            for _ in range(beside):
                a.start_soon(sip)
            return await a.run(download)

    return run(main)  # type: ignore[no-any-return]


def test_slow_clients_do_not_slow_a_fast_one_by_more_than_half() -> None:
    """They share its line and its server. (That they share the processor does not show in virtual time.)"""
    assert seconds_of_a_download(beside=SLOW) < 2 * seconds_of_a_download(beside=0)
