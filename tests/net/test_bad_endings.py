"""The four ways in which a connection ends badly, as an application on trio sees them, in both roles: refused, reset,
unreachable, timed out.
"""

import errno
from collections.abc import Awaitable, Callable

import pytest
import trio
from two_stacks import LEFT_V4, RIGHT_V4, RIGHT_V6, Wire, run, two_stacks

from pystack.link.memory import MemoryDevice
from pystack.tcp.config import TcpConfig
from pystack.wire import icmpv4, ipv4
from pystack.wire.packet import Packet

QUICK = TcpConfig(retries=3, syn_retries=2)


def with_wire(main: Callable[[Wire], Awaitable[None]], tcp: TcpConfig | None = None) -> None:
    async def inside() -> None:
        async with two_stacks(tcp=tcp) as wire:
            await main(wire)

    run(inside)


def cause(error: BaseException) -> int | None:
    return getattr(error.__cause__, "errno", None)


@pytest.mark.parametrize("host", [RIGHT_V4, RIGHT_V6])
def test_refused(host: str) -> None:
    async def main(wire: Wire) -> None:
        with pytest.raises(ConnectionRefusedError):
            await wire.client.open_tcp_stream(host, 81)

    with_wire(main)


@pytest.mark.parametrize("role", ["client", "server"])
def test_reset(role: str) -> None:
    async def main(wire: Wire) -> None:
        client, server = await wire.streams()
        mine, theirs = (client, server) if role == "client" else (server, client)
        await theirs.send_all(b"last words")
        await trio.sleep(1)
        theirs.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER, 0 seconds
        await theirs.aclose()
        await trio.sleep(1)
        assert await mine.receive_some() == b"last words", "what had arrived comes first"
        with pytest.raises(trio.BrokenResourceError) as broken:
            await mine.receive_some()
        assert cause(broken.value) == errno.ECONNRESET
        with pytest.raises(trio.BrokenResourceError) as broken:
            await mine.send_all(b"x")
        assert cause(broken.value) == errno.EPIPE

    with_wire(main)


@pytest.mark.parametrize("role", ["client", "server"])
def test_timed_out(role: str) -> None:
    async def main(wire: Wire) -> None:
        client, server = await wire.streams()
        mine, device = (client, wire.server_device) if role == "client" else (server, wire.client_device)
        device.write = lambda packet: None  # type: ignore[method-assign]  # the other side's answers are lost
        await mine.send_all(b"is anybody there?")
        with pytest.raises(trio.BrokenResourceError) as broken:
            await mine.receive_some()
        assert cause(broken.value) == errno.ETIMEDOUT

    with_wire(main, QUICK)


def test_timed_out_while_connecting() -> None:
    async def main(wire: Wire) -> None:
        with pytest.raises(TimeoutError):
            await wire.client.open_tcp_stream("10.9.0.77", 80)
        assert trio.current_time() > 0

    with_wire(main, QUICK)


def answer_with(device: MemoryDevice, to: MemoryDevice, code: int) -> None:
    """Whatever is written to `device` is answered with ICMP destination unreachable, and goes nowhere."""

    def write(packet: Packet) -> None:
        original = bytes(packet)
        header = ipv4.parse(original)
        body = icmpv4.build(icmpv4.unreachable(code, original[:28]))
        head = ipv4.build_header(bytes((10, 9, 0, 254)), header.src, 1, len(body))
        to._deliver(trio.current_time(), head + body)

    device.write = write  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (icmpv4.PORT_UNREACHABLE, errno.ECONNREFUSED),
        (icmpv4.PROTOCOL_UNREACHABLE, errno.ENOPROTOOPT),
        (icmpv4.HOST_UNREACHABLE, errno.EHOSTUNREACH),
        (icmpv4.NET_UNREACHABLE, errno.ENETUNREACH),
    ],
)
def test_unreachable_while_connecting(code: int, number: int) -> None:
    """A hard error at once; a soft one in the place of ETIMEDOUT (RFC 9293 MUST-56)."""

    async def main(wire: Wire) -> None:
        answer_with(wire.client_device, wire.client_device, code)
        began = trio.current_time()
        with pytest.raises(OSError) as caught:
            await wire.client.open_tcp_stream(RIGHT_V4, 80)
        assert caught.value.errno == number
        at_once = trio.current_time() - began < 0.1
        assert at_once is (number in (errno.ECONNREFUSED, errno.ENOPROTOOPT))

    with_wire(main, QUICK)


@pytest.mark.parametrize("role", ["client", "server"])
def test_unreachable_in_the_middle(role: str) -> None:
    """It does not end the connection, and says more than a time-out when that comes."""

    async def main(wire: Wire) -> None:
        client, server = await wire.streams()
        mine, device = (client, wire.client_device) if role == "client" else (server, wire.server_device)
        answer_with(device, device, icmpv4.HOST_UNREACHABLE)
        await mine.send_all(b"is anybody there?")
        with pytest.raises(trio.BrokenResourceError) as broken:
            await mine.receive_some()
        assert cause(broken.value) == errno.EHOSTUNREACH

    with_wire(main, QUICK)


def test_unreachable_ends_an_attempt_at_once_where_that_is_wished() -> None:
    async def main(wire: Wire) -> None:
        answer_with(wire.client_device, wire.client_device, icmpv4.HOST_UNREACHABLE)
        began = trio.current_time()
        with pytest.raises(OSError) as caught:
            await wire.client.open_tcp_stream(RIGHT_V4, 80, local_address=LEFT_V4)
        assert caught.value.errno == errno.EHOSTUNREACH
        assert trio.current_time() - began < 0.1

    with_wire(main, TcpConfig(soft_errors_end_connect=True))
