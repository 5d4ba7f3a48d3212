"""The options of TCP sockets. Reading one raises ENOPROTOOPT or EINVAL, setting one those, ENOENT (no such congestion
control) or EISCONN (too late for it).
"""

import errno
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pystack.sock import constants as c
from pystack.sock import ipfields
from pystack.sock.errors import os_error
from pystack.sock.optiontable import OptionTable, Value, for_family
from pystack.tcp.config import TcpConfig
from pystack.tcp.congestion.registry import congestion_controls
from pystack.tcp.handshake import window_shift
from pystack.udp.discovery import Discovery

if TYPE_CHECKING:
    from pystack.sock.core import SockCore

Getter = Callable[["SockCore"], Value]
Setter = Callable[["SockCore", int], None]

_MIN_SNDBUF: Final = 4608
_MIN_RCVBUF: Final = 2304
_MAX_BUF: Final = 1 << 30
"""The bounds of Linux (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF), and what the largest window can use (RFC 7323 2.3)."""

_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_MAX_LINGER2: Final = 120
"""Linux: TCP_FIN_TIMEOUT_MAX, in seconds."""
_ECN: Final = 3
_LINGER: Final = struct.Struct("=ii")


def _set_reuse_address(sock: "SockCore", value: int) -> None:
    sock.reuse_address = bool(value)


def _get_sndbuf(sock: "SockCore") -> int:
    return sock.settings.sndbuf


def _set_sndbuf(sock: "SockCore", value: int) -> None:
    """Twice what is asked for, which is what is read back, as in Linux."""
    sock.settings = replace(sock.settings, sndbuf=min(max(2 * value, _MIN_SNDBUF), _MAX_BUF))


def _get_rcvbuf(sock: "SockCore") -> int:
    return 2 * sock.settings.rcvbuf


def _set_rcvbuf(sock: "SockCore", value: int) -> None:
    """Linux reads back twice what is asked for, of which half is for what packets hold beside their text: the window
    can become what was asked for, and is not scaled more than it needs.
    """
    rcvbuf = min(max(value, _MIN_RCVBUF // 2), _MAX_BUF // 2)
    sock.settings = replace(sock.settings, rcvbuf=rcvbuf, window_scale=window_shift(rcvbuf))


def _preference(name: str, *, unit: int = 1, least: int = 0, most: int = 0x7FFFFFFF) -> tuple[Getter, Setter]:
    """An option that is a field of `Preferences`, and of `TcpConfig` before there is a connection. `unit` is what 1
    means.
    """

    def getter(sock: "SockCore") -> int:
        holder = sock.connection.prefs if sock.connection is not None else sock.settings
        return int(getattr(holder, name)) // unit

    def setter(sock: "SockCore", value: int) -> None:
        if not least <= value <= most:
            raise os_error(errno.EINVAL)
        if sock.connection is None:
            sock.settings = _replaced(sock.settings, name, value * unit)
        else:
            # A connection has its own, so that its settings need not be copied: trio sets TCP_NODELAY on every stream.
            sock.connection.prefs.change(name, value * unit)
            sock.touch()

    return getter, setter


def _replaced(settings: TcpConfig, name: str, value: int) -> TcpConfig:
    change: dict[str, Any] = {name: value}
    return replace(settings, **change)


def _flag(name: str) -> tuple[Getter, Setter]:
    """The same for what is on or off."""
    getter, setter = _preference(name)
    return getter, lambda sock, value: setter(sock, bool(value))


def _setting(name: str, *, unit: int = 1, least: int = 0, most: int = 0x7FFFFFFF) -> tuple[Getter, Setter]:
    """An option that is a field of `TcpConfig`, before a connection and during it."""

    def setter(sock: "SockCore", value: int) -> None:
        if not least <= value <= most:
            raise os_error(errno.EINVAL)
        sock.settings = _replaced(sock.settings, name, value * unit)

    return lambda sock: int(getattr(sock.settings, name)) // unit, setter


_get_user_timeout, _set_preferred_timeout = _preference("user_timeout", unit=_MS)


def _set_user_timeout(sock: "SockCore", value: int) -> None:
    """From now on it is the application's own, whatever the peer has asked for or asks for (RFC 5482)."""
    _set_preferred_timeout(sock, value)
    if sock.connection is not None:
        sock.connection.prefs.user_timeout_adopted = False


_get_defer, _set_defer = _setting("defer_accept", unit=_SECOND)
_get_linger2, _set_fin_timeout = _setting("fin_timeout", unit=_SECOND, least=-1)


def _set_linger2(sock: "SockCore", value: int) -> None:
    """0 is the host's default again, what is negative allows no FIN-WAIT-2 without an application. As Linux."""
    default = sock.host.config.tcp.fin_timeout // _SECOND
    _set_fin_timeout(sock, min(max(value, -1), _MAX_LINGER2) or default)


def _set_oob_inline(sock: "SockCore", value: int) -> None:
    sock.oob_inline = bool(value)
    if sock.connection is not None:
        sock.connection.urgent.inline = bool(value)


def _tos_from(rule: Callable[[int], int]) -> Setter:
    """The ECN bits are the stack's own, and read as 0."""

    def setter(sock: "SockCore", value: int) -> None:
        sock.tos = rule(value) & ~_ECN
        for holder in (sock.endpoint, sock.listener):
            if holder is not None:
                holder.tos = sock.tos

    return setter


def _ttl_from(rule: Callable[[int, int], int]) -> Setter:
    def setter(sock: "SockCore", value: int) -> None:
        sock.ttl = rule(value, sock.host.config.ttl)
        for holder in (sock.endpoint, sock.listener):
            if holder is not None:
                holder.ttl = sock.ttl

    return setter


def _set_v6only(sock: "SockCore", value: int) -> None:
    if bool(value) == sock.v6only:
        return
    if sock.family != c.AF_INET6:
        raise os_error(errno.ENOPROTOOPT, "this option is the other address family's")
    if sock.getsockname()[1]:
        raise os_error(errno.EINVAL, "the socket has a name already")
    sock.v6only = bool(value)


def _set_discovery(sock: "SockCore", value: int) -> None:
    try:
        sock.discovery = Discovery(value)
    except ValueError:
        raise os_error(errno.EINVAL) from None


def _set_quickack(sock: "SockCore", value: int) -> None:
    if sock.connection is not None:
        sock.connection.acks.quick_mode(bool(value))
        sock.touch()


def _get_notsent_lowat(sock: "SockCore") -> int:
    return sock.notsent_lowat


def _set_notsent_lowat(sock: "SockCore", value: int) -> None:
    sock.notsent_lowat = max(value, 0)


def _get_maxseg(sock: "SockCore") -> int:
    if sock.connection is not None:
        return sock.connection.snd_mss
    return sock.settings.max_mss or (536 if sock.family == c.AF_INET else 1220)


def _set_maxseg(sock: "SockCore", value: int) -> None:
    if value and not 88 <= value <= 32767:  # Linux: TCP_MIN_MSS, MAX_TCP_WINDOW; 0 is the default again
        raise os_error(errno.EINVAL)
    if sock.connection is not None:
        raise os_error(errno.EISCONN, "the MSS is announced when the connection is made")
    sock.settings = replace(sock.settings, max_mss=value)


def _get_linger(sock: "SockCore") -> bytes:
    return _LINGER.pack(sock.linger is not None, sock.linger or 0)


def _set_linger(sock: "SockCore", value: bytes) -> None:
    if len(value) < _LINGER.size:
        raise os_error(errno.EINVAL)
    on, seconds = _LINGER.unpack_from(value)
    sock.linger = max(seconds, 0) if on else None


def _get_congestion(sock: "SockCore") -> bytes:
    return sock.settings.congestion.encode().ljust(16, b"\0")


def _set_congestion(sock: "SockCore", value: bytes) -> None:
    name = value.rstrip(b"\0").decode("ascii", "replace")
    if name not in congestion_controls():
        known = ", ".join(congestion_controls())
        raise os_error(errno.ENOENT, f"there is no congestion control {name!r}; there are {known}")
    if sock.connection is not None:
        raise os_error(errno.EISCONN, "the congestion control is chosen before the connection is made")
    sock.settings = replace(sock.settings, congestion=name)


_SOL, _TCP, _V6 = c.SOL_SOCKET, c.IPPROTO_TCP, c.IPPROTO_IPV6

_ENTRIES: Final[dict[tuple[int, int], tuple[Getter, Setter | None]]] = {
    (_SOL, c.SO_REUSEADDR): (lambda s: int(s.reuse_address), _set_reuse_address),
    (_SOL, c.SO_TYPE): (lambda s: s.type, None),
    (_SOL, c.SO_ERROR): (lambda s: s.take_error(), None),
    (_SOL, c.SO_SNDBUF): (_get_sndbuf, _set_sndbuf),
    (_SOL, c.SO_RCVBUF): (_get_rcvbuf, _set_rcvbuf),
    (_SOL, c.SO_KEEPALIVE): _flag("keepalive"),
    (_SOL, c.SO_OOBINLINE): (lambda s: int(s.oob_inline), _set_oob_inline),
    (_SOL, c.SO_LINGER): (_get_linger, None),
    (_SOL, c.SO_ACCEPTCONN): (lambda s: int(s.listener is not None), None),
    (_SOL, c.SO_PROTOCOL): (lambda s: s.proto, None),
    (_SOL, c.SO_DOMAIN): (lambda s: s.family, None),
    (_TCP, c.TCP_NODELAY): _flag("nodelay"),
    (_TCP, c.TCP_CORK): _flag("cork"),
    (_TCP, c.TCP_KEEPIDLE): _preference("keepalive_idle", unit=_SECOND, least=1, most=32767),
    (_TCP, c.TCP_KEEPINTVL): _preference("keepalive_interval", unit=_SECOND, least=1, most=32767),
    (_TCP, c.TCP_KEEPCNT): _preference("keepalive_count", least=1, most=127),
    (_TCP, c.TCP_SYNCNT): _setting("syn_retries", least=1, most=127),
    (_TCP, c.TCP_LINGER2): (_get_linger2, _set_linger2),
    (_TCP, c.TCP_QUICKACK): (lambda s: int(s.connection is not None and s.connection.acks.is_quick), _set_quickack),
    (_TCP, c.TCP_MAXSEG): (_get_maxseg, _set_maxseg),
    (_TCP, c.TCP_CONGESTION): (_get_congestion, None),
    (_TCP, c.TCP_USER_TIMEOUT): (_get_user_timeout, _set_user_timeout),
    (_TCP, c.TCP_NOTSENT_LOWAT): (_get_notsent_lowat, _set_notsent_lowat),
    (_TCP, c.TCP_DEFER_ACCEPT): (_get_defer, lambda s, value: _set_defer(s, max(value, 0))),
    (c.IPPROTO_IP, c.IP_TOS): for_family(c.AF_INET, lambda s: s.tos, _tos_from(ipfields.type_of_service)),
    (c.IPPROTO_IP, c.IP_TTL): for_family(c.AF_INET, lambda s: s.ttl, _ttl_from(ipfields.time_to_live)),
    (c.IPPROTO_IP, c.IP_MTU_DISCOVER): for_family(c.AF_INET, lambda s: int(s.discovery), _set_discovery),
    (_V6, c.IPV6_MTU_DISCOVER): for_family(c.AF_INET6, lambda s: int(s.discovery), _set_discovery),
    (_V6, c.IPV6_TCLASS): for_family(c.AF_INET6, lambda s: s.tos, _tos_from(ipfields.traffic_class)),
    (_V6, c.IPV6_UNICAST_HOPS): for_family(c.AF_INET6, lambda s: s.ttl, _ttl_from(ipfields.hop_limit)),
    (_V6, c.IPV6_V6ONLY): (lambda s: int(s.v6only), _set_v6only),
}

_FROM_BYTES: Final[dict[tuple[int, int], Callable[["SockCore", bytes], None]]] = {
    (_SOL, c.SO_LINGER): _set_linger,
    (_TCP, c.TCP_CONGESTION): _set_congestion,
}

OPTIONS: Final = OptionTable(_ENTRIES, _FROM_BYTES)
