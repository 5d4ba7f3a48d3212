"""Two hosts and the link between them, as most tests begin."""

from typing import Any, NamedTuple

from pystack.sim.host import Host
from pystack.sim.link import Link
from pystack.sim.network import Network


class HostPair(NamedTuple):
    """The hosts `a` (10.0.0.1, fd00::1) and `b` (10.0.0.2, fd00::2), and the `link` from `a` to `b`."""

    a: Host
    b: Host
    link: Link


def pair_of(lab: Network, **values: Any) -> HostPair:
    """Two new hosts of a network, 20 ms apart; `values` are those of `Network.link`, and may say otherwise."""
    a, b = lab.host("a", "10.0.0.1", "fd00::1"), lab.host("b", "10.0.0.2", "fd00::2")
    return HostPair(a, b, lab.link(a, b, **{"delay": "20 ms", **values}))
