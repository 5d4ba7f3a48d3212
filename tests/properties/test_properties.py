"""The properties of docs/reference/properties.md, asked of whatever hypothesis has hosts, programs and links do."""

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from props_world import FAMILIES, HOUR, App, Layout, World
from sim_options import OPTIONS

from pystack.link.impair import Impairments

MS = 1_000_000
SECOND = 1_000 * MS

INDEX = st.integers(0, 11)
SIZES = st.sampled_from([5000, 1, 100, 1460, 70_000])
TIMES = st.sampled_from([40 * MS, MS, 2 * SECOND, 60 * SECOND, HOUR])
HOSTS = st.integers(0, 2)
LINES = "rate", "queue", "aqm", "burst", "loss", "reorder", "duplicate", "corrupt", "delay", "jitter"


def impairments(values: dict[str, Any]) -> Impairments:
    return Impairments(**values | {"aqm": values["aqm"] if values["rate"] else None})


IMPAIRMENTS = st.fixed_dictionaries({name: st.sampled_from(OPTIONS[name]) for name in LINES}).map(impairments)
FAULTS = st.sampled_from([*[""] * 30, *sorted(set(OPTIONS["fault"]))])
SETTINGS = {
    "sack": st.booleans(),
    "timestamps": st.booleans(),
    "window_scaling": st.booleans(),
    "nodelay": st.booleans(),
    "ecn": st.sampled_from([2, 1, 0]),
    "keepalive": st.booleans(),
    "keepalive_idle": st.sampled_from([7200 * SECOND, 60 * SECOND]),
    "user_timeout": st.sampled_from([0, 0, 30 * SECOND]),
    "rcvbuf": st.sampled_from([1 << 20, 2048, 16384, 65536]),
    "sndbuf": st.sampled_from([1 << 20, 2048, 20000]),
}
AMPLE, TINY = 256 << 20, 48 << 10


class Hosts(RuleBasedStateMachine):
    """Three hosts, their programs and links, in virtual time."""

    memory = AMPLE
    world: World

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        routed=st.booleans(),
        impairments=st.just(Impairments(delay=MS)) | IMPAIRMENTS,
        faults=FAULTS,
        values=st.fixed_dictionaries(SETTINGS),
    )
    def build(self, seed: int, routed: bool, impairments: Impairments, faults: str, values: dict[str, Any]) -> None:
        layout = values | {"memory": self.memory}
        self.world = World(Layout(seed=seed, routed=routed, impairments=impairments, faults=faults, settings=layout))
        for family in FAMILIES:
            self.connect(0, 1, family, SECOND)

    def app(self, index: int) -> App:
        return self.world.apps[index % len(self.world.apps)]

    @rule(host=HOSTS, to=HOSTS, family=st.sampled_from(FAMILIES), then=st.sampled_from([50 * MS, 3 * SECOND, 0]))
    def connect(self, host: int, to: int, family: int, then: int) -> None:
        nodes = self.world.nodes
        self.world.connect(nodes[host], nodes[to], family)
        self.world.wait(then)
        self.world.accept(nodes[to])

    @precondition(lambda self: self.world.apps)
    @rule(index=INDEX, size=SIZES, then=st.sampled_from([0, MS, 300 * MS]))
    def send(self, index: int, size: int, then: int) -> None:
        self.world.send(self.app(index), size)
        self.world.wait(then)

    @precondition(lambda self: self.world.apps)
    @rule(index=INDEX, size=SIZES)
    def read(self, index: int, size: int) -> None:
        self.world.read(self.app(index), size)

    @precondition(lambda self: self.world.apps)
    @rule(sends=SIZES, reads=SIZES, times=st.integers(1, 6), time=st.sampled_from([20 * MS, SECOND, MS]))
    def all_talk(self, sends: int, reads: int, times: int, time: int) -> None:
        for _ in range(times):
            for app in list(self.world.apps):
                self.world.send(app, sends)
                self.world.read(app, reads)
            self.world.wait(time)

    @precondition(lambda self: self.world.apps)
    @rule(index=INDEX, how=st.sampled_from(["shutdown", "close", "abort"]))
    def end(self, index: int, how: str) -> None:
        if how == "shutdown":
            self.world.shutdown(self.app(index))
        else:
            self.world.close(self.app(index), abort=how == "abort")

    @rule(host=HOSTS, what=st.sampled_from(["cut", "restart", "move", "crash"]), time=TIMES, returns=st.booleans())
    def bad_day(self, host: int, what: str, time: int, returns: bool) -> None:
        node, cable = self.world.nodes[host], self.world.links[host]
        begins, ends = {
            "cut": (cable.cut, cable.heal),
            "crash": (partial(self.world.crash, node), partial(self.world.restart, node)),
            "restart": (partial(self.world.restart, node), cable.heal),
            "move": (partial(self.world.move, node),) * 2,
        }[what]
        begins()
        self.world.wait(time)
        if returns:
            ends()

    @rule(host=HOSTS, mtu=st.sampled_from([1280, 1400, 1500]))
    def set_mtu(self, host: int, mtu: int) -> None:
        self.world.set_mtu(self.world.nodes[host], mtu)

    @rule(time=TIMES)
    def wait(self, time: int) -> None:
        self.world.wait(time)

    @invariant()
    def all_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.world.failed:
                self.world.end()
        finally:
            if self.world.failed:
                note(f"the packets are in {self.world.keep_capture()}")


class HostsWithLittleMemory(Hosts):
    memory = TINY


QUIETLY = {"deadline": None, "suppress_health_check": list(HealthCheck)}
VARIANTS = pytest.mark.parametrize("machine", [Hosts, HostsWithLittleMemory])


@VARIANTS
def test_the_properties_hold(machine: type[Hosts]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40, **QUIETLY))


@pytest.mark.long
@VARIANTS
def test_the_properties_hold_long(machine: type[Hosts]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=1000, stateful_step_count=80, **QUIETLY))
