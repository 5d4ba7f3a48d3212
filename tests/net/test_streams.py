"""Our sockets under trio's real `SocketStream`, by trio's own measure."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import check_half_closeable_stream, check_two_way_stream
from two_stacks import run, two_stacks

from pystack.tcp.config import TcpConfig

SMALL = TcpConfig(rcvbuf=16384, sndbuf=16384)


@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("check", [check_two_way_stream, check_half_closeable_stream])
def test_streams_pass_trios_checks(check: Callable[..., Awaitable[None]], v6: bool) -> None:
    async def main() -> None:
        async with two_stacks(tcp=SMALL) as wire:

            async def make() -> tuple[trio.SocketStream, trio.SocketStream]:
                return await wire.streams(v6=v6)

            async def clogged() -> tuple[trio.SocketStream, trio.SocketStream]:
                left, right = await wire.streams(v6=v6)
                for stream in (left, right, left, right):  # what was taken since a send blocked leaves room: fill that
                    with trio.move_on_after(60):
                        while True:
                            await stream.socket.send(bytes(4096))
                return left, right

            await check(make, clogged)

    run(main)
