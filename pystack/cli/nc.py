"""`pystack nc`: standard input to a connection, and the connection to standard output."""

import errno
import math
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated

import trio
import typer

from pystack.cli import checks
from pystack.cli.exits import Refusal, ending, sentence_of
from pystack.cli.own_network import own_network
from pystack.cli.pipes import CHUNK, STDIN, read_input, write_output
from pystack.cli.targets import Address, addresses_of, port_number
from pystack.net.address import family_of
from pystack.net.datagram import DatagramSocket
from pystack.net.socket import Socket
from pystack.net.stack import Net

_CONNECT = 127.0
"""Seconds: how long Linux tries to connect, with its six repetitions of the SYN."""

_LARGEST_DATAGRAM = 65_507
"""What an IPv4 datagram holds after its two headers."""

_SILENCE = 2.0
"""Seconds for which answers may still come over UDP when standard input has ended and no `-w` was given."""


def nc(
    words: Annotated[list[str], typer.Argument(metavar="[HOST] PORT", help="Where to; with -l, where to listen.")],
    listen: Annotated[bool, typer.Option("-l", "--listen", help="Wait for one connection, and talk to it.")] = False,
    udp: Annotated[bool, typer.Option("-u", "--udp", help="Datagrams instead of a connection.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", "--ipv6", help="IPv6 only.")] = False,
    wait: Annotated[
        float | None,
        typer.Option(
            "-w",
            "--wait",
            metavar="SECONDS",
            help="To wait for a connection; for ever with -l, else 127 as Linux does. "
            "With -u: for more datagrams, once standard input has ended (2).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Send standard input to HOST and PORT, and what comes back to standard output, through a stack of its own.

    The end of standard input ends our side of the connection and not the other. The stack lives on a TUN device that is
    made for it, beside whatever else runs: the first free tunN, with 10.0.N.2 and fd00:7079:N::2.

    Ends with 0, with 1 where the network fails, and with 2 for wrong usage or missing rights.
    """
    with ending():
        host, port = _where(words, listen)
        if wait is not None:
            checks.seconds("wait", wait)
        run: Callable[[Net], Awaitable[None]]
        version = 6 if ipv6 else None
        if listen:
            run = partial(_hear_datagrams if udp else _hear, host, port, version, wait)
        else:
            run = partial(_ask if udp else _call, host, port, version, wait)
        trio.run(_on_own_network, run)


async def _on_own_network(run: Callable[[Net], Awaitable[None]]) -> None:
    async with own_network() as net:
        await run(net)


def _where(words: list[str], listen: bool) -> tuple[str, int]:
    match words:
        case [port] if listen:
            return "", port_number(port)
        case [host, port] if host:
            return host, port_number(port)
    raise Refusal("give PORT, or HOST and PORT" if listen else "give HOST and PORT")


# Over TCP


async def _call(host: str, port: int, version: int | None, wait: float | None, net: Net) -> None:
    with await _connected(net, await addresses_of(host, version), port, _CONNECT if wait is None else wait) as sock:
        await _talk(sock)


async def _connected(net: Net, addresses: Sequence[Address], port: int, wait: float) -> Socket:
    """A connection to the first address that takes one. Raises OSError: the first refusal, or the time-out."""
    failure: OSError | None = None
    with trio.move_on_after(wait):
        for address in addresses:
            sock = net.socket(family_of(str(address)))
            try:
                await sock.connect((str(address), port))
                return sock
            except OSError as error:
                sock.close()
                failure = failure or _named(error, address, port)
    raise failure or OSError(errno.ETIMEDOUT, f"{addresses[0]} port {port} did not answer within {wait:g} seconds")


async def _hear(host: str, port: int, version: int | None, wait: float | None, net: Net) -> None:
    with net.socket(_own_family(host, version)) as listener:
        await listener.bind((host, port))
        listener.listen(1)
        _announce(net, listener.family, host, port)
        with trio.move_on_after(math.inf if wait is None else wait):
            sock, _ = await listener.accept()
            listener.close()
            with sock:
                await _talk(sock)
            return
    raise OSError(errno.ETIMEDOUT, f"nobody connected within {wait:g} seconds")


async def _talk(sock: Socket) -> None:
    """Both directions until both have ended; at a terminal, until the other side has."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_say, sock)
        while data := await sock.recv(CHUNK):
            await write_output(data)
        if os.isatty(STDIN):
            nursery.cancel_scope.cancel()  # nobody would know that one more key ends it


async def _say(sock: Socket) -> None:
    async for data in read_input():
        rest = memoryview(data)
        while rest:
            rest = rest[await sock.send(rest) :]
    sock.shutdown(socket.SHUT_WR)


# Over UDP


async def _ask(host: str, port: int, version: int | None, wait: float | None, net: Net) -> None:
    address = (await addresses_of(host, version))[0]
    with net.socket(family_of(str(address)), socket.SOCK_DGRAM) as sock:
        await sock.connect((str(address), port))
        try:
            await _exchange(sock, wait)
        except* OSError as group:
            raise _named(group, address, port) from group


async def _hear_datagrams(host: str, port: int, version: int | None, wait: float | None, net: Net) -> None:
    """Talks to whoever sends the first datagram."""
    with net.socket(_own_family(host, version), socket.SOCK_DGRAM) as sock:
        await sock.bind((host, port))
        _announce(net, sock.family, host, port)
        data, peer = await sock.recvfrom(_LARGEST_DATAGRAM)
        await sock.connect(peer)
        await write_output(data)
        await _exchange(sock, wait)


async def _exchange(sock: DatagramSocket, wait: float | None) -> None:
    """Each read of standard input becomes a datagram; at its end the answers have `wait` seconds, anew after each."""
    patience = _SILENCE if wait is None else wait
    hearing = trio.CancelScope()
    ended = False

    async def say() -> None:
        nonlocal ended
        async for data in read_input():
            for start in range(0, len(data), _LARGEST_DATAGRAM):
                await sock.send(data[start : start + _LARGEST_DATAGRAM])
        ended = True
        hearing.deadline = trio.current_time() + patience

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        with hearing:
            while True:
                data = await sock.recv(_LARGEST_DATAGRAM)
                with trio.CancelScope(shield=True):
                    await write_output(data)
                if ended:
                    hearing.deadline = trio.current_time() + patience


# What both need


def _own_family(host: str, version: int | None) -> socket.AddressFamily:
    if host:
        return family_of(host)
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def _announce(net: Net, family: socket.AddressFamily, host: str, port: int) -> None:
    version = 6 if family == socket.AF_INET6 else 4
    address = host or next(str(own) for own in net.addresses if own.version == version)
    print(f"pystack: listening on {address} port {port}", file=sys.stderr, flush=True)


def _named(error: BaseException, address: Address, port: int) -> OSError:
    return OSError(f"{address} port {port}: {sentence_of(error)}")
