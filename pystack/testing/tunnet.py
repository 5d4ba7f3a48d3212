"""A stack over a TUN device in a network of its own, in a process that stays where it is."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import trio

from pystack.link.device import LinkError
from pystack.link.tunfile import TunFile
from pystack.net.open import open_device
from pystack.net.stack import Net
from pystack.testing.privatenet import MESSAGE_BYTES, Held

T = TypeVar("T")


class TunNet:
    """A private network with a TUN device `tun0`: the kernel is at one end, 10.0.0.1 and fd00:7079::1, and `async with`
    this has a stack at the other, a `pystack.Net`, 10.0.0.2 and fd00:7079::2 (where the kernel has IPv6).

    This process's own sockets are not in that network: those of `kernel_socket` are, and what is started with
    `command`. `capture` gets every packet. Raises `LinkError`, one sentence, where this machine or user cannot have it.
    """

    def __init__(self, capture: BinaryIO | None = None) -> None:
        self._capture = capture
        self._running = AsyncExitStack()
        if not sys.platform.startswith("linux"):
            raise LinkError("a TUN device in a network of its own needs Linux")
        self._talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._holder = subprocess.Popen(
                [sys.executable, "-m", "pystack.testing.privatenet"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL
            )
        self._tun = -1
        try:
            answer, self._tun = self._hear()
            if "refusal" in answer:
                raise LinkError(answer["refusal"])
            self._held = Held(**answer)
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> list[IPv4Interface | IPv6Interface]:
        """The stack's addresses."""
        return [ip_interface(text) for text in self._held.addresses]

    @property
    def kernel_addresses(self) -> list[IPv4Interface | IPv6Interface]:
        """The kernel's, at its end of the device."""
        return [ip_interface(text) for text in self._held.kernel_addresses]

    def kernel_socket(
        self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0
    ) -> socket.socket:
        """A socket of the kernel in the private network, as `socket.socket(…)` makes one here. Raises `OSError`."""
        self._talk.send(json.dumps([int(family), int(type), int(proto)]).encode())
        answer, descriptor = self._hear()
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return socket.socket(fileno=descriptor)

    def command(self, *argv: str) -> list[str]:
        """The arguments that run a program in the private network: `subprocess.run(tun_net.command("curl", …))`. They
        begin with util-linux's `nsenter`.
        """
        target = self._holder.pid
        spaces = ["--net"]
        if os.readlink(f"/proc/{target}/ns/user") != os.readlink("/proc/self/ns/user"):
            spaces += ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={target}", *spaces, "--", *argv]

    def run(self, program: Callable[[Net], Awaitable[T]]) -> T:
        """Runs a trio program, which gets the stack, in real time."""

        async def inside() -> list[T]:
            async with self as net:
                found.append(await program(net))
            return found

        found: list[T] = []
        return trio.run(inside)[0]

    async def __aenter__(self) -> Net:
        device = TunFile(os.dup(self._tun), self._held.device, self._held.mtu)
        return await self._running.enter_async_context(open_device(device, self._held.addresses, capture=self._capture))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return bool(await self._running.__aexit__(kind, error, traceback))

    def close(self) -> None:
        """Ends the network. Sockets and programs that are still in it lose their device."""
        self._talk.close()
        if self._tun >= 0:
            os.close(self._tun)
            self._tun = -1
        self._holder.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _hear(self) -> tuple[dict[str, Any], int]:
        """What the holder says, and a descriptor that came with it, or -1."""
        message, descriptors, _, _ = socket.recv_fds(self._talk, MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        if not message:
            raise RuntimeError("the process that holds the private network has ended")
        return json.loads(message), descriptors[0] if descriptors else -1
