"""What a script's options, and those of the command line, say: frozen values with the language's defaults."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final

from pystack.drill.errors import ScriptError
from pystack.drill.script import Option

IP_VERSIONS: Final = ("ipv4", "ipv6", "ipv4-mapped-ipv6")
RELAXATIONS: Final = ("psh", "win", "optorder", "group", "cc")
_KINDS: Final = ("packet", "syscall")
_IGNORED: Final = frozenset(
    ("is_anyip", "speed", "init_scripts", "send_omit_free", "debug", "verbose", "dry_run", "mss", "define")
)
_IGNORED_BEGINNINGS: Final = ("wire_", "code_")
_MICROSECOND: Final = 1000


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What is not looked at, for diagnosis: `psh`: PSH on segments with text; `win`: windows; `optorder`: order and
    padding of options; `group`: how text is cut into segments; `cc`: assertions on cwnd and ssthresh. Tolerances are
    multiplied by `time`.
    """

    psh: bool = False
    win: bool = False
    optorder: bool = False
    group: bool = False
    cc: bool = False
    time: float = 1.0


STRICT: Final = Relaxed()


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses are packed; `None`: the default of the IP version. Times are nanoseconds; `ts_tick` 0: timestamps are
    not compared. `non_fatal`: mismatches of these kinds (`packet`, `syscall`) are warnings.
    """

    ip_version: str = "ipv4"
    tolerance: int = 4000 * _MICROSECOND
    tolerance_percent: float = 12.5
    local: bytes | None = None
    remote: bytes | None = None
    gateway: bytes | None = None
    netmask: bytes | None = None
    bind_port: int = 8080
    connect_port: int = 8080
    mtu: int = 1500
    strict_segments: bool = False
    ts_tick: int = 0
    ts_ecr_scaled: bool = False
    non_fatal: frozenset[str] = frozenset()
    relaxed: Relaxed = STRICT

    @property
    def is_ipv6(self) -> bool:
        """Whether the packets are IPv6's."""
        return self.ip_version == "ipv6"

    @property
    def local_ip(self) -> bytes:
        """The address of the stack under test."""
        return self.local or _packed("fd3d:0a0b:17d6::1" if self.is_ipv6 else "192.168.0.1")

    @property
    def remote_ip(self) -> bytes:
        """The address of its peer."""
        return self.remote or _packed("fd3d:fa7b:d17d::1" if self.is_ipv6 else "192.0.2.1")

    @property
    def prefix(self) -> int:
        """The length of the prefix of the network that the stack is in."""
        if self.is_ipv6:
            return 48
        return 16 if self.netmask is None else int.from_bytes(self.netmask, "big").bit_count()


def settings_of(options: Iterable[Option], base: Settings = Settings()) -> Settings:
    """`base` with what the options say; a later one wins. `ScriptError` says which is wrong."""
    for option in options:
        name, value = option.name, option.value
        if name in _IGNORED or name.startswith(_IGNORED_BEGINNINGS):
            continue
        try:
            if name in _FLAGS:
                if value is not None:
                    raise ValueError("takes no value")
                change: dict[str, Any] = {_FLAGS[name]: True}
            elif name in _VALUES:
                if value is None:
                    raise ValueError("needs a value")
                field, read = _VALUES[name]
                change = {field: read(value)}
            else:
                raise ValueError("is no option")
        except ValueError as error:
            raise ScriptError(f"--{name} {error}", option.at) from None
        base = replace(base, **change)
    for address in (base.local_ip, base.remote_ip, base.gateway):
        if address is not None and len(address) != (16 if base.is_ipv6 else 4):
            raise ScriptError(f"{ip_address(address)} is no address of {base.ip_version}")
    return base


def relaxed_of(words: Iterable[str]) -> Relaxed:
    """`psh`, `win`, `optorder`, `group`, `cc` and `time=F`, in any order. `ValueError` says which is unknown."""
    relaxed = Relaxed()
    for word in words:
        name, _, value = word.partition("=")
        if word in RELAXATIONS:
            relaxed = replace(relaxed, **{word: True})
        elif name == "time":
            relaxed = replace(relaxed, time=_factor(value))
        else:
            raise ValueError(f"{word} is none of {', '.join(RELAXATIONS)} and time=F")
    return relaxed


def _packed(text: str) -> bytes:
    return ip_address(text).packed


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1 <= factor < 1_000_000:
        raise ValueError(f"time={text} is no factor of 1 or more")
    return factor


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
            raise ValueError(f"wants a number from {low} to {high}, not {text}")
        return int(text)

    return read


def _microseconds(text: str) -> int:
    return _number(0, 10**12)(text) * _MICROSECOND


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 1_000_000:
        raise ValueError(f"wants a percentage, not {text}")
    return percent


def _ip_version(text: str) -> str:
    if text not in IP_VERSIONS:
        raise ValueError(f"wants one of {', '.join(IP_VERSIONS)}, not {text}")
    return text


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(text.split(","))
    if not kinds <= set(_KINDS):
        raise ValueError(f"wants one or both of {', '.join(_KINDS)}, not {text}")
    return kinds


_FLAGS: Final = {"strict_segments": "strict_segments", "tcp_ts_ecr_scaled": "ts_ecr_scaled"}
_port: Final = _number(1, 65535)
_VALUES: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "ip_version": ("ip_version", _ip_version),
    "tolerance_usecs": ("tolerance", _microseconds),
    "tolerance_percent": ("tolerance_percent", _percent),
    "local_ip": ("local", _packed),
    "remote_ip": ("remote", _packed),
    "gateway_ip": ("gateway", _packed),
    "netmask_ip": ("netmask", _packed),
    "bind_port": ("bind_port", _port),
    "connect_port": ("connect_port", _port),
    "mtu": ("mtu", _number(68, 65535)),
    "tcp_ts_tick_usecs": ("ts_tick", _microseconds),
    "non_fatal": ("non_fatal", _kinds),
}
