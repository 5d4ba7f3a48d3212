"""Our sockets against the kernel's, over a TUN device in a network namespace of the test's own."""

import errno
import hashlib
import random
import socket
import threading

import pytest
import trio
import trio.testing
from namespaces import FAMILIES, KERNELS, OURS, private_network

import pystack
from pystack.link.device import DeviceLost
from pystack.link.netlink import read_link

pytestmark = pytest.mark.kernel

SIZE = 10_000_000


def text(seed: int) -> bytes:
    return random.Random(seed).randbytes(SIZE)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def exchange(kernel: socket.socket, seed: int, digests: dict[str, str]) -> None:
    """Sends our text and reads the other's, at the same time, on a blocking socket of the kernel."""
    sender = threading.Thread(target=lambda: (kernel.sendall(text(seed)), kernel.shutdown(socket.SHUT_WR)))
    sender.start()
    found = hashlib.sha256()
    while data := kernel.recv(65536):
        found.update(data)
    sender.join()
    kernel.close()
    digests["kernel"] = found.hexdigest()


async def exchange_ours(stream: trio.SocketStream, seed: int, digests: dict[str, str]) -> None:
    async def send() -> None:
        await stream.send_all(text(seed))
        await stream.send_eof()

    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(send)
        found = hashlib.sha256()
        async for data in stream:
            found.update(data)
        digests["ours"] = found.hexdigest()


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_megabytes_each_way_with_a_kernel_client(family: int) -> None:
    async def main() -> None:
        digests: dict[str, str] = {}
        async with pystack.open_tun() as net:
            listeners = await net.open_tcp_listeners(4000)
            assert len(listeners) == 2
            (listener,) = [one for one in listeners if one.socket.family == family]
            client = socket.socket(family)
            async with trio.open_nursery() as nursery:

                def run() -> None:
                    client.connect((OURS[family], 4000))
                    exchange(client, 1, digests)

                nursery.start_soon(trio.to_thread.run_sync, run)
                stream = await listener.accept()
                assert stream.socket.getpeername()[0] == KERNELS[family]
                nursery.start_soon(exchange_ours, stream, 2, digests)
        assert digests == {"ours": digest(text(1)), "kernel": digest(text(2))}
        assert read_link("tun0") is None

    private_network(main)


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_megabytes_each_way_with_a_kernel_server(family: int) -> None:
    async def main() -> None:
        digests: dict[str, str] = {}
        async with pystack.open_tun() as net:
            server = socket.create_server((KERNELS[family], 4000), family=family)
            async with trio.open_nursery() as nursery:

                def run() -> None:
                    kernel, peer = server.accept()
                    assert peer[0] == OURS[family]
                    exchange(kernel, 1, digests)

                nursery.start_soon(trio.to_thread.run_sync, run)
                stream = await net.open_tcp_stream(KERNELS[family], 4000)
                nursery.start_soon(exchange_ours, stream, 2, digests)
            server.close()
        assert digests == {"ours": digest(text(1)), "kernel": digest(text(2))}

    private_network(main)


def test_the_kernel_refuses_and_is_refused() -> None:
    async def main() -> None:
        async with pystack.open_tun() as net:
            with pytest.raises(ConnectionRefusedError):
                await net.open_tcp_stream("10.0.0.1", 4000)
            with trio.socket.socket() as kernel, pytest.raises(ConnectionRefusedError):
                await kernel.connect(("10.0.0.2", 4000))

    private_network(main)


def test_deleting_the_device_ends_everything_with_device_lost() -> None:
    async def main() -> None:
        codes: list[int | None] = []

        async def reader(stream: trio.SocketStream) -> None:
            with pytest.raises(trio.BrokenResourceError) as caught:
                await stream.receive_some()
            assert isinstance(caught.value.__cause__, OSError)
            codes.append(caught.value.__cause__.errno)

        async def use_and_lose(outside: trio.Nursery) -> None:
            async with pystack.open_tun() as net:
                with socket.create_server(("10.0.0.1", 4000)):
                    stream = await net.open_tcp_stream("10.0.0.1", 4000)
                    outside.start_soon(reader, stream)
                    await trio.testing.wait_all_tasks_blocked()
                    await trio.run_process(["ip", "link", "del", "tun0"])
                    await trio.sleep(30)

        async with trio.open_nursery() as outside:
            with pytest.raises(DeviceLost, match="tun0 was deleted"):
                await use_and_lose(outside)
        assert codes == [errno.ENETDOWN]

    private_network(main)
