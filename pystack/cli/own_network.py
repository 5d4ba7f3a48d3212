"""A stack of its own for one command, on a device that is made for it and goes with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pystack.cli.checks import kernel_has_ipv6
from pystack.link.free import open_free_tun_device
from pystack.net.open import open_device
from pystack.net.stack import Net


@asynccontextmanager
async def own_network() -> AsyncIterator[Net]:
    """A stack beside whatever else runs here. Raises `LinkError` where this user or machine cannot have one."""
    device, addresses = open_free_tun_device(ipv6=kernel_has_ipv6())
    async with open_device(device, addresses) as net:
        yield net
