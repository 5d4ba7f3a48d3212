"""Which processes hold a TUN device open (Linux tells in /proc/PID/fdinfo)."""

import os
from pathlib import Path
from typing import NamedTuple


class Holder(NamedTuple):
    """A process with an open descriptor on the device."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def find_holders(name: str, proc: Path = Path("/proc")) -> list[Holder]:
    """List the processes that hold the TUN device `name` of our network namespace, by process id.

    Processes that we may not look into (another user's, when we are not root) are passed over, so an empty
    list does not prove that the device is free.
    """
    pids = sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [Holder(pid, _command(proc / str(pid))) for pid in pids if _holds(proc / str(pid), name)]


def _holds(process: Path, name: str) -> bool:
    try:
        if not _shares_our_network(process):
            return False
        return any(f"iff:\t{name}" in _read(info).splitlines() for info in (process / "fdinfo").iterdir())
    except OSError:  # it has ended meanwhile, or belongs to someone else
        return False


def _shares_our_network(process: Path) -> bool:
    # fdinfo gives the device's name only, and each network namespace may have a tun0 of its own.
    return os.path.samestat(os.stat(process / "ns/net"), os.stat(process.parent / "self/ns/net"))


def _command(process: Path) -> str:
    return _read(process / "comm").strip() or "unknown"


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # the descriptor was closed between listing and reading
        return ""
