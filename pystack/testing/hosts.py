"""Hosts for tests."""

from functools import partial
from ipaddress import ip_interface
from typing import Any

from pystack.link.entropy import random_bytes, stream
from pystack.stack.config import Config
from pystack.stack.host import Host


def host(*addresses: str, seed: int = 0, **config: Any) -> Host:
    """A host with these addresses, each with its prefix length (`"10.0.0.2/24"`, `"fd00::2/64"`); without any, with
    these two. `config` are fields of `pystack.stack.config.Config`.

    The same `seed` gives the same sequence numbers, ports and identifications. Raises `ValueError` for an address that
    is none, `TypeError` for a setting that there is not.
    """
    interfaces = [ip_interface(text) for text in addresses or ("10.0.0.2/24", "fd00::2/64")]
    packed = tuple((i.ip.packed, i.network.prefixlen) for i in interfaces)
    return Host(Config(addresses=packed, **config), partial(random_bytes, stream(seed, "host", "entropy")))
