"""A process that holds a private network and a TUN device in it, for one that stays where it is.

`python -m pystack.testing.privatenet` makes them, and talks over the Unix socket that is its standard input: it sends a
JSON object that says what there is, with the device's descriptor, or why there is nothing. Then each JSON object that
comes names a socket, and is answered by one of that network, or an errno. It ends, and the network with it, when the
other end is closed.
"""

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from ipaddress import ip_interface
from typing import Any, Final

from pystack.link.device import LinkError
from pystack.link.netns import enter_private_network, kernel_has_ipv6
from pystack.link.open import open_tun_device
from pystack.link.tun import TunDevice, check_node
from pystack.net.open import DEFAULT_ADDRESSES

MESSAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds. Addresses have prefix lengths."""

    device: str
    mtu: int
    addresses: list[str]
    """The stack's."""
    kernel_addresses: list[str]
    """The kernel's, at its end of the device."""


def main() -> None:
    with socket.socket(fileno=os.dup(0)) as talk:
        try:
            held, device = _make()
        except LinkError as refusal:
            _send(talk, {"refusal": str(refusal)})
            return
        _send(talk, asdict(held), device.fileno())
        while message := talk.recv(MESSAGE_BYTES):
            try:
                wanted = socket.socket(*json.loads(message))
            except OSError as error:
                _send(talk, {"errno": error.errno})
            else:
                with wanted:
                    _send(talk, {}, wanted.fileno())


def _make() -> tuple[Held, TunDevice]:
    check_node()
    enter_private_network()
    has_ipv6 = kernel_has_ipv6()
    addresses = [each for text in DEFAULT_ADDRESSES if (each := ip_interface(text)).version == 4 or has_ipv6]
    device, plan = open_tun_device("tun0", addresses)
    held = Held(device.name, device.mtu, [str(each) for each in addresses], [str(each) for each in plan.host_addresses])
    return held, device


def _send(talk: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    socket.send_fds(talk, [json.dumps(message).encode()], descriptors)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
        main()
