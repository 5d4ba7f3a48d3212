"""What an application sees of our UDP sockets, between two stacks in virtual time."""

import errno
import socket as stdlib
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked
from two_stacks import LEFT_V4, LEFT_V6, RIGHT_V4, RIGHT_V6, Wire, fails, run, scenario, two_stacks

import pystack
from pystack.link.device import DeviceLost
from pystack.link.memory import MemoryDevice, memory_pair
from pystack.net.datagram import DatagramSocket

FAMILIES = {stdlib.AF_INET: (LEFT_V4, RIGHT_V4), stdlib.AF_INET6: (LEFT_V6, RIGHT_V6)}
MSG_TRUNC = 0x20


async def pair(wire: Wire, family: stdlib.AddressFamily = stdlib.AF_INET) -> tuple[DatagramSocket, DatagramSocket]:
    """A client that is connected to a bound server."""
    server = wire.server.socket(family, stdlib.SOCK_DGRAM)
    await server.bind(("", 5000))
    client = wire.client.socket(family, stdlib.SOCK_DGRAM)
    await client.connect((FAMILIES[family][1], 5000))
    return client, server


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [0, 1, 1452, 1472, 1473, 9000, 60_000, 65_507])
def test_each_size_comes_back_whole(family: stdlib.AddressFamily, size: int) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            client, server = await pair(wire, family)
            data = bytes(n * 7 % 251 for n in range(size))
            assert await client.send(data) == size
            got, source = await server.recvfrom(65_535)
            assert got == data
            assert source == client.getsockname()
            assert source[0] == FAMILIES[family][0]
            assert await server.sendto(got, source) == size
            assert await client.recv(65_535) == data

    run(main)


@scenario
async def test_every_way_to_send_and_receive(wire: Wire) -> None:
    client, server = await pair(wire)
    to, name = (RIGHT_V4, 5000), client.getsockname()
    for call in (
        partial(client.send, memoryview(b"hello")),
        partial(client.sendto, bytearray(b"hello"), to),
        partial(client.sendto, b"hello", 0, to),
        partial(client.sendmsg, [b"he", b"", memoryview(b"llo")]),
        partial(client.sendmsg, [b"hello"], (), 0, to),
    ):
        assert await call() == 5
    buffer = bytearray(8)
    assert await server.recv_into(buffer) == 5
    assert await server.recvfrom_into(buffer, 3) == (3, name)
    assert buffer == b"hello\0\0\0"
    assert await server.recvmsg(4) == (b"hell", [], MSG_TRUNC, name)
    parts = [bytearray(2), bytearray(9)]
    assert await server.recvmsg_into(parts) == (5, [], 0, name)
    assert parts == [b"he", b"llo" + bytes(6)]
    assert await server.recvfrom(9, stdlib.MSG_PEEK) == (b"hello", name)
    assert await server.recvfrom(9) == (b"hello", name)
    await client.send(b"whatever is not asked for is gone")
    assert await server.recv(0) == b""
    assert not server.is_readable()
    for wrong in (partial(client.sendto, b"x"), partial(client.sendto, b"x", 0, to, 1)):
        with pytest.raises(TypeError):
            await wrong()
    await fails(errno.EOPNOTSUPP, client.sendmsg, [b"x"], [(0, 8, b"")])
    for call in (partial(server.recv, -1), partial(server.recvfrom_into, buffer, 9)):
        with pytest.raises(ValueError):
            await call()


@scenario
async def test_each_call_is_a_checkpoint(wire: Wire) -> None:
    client, server = await pair(wire)
    for call in (
        partial(client.send, b"x"),
        partial(client.sendto, b"x", (RIGHT_V4, 5000)),
        partial(server.recv, 1),
        partial(server.recvfrom, 1),
        partial(client.connect, (RIGHT_V4, 5000)),
        client.wait_writable,
    ):
        with assert_checkpoints():
            await call()


@scenario
async def test_what_it_is(wire: Wire) -> None:
    client, server = await pair(wire, stdlib.AF_INET6)
    assert (client.family, client.type, client.proto) == (stdlib.AF_INET6, stdlib.SOCK_DGRAM, stdlib.IPPROTO_UDP)
    assert isinstance(client, trio.socket.SocketType)
    assert repr(client) == "<pystack socket, UDP over IPv6, connected>"
    assert repr(server) == "<pystack socket, UDP over IPv6, not connected>"
    assert client.getpeername() == (RIGHT_V6, 5000, 0, 0)
    client.disconnect()
    await fails(errno.EDESTADDRREQ, client.send, b"x")
    assert client.getsockname()[0] == "::"
    with client:
        pass
    assert client.fileno() == -1
    assert wire.client.socket(type=stdlib.SOCK_DGRAM | stdlib.SOCK_NONBLOCK, proto=17).proto == 17
    for proto in (6, 41):
        with pytest.raises(OSError, match="not supported"):
            wire.client.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM, proto)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_closed_port_refuses_who_is_connected(family: stdlib.AddressFamily) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            client, server = await pair(wire, family)
            server.close()

            async def told() -> None:
                await fails(errno.ECONNREFUSED, client.recv, 1)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(told)
                await wait_all_tasks_blocked()
                await client.send(b"anybody?")
            await client.send(b"anybody now?")
            await trio.sleep(1)
            await fails(errno.ECONNREFUSED, client.send, b"a third time")
            with trio.move_on_after(1) as scope:
                await client.recv(1)
            assert scope.cancelled_caught

    run(main)


@scenario
async def test_cancelling_loses_nothing(wire: Wire) -> None:
    client, server = await pair(wire)
    with trio.move_on_after(1):
        await server.recv(10)
    await client.send(b"kept")
    await trio.sleep(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await server.recv(10)
    assert scope.cancelled_caught
    assert await server.recv(10) == b"kept"


@scenario
async def test_closing_wakes_and_a_second_reader_is_refused(wire: Wire) -> None:
    _, server = await pair(wire)

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await server.recvfrom(10)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await server.recv(10)
        server.close()
    for call in (partial(server.recv, 1), partial(server.sendto, b"x", (LEFT_V4, 1)), partial(server.bind, ("", 1))):
        await fails(errno.EBADF, call)
    again = wire.server.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
    await again.bind(("", 5000))


@scenario
async def test_shutting_down_wakes_the_reader_with_nothing(wire: Wire) -> None:
    client, _ = await pair(wire)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def read() -> None:
            assert await client.recvfrom(10) == (b"", None)

        await wait_all_tasks_blocked()
        client.shutdown(stdlib.SHUT_RDWR)
    assert client.did_shutdown_SHUT_WR
    await fails(errno.EPIPE, client.send, b"x")


@scenario
async def test_errors_of_sending(wire: Wire) -> None:
    sock = wire.client.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
    for code, data, to in (
        (errno.EMSGSIZE, bytes(65_508), (RIGHT_V4, 1)),
        (errno.EACCES, b"x", ("10.9.0.255", 1)),
        (errno.ENETUNREACH, b"x", ("224.0.0.5", 1)),
        (errno.EINVAL, b"x", (RIGHT_V4, 0)),
    ):
        await fails(code, sock.sendto, data, to)
    for kind, to in ((stdlib.gaierror, ("host.example", 1)), (OverflowError, (RIGHT_V4, 65536)), (ValueError, "x")):
        with pytest.raises(kind):
            await sock.sendto(b"x", to)
    sock.setsockopt(stdlib.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
    assert await sock.sendto(bytes(1472), (RIGHT_V4, 1)) == 1472
    await fails(errno.EMSGSIZE, sock.sendto, bytes(1473), (RIGHT_V4, 1))


@scenario
async def test_ten_thousand_each_way_with_every_loss_counted(wire: Wire) -> None:
    """The receiver is slow on one side: what its buffer cannot take is counted, and nothing else is missing."""
    count = 10_000
    client, server = await pair(wire)
    got: dict[str, int] = {"client": 0, "server": 0}
    peer = client.getsockname()

    async def read(name: str, sock: DatagramSocket, pause: float) -> None:
        last = -1
        while True:
            number = int.from_bytes(await sock.recv(4), "big")
            assert number > last
            last = number
            got[name] += 1
            if pause and number % 64 == 0:
                await trio.sleep(pause)

    async def write(send: Callable[[bytes], Awaitable[int]]) -> None:
        for number in range(count):
            await send(number.to_bytes(4, "big") + bytes(number % 100))
            if number % 50 == 0:
                await trio.sleep(0.001)

    async with trio.open_nursery() as readers:
        readers.start_soon(read, "client", client, 0)
        readers.start_soon(read, "server", server, 0.01)
        async with trio.open_nursery() as writers:
            writers.start_soon(write, client.send)
            writers.start_soon(write, lambda data: server.sendto(data, peer))
        await trio.sleep(10)
        readers.cancel_scope.cancel()
    for name, net in (("client", wire.client), ("server", wire.server)):
        metrics = net.metrics
        assert metrics["UdpOutDatagrams"] == count
        assert metrics["UdpInDatagrams"] == got[name]
        assert got[name] + metrics.get("UdpRcvbufErrors", 0) == count
    assert wire.server.metrics["UdpRcvbufErrors"] > 1000
    assert wire.client_device.drops == wire.server_device.drops == 0


def test_leaving_the_context_closes_and_a_lost_device_is_told() -> None:
    async def main() -> None:
        left, _ = memory_pair()
        async with pystack.open_device(left, [f"{LEFT_V4}/24"]) as net:
            sock = net.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
            await sock.bind(("", 9))
        assert sock.fileno() == -1

        async def wait(sock: DatagramSocket) -> None:
            await fails(errno.ENETDOWN, sock.recv, 1)
            await fails(errno.ENETDOWN, sock.sendto, b"x", (RIGHT_V4, 1))

        async def lose(device: MemoryDevice, outside: trio.Nursery) -> None:
            async with pystack.open_device(device, [f"{LEFT_V4}/24"]) as net:
                outside.start_soon(wait, net.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM))
                await wait_all_tasks_blocked()
                device.close()
                await trio.sleep(1)

        left, _ = memory_pair()
        async with trio.open_nursery() as outside:
            with pytest.raises(DeviceLost):
                await lose(left, outside)

    run(main)
