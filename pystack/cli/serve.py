"""`pystack serve`: an HTTP server, and three small services, on a TUN device."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated

import trio
import typer

from pystack.cli import checks
from pystack.cli.application import hosting
from pystack.cli.attached import lack
from pystack.cli.control import serve_control
from pystack.cli.datagram_services import serve_datagram_service
from pystack.cli.exits import ending
from pystack.cli.services import serve_stream_service
from pystack.cli.stopping import Stop
from pystack.http.config import HttpConfig
from pystack.http.drain import Drain
from pystack.http.exchange import Handler
from pystack.http.server import serve_http
from pystack.link.addresses import HostAddresses, Interface
from pystack.link.crossing import Fault
from pystack.link.impair import PathImpairments
from pystack.net.open import open_tun
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
    root: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Serve every file below this directory: .git, .env and the like, too."),
    ] = None,
    list_directories: Annotated[bool, typer.Option("--list", help="Show directories without an index.html.")] = False,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE:ATTR", help="Serve this ASGI application, in trio.", show_default=False),
    ] = None,
    echo: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 862 on this port, TCP and UDP.")] = None,
    discard: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 863 on this port, TCP and UDP.")] = None,
    chargen: Annotated[int | None, typer.Option(metavar="PORT", help="RFC 864 on this port, TCP and UDP.")] = None,
    mtu: Annotated[int | None, typer.Option(metavar="BYTES", help="MTU of the device, at least 576.")] = None,
    congestion: Annotated[
        str, typer.Option(metavar="NAME", help=f"Congestion controller: {', '.join(congestion_controls())}.")
    ] = TcpConfig().congestion,
    capture: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every packet to a pcapng file.")] = None,
    impair: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="A bad path, such as 'in:loss=3%,delay=40ms;seed=7'.", show_default=False),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="What befalls connections, such as 'out:reset=100kB'.", show_default=False),
    ] = None,
    metrics: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the counters, at the end.")] = None,
    grace: Annotated[float, typer.Option(metavar="SECONDS", help="Time for requests in flight at the end.")] = 2.0,
    idle_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Close idle connections; 0: never.")
    ] = HttpConfig().idle_timeout,
    header_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time for a request's head; 0: no limit.")
    ] = HttpConfig().header_timeout,
    write_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Cut off clients that take nothing for so long; 0: never.")
    ] = HttpConfig().write_timeout,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", help="Refuse larger bodies of requests; 0: no limit.")
    ] = HttpConfig().max_body_size,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request to standard error.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more to standard error.")] = False,
) -> None:
    """Serve HTTP over a TUN device, by the stack in this process.

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
        _set_up_access_log()
    _allow_many_descriptors()
    with ending():
        ports = checks.distinct_ports(http=http, echo=echo, discard=discard, chargen=chargen)
        stop = Stop(checks.seconds("grace", grace))
        run = partial(
            _run,
            stop=stop,
            tun=tun,
            addresses=checks.addresses(address),
            host_addresses=checks.host_addresses(host_address),
            mtu=mtu,
            tcp=TcpConfig(congestion=checks.known_congestion(congestion)),
            impair=checks.impairments(impair),
            faults=checks.faults(fault),
            capture=checks.writable("capture", capture),
            metrics=checks.writable("metrics", metrics),
            ports=ports,
            hosting=hosting(root, app, list_directories, stop.drain),
            http_config=HttpConfig(
                idle_timeout=checks.seconds("idle-timeout", idle_timeout),
                header_timeout=checks.seconds("header-timeout", header_timeout),
                write_timeout=checks.seconds("write-timeout", write_timeout),
                max_body_size=checks.size("max-body", max_body),
                access_log=access_log,
            ),
        )
        for text in fault or ():
            _log.info("connections meet the faults %s", text)
        trio.run(run)


def _set_up_access_log() -> None:
    """To standard error, each line as it is: who reads logs of this format wants no other time before it."""
    log = logging.getLogger("pystack.http.access")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler(sys.stderr))
    log.propagate = False


def _allow_many_descriptors() -> None:
    """Connections need none, but each file on its way does; the usual soft limit of 1,024 is for `select`."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ImportError, OSError, ValueError):
        pass


async def _run(
    *,
    stop: Stop,
    tun: str,
    addresses: Sequence[Interface],
    host_addresses: HostAddresses,
    mtu: int | None,
    tcp: TcpConfig,
    capture: Path | None,
    impair: PathImpairments | None,
    faults: Sequence[Fault],
    metrics: Path | None,
    ports: dict[str, int],
    hosting: AbstractAsyncContextManager[Handler],
    http_config: HttpConfig,
) -> None:
    async with stop.listening():
        with _written_at_the_end(metrics, stop):
            # The application starts first: where it cannot, the host is left as it is.
            async with (
                hosting as handler,
                open_tun(
                    tun,
                    addresses=addresses,
                    host_addresses=host_addresses,
                    mtu=mtu,
                    tcp=tcp,
                    capture=capture,
                    impair=impair,
                    faults=faults,
                    grace=stop.grace,
                ) as stop.net,
                trio.open_nursery() as beside,
            ):
                if host_addresses == "none":
                    _warn_of_a_device_that_leads_nowhere(tun, addresses)
                await beside.start(serve_control, stop.net)
                await _serve_all(stop.net, ports, handler, http_config, stop.drain)
                beside.cancel_scope.cancel()


def _warn_of_a_device_that_leads_nowhere(tun: str, addresses: Sequence[Interface]) -> None:
    from pystack.link.netlink import read_host, read_link  # noqa: PLC0415 (Linux only)

    link = read_link(tun)
    if link is not None and (sentence := lack(tun, addresses, link.up, read_host())):
        _log.warning("%s", sentence)


@contextmanager
def _written_at_the_end(path: Path | None, stop: Stop) -> Iterator[None]:
    """Writes the counters, whatever the end was: what closing counts is among them."""
    try:
        yield
    finally:
        if path is not None and stop.net is not None:
            path.write_text(json.dumps(stop.net.metrics, indent=2) + "\n")


async def _serve_all(net: Net, ports: dict[str, int], handler: Handler, config: HttpConfig, drain: Drain) -> None:
    """Serves until `drain` stops it and the last connection in flight is done."""
    async with trio.open_nursery() as nursery:
        for name, port in ports.items():
            listeners = await net.open_tcp_listeners(port)
            if name == "http":
                await nursery.start(partial(serve_http, listeners, handler, config, drain=drain))
            else:
                await nursery.start(partial(serve_stream_service, name, listeners, drain))
                never_to = [p for n, p in ports.items() if n != "http"]
                await nursery.start(partial(serve_datagram_service, name, net, port, never_to, drain))
        # The one line on standard output, which tells whoever waits that we are ready.
        try:
            print(*_urls(net, ports["http"]), flush=True)
        except OSError as error:
            raise OSError(error.errno, f"cannot write the ready line to standard output ({error.strerror})") from None


def _urls(net: Net, port: int) -> list[str]:
    suffix = "" if port == 80 else f":{port}"
    return [f"http://{_host(net, a)}{suffix}/" for a in net.addresses]


def _host(net: Net, address: IPv4Address | IPv6Address) -> str:
    """An address in a URL; a link-local one works with its device only (RFC 6874 section 2)."""
    if address.version == 4:
        return str(address)
    return f"[{address}%25{net.device_name}]" if address.is_link_local else f"[{address}]"
