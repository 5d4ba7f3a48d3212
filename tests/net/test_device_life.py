"""What becomes of connections when the device changes under them, and of sockets that are dropped."""

import gc
import logging.handlers
import socket as stdlib
import subprocess
import threading
import time
import warnings
from typing import Any

import pytest
import trio
from two_stacks import RIGHT_V4, RIGHT_V6, run, two_stacks

import pystack
from pystack.link.device import DeviceLost


@pytest.mark.parametrize(
    ("mtu", "host"), [(576, RIGHT_V4), (1280, RIGHT_V4), (9000, RIGHT_V4), (1280, RIGHT_V6), (9000, RIGHT_V6)]
)
def test_the_mtu_changes_in_the_middle_of_a_transfer(mtu: int, host: str) -> None:
    data = bytes(range(256)) * 4000

    async def main() -> None:
        async with two_stacks() as wire, trio.open_nursery() as nursery:
            client, server = await wire.streams(v6=":" in host)
            got = bytearray()
            done = trio.Event()

            async def receive() -> None:
                async for chunk in server:
                    got.extend(chunk)
                    if len(got) > len(data) // 3 and wire.client_device.mtu != mtu:
                        wire.client_device.set_mtu(mtu)
                        wire.server_device.set_mtu(mtu)

                done.set()

            nursery.start_soon(receive)
            await client.send_all(data)
            await client.send_eof()
            await done.wait()
            assert bytes(got) == data
            assert wire.client.mtu == mtu
            largest = client.socket.tcp_info().snd_mss  # type: ignore[attr-defined]
            assert largest <= mtu - 40 - 12

    run(main)


def test_a_dropped_socket_goes_and_its_peer_sees_the_end() -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            client, server = await wire.streams()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ResourceWarning)
                del client
                gc.collect()
            assert [w.category for w in caught] == [ResourceWarning]
            assert await server.receive_some() == b""

    run(main)


@pytest.mark.kernel
class TestOnTun:
    """One process with the stack and its kernel clients, inside the namespace."""

    def test_down_and_up(self, netns: Any) -> None:
        assert netns.call(lambda: trio.run(_down_and_up)) == {"v4": b"again", "v6": b"again"}

    def test_deleted(self, netns: Any) -> None:
        assert netns.call(lambda: trio.run(_deleted)) == "the device tun0 was deleted"

    @pytest.mark.parametrize("mtu", [576, 1280, 1500, 9000, 65500])
    def test_bulk_at_any_mtu(self, netns: Any, mtu: int) -> None:
        assert netns.call(lambda: trio.run(_bulk, mtu, mtu)) == 4 << 20

    @pytest.mark.parametrize(("before", "after"), [(1500, 576), (1500, 1280), (1280, 9000), (65500, 1500)])
    def test_the_mtu_changes_while_running(self, netns: Any, before: int, after: int) -> None:
        assert netns.call(lambda: trio.run(_bulk, before, after)) == 4 << 20

    def test_an_mtu_that_ends_ipv6_is_told(self, netns: Any) -> None:
        told = netns.call(lambda: trio.run(_mtus, 576, 1500, 1280))
        assert told == [
            "tun0 has an MTU of 576 bytes now: below 1280 Linux takes its IPv6 addresses away, and gives none back"
        ]

    def test_the_first_packets_to_the_kernel_arrive(self, netns: Any) -> None:
        """IPv6 too, whose addresses become the kernel's own a moment after they are set."""
        assert netns.call(lambda: trio.run(_first_packets)) == [b"v4", b"v6"] * 5


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True)


async def _echo(stream: trio.SocketStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send_all(data)


async def _down_and_up() -> dict[str, bytes]:
    """Connections made before the link goes down work after it is up again."""
    answers: dict[str, bytes] = {}
    async with pystack.open_tun() as net, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, _echo, await net.open_tcp_listeners(7))

        def clients() -> None:
            v4 = stdlib.create_connection(("10.0.0.2", 7), 20)
            v6 = stdlib.create_connection(("fd00:7079::2", 7), 20)
            for s in (v4, v6):
                s.sendall(b"first")
                assert s.recv(100) == b"first"
            _ip("link", "set", "tun0", "down")
            time.sleep(0.2)
            _ip("link", "set", "tun0", "up")
            for name, s in (("v4", v4), ("v6", v6)):
                s.sendall(b"again")
                answers[name] = s.recv(100)
                s.close()

        await trio.to_thread.run_sync(clients)
        nursery.cancel_scope.cancel()
    return answers


async def _deleted() -> str:
    try:
        async with pystack.open_tun(addresses=["10.0.0.2/24"]):
            await trio.to_thread.run_sync(_ip, "link", "del", "tun0")
            await trio.sleep(20)
    except DeviceLost as error:
        return str(error.strerror)
    return "nothing was raised"


async def _mtus(*mtus: int) -> list[str]:
    heard = logging.handlers.BufferingHandler(100)
    logging.getLogger("pystack").addHandler(heard)
    async with pystack.open_tun() as net:
        for mtu in mtus:
            await trio.to_thread.run_sync(_ip, "link", "set", "tun0", "mtu", str(mtu))
            with trio.fail_after(10):
                while net.mtu != mtu:
                    await trio.lowlevel.checkpoint()
    return [record.getMessage() for record in heard.buffer]


async def _first_packets() -> list[bytes]:
    got = []
    for _ in range(5):
        async with pystack.open_tun() as net:
            for family, host in ((stdlib.AF_INET, "10.0.0.1"), (stdlib.AF_INET6, "fd00:7079::1")):
                with trio.socket.socket(family, stdlib.SOCK_DGRAM) as kernel:
                    await kernel.bind(("", 9000))
                    await net.socket(family, stdlib.SOCK_DGRAM).sendto(b"v4" if "." in host else b"v6", (host, 9000))
                    with trio.move_on_after(2):
                        got.append(await kernel.recv(10))
    return got


async def _bulk(before: int, after: int) -> int:
    """4 MiB through echo on the real kernel, the MTU changing after the first; returns how much came back intact."""
    data = bytes(range(256)) * 16384
    intact = 0
    async with pystack.open_tun(addresses=["10.0.0.2/24"], mtu=before) as net, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, _echo, await net.open_tcp_listeners(7))

        def client() -> int:
            at = 0
            with stdlib.create_connection(("10.0.0.2", 7), 30) as s:
                sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(stdlib.SHUT_WR)))
                sender.start()
                while chunk := s.recv(1 << 16):
                    if at < 1 << 20 <= at + len(chunk) and after != before:
                        _ip("link", "set", "tun0", "mtu", str(after))
                    if chunk != data[at : at + len(chunk)]:
                        return -1
                    at += len(chunk)
                sender.join()
            return at

        intact = await trio.to_thread.run_sync(client)
        assert net.mtu == after
        nursery.cancel_scope.cancel()
    return intact
