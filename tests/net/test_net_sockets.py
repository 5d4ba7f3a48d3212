"""What an application sees of our sockets: errors, names, cancellation, closing, many at once."""

import errno
import hashlib
import random
import socket as stdlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked
from two_stacks import LEFT_V4, MS, RIGHT_V4, RIGHT_V6, Wire, fails, run, scenario, two_stacks

from pystack.net.socket import Socket
from pystack.tcp.config import TcpConfig

SMALL = TcpConfig(rcvbuf=16384, sndbuf=16384)


async def until_cancelled(call: Callable[[], Awaitable[Any]]) -> None:
    """Starts a call that has to block, and cancels it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


@scenario
async def test_a_port_where_nobody_listens_refuses(wire: Wire) -> None:
    await fails(errno.ECONNREFUSED, wire.client.open_tcp_stream, RIGHT_V4, 80)
    await fails(errno.ECONNREFUSED, wire.client.open_tcp_stream, RIGHT_V6, 80)


@scenario
async def test_a_host_that_is_not_there_times_out(wire: Wire) -> None:
    start = trio.current_time()
    await fails(errno.ETIMEDOUT, wire.client.open_tcp_stream, "10.9.0.77", 80)
    assert trio.current_time() - start == pytest.approx(127, abs=1)  # 1 + 2 + … + 64 s


@scenario
async def test_no_route_and_names(wire: Wire) -> None:
    await fails(errno.ENETUNREACH, wire.client.open_tcp_stream, "224.0.0.1", 80)
    for host in ("localhost", "10.9.0", "fe80::1%lo"):
        with pytest.raises(stdlib.gaierror, match=r"no numeric IP address|no numeric IPv6"):
            await wire.client.open_tcp_stream(host, 80)


@scenario
async def test_a_reset_breaks_the_stream(wire: Wire) -> None:
    ours, theirs = await wire.streams()
    await theirs.send_all(b"last")
    await trio.sleep(1)
    theirs.socket.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
    await theirs.aclose()
    await trio.sleep(1)
    assert await ours.receive_some() == b"last"
    with pytest.raises(trio.BrokenResourceError):
        await ours.receive_some()


@scenario
async def test_a_reset_wakes_who_waits(wire: Wire) -> None:
    ours, theirs = await wire.streams()
    woken: list[int] = []

    async def reader() -> None:
        await fails(errno.ECONNRESET, ours.socket.recv, 10)
        woken.append(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await wait_all_tasks_blocked()
        await ours.send_all(b"never read")
        await trio.sleep(1)
        await theirs.aclose()
    assert woken == [1]


@scenario
async def test_names_of_both_families(wire: Wire) -> None:
    ours, theirs = await wire.streams(port=80)
    assert theirs.socket.getsockname() == ours.socket.getpeername() == (RIGHT_V4, 80)
    assert ours.socket.getsockname() == theirs.socket.getpeername()
    assert ours.socket.getsockname()[0] == LEFT_V4
    ours, theirs = await wire.streams(port=81, v6=True)
    assert theirs.socket.getsockname() == ours.socket.getpeername() == (RIGHT_V6, 81, 0, 0)
    sock = wire.client.socket(stdlib.AF_INET6)
    await sock.bind(("", 5000, 0, 0))
    assert sock.getsockname() == ("::", 5000, 0, 0)
    await fails(errno.ECONNREFUSED, sock.connect, (RIGHT_V6, 9, 7, 0))


@scenario
async def test_addresses_of_another_shape_are_refused(wire: Wire) -> None:
    sock = wire.client.socket()
    for address, kind in (
        ("10.9.0.2", ValueError),
        ((RIGHT_V4, 80, 0, 0), ValueError),
        ((RIGHT_V4, 65536), OverflowError),
        ((RIGHT_V4, "80"), TypeError),
        ((RIGHT_V6, 80), stdlib.gaierror),
    ):
        with pytest.raises(kind):
            await sock.connect(address)
    await sock.bind((LEFT_V4, 0))


@scenario
async def test_listeners_on_all_families_share_a_free_port(wire: Wire) -> None:
    listeners = await wire.server.open_tcp_listeners(0)
    names = [listener.socket.getsockname() for listener in listeners]
    assert [name[0] for name in names] == ["0.0.0.0", "::"]
    assert names[0][1] == names[1][1] > 0
    await fails(errno.EADDRINUSE, wire.server.open_tcp_listeners, names[0][1])
    for listener in listeners:
        await listener.aclose()
    (again,) = await wire.server.open_tcp_listeners(names[0][1], host=RIGHT_V6)
    with pytest.raises(trio.ClosedResourceError):
        await listeners[0].accept()
    await again.aclose()


@scenario
async def test_a_negative_backlog_is_none(wire: Wire) -> None:
    """As the standard library has it; to the kernel it would be a large one."""
    sock = wire.server.socket()
    sock.listen(-1)
    assert sock._sock.listener is not None
    assert sock._sock.listener.backlog == 0
    sock.close()


@scenario
async def test_a_failed_open_leaves_no_listener_behind(wire: Wire) -> None:
    (v6,) = await wire.server.open_tcp_listeners(80, host=RIGHT_V6)
    await fails(errno.EADDRINUSE, wire.server.open_tcp_listeners, 80)
    (v4,) = await wire.server.open_tcp_listeners(80, host=RIGHT_V4)
    assert v4.socket.family == stdlib.AF_INET
    assert v6.socket.getsockname()[1] == 80


@scenario
async def test_closing_wakes_every_kind_of_waiter(wire: Wire) -> None:
    ours, _ = await wire.streams()
    (listener,) = await wire.server.open_tcp_listeners(80, host=RIGHT_V4)
    connecting = wire.client.socket()
    closed: list[str] = []

    async def wait(name: str, call: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await call()
        closed.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, "recv", partial(ours.socket.recv, 1))
        nursery.start_soon(wait, "accept", listener.socket.accept)
        nursery.start_soon(wait, "connect", partial(connecting.connect, ("10.9.0.77", 80)))
        await wait_all_tasks_blocked()
        for sock in (ours.socket, listener.socket, connecting):
            sock.close()
    assert sorted(closed) == ["accept", "connect", "recv"]
    await fails(errno.EBADF, ours.socket.recv, 1)
    await fails(errno.EBADF, listener.socket.accept)
    assert ours.socket.fileno() == connecting.fileno() == -1


@scenario
async def test_a_second_waiter_in_one_direction_is_refused(wire: Wire) -> None:
    ours, _ = await wire.streams()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.socket.recv, 1)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await ours.socket.recv(1)
        assert await ours.socket.send(b"the other direction is free") == 27
        nursery.cancel_scope.cancel()


@scenario
async def test_cancelled_calls_have_done_nothing(wire: Wire) -> None:
    ours, theirs = await wire.streams()
    await until_cancelled(partial(ours.socket.recv, 10))
    await theirs.send_all(b"text")
    await trio.sleep(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await ours.socket.recv(10)
    with trio.CancelScope() as scope:
        scope.cancel()
        await ours.socket.send(b"never sent")
    assert await ours.socket.recv(10) == b"text"
    (listener,) = await wire.server.open_tcp_listeners(80, host=RIGHT_V4)
    await until_cancelled(listener.accept)
    client = await wire.client.open_tcp_stream(RIGHT_V4, 80)
    with trio.CancelScope() as scope:
        scope.cancel()
        await listener.accept()
    accepted = await listener.accept()
    assert accepted.socket.getpeername() == client.socket.getsockname()
    await ours.send_all(b"end")
    assert await theirs.receive_some() == b"end"


def test_a_cancelled_send_has_sent_nothing() -> None:
    async def main() -> None:
        async with two_stacks(tcp=SMALL) as wire:
            ours, theirs = await wire.streams()
            sent = 0
            with trio.move_on_after(60):
                while True:
                    sent += await ours.socket.send(bytes(3000))
            with trio.move_on_after(60):
                while True:
                    sent += await ours.socket.send(bytes(100))
            await until_cancelled(partial(ours.socket.send, b"x"))
            await ours.socket.wait_writable() if ours.socket.is_readable() else None
            await ours.aclose()
            received = b"".join([data async for data in theirs])
            assert received == bytes(sent)

    run(main)


@scenario
async def test_a_cancelled_connect_leaves_nothing_behind(wire: Wire) -> None:
    sock = wire.client.socket()
    await sock.bind((LEFT_V4, 5000))
    await until_cancelled(partial(sock.connect, ("10.9.0.77", 80)))
    assert sock.fileno() == -1
    assert wire.client._driver.host.endpoints() == []
    again = wire.client.socket()
    await again.bind((LEFT_V4, 5000))
    with trio.move_on_after(10) as scope:
        await wire.client.open_tcp_stream("10.9.0.77", 80)
    assert scope.cancelled_caught
    assert wire.client._driver.host.endpoints() == []


@scenario
async def test_every_call_is_a_checkpoint(wire: Wire) -> None:
    (listener,) = await wire.server.open_tcp_listeners(80, host=RIGHT_V4)
    sock = wire.client.socket()
    with assert_checkpoints():
        await sock.bind((LEFT_V4, 0))
    with assert_checkpoints():
        await sock.connect((RIGHT_V4, 80))
    await trio.sleep(1)
    with assert_checkpoints():
        theirs, _ = await listener.socket.accept()
    with assert_checkpoints():
        await sock.send(b"abc")
    with assert_checkpoints():
        await sock.wait_writable()
    await trio.sleep(1)
    buffer = bytearray(2)
    with assert_checkpoints():
        assert await theirs.recv_into(buffer) == 2
    assert buffer == b"ab"
    with assert_checkpoints():
        assert await theirs.recvfrom(9) == (b"c", None)
    with assert_checkpoints():
        assert await theirs.recv(0) == b""
    for call in (partial(theirs.recv, -1), partial(theirs.recv_into, buffer, 3), partial(theirs.recv_into, buffer, -1)):
        with pytest.raises(ValueError, match="buffer"):
            await call()


@scenario
async def test_the_rest_of_the_surface(wire: Wire) -> None:
    ours, theirs = await wire.streams()
    sock = ours.socket
    assert isinstance(sock, Socket)
    assert (sock.family, sock.type, sock.proto) == (stdlib.AF_INET, stdlib.SOCK_STREAM, stdlib.IPPROTO_TCP)
    assert sock.fileno() < -1
    assert not sock.is_readable()
    await theirs.send_all(b"x")
    await trio.sleep(1)
    assert sock.is_readable()
    assert sock.tcp_info().state == "ESTABLISHED"
    assert repr(sock) == "<pystack socket, TCP over IPv4, ESTABLISHED>"
    assert not sock.did_shutdown_SHUT_WR
    sock.shutdown(stdlib.SHUT_WR)
    assert sock.did_shutdown_SHUT_WR
    for call in (sock.detach, sock.dup):
        with pytest.raises(OSError, match="no descriptor"):
            call()
    with sock:
        pass
    assert repr(sock) == "<pystack socket, closed>"
    for family, kind, code in (
        (stdlib.AF_UNIX, stdlib.SOCK_STREAM, errno.EAFNOSUPPORT),
        (stdlib.AF_INET, stdlib.SOCK_RAW, errno.EPROTONOSUPPORT),
    ):
        with pytest.raises(OSError) as caught:
            wire.client.socket(family, kind)
        assert caught.value.errno == code
    assert wire.client.device_name == "mem-a"
    assert [str(address) for address in wire.server.addresses] == [RIGHT_V4, RIGHT_V6]
    assert wire.client.metrics["TcpActiveOpens"] == 1


def test_two_hundred_connections_at_once() -> None:
    size, count = 30_000, 200
    digests: dict[int, str] = {}

    async def echo(stream: trio.SocketStream) -> None:
        async with stream:
            async for data in stream:
                await stream.send_all(data)

    async def client(wire: Wire, number: int) -> None:
        text = random.Random(number).randbytes(size)
        stream = await wire.client.open_tcp_stream(RIGHT_V4, 7)
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, text)
            found = b""
            while len(found) < size:
                found += await stream.receive_some()
        assert found == text
        digests[number] = hashlib.sha256(found).hexdigest()

    async def main() -> None:
        async with two_stacks(delay_ns=10 * MS) as wire:
            async with trio.open_nursery() as servers:
                listeners = await wire.server.open_tcp_listeners(7)
                servers.start_soon(trio.serve_listeners, echo, listeners)
                async with trio.open_nursery() as nursery:
                    for number in range(count):
                        nursery.start_soon(client, wire, number)
                servers.cancel_scope.cancel()
            assert wire.client._driver.host.metrics["PystackDefects"] == 0

    run(main)
    assert len(set(digests.values())) == count
