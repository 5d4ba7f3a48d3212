"""What a command line says, checked and turned into values: each raises `Refusal`, or `LinkError` for an address."""

import logging
import math
from ipaddress import ip_interface
from pathlib import Path

from pystack.cli.exits import Refusal
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
    """Of `--address`; the defaults where none is given, but for IPv6 where this host has none, which the log says."""
    if given:
        return [parse_interface(text) for text in given]
    addresses = [ip_interface(text) for text in DEFAULT_ADDRESSES]
    if not kernel_has_ipv6():
        _log.warning("this host has IPv6 turned off: serving IPv4 alone")
        addresses = [a for a in addresses if a.version == 4]
    return addresses


def host_addresses(given: list[str] | None) -> HostAddresses:
    """Of `--host-address`, as `open_tun` takes them."""
    if not given:
        return None
    if given == ["none"]:
        return "none"
    if "none" in given:
        raise Refusal("--host-address none and an address exclude each other: give one or the other")
    return [parse_interface(text) for text in given]


def distinct_ports(**asked: int | None) -> dict[str, int]:
    """The ports by the names of their options, without those that are None."""
    ports = {name: port for name, port in asked.items() if port is not None}
    for name, port in ports.items():
        if not 1 <= port <= 65535:
            raise Refusal(f"--{name} {port} is no port: give one from 1 to 65535")
        others = [other for other, p in ports.items() if p == port and other != name]
        if others:
            raise Refusal(f"--{name} and --{others[0]} both ask for port {port}: give one of them another port")
    return ports


def seconds(name: str, value: float) -> float:
    """Of the option `--NAME`: 0 or more, and finite."""
    if not 0 <= value < math.inf:
        raise Refusal(f"--{name} {value} is no time: give seconds, 0 or more")
    return value


def impairments(given: str | None) -> PathImpairments | None:
    """Of `--impair`."""
    if given is None:
        return None
    try:
        return parse_impairments(given)
    except ValueError as error:
        raise Refusal(f"--impair {error}") from None


def faults(given: list[str] | None) -> list[Fault]:
    """Of `--fault`, in the order in which they are given."""
    try:
        return [fault for text in given or () for fault in parse_faults(text)]
    except ValueError as error:
        raise Refusal(f"--fault {error}") from None


def known_congestion(name: str) -> str:
    """Of `--congestion`: a controller that is registered."""
    known = congestion_controls()
    if name not in known:
        raise Refusal(f"no congestion controller is called {name!r}: --congestion takes {', '.join(known)}")
    return name


def size(name: str, value: int) -> int:
    """Of the option `--NAME`: bytes, 0 or more."""
    if value < 0:
        raise Refusal(f"--{name} {value} is no size: give bytes, 0 or more")
    return value


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
