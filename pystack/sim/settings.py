"""The settings of a simulated host, from addresses and keywords as people write them."""

from dataclasses import fields
from ipaddress import ip_interface
from typing import Any, Final

from pystack.ip.config import IpConfig
from pystack.stack.config import Config
from pystack.tcp.config import TcpConfig
from pystack.udp.config import UdpConfig

_PARTS: Final = {"tcp": TcpConfig, "ip": IpConfig, "udp": UdpConfig}
_OWNERS: Final = {
    "tcp": frozenset(each.name for each in fields(TcpConfig)),
    "ip": frozenset(each.name for each in fields(IpConfig)),
}


def packed(addresses: tuple[str, ...]) -> tuple[tuple[bytes, int], ...]:
    """Addresses with or without the prefix length of their network (`"10.0.0.1"`, `"fd00::1/64"`), as `Config` has
    them. Raises `ValueError`.
    """
    interfaces = [ip_interface(text) for text in addresses]
    return tuple((each.ip.packed, each.network.prefixlen) for each in interfaces)


def config_of(addresses: tuple[str, ...], settings: dict[str, Any]) -> Config:
    """The settings of a host: fields of `Config`, and those of `TcpConfig` and `IpConfig` directly
    (`congestion="newreno"`) or as a whole (`tcp=TcpConfig(…)`). Raises `TypeError` for a setting that there is not,
    `ValueError` for an address that is none.
    """
    top = {each.name for each in fields(Config)}
    given: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        if name in top:
            given[name] = value
            continue
        part = next((part for part, names in _OWNERS.items() if name in names), None)
        if part is None:
            raise TypeError(f"there is no setting {name!r} of a host")
        parts.setdefault(part, {})[name] = value
    for part, values in parts.items():
        if part in given:
            raise TypeError(f"{', '.join(values)} and {part}= at once: a setting is given either in it or beside it")
        given[part] = _PARTS[part](**values)
    return Config(addresses=packed(addresses), **given)
