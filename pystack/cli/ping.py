"""`pystack ping`: whether a host answers, and how fast, through a stack of its own."""

import math
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import trio
import typer

from pystack.cli import checks
from pystack.cli.exits import FAILED, Refusal, ending
from pystack.cli.forwarding import advise_forwarding
from pystack.cli.icmpwords import words_of
from pystack.cli.own_network import own_network
from pystack.cli.pipes import write_output
from pystack.cli.roundtrips import RoundTrips, milliseconds
from pystack.cli.targets import Address, addresses_of
from pystack.net.address import family_of
from pystack.net.echo import EchoSocket, Failure, Reply
from pystack.net.stack import Net
from pystack.wire import icmpv4, icmpv6
from pystack.wire.icmp import HEADER_BYTES

_MOST_DATA: Final = 65_507
"""What an IPv4 packet holds after its own header and ICMP's."""

_LEAST_INTERVAL: Final = 0.002
"""Seconds. What sends faster than that floods."""

_PATIENCE: Final = 10.0
"""Seconds for which a first reply may still come after the last request."""

_IPV4_HEADER: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What was asked for. `count` None: until a signal; `wait` None: as long as it makes sense."""

    host: str
    version: Literal[4, 6] | None
    count: int | None
    interval: float
    size: int
    wait: float | None
    ttl: int | None


def ping(
    host: Annotated[str, typer.Argument(metavar="HOST", help="An address or a name.", show_default=False)],
    count: Annotated[
        int | None,
        typer.Option("-c", "--count", metavar="COUNT", min=1, help="End after so many requests.", show_default=False),
    ] = None,
    interval: Annotated[
        float, typer.Option("-i", "--interval", metavar="SECONDS", help="Between two requests, at least 0.002.")
    ] = 1.0,
    size: Annotated[
        int, typer.Option("-s", "--size", metavar="BYTES", min=0, max=_MOST_DATA, help="Data in each request.")
    ] = 56,
    wait: Annotated[
        float | None,
        typer.Option(
            "-W",
            "--wait",
            metavar="SECONDS",
            help="For replies after the last request; else 10, or twice the slowest so far.",
            show_default=False,
        ),
    ] = None,
    ttl: Annotated[
        int | None,
        typer.Option("-t", "--ttl", metavar="TTL", min=1, max=255, help="TTL or hop limit (64).", show_default=False),
    ] = None,
    ipv4: Annotated[bool, typer.Option("-4", "--ipv4", help="IPv4 only.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", "--ipv6", help="IPv6 only.")] = False,
) -> None:
    """Ask HOST for ICMP echoes, and say how long each took.

    It goes on until Ctrl-C, or for `-c` requests, through a stack of its own. That lives on a TUN device that is made
    for it, beside whatever else runs: the first free tunN, with 10.0.N.2 and fd00:7079:N::2.

    Ends with 0 if there was a reply, with 1 if there was none or the network fails, with 2 for wrong usage or missing
    rights, and with 130 by Ctrl-C before the first request.
    """
    with ending():
        if ipv4 and ipv6:
            raise Refusal("-4 and -6 exclude each other: give one or neither")
        if checks.seconds("interval", interval) < _LEAST_INTERVAL:
            raise Refusal(f"--interval {interval:g} would flood the network: give at least {_LEAST_INTERVAL:g} seconds")
        if wait is not None:
            checks.seconds("wait", wait)
        plan = _Plan(
            host=host,
            version=4 if ipv4 else 6 if ipv6 else None,
            count=count,
            interval=interval,
            size=size,
            wait=wait,
            ttl=ttl,
        )
        if not trio.run(_on_own_network, plan):
            sys.exit(FAILED)


async def _on_own_network(plan: _Plan) -> int:
    address = (await addresses_of(plan.host, plan.version))[0]
    async with own_network("ping") as net:
        advise_forwarding(net.device_name, [address])
        return await _ping(net, address, plan)


async def _ping(net: Net, address: Address, plan: _Plan) -> int:
    """Returns how many requests were answered."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, _echo_socket(net, address, plan) as sock:
        run = _Run(sock, address, plan)
        await _write(run.headline())
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def until_told() -> None:
                await anext(signals)
                nursery.cancel_scope.cancel()

            nursery.start_soon(run.hear)
            await run.ask()
            nursery.cancel_scope.cancel()
        await _write(f"\n{run.summary()}")
        return run.trips.received


def _echo_socket(net: Net, address: Address, plan: _Plan) -> EchoSocket:
    is_v4 = address.version == 4
    protocol = socket.IPPROTO_ICMP if is_v4 else socket.IPPROTO_ICMPV6
    sock = net.socket(family_of(str(address)), socket.SOCK_DGRAM, protocol)
    assert isinstance(sock, EchoSocket)
    if plan.ttl is not None:
        level, name = (socket.IPPROTO_IP, socket.IP_TTL) if is_v4 else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
        sock.setsockopt(level, name, plan.ttl)
    return sock


class _Run:
    """Requests to one address, and what is said of them."""

    def __init__(self, sock: EchoSocket, address: Address, plan: _Plan) -> None:
        self._sock = sock
        self._address = address
        self._plan = plan
        self._data = bytes(n & 0xFF for n in range(plan.size))
        self._sent_at: dict[int, float] = {}
        self._waiting: set[int] = set()
        """The numbers of which nothing was heard yet."""
        self._settled = trio.Event()
        """All that will be sent has been heard of."""
        self._all_sent = False
        self._started = self._last_sent = 0.0
        self.trips = RoundTrips()

    def headline(self) -> str:
        size = self._plan.size
        if self._address.version == 4:
            return (
                f"PING {self._plan.host} ({self._address}) {size}({size + HEADER_BYTES + _IPV4_HEADER}) bytes of data."
            )
        return f"PING {self._plan.host} ({self._address}) {size} data bytes"

    def summary(self) -> str:
        return self.trips.summary(self._plan.host, self._last_sent - self._started)

    async def ask(self) -> None:
        """Sends what was asked for, and waits for the rest of the replies."""
        self._started = trio.current_time()
        count = math.inf if self._plan.count is None else self._plan.count
        while True:
            await self._send()
            if self.trips.sent >= count:
                break
            await trio.sleep(self._plan.interval)
        self._all_sent = True
        self._look_whether_settled()
        with trio.move_on_after(self._patience()):
            await self._settled.wait()

    async def _send(self) -> None:
        trips = self.trips
        sequence = (trips.sent + 1) & 0xFFFF
        request = icmpv4.ECHO_REQUEST if self._address.version == 4 else icmpv6.ECHO_REQUEST
        message = bytes((request, 0, 0, 0, 0, 0)) + sequence.to_bytes(2, "big") + self._data
        self._last_sent = self._sent_at[sequence] = trio.current_time()
        self._waiting.add(sequence)
        trips.sent += 1
        await self._sock.sendto(message, (str(self._address), 0))

    async def hear(self) -> None:
        """A line for whatever is heard of a request."""
        while True:
            heard = await self._sock.receive()
            now = trio.current_time()
            sent_at = self._sent_at.get(heard.sequence)
            if sent_at is None:
                continue  # of none of ours
            is_first = heard.sequence in self._waiting
            self._waiting.discard(heard.sequence)
            line = self._reply(heard, now - sent_at, is_first) if isinstance(heard, Reply) else self._failure(heard)
            with trio.CancelScope(shield=True):
                await _write(line)
            self._look_whether_settled()

    def _reply(self, reply: Reply, took: float, is_first: bool) -> str:
        if is_first:
            self.trips.reply(took)
        else:
            self.trips.duplicate(took)
        return (
            f"{len(reply.data) + HEADER_BYTES} bytes from {reply.source}: icmp_seq={reply.sequence} ttl={reply.ttl} "
            f"time={milliseconds(took)}{'' if is_first else ' (DUP!)'}"
        )

    def _failure(self, failure: Failure) -> str:
        self.trips.errors += 1
        return f"From {failure.source} icmp_seq={failure.sequence} {words_of(failure)}"

    def _look_whether_settled(self) -> None:
        if self._all_sent and not self._waiting:
            self._settled.set()

    def _patience(self) -> float:
        if self._plan.wait is not None:
            return self._plan.wait
        return max(2 * self.trips.slowest, self._plan.interval) if self.trips.received else _PATIENCE


async def _write(text: str) -> None:
    await write_output(f"{text}\n".encode(errors="replace"))
