"""Which simulated host a trio task runs on, and what trio's own functions do there.

trio has one socket factory and one resolver for a whole `trio.run`. Ours ask a context variable, which tasks inherit:
so two programs in one run live on two hosts, and neither knows.
"""

import socket as stdlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any, Final, Protocol

import trio

_FAMILIES: Final = (stdlib.AF_INET, stdlib.AF_INET6)


class Place(Protocol):
    """What is asked of a host."""

    name: str

    def socket(self, family: int, type: int, proto: int) -> Any:
        """A new socket of this host."""

    def resolve(self, name: str) -> list[str]:
        """The numeric addresses of a name, best first; empty: there is no such name."""

    def name_of(self, address: str) -> str | None:
        """The name of whoever has a numeric address."""


_here: ContextVar[Place | None] = ContextVar("pystack_sim_here", default=None)


@contextmanager
def on(place: Place) -> Iterator[None]:
    """What runs inside, and the tasks that it starts, run on this host."""
    token = _here.set(place)
    try:
        yield
    finally:
        _here.reset(token)


@contextmanager
def installed() -> Iterator[None]:
    """Inside of this trio's sockets and names are those of the host that a task runs on; of tasks that run on none,
    what they were before.
    """
    factory = trio.socket.set_custom_socket_factory(None)
    trio.socket.set_custom_socket_factory(_Factory(factory))
    resolver = trio.socket.set_custom_hostname_resolver(None)
    trio.socket.set_custom_hostname_resolver(_Resolver(resolver))
    try:
        yield
    finally:
        trio.socket.set_custom_socket_factory(factory)
        trio.socket.set_custom_hostname_resolver(resolver)


class _Factory(trio.abc.SocketFactory):
    def __init__(self, before: trio.abc.SocketFactory | None) -> None:
        self._before = before

    def socket(self, family: int = stdlib.AF_INET, type: int = stdlib.SOCK_STREAM, proto: int = 0) -> Any:
        place = _here.get()
        if place is not None and family in _FAMILIES:
            return place.socket(family, type, proto)
        if self._before is not None:
            return self._before.socket(family, type, proto)
        return trio.socket.from_stdlib_socket(stdlib.socket(family, type, proto))


class _Resolver(trio.abc.HostnameResolver):
    def __init__(self, before: trio.abc.HostnameResolver | None) -> None:
        self._before = before

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        place = _here.get()
        if place is None:
            return await self._ask(stdlib.getaddrinfo, "getaddrinfo", host, port, family, type, proto, flags)
        await trio.lowlevel.checkpoint()
        name = "" if host is None else host.decode("ascii")
        found = []
        for address in place.resolve(name):
            if family in (0, stdlib.AF_INET if ip_address(address).version == 4 else stdlib.AF_INET6):
                numeric = flags | stdlib.AI_NUMERICHOST
                found += stdlib.getaddrinfo(address, port, 0, type, proto, numeric)
        if not found:
            raise stdlib.gaierror(stdlib.EAI_NONAME, f"there is no host {name!r} in this network")
        return found

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        place = _here.get()
        if place is None:
            return await self._ask(stdlib.getnameinfo, "getnameinfo", sockaddr, flags)
        await trio.lowlevel.checkpoint()
        host, service = stdlib.getnameinfo(sockaddr, flags & ~stdlib.NI_NAMEREQD | stdlib.NI_NUMERICHOST)
        name = None if flags & stdlib.NI_NUMERICHOST else place.name_of(host)
        if name is None and flags & stdlib.NI_NAMEREQD:
            raise stdlib.gaierror(stdlib.EAI_NONAME, f"nobody in this network has the address {host}")
        return name or host, service

    async def _ask(self, call: Callable[..., Any], method: str, *args: Any) -> Any:
        if self._before is not None:
            return await getattr(self._before, method)(*args)
        return await trio.to_thread.run_sync(call, *args, abandon_on_cancel=True)
