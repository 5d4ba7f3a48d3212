"""Our UDP sockets against the kernel's, over a TUN device in a network namespace of the test's own."""

import errno
import random
import socket
from pathlib import Path
from typing import Any

import pytest
import trio
from namespaces import FAMILIES, KERNELS, OURS, private_network

import pystack
from pystack.net.datagram import DatagramSocket
from pystack.net.stack import Net

pytestmark = pytest.mark.kernel

SIZES = (1, 1472, 9000, 60_000)
COUNT = 10_000
UDP = {socket.AF_INET: "Udp", socket.AF_INET6: "Udp6"}


async def echo(sock: Any) -> None:
    while True:
        data, source = await sock.recvfrom(65_535)
        await sock.sendto(data, source)


async def ask(sock: Any, address: tuple[str, int]) -> None:
    for size in SIZES:
        data = random.Random(size).randbytes(size)
        with trio.fail_after(10):
            assert await sock.sendto(data, address) == size
            got, source = await sock.recvfrom(65_535)
        assert source[:2] == address
        assert got == data, f"{size} bytes"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mtu", [1500, 1280])
def test_each_size_comes_back_whole(family: int, mtu: int) -> None:
    async def main() -> None:
        async with pystack.open_tun(mtu=mtu) as net, trio.open_nursery() as nursery:
            ours, theirs = net.socket(family, socket.SOCK_DGRAM), trio.socket.socket(family, socket.SOCK_DGRAM)
            await ours.bind(("", 7))
            await theirs.bind((KERNELS[family], 7))
            nursery.start_soon(echo, ours)
            with trio.socket.socket(family, socket.SOCK_DGRAM) as client:
                await ask(client, (OURS[family], 7))
            nursery.cancel_scope.cancel()
        assert net.metrics[f"{UDP[family]}InDatagrams"] == len(SIZES)
        async with pystack.open_tun(mtu=mtu) as net, trio.open_nursery() as nursery:
            nursery.start_soon(echo, theirs)
            await ask(net.socket(family, socket.SOCK_DGRAM), (KERNELS[family], 7))
            nursery.cancel_scope.cancel()
        theirs.close()

    private_network(main)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_closed_port_refuses_both_ways(family: int) -> None:
    async def main() -> None:
        async with pystack.open_tun() as net:
            ours = net.socket(family, socket.SOCK_DGRAM)
            theirs = trio.socket.socket(family, socket.SOCK_DGRAM)
            for sock, there in ((theirs, OURS[family]), (ours, KERNELS[family])):
                await sock.connect((there, 9))
                assert await sock.send(b"anybody?") == 8
                with trio.fail_after(5), pytest.raises(OSError) as caught:
                    await sock.recv(1)
                assert caught.value.errno == errno.ECONNREFUSED
            assert net.metrics[f"{UDP[family]}NoPorts"] == 1
            theirs.close()

    private_network(main)


def dropped_by_the_device() -> int:
    """Packets to us that found the queue of the device full."""
    (line,) = [line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("tun0:")]
    return int(line.partition(":")[2].split()[11])


def kernel_counter(family: int, name: str) -> int:
    """A counter of the kernel's UDP in this namespace."""
    if family == socket.AF_INET6:
        lines = Path("/proc/net/snmp6").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == f"Udp6{name}")
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:4] == "Udp:")
    return int(values[names.index(name)])


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_each_way_with_every_loss_counted(family: int) -> None:
    """What arrived, and what each counter of a loss says, is what was sent: at the device's queue and at the receiver's
    buffer on the way to us, at the receiver's buffer on the way to the kernel.
    """

    def flood(address: tuple[str, int]) -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as kernel:
            for number in range(COUNT):
                kernel.sendto(number.to_bytes(4, "big") + bytes(number % 100), address)

    def lost(net: Net) -> int:
        return net.metrics.get(f"{UDP[family]}RcvbufErrors", 0) + dropped_by_the_device()

    async def read_all(sock: DatagramSocket, got: list[int]) -> None:
        while True:
            got.append(int.from_bytes((await sock.recv(2000))[:4], "big"))

    async def main() -> None:
        async with pystack.open_tun() as net:
            ours = net.socket(family, socket.SOCK_DGRAM)
            await ours.bind(("", 5000))
            got: list[int] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_all, ours, got)
                await trio.to_thread.run_sync(flood, (OURS[family], 5000))
                with trio.fail_after(10):
                    while len(got) + lost(net) < COUNT:  # noqa: ASYNC110 (the kernel's counters have no event)
                        await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
            assert len(got) + lost(net) == COUNT
            assert len(got) == net.metrics[f"{UDP[family]}InDatagrams"]
            assert got == sorted(set(got))
            assert len(got) > 100

            with trio.socket.socket(family, socket.SOCK_DGRAM) as kernel:
                await kernel.bind((KERNELS[family], 5000))
                for number in range(COUNT):
                    await ours.sendto(number.to_bytes(4, "big") + bytes(number % 100), (KERNELS[family], 5000))
                found = 0
                with trio.fail_after(10):
                    while found + kernel_counter(family, "RcvbufErrors") < COUNT:
                        await kernel.recv(2000)
                        found += 1
            assert net.metrics[f"{UDP[family]}OutDatagrams"] == COUNT
            assert net.metrics.get("PystackDeviceWriteErrors", 0) == 0
            assert found + kernel_counter(family, "RcvbufErrors") == COUNT
            assert found > 100

    private_network(main)
