"""What a command line says, checked and turned into values: each raises `Refusal`, or `LinkError` for an address."""

import logging
import math
import os
from contextlib import AbstractAsyncContextManager, nullcontext
from ipaddress import ip_interface
from pathlib import Path

from pystack.cli.application import load_app
from pystack.cli.exits import Refusal
from pystack.http.asgi import hosted
from pystack.http.drain import Drain
from pystack.http.exchange import Handler
from pystack.http.static import StaticFiles
from pystack.http.welcome import welcome
from pystack.link.addresses import HostAddresses, Interface, parse_interface
from pystack.link.crossing import Fault
from pystack.link.faults import parse_faults
from pystack.link.impair import PathImpairments
from pystack.link.impairspec import parse_impairments
from pystack.link.netns import kernel_has_ipv6
from pystack.net.open import DEFAULT_ADDRESSES
from pystack.tcp.congestion.registry import congestion_controls

_log = logging.getLogger("pystack")


def addresses(given: list[str] | None) -> list[Interface]:
    if given:
        return [parse_interface(text) for text in given]
    addresses = [ip_interface(text) for text in DEFAULT_ADDRESSES]
    if not kernel_has_ipv6():
        _log.warning("this host has IPv6 turned off: serving IPv4 alone")
        addresses = [a for a in addresses if a.version == 4]
    return addresses


def host_addresses(given: list[str] | None) -> HostAddresses:
    if not given:
        return None
    if given == ["none"]:
        return "none"
    if "none" in given:
        raise Refusal("--host-address none and an address exclude each other: give one or the other")
    return [parse_interface(text) for text in given]


def distinct_ports(**asked: int | None) -> dict[str, int]:
    ports = {name: port for name, port in asked.items() if port is not None}
    for name, port in ports.items():
        if not 1 <= port <= 65535:
            raise Refusal(f"--{name} {port} is no port: give one from 1 to 65535")
        others = [other for other, p in ports.items() if p == port and other != name]
        if others:
            raise Refusal(f"--{name} and --{others[0]} both ask for port {port}: give one of them another port")
    return ports


def seconds(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise Refusal(f"--{name} {value} is no time: give seconds, 0 or more")
    return value


def impairments(given: str | None) -> PathImpairments | None:
    if given is None:
        return None
    try:
        return parse_impairments(given)
    except ValueError as error:
        raise Refusal(f"--impair {error}") from None


def faults(given: list[str] | None) -> list[Fault]:
    """In the order in which they are given."""
    try:
        found = [fault for text in given or () for fault in parse_faults(text)]
    except ValueError as error:
        raise Refusal(f"--fault {error}") from None
    for text in given or ():
        _log.info("connections meet the faults %s", text)
    return found


def known_congestion(name: str) -> str:
    known = congestion_controls()
    if name not in known:
        raise Refusal(f"no congestion controller is called {name!r}: --congestion takes {', '.join(known)}")
    return name


def size(name: str, value: int) -> int:
    if value < 0:
        raise Refusal(f"--{name} {value} is no size: give bytes, 0 or more")
    return value


def hosting(
    root: str | None, app: str | None, list_directories: bool, drain: Drain
) -> AbstractAsyncContextManager[Handler]:
    if list_directories and root is None:
        raise Refusal("--list has no directories to show: name one with --root")
    if app is None:
        return nullcontext(_files(root, list_directories))
    if root is not None:
        raise Refusal("--app and --root exclude each other: give one or the other")
    return hosted(load_app(app), drain=drain)


def _files(root: str | None, list_directories: bool) -> Handler:
    if root is None:
        return welcome
    try:
        # An empty name, of a shell variable that is not set, would be the working directory.
        return StaticFiles(root if root else os.devnull, list_directories=list_directories)
    except NotADirectoryError:
        raise Refusal(f"{root or 'an empty name'} is not a directory: name one with --root") from None


def writable(option: str, path: Path | None) -> Path | None:
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
