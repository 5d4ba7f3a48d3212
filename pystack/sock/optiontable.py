"""How socket options are read and set: one table for each protocol, from (level, name) to a getter and a setter.

What is not in a table, and values whose meaning is not implemented, are refused with ENOPROTOOPT: an application
that asks for a behaviour must not be told that it has it.
"""

import errno
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from pystack.sock.base import SockBase
from pystack.sock.errors import os_error
from pystack.wire.buffers import Buffer

Value = int | bytes
Getter = Callable[[Any], Value]
Setter = Callable[[Any, int], None]
Entries = Mapping[tuple[int, int], tuple[Getter, Setter | None]]
FromBytes = Mapping[tuple[int, int], Callable[[Any, bytes], None]]

_INT: Final = struct.Struct("=i")


class OptionTable:
    """The options of one protocol's sockets. `from_bytes` has the setters of those that are no integers."""

    __slots__ = ("_entries", "_from_bytes")

    def __init__(self, entries: Entries, from_bytes: FromBytes) -> None:
        self._entries = entries
        self._from_bytes = from_bytes

    def __iter__(self) -> Any:
        return iter(self._entries)

    def get(self, sock: SockBase, level: int, name: int, buflen: int | None = None) -> Value:
        """The value: an integer, or with `buflen` at most so many bytes of it. Raises ENOPROTOOPT, EINVAL."""
        entry = self._entries.get((level, name))
        if entry is None:
            raise _unknown(level, name)
        value = entry[0](sock)
        if buflen is None:
            return value if isinstance(value, int) else int.from_bytes(value[:4].ljust(4, b"\0"), "little")
        if buflen < 0:
            raise os_error(errno.EINVAL)
        return (_INT.pack(value) if isinstance(value, int) else value)[:buflen]

    def set(self, sock: SockBase, level: int, name: int, value: int | Buffer) -> None:
        """Sets an option. Raises ENOPROTOOPT, EINVAL, and what the option has of its own."""
        entry = self._entries.get((level, name))
        if entry is None:
            raise _unknown(level, name)
        if (level, name) in self._from_bytes:
            if isinstance(value, int):
                raise os_error(errno.EINVAL)
            self._from_bytes[level, name](sock, bytes(value))
            return
        setter = entry[1]
        if setter is None:
            raise os_error(errno.ENOPROTOOPT, f"socket option {name} of level {level} can only be read")
        if isinstance(value, int):
            setter(sock, value)
        elif len(value) >= _INT.size:
            setter(sock, _INT.unpack_from(value)[0])
        else:
            raise os_error(errno.EINVAL)


def _unknown(level: int, name: int) -> OSError:
    return os_error(errno.ENOPROTOOPT, f"socket option {name} of level {level} is not supported")


def only(allowed: int, what: str) -> Setter:
    """The setter of an option of which we have one value, on or off."""

    def setter(sock: SockBase, value: int) -> None:
        if bool(value) != bool(allowed):
            raise os_error(errno.ENOPROTOOPT, f"{what} is not supported")

    return setter


def for_family(family: int, get: Getter, set_: Setter) -> tuple[Getter, Setter]:
    """An option that sockets of one family have."""

    def check(sock: SockBase) -> None:
        if sock.family != family:
            raise os_error(errno.ENOPROTOOPT, "this option is the other address family's")

    def getter(sock: SockBase) -> Value:
        check(sock)
        return get(sock)

    def setter(sock: SockBase, value: int) -> None:
        check(sock)
        set_(sock, value)

    return getter, setter
