"""trio programs that know nothing of pystack: what runs on simulated hosts in the tests."""

import trio

from pystack.sim import Host, Network

PORT = 7


async def echo_server() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    await trio.serve_tcp(echo, PORT)


async def echo_client(name: str, size: int, chunk: int = 10_000) -> tuple[int, float]:
    """Sends `size` bytes while it reads them back; how many came, and at which time of trio's the last did."""
    got = 0
    stream = await trio.open_tcp_stream(name, PORT)
    async with stream, trio.open_nursery() as nursery:

        async def send() -> None:
            for at in range(0, size, chunk):
                await stream.send_all(bytes(min(chunk, size - at)))
            await stream.send_eof()

        nursery.start_soon(send)
        async for data in stream:
            got += len(data)
    return got, trio.current_time()


def lab_of_two(seed: int = 1, **link: object) -> tuple[Network, Host, Host]:
    lab = Network(seed)
    a, b = lab.host("a", "10.0.0.1", "fd00::1"), lab.host("b", "10.0.0.2", "fd00::2", congestion="newreno")
    lab.link(a, b, **{"rate": "20 Mbit/s", "delay": "40 ms", "queue": "64 packets", **link})
    return lab, a, b


async def forwarder(port: int, name: str) -> None:
    """Passes on what connects to `port` of this machine to the same port of another, as `ssh -L` does."""

    async def pump(source: trio.SocketStream, target: trio.SocketStream) -> None:
        async for data in source:
            await target.send_all(data)
        await target.send_eof()

    async def passes_on(near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream(name, port)
        async with far, trio.open_nursery() as nursery:
            nursery.start_soon(pump, near, far)
            nursery.start_soon(pump, far, near)

    await trio.serve_tcp(passes_on, port, host="127.0.0.1")
