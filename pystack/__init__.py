"""pystack: a TCP/IP stack that lives inside a Python process.

    async with pystack.open_tun("tun0") as net:
        listeners = await net.open_tcp_listeners(80)
        stream = await net.open_tcp_stream("10.0.0.1", 8000)

Importing this is light: what the names below need is imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystack import testing as testing
    from pystack.net.open import open_device as open_device
    from pystack.net.open import open_tun as open_tun

    __version__: str

_HOMES = {"open_device": "pystack.net.open", "open_tun": "pystack.net.open"}

_MODULES = {"testing"}

__all__ = ["__version__", "open_device", "open_tun", "testing"]


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
