"""Many hosts and links on one virtual clock: `Network` for trio programs, `Simulation` for plain steps.

What a name needs is imported when it is first used: plain steps need no trio.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystack.sim.determinism import NotDeterministicWarning as NotDeterministicWarning
    from pystack.sim.host import Host as Host
    from pystack.sim.host import HostCrashed as HostCrashed
    from pystack.sim.network import Network as Network
    from pystack.sim.network import run as run
    from pystack.sim.simulation import Simulation as Simulation

_HOMES = {
    "Host": "host",
    "HostCrashed": "host",
    "Network": "network",
    "NotDeterministicWarning": "determinism",
    "Simulation": "simulation",
    "run": "network",
}

__all__ = ["Host", "HostCrashed", "Network", "NotDeterministicWarning", "Simulation", "run"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
