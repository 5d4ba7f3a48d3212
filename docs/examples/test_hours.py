"""Time-outs of hours, in milliseconds: nobody waits for a clock that is only counted."""

import socket

import pytest
import trio

from pystack.sim import Network
from pystack.testing import HostPair

HOUR = 3600

# What is tested: a meter that tells its reading every few hours over one connection, to a server that hangs up on
# whoever is silent for too long. Neither knows of pystack.


class Meter:
    """`connections` counts how often it had to connect, `told` how many readings the server has confirmed."""

    def __init__(self, every: float) -> None:
        self.connections = 0
        self.told = 0
        self._every = every

    async def run(self, server: str, readings: int) -> None:
        stream: trio.SocketStream | None = None
        while self.told < readings:
            await trio.sleep(self._every)
            while not (stream and await self._tell(stream)):
                stream = await trio.open_tcp_stream(server, 8000)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # with the two hours that are usual
                self.connections += 1
            self.told += 1

    async def _tell(self, stream: trio.SocketStream) -> bool:
        """Whether the server has confirmed it; else the connection is closed."""
        try:
            await stream.send_all(b"reading\n")
            if await stream.receive_some():
                return True
        except trio.BrokenResourceError:
            pass
        await trio.aclose_forcefully(stream)
        return False


async def server(patience: float) -> None:
    async def confirm(stream: trio.SocketStream) -> None:
        async with stream:
            while True:
                with trio.move_on_after(patience) as waiting:
                    if not await stream.receive_some():
                        return
                if waiting.cancelled_caught:
                    return
                await stream.send_all(b"confirmed\n")

    await trio.serve_tcp(confirm, 8000)


# The tests.


@pytest.mark.parametrize(("every", "connections"), [(5 * HOUR, 1), (7 * HOUR, 100)])
def test_a_month_of_readings(lab: Network, host_pair: HostPair, every: int, connections: int) -> None:
    """The server waits for six hours: a meter that tells every five keeps its connection."""
    a, b, _ = host_pair
    meter = Meter(every)

    async def main() -> None:
        b.start_soon(server, 6 * HOUR)
        await a.run(meter.run, "b", 100)
        assert trio.current_time() == pytest.approx(100 * every, abs=60)

    lab.run(main)
    assert (meter.told, meter.connections) == (100, connections)


def test_keep_alive_finds_out_after_two_hours_eleven_minutes_and_a_quarter(lab: Network, host_pair: HostPair) -> None:
    """Linux's settings: silence for 7200 seconds, then 9 probes, 75 seconds apart."""
    a, b, link = host_pair
    ended: list[float] = []

    async def waits() -> None:
        stream = await trio.open_tcp_stream("b", 8000)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected = trio.current_time()
        link.cut()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stream.receive_some()
        assert isinstance(caught.value.__cause__, TimeoutError)
        ended.append(trio.current_time() - connected)

    async def main() -> None:
        b.start_soon(server, 24 * HOUR)
        await trio.lowlevel.checkpoint()
        await a.run(waits)

    lab.run(main)
    assert ended == [pytest.approx(7200 + 9 * 75, abs=0.1)]
