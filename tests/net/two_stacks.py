"""Two stacks on one cable in memory, under trio's virtual clock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from two_hosts import entropy

import pystack
from pystack.link.memory import MemoryDevice, memory_pair
from pystack.net.stack import Net
from pystack.tcp.config import TcpConfig

LEFT_V4, RIGHT_V4 = "10.9.0.1", "10.9.0.2"
LEFT_V6, RIGHT_V6 = "fd00:9::1", "fd00:9::2"
MS = 1_000_000


@dataclass
class Wire:
    """Both stacks and both ends of the cable. `server` has RIGHT_V4 and RIGHT_V6, `client` the LEFT ones."""

    client: Net
    server: Net
    client_device: MemoryDevice
    server_device: MemoryDevice

    async def streams(self, port: int = 0, v6: bool = False) -> tuple[trio.SocketStream, trio.SocketStream]:
        """A connected pair: the client's end and the server's."""
        host = RIGHT_V6 if v6 else RIGHT_V4
        (listener,) = await self.server.open_tcp_listeners(port, host=host)
        port = listener.socket.getsockname()[1]
        ends: list[trio.SocketStream] = []

        async def accept() -> None:
            ends.append(await listener.accept())

        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            stream = await self.client.open_tcp_stream(host, port)
        return stream, ends[0]


@asynccontextmanager
async def two_stacks(
    delay_ns: int = 1 * MS, tcp: TcpConfig | None = None, poison: bool = True, grace: float = 2.0
) -> AsyncIterator[Wire]:
    left, right = memory_pair(delay_ns=delay_ns, poison=poison)
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {"tcp": tcp, "grace": grace}
        server = await stack.enter_async_context(
            pystack.open_device(right, [f"{RIGHT_V4}/24", f"{RIGHT_V6}/64"], entropy=entropy("right"), **options)
        )
        client = await stack.enter_async_context(
            pystack.open_device(left, [f"{LEFT_V4}/24", f"{LEFT_V6}/64"], entropy=entropy("left"), **options)
        )
        yield Wire(client, server, left, right)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs an async function in virtual time, of which it has 10,000 seconds."""

    async def bounded() -> None:
        with trio.fail_after(10_000):
            await main()

    trio.run(bounded, clock=MockClock(autojump_threshold=0))


def scenario(test: Callable[[Wire], Awaitable[None]]) -> Callable[[], None]:
    """A test that gets two stacks in virtual time."""

    def wrapped() -> None:
        async def main() -> None:
            async with two_stacks() as wire:
                await test(wire)

        run(main)

    wrapped.__name__ = test.__name__
    return wrapped


async def fails(code: int, call: Callable[..., Awaitable[Any]], *args: Any) -> None:
    """The call raises an OSError with this errno."""
    with pytest.raises(OSError) as caught:
        await call(*args)
    assert caught.value.errno == code
