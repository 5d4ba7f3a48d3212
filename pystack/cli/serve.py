"""`pystack serve`: an HTTP server, and three small services, on a TUN device."""

import json
import logging
import math
import os
import signal
import socket as stdlib
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_interface
from pathlib import Path
from typing import Annotated

import trio
import typer

from pystack.cli import datagram_services, services
from pystack.cli.exits import FAILED, USAGE, Refusal, end, sentence_of
from pystack.cli.terminal import foreground_terminal, wait_closed
from pystack.http.config import HttpConfig
from pystack.http.connection import Handler
from pystack.http.drain import Drain
from pystack.http.server import serve_http
from pystack.http.static import StaticFiles
from pystack.http.welcome import welcome
from pystack.link.addresses import HostAddresses, Interface, parse_interface
from pystack.link.device import DeviceLost, LinkError
from pystack.net.open import DEFAULT_ADDRESSES, open_tun
from pystack.net.stack import Net
from pystack.tcp.config import TcpConfig
from pystack.tcp.congestion.registry import congestion_controls

_log = logging.getLogger("pystack")


def serve(
    tun: Annotated[str, typer.Option(metavar="NAME", help="The TUN device to make, or to attach to.")] = "tun0",
    address: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="An address of the stack; any replaces both defaults.", show_default=False),
    ] = None,
    host_address: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR|none",
            help="The kernel's address; default: the first of each network that is not ours. "
            "`none`: attach to an existing device and leave it as it is.",
            show_default=False,
        ),
    ] = None,
    http: Annotated[int, typer.Option(metavar="PORT", help="Port of the HTTP server.")] = 80,
    root: Annotated[str | None, typer.Option(metavar="DIR", help="Serve the files below this directory.")] = None,
    echo: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 862 on this port, TCP and UDP.")] = None,
    discard: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 863 on this port, TCP and UDP.")] = None,
    chargen: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 864 on this port, TCP and UDP.")] = None,
    mtu: Annotated[int | None, typer.Option(metavar="BYTES", help="MTU of the device, at least 576.")] = None,
    congestion: Annotated[str, typer.Option(metavar="NAME", help="Congestion controller.")] = TcpConfig().congestion,
    capture: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every packet to a pcapng file.")] = None,
    metrics: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the counters, at the end.")] = None,
    grace: Annotated[float, typer.Option(metavar="SECONDS", help="Time for requests in flight at the end.")] = 2,
    idle_timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Close idle connections; 0: never.")] = 75,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request to standard error.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more to standard error.")] = False,
) -> None:
    """Serve HTTP over a TUN device, through the TCP/IP stack in this process.

    Prints one line, the URLs, once everything accepts. Ends with SIGINT, SIGTERM or SIGHUP: requests in flight have
    `--grace` seconds; a second signal ends at once.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(name)s: %(message)s",
    )
    if verbose:
        _log.setLevel(logging.DEBUG)
    if access_log:
        logging.getLogger("pystack.http.access").setLevel(logging.INFO)
    status, sentence = 0, ""
    try:
        ports = _distinct_ports(http=http, echo=echo, discard=discard, chargen=chargen)
        run = partial(
            _run,
            tun=tun,
            addresses=_addresses(address),
            host_addresses=_host_addresses(host_address),
            mtu=mtu,
            tcp=TcpConfig(congestion=_known_congestion(congestion)),
            capture=_writable("capture", capture),
            metrics=_writable("metrics", metrics),
            ports=ports,
            handler=_handler(root),
            http_config=HttpConfig(idle_timeout=_seconds("idle-timeout", idle_timeout), access_log=access_log),
            grace=_seconds("grace", grace),
        )
        trio.run(run)
    except* (Refusal, LinkError) as group:
        status, sentence = USAGE, sentence_of(group)
    except* (DeviceLost, OSError) as group:
        status, sentence = FAILED, sentence_of(group)
    if status:
        end(status, sentence)


async def _run(
    *,
    tun: str,
    addresses: Sequence[Interface],
    host_addresses: HostAddresses,
    mtu: int | None,
    tcp: TcpConfig,
    capture: Path | None,
    metrics: Path | None,
    ports: dict[str, int],
    handler: Handler,
    http_config: HttpConfig,
    grace: float,
) -> None:
    stop = _Stop(grace)
    terminal = foreground_terminal()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        # Around the stack, so that a second signal is heard while it closes in order, too.
        async with trio.open_nursery() as watching:
            watching.start_soon(stop.on_signals, signals)
            if terminal is not None:
                watching.start_soon(stop.on_hangup, terminal)
            with stop.everything, _written_at_the_end(metrics, stop):
                async with open_tun(
                    tun,
                    addresses=addresses,
                    host_addresses=host_addresses,
                    mtu=mtu,
                    tcp=tcp,
                    capture=capture,
                    grace=grace,
                ) as stop.net:
                    await _serve_all(stop.net, ports, handler, http_config, stop.drain)
            watching.cancel_scope.cancel()


async def _serve_all(net: Net, ports: dict[str, int], handler: Handler, config: HttpConfig, drain: Drain) -> None:
    """Serves until `drain` stops it and the last connection in flight is done."""
    async with trio.open_nursery() as nursery:
        for name, port in ports.items():
            listeners = await net.open_tcp_listeners(port)
            if name == "http":
                await nursery.start(partial(serve_http, listeners, handler, config, drain=drain))
            else:
                await nursery.start(partial(_serve_service, listeners, _SERVICES[name], drain))
                never_to = [p for n, p in ports.items() if n in _SERVICES]
                await nursery.start(partial(_serve_datagrams, net, port, _ANSWERS[name], never_to, drain))
        # The one line on standard output, which tells whoever waits that we are ready.
        try:
            print(*_urls(net, ports["http"]), flush=True)
        except OSError as error:
            raise OSError(error.errno, f"cannot write the ready line to standard output ({error.strerror})") from None


_SERVICES: dict[str, services.Service] = {
    "echo": services.echo,
    "discard": services.discard,
    "chargen": services.chargen,
}


async def _serve_service(
    listeners: list[trio.SocketListener],
    service: services.Service,
    drain: Drain,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        await accepting.start(
            partial(trio.serve_listeners, partial(services.serve_one, service), listeners, handler_nursery=connections)
        )
        task_status.started()
        await drain.wait_stopping()
        accepting.cancel_scope.cancel()


_ANSWERS: dict[str, datagram_services.Answer] = {
    "echo": datagram_services.echo,
    "discard": datagram_services.discard,
    "chargen": datagram_services.chargen,
}


async def _serve_datagrams(
    net: Net,
    port: int,
    answer: datagram_services.Answer,
    never_to: list[int],
    drain: Drain,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """On one socket for each address, so that an answer comes from where the question went."""
    async with trio.open_nursery() as nursery:
        for address in net.addresses:
            sock = net.socket(stdlib.AF_INET if address.version == 4 else stdlib.AF_INET6, stdlib.SOCK_DGRAM)
            await sock.bind((str(address), port))
            await nursery.start(partial(datagram_services.serve_datagrams, sock, answer, never_to))
        task_status.started()
        await drain.wait_stopping()
        nursery.cancel_scope.cancel()


class _Stop:
    """The end of a run: the first signal ends in order, within `grace` seconds; a second one, or the end of that
    time, at once.
    """

    def __init__(self, grace: float) -> None:
        self.drain = Drain()
        self.everything = trio.CancelScope()
        self.net: Net | None = None
        self._grace = grace

    async def on_hangup(self, terminal: int) -> None:
        """As a first signal, when the terminal is closed."""
        await wait_closed(terminal)
        os.kill(os.getpid(), signal.SIGHUP)

    async def on_signals(self, signals: AsyncIterator[int]) -> None:
        number = await anext(signals)
        _log.info("%s: finishing what is in flight", signal.Signals(number).name)
        self.drain.stop()
        with trio.move_on_after(self._grace):
            await anext(signals)
        if self.net is not None:
            # Before anything is cancelled: tasks that end by closing their streams would send a FIN, as if all was
            # said.
            self.net.abort()
        self.everything.cancel()


@contextmanager
def _written_at_the_end(path: Path | None, stop: _Stop) -> Iterator[None]:
    """Writes the counters, whatever the end was: what closing counts is among them."""
    try:
        yield
    finally:
        if path is not None and stop.net is not None:
            path.write_text(json.dumps(stop.net.metrics, indent=2) + "\n")


def _urls(net: Net, port: int) -> list[str]:
    suffix = "" if port == 80 else f":{port}"
    hosts = (f"[{a}]" if a.version == 6 else str(a) for a in net.addresses)
    return [f"http://{host}{suffix}/" for host in hosts]


def _addresses(given: list[str] | None) -> list[Interface]:
    if given:
        return [parse_interface(text) for text in given]
    addresses = [ip_interface(text) for text in DEFAULT_ADDRESSES]
    if not _kernel_has_ipv6():
        _log.warning("this host has IPv6 turned off: serving IPv4 alone")
        addresses = [a for a in addresses if a.version == 4]
    return addresses


def _kernel_has_ipv6() -> bool:
    try:
        return Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def _host_addresses(given: list[str] | None) -> HostAddresses:
    if not given:
        return None
    if given == ["none"]:
        return "none"
    if "none" in given:
        raise Refusal("--host-address none and an address exclude each other: give one or the other")
    return [parse_interface(text) for text in given]


def _distinct_ports(**asked: int | None) -> dict[str, int]:
    ports = {name: port for name, port in asked.items() if port is not None}
    for name, port in ports.items():
        if not 1 <= port <= 65535:
            raise Refusal(f"--{name} {port} is no port: give one from 1 to 65535")
        others = [other for other, p in ports.items() if p == port and other != name]
        if others:
            raise Refusal(f"--{name} and --{others[0]} both ask for port {port}: give one of them another port")
    return ports


def _seconds(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise Refusal(f"--{name} {value} is no time: give seconds, 0 or more")
    return value


def _known_congestion(name: str) -> str:
    known = congestion_controls()
    if name not in known:
        raise Refusal(f"no congestion controller is called {name!r}: --congestion takes {', '.join(known)}")
    return name


def _handler(root: str | None) -> Handler:
    if root is None:
        return welcome
    try:
        # An empty name, of a shell variable that is not set, would be the working directory.
        return StaticFiles(root if root else os.devnull)
    except NotADirectoryError:
        raise Refusal(f"{root or 'an empty name'} is not a directory: name one with --root") from None


def _writable(option: str, path: Path | None) -> Path | None:
    """The path, if a file can be written there; what is there is not touched before the device is up."""
    if path is None:
        return None
    existed = path.exists()
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise Refusal(
            f"cannot write the {option} file {path} ({error.strerror}): choose another with --{option}"
        ) from None
    return path
