"""Congestion controllers by name."""

from collections.abc import Callable

from pystack.tcp.congestion.base import CongestionControl
from pystack.tcp.congestion.reno import Reno

Factory = Callable[[int], CongestionControl]
"""Takes the initial window in packets, gives a controller for one new connection."""

_factories: dict[str, Factory] = {"reno": Reno, "newreno": Reno}


def register_congestion_control(name: str, factory: Factory) -> None:
    """Makes `factory` known as `name`; a name that is taken is replaced."""
    _factories[name] = factory


def congestion_controls() -> list[str]:
    """The names that `create` knows, sorted."""
    return sorted(_factories)


def create(name: str, initial_cwnd: int) -> CongestionControl:
    """A new controller; raises `KeyError` for an unknown name."""
    return _factories[name](initial_cwnd)
