"""Our stack under test: one host in virtual time, and an application that makes the calls of a script."""

from dataclasses import replace
from functools import partial
from typing import Any

from pystack.drill import calls_names, calls_options, calls_text
from pystack.drill.calls import Process
from pystack.drill.dut import Fd, Result, Setup, Unsupported
from pystack.drill.stackdut_info import as_linux
from pystack.drill.sysctls_set import become_bsd, configured, is_bsd, set_live
from pystack.link.entropy import random_bytes, stream
from pystack.sim.solo import Solo
from pystack.stack.config import Config
from pystack.stack.host import Host

_VERSIONS = ("ipv4", "ipv6", "ipv4-mapped-ipv6")

CALLS = calls_names.CALLS | calls_text.CALLS | calls_options.CALLS


class StackDut:
    """A `pystack.drill.dut.Dut`. What a `Setup` leaves out is what hosts have by themselves."""

    def __init__(self) -> None:
        self._speaks_bsd = False

    def reset(self, setup: Setup) -> None:
        """A new host. Raises `ValueError` for an address, version or sysctl that cannot be."""
        if setup.ip_version not in _VERSIONS:
            raise ValueError(f"ip_version is one of {', '.join(_VERSIONS)}, not {setup.ip_version!r}")
        self._speaks_bsd = any(is_bsd(name) for name in setup.sysctls)
        entropy = partial(random_bytes, stream(setup.seed, "drill", "entropy"))
        self._solo = Solo(Host(_config(setup), entropy))
        self._process = Process(self._solo.host, setup, lambda: self._solo.now)

    @property
    def now(self) -> int:
        """The time, in nanoseconds."""
        return self._solo.now

    def advance(self, until: int, *, stop_at_packet: bool = False) -> None:
        """Lets time pass. A call that waits sees each moment at which something happens."""
        solo, process = self._solo, self._process
        self._settle()
        while not (stop_at_packet and solo.has_sent):
            moments = (solo.host.next_deadline(), process.next_deadline())
            moment = min((m for m in moments if m is not None and m <= until), default=until)
            solo.advance(moment)
            process.on_deadline(solo.now)
            self._settle()
            if solo.now >= until:
                return

    def inject(self, packet: bytes) -> None:
        """A packet arrives now, and the host has answered it when this returns."""
        self._solo.inject(packet)
        self._settle()

    def drain(self) -> list[tuple[int, bytes]]:
        """What the host has sent, and when."""
        self._settle()
        return self._solo.collect()

    def call(self, name: str, args: tuple[Any, ...]) -> Result:
        """A system call; what the host sends for it is sent when this returns. Raises `Unsupported`."""
        result = self._process.call(CALLS, name, args)
        self._settle()
        return result

    def poll(self, token: int) -> Result:
        """How a call goes on that waits."""
        return self._process.poll(token)

    def bind_fd(self, number: int, value: int) -> None:
        """The script's number for what a call has given."""
        self._process.bind_fd(number, value)

    def tcp_info(self, fd: int) -> dict[str, int]:
        """The connection's statistics, as Linux has them."""
        sock = self._process.stream(Fd(fd))
        if sock.connection is None:
            raise Unsupported(f"{fd} has no connection")
        return as_linux(sock.tcp_info(self.now))

    def set_sysctl(self, name: str, value: str) -> bool:
        """Sets a sysctl; False where nobody knows it. Raises `ValueError`."""
        if is_bsd(name) and not self._speaks_bsd:
            self._speaks_bsd = True
            become_bsd(self._solo.host, self._process.socks())
        known = set_live(self._solo.host, self._process.socks(), name, value)
        self._settle()
        return known

    def _settle(self) -> None:
        """Until nobody has anything more to do at this time."""
        self._solo.settle()
        self._process.go_on()
        self._solo.settle()


def _config(setup: Setup) -> Config:
    mtu = setup.mtu if setup.route_mtu is None else min(setup.mtu, setup.route_mtu)
    config = Config(addresses=((setup.local_ip, setup.prefix),), mtu=mtu)
    if setup.gateway not in (None, setup.local_ip):
        route = bytes(len(setup.local_ip)), 0, setup.gateway
        config = replace(config, ip=replace(config.ip, routes=(route,)))
    config = configured(config, setup.sysctls)
    tcp = config.tcp
    if setup.route_advmss is not None:
        tcp = replace(tcp, max_mss=setup.route_advmss)
    if setup.route_initcwnd is not None:
        tcp = replace(tcp, initial_cwnd=setup.route_initcwnd)
    return replace(config, tcp=tcp)
