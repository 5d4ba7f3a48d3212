"""Clients and servers in one stack, in virtual time: what they say to each other never reaches the device."""

import errno
import socket as stdlib

import pytest
import trio
from two_stacks import RIGHT_V4, RIGHT_V6, Wire, run, two_stacks

INSIDE = pytest.mark.parametrize("host", [RIGHT_V4, RIGHT_V6, "127.0.0.1", "::1"])
SIZE = 500_000


async def echo(stream: trio.SocketStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send_all(data)


async def asks(wire: Wire, host: str, port: int) -> None:
    """One client, whose every byte comes back."""
    data = bytes(n * 7 % 251 for n in range(SIZE))
    got = bytearray()
    async with await wire.server.open_tcp_stream(host, port) as stream, trio.open_nursery() as nursery:

        async def send() -> None:
            await stream.send_all(data)
            await stream.send_eof()

        nursery.start_soon(send)
        async for part in stream:
            got += part
    assert got == data


@INSIDE
def test_clients_and_a_server_in_one_stack(host: str) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            listeners = await wire.server.open_tcp_listeners(80)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, echo, listeners)
                async with trio.open_nursery() as clients:
                    for _ in range(3):
                        clients.start_soon(asks, wire, host, 80)
                nursery.cancel_scope.cancel()
            heard = wire.client.metrics
            assert "IpInReceives" not in heard
            assert "Ip6InReceives" not in heard
            assert "PystackLoopbackOverflows" not in wire.server.metrics

    run(main)


@INSIDE
def test_datagrams_and_refusals_in_one_stack(host: str) -> None:
    family = stdlib.AF_INET6 if ":" in host else stdlib.AF_INET

    async def main() -> None:
        async with two_stacks() as wire:
            server = wire.server.socket(family, stdlib.SOCK_DGRAM)
            await server.bind((host, 53))
            client = wire.server.socket(family, stdlib.SOCK_DGRAM)
            await client.connect((host, 53))
            await client.send(bytes(60_000))
            got, source = await server.recvfrom(65_535)
            assert (len(got), source) == (60_000, client.getsockname())
            server.close()
            await client.send(b"anybody?")
            with pytest.raises(ConnectionRefusedError):
                await client.recv(1)
            client.close()
            with pytest.raises(OSError, match="refused") as caught:
                await wire.server.open_tcp_stream(host, 81)
            assert caught.value.errno == errno.ECONNREFUSED

    run(main)
