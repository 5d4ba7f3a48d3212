"""A client that reads slowly is served for as long as it likes; one that takes nothing is cut off, and the access log
says how much of the body had gone out. Over stacks of ours in virtual time, where no kernel is asked for."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing
from http_exchange import NOW, get, run

from pystack.http import Exchange, HttpConfig, Response, serve_http
from pystack.http.channel import Stall
from pystack.http.outlet import SocketOutlet
from pystack.link.memory import memory_pair
from pystack.net.open import open_device

CONFIG = HttpConfig(access_log=True, wall_clock=lambda: NOW)
SIZE = 2_000_000
LOOK = CONFIG.write_timeout / 16


async def large(exchange: Exchange) -> Response:
    return Response(200, body=bytes(SIZE))


async def large_in_chunks(exchange: Exchange) -> None:
    exchange.start(200)
    await exchange.send(bytes(SIZE))


def served(
    client: Callable[[trio.SocketStream], Awaitable[None]],
    handler: Callable[[Exchange], Awaitable[Response | None]] = large,
) -> None:
    """Asks for a large body, with a small receive buffer, and lets `client` read it."""

    async def main() -> None:
        near, far = memory_pair(delay_ns=1_000_000)
        async with (
            open_device(near, ["10.0.0.2/24"]) as ours,
            open_device(far, ["10.0.0.1/24"]) as theirs,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(partial(serve_http, await ours.open_tcp_listeners(80), handler, CONFIG))
            sock = theirs.socket()
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 16_384)
            await sock.connect(("10.0.0.2", 80))
            async with trio.SocketStream(sock) as stream:
                await stream.send_all(get())
                await client(stream)
            nursery.cancel_scope.cancel()

    run(main)


async def sip(stream: trio.SocketStream, seconds: int) -> None:
    """200 bytes a second."""
    for _ in range(seconds):
        await trio.sleep(1)
        assert await stream.receive_some(200)


async def until_reset(stream: trio.SocketStream) -> None:
    """Waits, without reading anything."""
    while not stream.socket.getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_ERROR):  # noqa: ASYNC110 (nothing else tells)
        await trio.sleep(0.01)


def test_any_progress_begins_the_time_anew() -> None:
    begun = Stall(100)
    first = begun.looked(5_000, 101)
    assert first == Stall(101, 5_000)
    assert first.looked(5_000, 160) == first
    assert first.looked(5_001, 160) == Stall(160, 5_001)


def test_a_steady_reader_is_served_however_slow_it_is() -> None:
    served(partial(sip, seconds=3_600))


@pytest.mark.parametrize("before", [0, 100_000])
def test_one_that_takes_nothing_is_reset_at_the_set_time(before: int, caplog: pytest.LogCaptureFixture) -> None:
    """Also where it did take something before; and no sooner."""
    took = []

    async def client(stream: trio.SocketStream) -> None:
        if before:
            await sip(stream, 300)
        got = 0
        while got < before:
            got += len(await stream.receive_some(before - got))
        began = trio.current_time()
        await until_reset(stream)
        took.append(trio.current_time() - began)

    caplog.set_level(logging.INFO)
    served(client)
    assert CONFIG.write_timeout <= took[0] < CONFIG.write_timeout + LOOK + 1
    assert caplog.records[0].message.endswith('"the client took nothing for 60 s"')


@pytest.mark.parametrize("handler", [large, large_in_chunks])
def test_the_log_counts_what_was_handed_over_of_a_response_that_was_cut(
    handler: Callable[[Exchange], Awaitable[Response | None]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served(until_reset, handler)
    sent = int(caplog.records[0].message.split('"')[2].split()[1])
    assert 65_536 < sent < 400_000


def test_the_kernel_tells_what_a_client_has_taken() -> None:
    async def main() -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            server = await listener.accept()
        async with client, server:
            outlet = SocketOutlet(server)
            assert outlet.counts
            with trio.move_on_after(0.2):
                while True:
                    await outlet.send_some(bytes(65_536))
            stuck = outlet.taken()
            assert outlet.taken() == stuck
            await client.receive_some(10_000_000)
            with trio.fail_after(20):
                while outlet.taken() == stuck:  # noqa: ASYNC110 (it is the kernel that changes it)
                    await trio.sleep(0.01)
            assert outlet.taken() > stuck
        assert outlet.taken() == 0

    trio.run(main)
