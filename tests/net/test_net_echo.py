"""What an application sees of our ICMP echo sockets, between two stacks in virtual time."""

import errno
import socket as stdlib

import pytest
import trio
from scapy.layers.inet import ICMP, IP
from trio.testing import assert_checkpoints, wait_all_tasks_blocked
from two_stacks import LEFT_V4, LEFT_V6, RIGHT_V4, RIGHT_V6, Wire, fails, run, scenario, two_stacks

from pystack.net.echo import EchoSocket, Failure, Reply
from pystack.tcp.icmp import IcmpKind
from pystack.wire.packet import Packet

PROTOCOLS = {stdlib.AF_INET: stdlib.IPPROTO_ICMP, stdlib.AF_INET6: stdlib.IPPROTO_ICMPV6}
ADDRESSES = {stdlib.AF_INET: (LEFT_V4, RIGHT_V4), stdlib.AF_INET6: (LEFT_V6, RIGHT_V6)}


def opened(wire: Wire, family: stdlib.AddressFamily = stdlib.AF_INET) -> EchoSocket:
    sock = wire.client.socket(family, stdlib.SOCK_DGRAM, PROTOCOLS[family])
    assert isinstance(sock, EchoSocket)
    return sock


def request(family: stdlib.AddressFamily = stdlib.AF_INET, sequence: int = 1, data: bytes = b"hello") -> bytes:
    return bytes((8 if family == stdlib.AF_INET else 128, 0, 0, 0, 0, 0)) + sequence.to_bytes(2, "big") + data


@pytest.mark.parametrize("family", PROTOCOLS)
def test_replies(family: stdlib.AddressFamily) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            sock = opened(wire, family)
            own, other = ADDRESSES[family]
            for sequence, to in enumerate((other, own), 1):
                with assert_checkpoints():
                    await sock.sendto(request(family, sequence), (to, 0))
                with assert_checkpoints():
                    assert await sock.receive() == Reply(to, sequence, 64, b"hello")
            await sock.sendto(request(family, 9), (other, 0))
            data, source = await sock.recvfrom(1000)
            assert (data[6:], source[:2]) == (b"\0\x09hello", (other, 0))
            assert wire.server.metrics["IcmpInEchos" if family == stdlib.AF_INET else "Icmp6InEchos"] == 2

    run(main)


@scenario
async def test_what_it_is(wire: Wire) -> None:
    for family, proto in PROTOCOLS.items():
        sock = opened(wire, family)
        assert (sock.family, sock.type, sock.proto) == (family, stdlib.SOCK_DGRAM, proto)
        version = 4 if family == stdlib.AF_INET else 6
        assert repr(sock) == f"<pystack socket, ICMP echo over IPv{version}, not connected>"
        await fails(errno.EINVAL, sock.sendto, b"no request", (ADDRESSES[family][1], 0))
    with pytest.raises(OSError, match="not supported"):
        wire.client.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM, stdlib.IPPROTO_ICMPV6)
    with pytest.raises(OSError, match="not supported"):
        wire.client.socket(stdlib.AF_INET, stdlib.SOCK_STREAM, stdlib.IPPROTO_ICMP)


@scenario
async def test_an_error_wakes_who_receives_and_not_who_reads(wire: Wire) -> None:
    sock, reader = opened(wire), opened(wire)
    heard: list[Reply | Failure] = []

    async def receive() -> None:
        heard.append(await sock.receive())

    with trio.move_on_after(10) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(reader.recv, 100)
            for one in (sock, reader):
                await one.bind(("", 0))
                await wait_all_tasks_blocked()
                asked = IP(src=LEFT_V4, dst="10.8.0.1") / ICMP(id=one.getsockname()[1], seq=4)
                error = IP(src=RIGHT_V4, dst=LEFT_V4) / ICMP(type=11) / bytes(asked)
                wire.server_device.write(Packet((bytes(error),), ""))
    assert heard == [Failure(RIGHT_V4, "10.8.0.1", 4, IcmpKind.TIME_EXCEEDED, 0, 0)]
    assert scope.cancelled_caught
    assert not reader.is_readable()
    assert await reader.receive() == heard[0]


@scenario
async def test_closing_wakes(wire: Wire) -> None:
    sock = opened(wire)

    async def receive() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await sock.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await sock.receive()
        sock.close()
    await fails(errno.EBADF, sock.receive)
