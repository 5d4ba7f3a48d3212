"""Hosts for tests."""

from functools import partial
from typing import Any, Final

from pystack.link.entropy import random_bytes, stream
from pystack.sim.settings import config_of
from pystack.stack.host import Host

_ADDRESSES: Final = ("10.0.0.2/24", "fd00::2/64")


def host(*addresses: str, seed: int = 0, **settings: Any) -> Host:
    """A host with these addresses, each with or without its prefix length (`"10.0.0.2/24"`, `"fd00::2/64"`); without
    any, with these two. `settings` are those of a simulated host (`pystack.sim.settings.config_of`): fields of
    `Config`, and of `TcpConfig` and `IpConfig` directly.

    The same `seed` gives the same sequence numbers, ports and identifications. Raises `ValueError` for an address that
    is none, `TypeError` for a setting that there is not.
    """
    entropy = partial(random_bytes, stream(seed, "host", "entropy"))
    return Host(config_of(addresses or _ADDRESSES, settings), entropy)
