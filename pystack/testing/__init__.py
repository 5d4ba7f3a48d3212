"""For tests: a host in virtual time, and a scripted peer that says to it what a script in plain Python says.

    from scapy.layers.inet import IP, TCP
    from pystack import testing

    host = testing.host("10.0.0.2/24", "fd00::2/64", seed=7)
    with testing.peer(host) as p:
        c = p.established()
        c.send(data=b"hello")
        c.expect("A", ack=6, within="40 ms")

No root, no threads, no clock but the script's: the same script gives the same packets, to the byte. Packets are those
of scapy, which has to be installed.

`pystack.testing.plugin` has fixtures for pytest, `HostPair` and `TunNet` are what two of them give. Importing this is
light, since every pytest run of an environment with pystack does it: what a name needs is imported when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystack.testing.conversation import Conversation as Conversation
    from pystack.testing.durations import nanoseconds as nanoseconds
    from pystack.testing.hosts import host as host
    from pystack.testing.pair import HostPair as HostPair
    from pystack.testing.scriptedpeer import Peer as Peer
    from pystack.testing.scriptedpeer import peer as peer
    from pystack.testing.speaker import Heard as Heard
    from pystack.testing.tunnet import TunNet as TunNet

_HOMES = {
    "Conversation": "conversation",
    "Heard": "speaker",
    "HostPair": "pair",
    "Peer": "scriptedpeer",
    "TunNet": "tunnet",
    "host": "hosts",
    "nanoseconds": "durations",
    "peer": "scriptedpeer",
}

__all__ = ["Conversation", "Heard", "HostPair", "Peer", "TunNet", "host", "nanoseconds", "peer"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
