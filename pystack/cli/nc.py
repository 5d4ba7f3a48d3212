"""`pystack nc`: standard input to a connection, and the connection to standard output."""

import errno
import math
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import trio
import typer

from pystack.cli import checks
from pystack.cli.connecting import connect_first
from pystack.cli.exits import Refusal, ending, sentence_of
from pystack.cli.forwarding import advise_forwarding
from pystack.cli.own_network import own_network
from pystack.cli.pipes import CHUNK, STDIN, Pipes, occupy_standard_descriptors, standard_pipes
from pystack.cli.targets import Address, addresses_of, check_version, port_number
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
            help="To wait for a connection, with -l -u for a datagram; for ever with -l, else 127 as Linux does. "
            "With -u: for more datagrams, once standard input has ended (2).",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar, at a terminal.")] = False,
) -> None:
    """Send standard input to HOST and PORT, and print what comes.

    The end of standard input ends our side of the connection and not the other. All goes through a stack of its own, on
    a TUN device that is made for it, beside whatever else runs: the first free tunN, with 10.0.N.2 and fd00:7079:N::2.

    Ends with 0, with 1 where the network fails, with 2 for wrong usage or missing rights, and with 130 by Ctrl-C.
    """
    occupy_standard_descriptors()
    with ending():
        host, port = _where(words, listen)
        if wait is not None:
            checks.seconds("wait", wait)
        version = 6 if ipv6 else None
        trio.run(_listen if listen else _speak, host, port, version, udp, wait, quiet)


def _where(words: list[str], listen: bool) -> tuple[str, int]:
    match words:
        case [port] if listen:
            return "", port_number(port)
        case [host, port] if host:
            return host, port_number(port)
    raise Refusal(f"give {'PORT, or HOST and PORT' if listen else 'HOST and PORT'} (see `pystack nc --help`)")


async def _speak(host: str, port: int, version: int | None, udp: bool, wait: float | None, quiet: bool) -> None:
    addresses = await addresses_of(host, version)
    async with own_network("nc") as net:
        advise_forwarding(net.device_name, addresses)
        with standard_pipes(quiet) as pipes:
            if udp:
                await _ask(net, addresses[0], port, wait, pipes)
            else:
                await _call(net, addresses, port, _CONNECT if wait is None else wait, pipes)


async def _listen(host: str, port: int, version: int | None, udp: bool, wait: float | None, quiet: bool) -> None:
    check_version(host, version)
    family = family_of(host) if host else socket.AF_INET6 if version == 6 else socket.AF_INET
    async with own_network("nc") as net:
        with standard_pipes(quiet) as pipes:
            hear = _hear_datagrams if udp else _hear
            await hear(net, family, host, port, wait, pipes)


# Over TCP


async def _call(net: Net, addresses: Sequence[Address], port: int, wait: float, pipes: Pipes) -> None:
    with await connect_first(net, addresses, port, wait) as sock:
        await _talk(sock, pipes)


async def _hear(net: Net, family: socket.AddressFamily, host: str, port: int, wait: float | None, pipes: Pipes) -> None:
    with net.socket(family) as listener:
        await listener.bind((host, port))
        listener.listen(1)
        _announce(net, family, host, port)
        with _patience(wait, "nobody connected"):
            sock, _ = await listener.accept()
    with sock:
        await _talk(sock, pipes)


async def _talk(sock: Socket, pipes: Pipes) -> None:
    """Both directions until both have ended; at a terminal, until the other side has."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_say, sock, pipes)
        while data := await sock.recv(CHUNK):
            await pipes.write(data)
        if os.isatty(STDIN):
            nursery.cancel_scope.cancel()  # nobody would know that one more key ends it


async def _say(sock: Socket, pipes: Pipes) -> None:
    async for data in pipes.read():
        rest = memoryview(data)
        while rest:
            rest = rest[await sock.send(rest) :]
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise
        # The connection is over already, and `recv` says how.


# Over UDP


async def _ask(net: Net, address: Address, port: int, wait: float | None, pipes: Pipes) -> None:
    with net.socket(family_of(str(address)), socket.SOCK_DGRAM) as sock:
        await sock.connect((str(address), port))
        try:
            await _exchange(sock, wait, pipes)
        except* OSError as group:
            raise OSError(f"{address} port {port}: {sentence_of(group)}") from group


async def _hear_datagrams(
    net: Net, family: socket.AddressFamily, host: str, port: int, wait: float | None, pipes: Pipes
) -> None:
    """Talks to whoever sends the first datagram."""
    with net.socket(family, socket.SOCK_DGRAM) as sock:
        await sock.bind((host, port))
        _announce(net, family, host, port)
        with _patience(wait, "nobody sent a datagram"):
            data, peer = await sock.recvfrom(_LARGEST_DATAGRAM)
        await sock.connect(peer)
        await pipes.write(data)
        await _exchange(sock, wait, pipes)


async def _exchange(sock: DatagramSocket, wait: float | None, pipes: Pipes) -> None:
    """Each read of standard input becomes a datagram; at its end the answers have `wait` seconds, anew after each."""
    patience = _SILENCE if wait is None else wait
    hearing = trio.CancelScope()
    ended = False

    async def say() -> None:
        nonlocal ended
        async for data in pipes.read():
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
                    await pipes.write(data)
                if ended:
                    hearing.deadline = trio.current_time() + patience


# What both need


@contextmanager
def _patience(wait: float | None, nothing: str) -> Iterator[None]:
    """Raises OSError, with `nothing` as what has come, where the block takes longer than `wait` seconds."""
    try:
        with trio.fail_after(math.inf if wait is None else wait):
            yield
    except trio.TooSlowError:
        raise OSError(errno.ETIMEDOUT, f"{nothing} within {wait:g} s") from None


def _announce(net: Net, family: socket.AddressFamily, host: str, port: int) -> None:
    version = 6 if family == socket.AF_INET6 else 4
    address = host or next(str(own) for own in net.addresses if own.version == version)
    print(f"pystack: listening on {address} port {port}", file=sys.stderr, flush=True)
