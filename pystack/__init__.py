"""pystack: a TCP/IP stack that lives inside a Python process.

    async with pystack.open_tun("tun0") as net:
        listeners = await net.open_tcp_listeners(80)
        stream = await net.open_tcp_stream("10.0.0.1", 8000)

Importing this is light: what the names below need is imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystack import http as http
    from pystack import sim as sim
    from pystack import testing as testing
    from pystack.link.device import DeviceLost as DeviceLost
    from pystack.link.device import LinkError as LinkError
    from pystack.link.memory import memory_pair as memory_pair
    from pystack.net.open import open_device as open_device
    from pystack.net.open import open_tun as open_tun
    from pystack.net.stack import Net as Net
    from pystack.tcp.config import TcpConfig as TcpConfig
    from pystack.tcp.congestion.base import AckSample as AckSample
    from pystack.tcp.congestion.base import CongestionControl as CongestionControl
    from pystack.tcp.congestion.registry import register_congestion_control as register_congestion_control
    from pystack.tcp.info import TcpInfo as TcpInfo

    __version__: str

_HOMES = {
    "AckSample": "pystack.tcp.congestion.base",
    "CongestionControl": "pystack.tcp.congestion.base",
    "DeviceLost": "pystack.link.device",
    "LinkError": "pystack.link.device",
    "Net": "pystack.net.stack",
    "TcpConfig": "pystack.tcp.config",
    "TcpInfo": "pystack.tcp.info",
    "memory_pair": "pystack.link.memory",
    "open_device": "pystack.net.open",
    "open_tun": "pystack.net.open",
    "register_congestion_control": "pystack.tcp.congestion.registry",
}

_MODULES = {"http", "sim", "testing"}

__all__ = [
    "AckSample",
    "CongestionControl",
    "DeviceLost",
    "LinkError",
    "Net",
    "TcpConfig",
    "TcpInfo",
    "__version__",
    "http",
    "memory_pair",
    "open_device",
    "open_tun",
    "register_congestion_control",
    "sim",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 (20 ms that few programs need)

        return version("pystack-net")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
