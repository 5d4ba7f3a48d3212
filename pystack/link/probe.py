"""What devices of this machine can do, found out in a private network that goes with the process that asks.

`python -m pystack.link.probe` prints it as a JSON object, for a program that itself stays where it is.
"""

import dataclasses
import json
import os
import struct
import sys
from dataclasses import dataclass

from pystack.link.device import LinkError
from pystack.link.netns import enter_private_network
from pystack.link.tun import NODE, check_node

_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_OFFLOADS = {
    "checksum": 0x01,
    "TSO4": 0x01 | 0x02,
    "TSO6": 0x01 | 0x04,
    "USO": 0x01 | 0x20 | 0x40,  # IPv4 and IPv6 are taken together only
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What was found; each refusal is a sentence, None where there was none."""

    namespace_refusal: str | None
    """Why no private network can be made. The rest is not known then."""
    device_refusal: str | None
    """Why no TUN device can be made in one."""
    offloads: tuple[str, ...]
    """What the kernel leaves to us where a device asks: "checksum", "TSO4", "TSO6", "USO"."""


def probe() -> Abilities:
    """Moves this process into a private network, and makes a device there. Linux only."""
    try:
        enter_private_network()
    except LinkError as error:
        return Abilities(str(error), None, ())
    try:
        check_node()
        return Abilities(None, None, _accepted_offloads())
    except LinkError as error:
        return Abilities(None, str(error), ())
    except OSError as error:
        return Abilities(None, f"the kernel refuses a TUN device ({error.strerror})", ())


def _accepted_offloads() -> tuple[str, ...]:
    from fcntl import ioctl  # noqa: PLC0415 (Linux only)

    def accepts(mask: int) -> bool:
        try:
            ioctl(descriptor, _TUNSETOFFLOAD, mask)
        except OSError:
            return False
        return True

    descriptor = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    try:
        flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
        ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"probe0", flags))
        return tuple(name for name, mask in _OFFLOADS.items() if accepts(mask))
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    json.dump(dataclasses.asdict(probe()), sys.stdout)
