"""Everything that can be varied of a transfer between two simulated hosts, and what is made of it."""

from typing import Any

from pystack.link.bursts import GilbertElliott
from pystack.link.codel import CoDel
from pystack.link.entropy import stream
from pystack.link.impair import Impairments
from pystack.link.queues import Limit
from pystack.link.red import Red
from pystack.sim.link import Link
from pystack.sim.node import Node
from pystack.sim.simulation import Simulation
from pystack.stack.config import Config
from pystack.tcp.config import TcpConfig

MS = 1_000_000
SECOND = 1_000_000_000
MBIT = 1_000_000

EARLY_MARKS = Red(min_th=1, max_th=8, w_q=0.2, ecn=True)

Options = dict[str, Any]

OPTIONS: dict[str, list[Any]] = {
    "family": [4, 6],
    "loss": [0.0, 0.01, 0.05, 0.2],
    "reorder": [0.0, 0.05, 0.3],
    "duplicate": [0.0, 0.05, 0.3],
    "corrupt": [0.0, 0.0, 0.03],
    "delay": [0, 1 * MS, 20 * MS, 300 * MS],
    "jitter": [0, 5 * MS, 50 * MS],
    "sack": [True, True, False],
    "timestamps": [True, True, False],
    "window_scaling": [True, True, False],
    "peer_plain": [False, False, True],
    "mtu_a": [1500, 576, 1280, 9000],
    "mtu_b": [1500, 576, 1280, 9000],
    "rcvbuf_a": [1 << 20, 2048, 16384, 65536],
    "rcvbuf_b": [1 << 20, 2048, 16384, 65536],
    "sndbuf": [1 << 20, 2048, 20000],
    "nodelay": [False, True],
    "iss_gap": [None, 1, 700, 30000],
    "size_a": [60_000, 0, 1, 1460, 20_000, 300_000],
    "size_b": [60_000, 0, 1, 1460, 20_000, 300_000],
    "chunk": [100_000, 3000, 500],
    "read": [100_000, 5000, 700],
    "read_pause": [0, 0, 0, 50 * MS, 3 * SECOND],
    "write_pause": [0, 0, 0, 30 * MS],
    "early_close": [False, False, False, True],
    "abort_at": [None] * 10 + [100 * MS, 2 * SECOND],
    "cut_at": [None] * 8 + [150 * MS, 3 * SECOND],
    "heal_after": [None, 5 * SECOND, 120 * SECOND],
    "rate": [0, 1 * MBIT, 1 * MBIT, 5 * MBIT],
    "queue": [Limit(time=200 * MS), Limit(packets=4), Limit(packets=64), Limit(size=30_000)],
    "aqm": [None, CoDel(), CoDel(target=2 * MS, interval=20 * MS, ecn=True), Red(), EARLY_MARKS, EARLY_MARKS],
    "burst": [None, None, None, GilbertElliott(p=0.01, r=0.3), GilbertElliott(p=0.05, r=0.2, bad=0.8)],
    "ecn": [2, 1, 1, 1, 0],
    "path_mtu": [None, None, None, 1280, 1400],
    "crash_at": [None] * 9 + [40 * MS, 500 * MS],
    "restart_after": [None, 1 * SECOND, 60 * SECOND],
    "moves_at": [None] * 9 + [100 * MS, 2 * SECOND],
    "memory": [256 << 20, 256 << 20, 256 << 20, 48 << 10],
    "keepalive": [False, False, True],
    "fault": [
        *[""] * 12,
        "drop=syn#1",
        "drop=fin#1",
        "drop=data#2,drop=resent#1",
        "delay=data#3/2s",
        "dup=any",
        "ack-unsent=ack#2/100kB",
        "split=500B",
        "merge=1000B",
        "black-hole=1000B",
        "bleach=all",
        "strip=sack",
        "bleach=ece",
        "in:close-window=20kB",
        "out:close-window=700B",
        "reset=15kB",
        "out:reset=5kB/receiver",
        "in:stall=10kB",
        "in:vanish=10kB",
        "out:reboot=10kB",
    ],
}
"""What each of these may be; the first is the plain case."""

PLAIN: Options = {name: values[0] for name, values in OPTIONS.items()}
HOSTILE: Options = PLAIN | {"loss": 0.05, "reorder": 0.3, "duplicate": 0.3, "delay": 20 * MS, "jitter": 5 * MS}
CUT: Options = PLAIN | {"delay": 20 * MS, "cut_at": 150 * MS, "size_a": 3_000_000, "size_b": 3_000_000}


def seeded_options(seed: int) -> Options:
    """One choice of each, by a seed."""
    generator = stream(seed, "options")
    return {name: values[int(generator.random() * len(values))] for name, values in OPTIONS.items()}


def mtu_of(o: Options, name: str) -> int:
    """IPv6 needs links of 1280 bytes (RFC 8200 section 5)."""
    return max(o["mtu_" + name], 1280) if o["family"] == 6 else int(o["mtu_" + name])


def address(o: Options, number: int) -> bytes:
    """That of a host, in the network that both are in."""
    return bytes([10, 0, 0, number]) if o["family"] == 4 else bytes([0xFD, *bytes(14), number])


def config(o: Options, name: str) -> Config:
    """The settings of host `a` or `b`."""
    plain = o["peer_plain"] and name == "b"
    return Config(
        addresses=((address(o, 1 if name == "a" else 2), 24 if o["family"] == 4 else 64),),
        mtu=mtu_of(o, name),
        memory=o["memory"],
        tcp=TcpConfig(
            sack=o["sack"] and not plain,
            timestamps=o["timestamps"] and not plain,
            window_scaling=o["window_scaling"] and not plain,
            rcvbuf=o["rcvbuf_" + name],
            sndbuf=o["sndbuf"],
            nodelay=o["nodelay"],
            ecn=o["ecn"],
            keepalive=o["keepalive"],
            keepalive_idle=60 * SECOND,
        ),
    )


def connect(lab: Simulation, a: Node, b: Node, o: Options, faults: Any) -> Link:
    """Lays the cable between the hosts; where the path has an MTU of its own, two routers are in between. Returns the
    link that everything bad happens on.
    """
    keys = "loss", "delay", "jitter", "reorder", "duplicate", "corrupt", "rate", "queue", "burst"
    bad: Options = {key: o[key] for key in keys} | {"aqm": o["aqm"] if o["rate"] else None}
    if o["path_mtu"] is None:
        # A path takes what the smaller of the two MTUs lets through; the MSS option sees to the rest.
        mtu = min(mtu_of(o, "a"), mtu_of(o, "b"))
        return lab.link(a, b, Impairments(**bad, mtu=mtu), faults=faults)
    near, far = lab.router("near", "10.1.0.1", "fd01::1"), lab.router("far", "10.1.0.2", "fd01::2")
    lab.link(a, near, mtu=mtu_of(o, "a"))
    lab.link(far, b, mtu=mtu_of(o, "b"))
    return lab.link(near, far, Impairments(**bad, mtu=o["path_mtu"]), faults=faults)
