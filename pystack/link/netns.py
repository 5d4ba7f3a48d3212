"""Network namespaces: a private one for the current process, and named ones for tests that run as root."""

import contextlib
import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pystack.link.device import LinkError
from pystack.link.netlink import configure

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

_SETTINGS = (
    # (the setting, the value that forbids, the value to set)
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user.max_user_namespaces", "0", "10000"),
    ("user.max_net_namespaces", "0", "10000"),
)


def enter_private_network() -> None:
    """Move this process, for good, into a new network namespace in which it may do as root does; `lo` is up.

    Without the right to make one, a new user namespace goes with it, in which this user is root. The process must
    not have started a thread. Children inherit the namespace; it goes when the last of them ends.
    Raises LinkError, whose sentence names the setting that forbids it.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        try:
            _unshare(_CLONE_NEWNET)
        except PermissionError:
            _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
            _map_to_root(uid, gid)
    except OSError as error:
        raise LinkError(explain_refusal(error.errno)) from error
    configure("lo", up=True)


def kernel_has_ipv6() -> bool:
    """Whether devices of this process's network can have IPv6 addresses."""
    return _read_setting(Path("/proc/sys"), "net.ipv6.conf.default.disable_ipv6") == "0"


def explain_refusal(code: int | None, sysctl: Path = Path("/proc/sys")) -> str:
    """Say in one sentence which setting forbids a private network; `code` is the errno."""
    for setting, forbids, allows in _SETTINGS:
        if _read_setting(sysctl, setting) == forbids:
            return (
                f"this host lets no ordinary user make a network namespace: run as root, "
                f"or allow it with `sysctl {setting}={allows}`"
            )
    if code == errno.ENOSPC:
        return (
            "there are as many namespaces as this host allows: raise `sysctl user.max_user_namespaces` "
            "and `user.max_net_namespaces`, or end what holds them"
        )
    if code == errno.EINVAL:
        return "this kernel has no user namespaces, or the process has threads already: run as root, first thing in it"
    reason = os.strerror(code) if code else "no reason given"
    return (
        f"the kernel refuses a network namespace ({reason}): run as root, or, in a container, start it with "
        f"`--cap-add SYS_ADMIN` or a seccomp profile that allows `unshare`"
    )


@dataclass(frozen=True, slots=True)
class NamedNetns:
    """A network namespace that `ip netns` knows by name."""

    name: str

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs `argv` inside."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, check: bool = True, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `argv` inside to its end, at most `timeout` seconds, and capture what it prints."""
        return subprocess.run(self.command(*argv), check=check, timeout=timeout, capture_output=True, text=True)


@contextlib.contextmanager
def named_netns(name: str) -> Iterator[NamedNetns]:
    """Make a network namespace with `lo` up, and delete it at the end. Needs root and iproute2."""
    subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True, capture_output=True)
        yield NamedNetns(name)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True, capture_output=True)


def _unshare(flags: int) -> None:
    # os.unshare comes with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _map_to_root(uid: int, gid: int) -> None:
    # A user without rights may map only himself, and groups only once setgroups is given up (user_namespaces(7)).
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _read_setting(sysctl: Path, setting: str) -> str | None:
    try:
        return (sysctl / setting.replace(".", "/")).read_text().strip()
    except OSError:
        return None
