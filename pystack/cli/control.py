"""The control socket of a running `serve`: its user can ask what the stack is doing (`pystack.cli.asking` does).

A Unix socket per process, in a directory that its user alone may enter. Each connection gets one JSON object, and ends.
"""

import dataclasses
import errno
import ipaddress
import json
import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from pystack.net.stack import Net
from pystack.stack.inspect import ConnectionView, Name
from pystack.tcp.info import TcpInfo

_log = logging.getLogger("pystack")

_SECONDS = 5.0
"""For one asker to take the answer."""

_BATCH: Final = 100
"""Connections that are put into words at a time, which takes some milliseconds."""

_INFO: Final = tuple(field.name for field in dataclasses.fields(TcpInfo))


def directory() -> Path:
    """Where the socket of a stack that this process runs is: the first of `directories`."""
    return directories()[0]


def directories() -> list[Path]:
    """Where this user's sockets may be: below XDG_RUNTIME_DIR where that is his own, in /run for root, else in /tmp.
    Not every process of a user has the variable: those under `sudo` or `cron` have not. PYSTACK_RUNTIME_DIR names the
    one directory instead.
    """
    if chosen := os.environ.get("PYSTACK_RUNTIME_DIR"):
        return [Path(chosen)]
    uid = os.geteuid()
    runtime = [Path(given) for given in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}") if given]
    own = [path / "pystack" for path in runtime if path.is_dir() and path.stat().st_uid == uid]
    # In a private network whoever is root there has root's number, and not root's /run.
    last = Path("/run/pystack") if uid == 0 and Path("/run").stat().st_uid == 0 else Path(f"/tmp/pystack-{uid}")
    return list(dict.fromkeys([*own, last]))


CAN_LISTEN: Final = hasattr(socket, "AF_UNIX") and hasattr(os, "geteuid")
"""Whether this system has what control sockets need; Windows has not."""


async def serve_control(net: Net, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Answers until it is cancelled. Where no socket can be made it says so in the log, and `serve` goes on without."""
    try:
        with _listening(net.device_name) as listener:
            task_status.started()
            answer = partial(_answer, net, trio.current_time())
            await trio.serve_listeners(answer, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])
    except OSError as error:
        _log.warning("no control socket, so `pystack stat` will not find this stack: %s", error.strerror or error)
        task_status.started()


@contextmanager
def _listening(device: str) -> Iterator[socket.socket]:
    place = directory()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    if not is_ours_alone(place):
        raise PermissionError(errno.EACCES, f"{place} is not a directory that this user alone may enter")
    path = place / f"{device}.{os.getpid()}.sock"
    path.unlink(missing_ok=True)  # of a process that had our number before, and was killed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        try:
            listener.listen()
            yield listener
        finally:
            path.unlink(missing_ok=True)


def is_ours_alone(place: Path) -> bool:
    """Whether nobody else can have put anything there."""
    try:
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


async def _answer(net: Net, began: float, stream: trio.abc.Stream) -> None:
    async with stream:
        with trio.move_on_after(_SECONDS):
            try:
                for piece in _pieces(net, trio.current_time() - began):
                    await stream.send_all(piece.encode())
            except trio.BrokenResourceError:
                pass  # who asked has left


def _pieces(net: Net, uptime: float) -> Iterator[str]:
    """One JSON object, about one moment, in pieces that are made quickly, so that others have their turn in between."""
    found = net.inspect()
    rest = {
        "pid": os.getpid(),
        "device": net.device_name,
        "mtu": net.mtu,
        "addresses": [str(address) for address in net.addresses],
        "uptime": round(uptime, 3),
        "memory": found.memory,
        "listeners": [
            _local(view.local) | {"half_open": view.half_open, "waiting": view.waiting, "backlog": view.backlog}
            for view in found.listeners
        ],
        "datagrams": [_local(view.local) | _remote(view.remote) for view in found.datagrams],
        "echoes": [
            {"local_address": _address(view.local), "identifier": view.identifier}
            | {"remote_address": None if view.remote is None else _address(view.remote)}
            for view in found.echoes
        ],
        "counters": found.counters,
    }
    yield json.dumps(rest).removesuffix("}") + ', "connections": ['
    for start in range(0, len(found.connections), _BATCH):
        batch = [_connection(view) for view in found.connections[start : start + _BATCH]]
        yield ", " * bool(start) + json.dumps(batch)[1:-1]
    yield "]}"


def _connection(view: ConnectionView) -> dict[str, Any]:
    info = None if view.info is None else {name: getattr(view.info, name) for name in _INFO}
    state = {"state": view.state, "unread": view.unread, "unsent": view.unsent, "info": info}
    return _local(view.local) | _remote(view.remote) | state


def _local(name: Name) -> dict[str, Any]:
    return {"local_address": _address(name.address), "local_port": name.port}


def _remote(name: Name | None) -> dict[str, Any]:
    if name is None:
        return {"remote_address": None, "remote_port": None}
    return {"remote_address": _address(name.address), "remote_port": name.port}


def _address(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))
