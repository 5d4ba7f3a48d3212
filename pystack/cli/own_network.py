"""A stack of its own for one command, on a device that is made for it and goes with it."""

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pystack.cli.exits import Refusal
from pystack.link.device import LinkError
from pystack.link.free import open_free_tun_device
from pystack.link.netns import kernel_has_ipv6
from pystack.link.tun import check_node
from pystack.net.open import open_device
from pystack.net.stack import Net


@asynccontextmanager
async def own_network(command: str) -> AsyncIterator[Net]:
    """A stack for `pystack COMMAND`, beside whatever else runs here. Raises `Refusal` or `LinkError` where this user or
    machine cannot have one.
    """
    check_node()
    try:
        device, addresses = open_free_tun_device(ipv6=kernel_has_ipv6())
    except LinkError as error:
        if getattr(error.__cause__, "errno", None) == errno.EPERM:
            raise Refusal(
                f"`pystack {command}` makes a network device of its own, which needs root or CAP_NET_ADMIN: run it "
                f"with sudo, or together with your `pystack serve` inside `unshare --user --map-root-user --net`; "
                f"`pystack demo` shows the stack at work without either"
            ) from error
        raise
    async with open_device(device, addresses) as net:
        yield net
