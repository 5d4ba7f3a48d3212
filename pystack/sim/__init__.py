"""Many hosts and links on one virtual clock: `Network` for trio programs, `Simulation` for plain steps."""

from pystack.sim.determinism import NotDeterministicWarning
from pystack.sim.host import Host, HostCrashed
from pystack.sim.network import Network, run
from pystack.sim.simulation import Simulation

__all__ = ["Host", "HostCrashed", "Network", "NotDeterministicWarning", "Simulation", "run"]
