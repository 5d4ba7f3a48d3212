"""Setting a sysctl: among the settings of a host before there is one, and on a host that runs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from pystack.drill import sysctls, sysctls_bsd
from pystack.drill.sysctls import Change, Follows, Sysctl
from pystack.sock.base import SockBase
from pystack.sock.calls import Sock
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig

_IGNORED_BSD: Final = Sysctl("nothing of the stack depends on it")


def find(name: str) -> Sysctl | None:
    """The sysctl of this name; `None`: nobody knows it."""
    found = sysctls.SYSCTLS.get(name.replace("net.ipv6.", "net.ipv4.", 1)) or sysctls_bsd.SYSCTLS.get(name)
    if found is None and name.startswith(sysctls_bsd.PREFIXES):
        return _IGNORED_BSD
    return found


def configured(config: Config, settings: Mapping[str, str]) -> Config:
    """The settings of a host that is yet to be made, with these sysctls. Those that nobody knows are passed over.
    Raises `ValueError` for a value that one cannot have.
    """
    if any(is_bsd(name) for name in settings):
        config = _changed(config, "tcp", dict(sysctls_bsd.BASE))
    for name, value in settings.items():
        sysctl = find(name)
        if sysctl is not None and sysctl.read is not None:
            config = _changed(config, sysctl.part, _read(name, sysctl, value))
    return config


def is_bsd(name: str) -> bool:
    """Whether this is a name of BSD's."""
    return name.startswith(sysctls_bsd.PREFIXES)


def set_live(host: Host, socks: Iterable[SockBase], name: str, value: str) -> bool:
    """Sets a sysctl of a running host with these sockets, whoever follows it in Linux does; False where nobody knows
    it. Raises `ValueError` for a value that it cannot have.
    """
    sysctl = find(name)
    if sysctl is None:
        return False
    if sysctl.read is None:
        return True
    change = _read(name, sysctl, value)
    before, host.config = host.config.tcp, _changed(host.config, sysctl.part, change)
    if sysctl.part != "tcp" or sysctl.follows is Follows.NOBODY:
        return True
    for sock in socks:
        if isinstance(sock, Sock) and sock.connection is None:
            sock.settings = _following(sock.settings, before, change)
    if sysctl.follows is Follows.CONNECTIONS:
        for endpoint in host.endpoints():
            connection = endpoint.connection
            for field, new in change.items():
                if getattr(connection.prefs, field, new) == getattr(before, field) != new:
                    connection.prefs.change(field, new)
            connection.config = _following(connection.config, before, change)
            host.touch(endpoint)
    return True


def become_bsd(host: Host, socks: Iterable[SockBase]) -> None:
    """The first name of BSD's has been heard: new connections are as a BSD's."""
    before, change = host.config.tcp, dict(sysctls_bsd.BASE)
    host.config = _changed(host.config, "tcp", change)
    for sock in socks:
        if isinstance(sock, Sock) and sock.connection is None:
            sock.settings = _following(sock.settings, before, change)


def _read(name: str, sysctl: Sysctl, value: str) -> Change:
    assert sysctl.read is not None
    try:
        return sysctl.read(value)
    except ValueError as error:
        raise ValueError(f"{name} = {value!r}: {error}") from None


def _following(settings: TcpConfig, before: TcpConfig, change: Change) -> TcpConfig:
    """Settings in which what was the host's is changed, and what a socket has set for itself is not."""
    own: dict[str, Any] = {f: v for f, v in change.items() if getattr(settings, f) == getattr(before, f)}
    return replace(settings, **own)


def _changed(config: Config, part: str, change: Change) -> Config:
    if not part:
        return replace(config, **change)
    inner: Any = getattr(config, part)
    outer: dict[str, Any] = {part: replace(inner, **change)}
    return replace(config, **outer)
