"""The system calls of a script's application on the sockets of a host: descriptors, and calls that wait.

What each call does is in the tables of `calls_names`, `calls_text`, `calls_options` and `calls_poll`. A call function
takes a `Process` and the arguments of `pystack.drill.dut`, and returns how the call has ended, or what it waits for.
"""

import errno
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pystack.drill.dut import Done, Failed, Fd, Pending, Result, Setup, Unsupported
from pystack.sock.calls import Sock
from pystack.sock.datagram import UdpSock
from pystack.sock.echo import EchoSock
from pystack.sock.errors import os_error
from pystack.stack.host import Host

O_RDWR: Final = 0x2
O_NONBLOCK: Final = 0x800

AnySock = Sock | UdpSock | EchoSock
Attempt = Callable[[], Done | Failed | None]
"""Makes a call, or makes it again; `None`: it has to wait. An `OSError` is how it fails."""

_NAMES: Final = {"ENOTSUP": "EOPNOTSUPP", "EWOULDBLOCK": "EAGAIN"}
"""Two names for one number: the one that scripts have."""


@dataclass(slots=True)
class File:
    """An open file: a socket, or (`sock` is `None`) a file of zero bytes. `flags` are those of `fcntl`."""

    sock: AnySock | None
    flags: int = O_RDWR
    inert: dict[tuple[int, int], int] = field(default_factory=dict)
    """Options that are kept for reading back, by level and name."""

    @property
    def waits(self) -> bool:
        """Whether its calls wait."""
        return not self.flags & O_NONBLOCK


@dataclass(slots=True)
class Waiting:
    """A call that waits for `attempt` to give something; where `deadline` (nanoseconds) comes first, `late` is its
    result.
    """

    attempt: Attempt
    deadline: int | None = None
    late: Done | Failed = Failed("EAGAIN")  # noqa: RUF009 (a frozen value)


class Process:
    """The application of a script: what its descriptors stand for, on `host`. `clock` tells the time in nanoseconds."""

    def __init__(self, host: Host, setup: Setup, clock: Callable[[], int]) -> None:
        self.host = host
        self.setup = setup
        self._clock = clock
        self._files: dict[int, File] = {}
        self._unnamed: dict[int, File] = {}
        """Files that the script has no number for yet."""
        self._waiting: dict[int, Waiting] = {}
        self._ended: dict[int, Done | Failed] = {}
        self._last = 2

    @property
    def now(self) -> int:
        """The time, in nanoseconds."""
        return self._clock()

    # Calls

    def call(self, table: dict[str, Callable[..., Any]], name: str, args: tuple[Any, ...]) -> Result:
        """Makes the call `name` of `table`. Raises `Unsupported`."""
        function = table.get(name)
        if function is None:
            raise Unsupported(f"{name}() is no call of this adapter's")
        try:
            inspect.signature(function).bind(self, *args)
        except TypeError as error:
            raise Unsupported(f"{name}(): {error}") from None
        try:
            result: Result | Waiting = function(self, *args)
        except OSError as error:
            return _failed(error)
        return self._wait(result) if isinstance(result, Waiting) else result

    def poll(self, token: int) -> Result:
        """How a call that waits goes on."""
        if token in self._waiting:
            return Pending(token)
        ended = self._ended.pop(token, None)
        if ended is None:
            raise Unsupported(f"no call waits with the token {token}")
        return ended

    def _wait(self, waiting: Waiting) -> Pending:
        self._last += 1
        self._waiting[self._last] = waiting
        return Pending(self._last)

    def attempt(self, attempt: Attempt, *, waits: bool, deadline: int | None = None) -> Done | Failed | Waiting:
        """Makes a call that may have to wait: EAGAIN where it must not."""
        result = attempt()
        if result is not None:
            return result
        if not waits:
            raise os_error(errno.EAGAIN)
        return Waiting(attempt, deadline)

    # What happens meanwhile

    def go_on(self) -> None:
        """Something has happened on a socket: the calls that wait are tried again, the oldest first."""
        for token, waiting in list(self._waiting.items()):
            if token not in self._waiting:
                continue  # a call that went on has closed its socket
            try:
                result = waiting.attempt()
            except OSError as error:
                result = _failed(error)
            if result is not None:
                self._end(token, result)

    def next_deadline(self) -> int | None:
        """When a call waits no longer, in nanoseconds."""
        return min((w.deadline for w in self._waiting.values() if w.deadline is not None), default=None)

    def on_deadline(self, now: int) -> None:
        """Ends the calls that have waited for long enough."""
        for token, waiting in list(self._waiting.items()):
            if waiting.deadline is not None and waiting.deadline <= now:
                self._end(token, waiting.late)

    def _end(self, token: int, result: Done | Failed) -> None:
        del self._waiting[token]
        self._ended[token] = replace(result, at=self.now)

    # Descriptors

    def opens(self, file: File) -> int:
        """A new file; returns what the script names by `bind_fd`."""
        self._last += 1
        self._unnamed[self._last] = file
        if file.sock is not None:
            file.sock.on_ready = self.go_on
        return self._last

    def bind_fd(self, number: int, value: int) -> None:
        """The script calls this file `number` from now on."""
        file = self._unnamed.pop(value, None)
        if file is None:
            raise Unsupported(f"no call has given a file {value}")
        self._files[number] = file

    def file(self, fd: Fd | int) -> File:
        """The open file. Raises EBADF."""
        number = fd.number if isinstance(fd, Fd) else fd
        if number not in self._files:
            raise os_error(errno.EBADF)
        return self._files[number]

    def sock(self, fd: Fd | int) -> AnySock:
        """The socket. Raises EBADF, ENOTSOCK."""
        sock = self.file(fd).sock
        if sock is None:
            raise os_error(errno.ENOTSOCK, "Socket operation on non-socket")
        return sock

    def stream(self, fd: Fd | int) -> Sock:
        """The TCP socket. Raises EBADF, ENOTSOCK, EOPNOTSUPP."""
        sock = self.sock(fd)
        if not isinstance(sock, Sock):
            raise os_error(errno.EOPNOTSUPP)
        return sock

    def forgets(self, fd: Fd | int) -> File:
        """The number stands for nothing any more. Raises EBADF."""
        file = self.file(fd)
        del self._files[fd.number if isinstance(fd, Fd) else fd]
        return file

    def socks(self) -> list[AnySock]:
        """All open sockets."""
        return [f.sock for f in (*self._files.values(), *self._unnamed.values()) if f.sock is not None]


def _failed(error: OSError) -> Failed:
    name = errno.errorcode.get(error.errno or 0, f"errno {error.errno}")
    return Failed(_NAMES.get(name, name), error.strerror or "")
