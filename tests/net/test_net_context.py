"""How a stack begins and ends: leaving its context, losing its device, and living through defects."""

import errno
import io
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from two_stacks import LEFT_V4, RIGHT_V4, Wire, run, two_stacks

import pystack
from pystack.link.device import DeviceLost, LinkError
from pystack.link.memory import MemoryDevice, memory_pair
from pystack.net.socket import Socket
from pystack.tcp.connection import Connection
from pystack.wire.packet import Packet


class Boom(Exception):
    pass


def states(wire: Wire) -> list[str]:
    return [str(e.connection.tcb.state) for e in wire.server._driver.host.endpoints()]


def run_with_server(leave: Callable[[Wire, trio.SocketStream], Awaitable[None]]) -> list[Any]:
    """Runs a client in a context of its own that ends with `leave`; returns what its peer reads, the error at the
    end, and the virtual seconds that leaving took.
    """
    found: list[Any] = []

    async def main() -> None:
        async with two_stacks() as wire:
            left, right = memory_pair(delay_ns=1_000_000)
            async with pystack.open_device(right, [f"{RIGHT_V4}/24"], grace=0) as server:
                (listener,) = await server.open_tcp_listeners(80)

                async def inner() -> None:
                    async with pystack.open_device(left, [f"{LEFT_V4}/24"]) as client:
                        stream = await client.open_tcp_stream(RIGHT_V4, 80)
                        found.append(trio.current_time())
                        await leave(wire, stream)

                async with trio.open_nursery() as nursery:

                    async def read() -> None:
                        stream = await listener.accept()
                        try:
                            async for data in stream:
                                found.append(data)
                            found.append("end")
                        except trio.BrokenResourceError as error:
                            found.append(error.__cause__.errno if isinstance(error.__cause__, OSError) else error)

                    nursery.start_soon(read)
                    try:
                        await inner()
                    except Boom:
                        found.append("Boom")
                    start = found.pop(0)
                    seconds = trio.current_time() - start
                found.append(round(seconds, 1))

    run(main)
    return found


def test_leaving_normally_closes_in_order() -> None:
    async def leave(wire: Wire, stream: trio.SocketStream) -> None:
        await stream.send_all(b"all of it")

    assert run_with_server(leave) == [b"all of it", "end", 0.0]


def test_leaving_by_an_exception_resets() -> None:
    async def leave(wire: Wire, stream: trio.SocketStream) -> None:
        await trio.sleep(1)
        raise Boom

    assert run_with_server(leave) == ["Boom", errno.ECONNRESET, 1.0]


def test_who_does_not_answer_is_reset_after_the_grace_time() -> None:
    async def main() -> None:
        left, _ = memory_pair()
        start = trio.current_time()
        async with pystack.open_device(left, [f"{LEFT_V4}/24"], grace=3) as net, trio.open_nursery() as nursery:
            sock = net.socket()

            async def connect() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await sock.connect((RIGHT_V4, 80))

            nursery.start_soon(connect)
            await wait_all_tasks_blocked()
            sock.close()
        assert trio.current_time() == start  # an attempt to connect has nothing to end in order

    run(main)


def test_the_grace_time_ends() -> None:
    async def main() -> None:
        start = 0.0
        async with two_stacks(grace=3) as wire:
            ours, _ = await wire.streams()
            wire.server_device.close()
            start = trio.current_time()
            await ours.send_all(b"never acknowledged")
        assert trio.current_time() - start == pytest.approx(3, abs=0.01)

    with pytest.raises(DeviceLost):
        run(main)


def test_outer_cancellation_resets_and_passes() -> None:
    async def main() -> None:
        left, _ = memory_pair()
        with trio.move_on_after(5) as scope:
            async with pystack.open_device(left, [f"{LEFT_V4}/24"]):
                await trio.sleep_forever()
        assert scope.cancelled_caught
        with pytest.raises(DeviceLost):
            left.read_batch(1)

    run(main)


def test_a_lost_device_is_told_everywhere() -> None:
    codes: list[int | None] = []
    kept: list[Socket] = []

    async def call(make: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(OSError) as caught:
            await make()
        codes.append(caught.value.errno)

    async def lose(outside: trio.Nursery) -> None:
        left, right = memory_pair()
        async with (
            pystack.open_device(right, [f"{RIGHT_V4}/24"]) as server,
            pystack.open_device(left, [f"{LEFT_V4}/24"]) as net,
        ):
            (listener,) = await net.open_tcp_listeners(80)
            connecting = net.socket()
            their_listeners = await server.open_tcp_listeners(80)
            stream = await net.open_tcp_stream(RIGHT_V4, 80)
            kept.extend((net.socket(), stream.socket))
            outside.start_soon(call, lambda: stream.socket.recv(1))
            outside.start_soon(call, listener.socket.accept)
            outside.start_soon(call, lambda: connecting.connect(("10.9.0.77", 80)))
            await wait_all_tasks_blocked()
            left.close()
            assert their_listeners
            await trio.sleep_forever()

    async def main() -> None:
        async with trio.open_nursery() as outside:
            with pytest.raises(DeviceLost, match="mem-a is closed"):
                await lose(outside)
        assert codes == [errno.ENETDOWN] * 3
        fresh, stream = kept
        await call(lambda: fresh.connect((RIGHT_V4, 80)))
        await call(lambda: fresh.bind((LEFT_V4, 80)))
        await call(lambda: stream.send(b"x"))
        with pytest.raises(OSError):
            fresh.listen()
        assert codes == [errno.ENETDOWN] * 6

    run(main)


class Refusing(MemoryDevice):
    """Refuses to write while told so."""

    refuse = False

    def write(self, packet: Packet) -> None:
        if self.refuse:
            raise OSError(errno.EIO, "Input/output error")
        super().write(packet)


def test_a_refused_packet_is_counted_logged_seldom_and_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            ours, theirs = await wire.streams()
            device = wire.client_device
            device.__class__ = Refusing
            device.refuse = True  # type: ignore[attr-defined]
            await ours.send_all(bytes(14480))
            await trio.sleep(0.1)
            device.refuse = False  # type: ignore[attr-defined]
            found = b""
            while len(found) < 14480:
                found += await theirs.receive_some()
            assert wire.client.metrics["PystackDeviceWriteErrors"] == 10

    with caplog.at_level(logging.INFO):
        run(main)
    said = [record for record in caplog.records if record.name == "pystack.net.pump"]
    assert [record.levelno for record in said] == [logging.INFO] * 4  # the 1st, 2nd, 4th and 8th: none by default


@pytest.mark.parametrize("methods", ["receive", "poll_transmit", "on_deadline", "receive abort"])
def test_a_defect_costs_one_connection_only(
    methods: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            good, good_peer = await wire.streams(80)
            bad, bad_peer = await wire.streams(81)
            struck = bad.socket._sock.connection

            for name in methods.split():
                real = getattr(Connection, name)

                def wrapped(self: Connection, *args: Any, real: Callable[..., Any] = real) -> Any:
                    if self is struck:
                        raise Boom("a defect")
                    return real(self, *args)

                monkeypatch.setattr(Connection, name, wrapped)

            if "on_deadline" in methods:
                wire.client_device._peer = wire.client_device  # the cable is cut: a time-out will come
                await bad.send_all(b"x")
                await trio.sleep(2)
                wire.client_device._peer = wire.server_device
            else:
                await bad_peer.send_all(b"x")
            with pytest.raises(OSError) as caught:  # noqa: PT012
                while True:  # the text may have come before the defect struck
                    assert await bad.socket.recv(10) == b"x"
            assert caught.value.errno == errno.ECONNABORTED
            await good.send_all(b"goes on")
            assert await good_peer.receive_some() == b"goes on"
            await good_peer.send_all(b"both ways")
            assert await good.receive_some() == b"both ways"
            assert wire.client.metrics["PystackDefects"] >= 1
            assert len(wire.client._driver.host.endpoints()) == 1
            await good.aclose()

    run(main)
    assert any(record.exc_info for record in caplog.records)


def test_nonsense_from_the_network_is_counted() -> None:
    async def main() -> None:
        async with two_stacks() as wire:
            for junk in (b"", b"\x45", b"\x60" * 39, bytes(100), b"\x45" + b"\xff" * 60):
                wire.client_device.write(Packet((junk,)))
            await trio.sleep(1)
            ours, theirs = await wire.streams()
            await ours.send_all(b"x")
            assert await theirs.receive_some() == b"x"
            assert wire.server.metrics["IpInHdrErrors"] >= 4
            assert "PystackDefects" not in wire.server.metrics

    run(main)


def test_a_capture_has_every_packet() -> None:
    async def main() -> None:
        left, right = memory_pair()
        file = io.BytesIO()
        async with (
            pystack.open_device(right, [f"{RIGHT_V4}/24"]) as server,
            pystack.open_device(left, [f"{LEFT_V4}/24"], capture=file) as net,
        ):
            listeners = await server.open_tcp_listeners(80)
            stream = await net.open_tcp_stream(RIGHT_V4, 80)
            await stream.aclose()
            await listeners[0].aclose()
        assert file.getvalue().startswith(b"\x0a\x0d\x0d\x0a")
        for reason in (b"syn", b"fin"):
            assert reason in file.getvalue()

    run(main)


def test_importing_is_light() -> None:
    heavy = {"trio", "pytun", "pyroute2", "asyncio"}
    code = f"import sys, pystack; assert not {heavy} & set(sys.modules); print(dir(pystack))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "open_tun" in done.stdout
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        pystack.nonsense  # noqa: B018


def test_a_stack_that_cannot_be_made_closes_its_device() -> None:
    async def main() -> None:
        left, _ = memory_pair()
        with pytest.raises(LinkError, match="no IP address with a prefix length"):
            async with pystack.open_device(left, ["10.0.0.300"]):
                pass
        with pytest.raises(DeviceLost):
            left.read_batch(1)

    run(main)
