"""What an interpreter of test scripts asks of the stack under test: the interface, and the values that cross it.

`Dut` is all that a script needs of a stack, be it ours in virtual time or another's. Times are integer nanoseconds,
packets are whole IP packets, addresses are packed (4 or 16 bytes), numbers of constants are Linux's.

How the arguments of a system call are handed over, whatever the call:

- an integer, or symbols joined by `|`, is an `int`; a string is `bytes`; a file descriptor is an `Fd`
- `...` is `Ellipsis`: the DUT supplies what belongs there (an address, a buffer of zero bytes, a length)
- `[x]`, a value in brackets, and `[x, y]`, an array, are a `tuple`
- `{...}`, a structure, is one of `Linger`, `PollFd`, `IoVec`, `MsgHdr`, `SockAddr`, `ControlMessage`

What a call gives besides its result is in `Done.details`:

- `getsockopt`: `(value, length)`, the value being what the script writes in the brackets: `int`, `bytes` or `Linger`
- `poll`: the array of `PollFd`, with `revents` filled in
- `ioctl`: the value; `fcntl`: nothing, the flags are the result
- `read`, `recv`, `readv`: the `bytes`; `recvfrom`: `(bytes, SockAddr | None)`; `recvmsg`: a `MsgHdr`
- `accept`, `getsockname`, `getpeername`: the `SockAddr`
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Fd:
    """A file descriptor as the script numbers it; `Dut.bind_fd` says what it stands for."""

    number: int


@dataclass(frozen=True, slots=True)
class Linger:
    """`struct linger` (SO_LINGER): whether it is on, and for how many seconds."""

    onoff: int
    linger: int


@dataclass(frozen=True, slots=True)
class PollFd:
    """`struct pollfd`; `revents` is what the script expects, and in `Done.details` what there was."""

    fd: Fd
    events: int
    revents: int = 0


@dataclass(frozen=True, slots=True)
class IoVec:
    """`struct iovec`: the bytes, or `...` for zeroes, and how many."""

    base: "bytes | EllipsisType"
    len: int


@dataclass(frozen=True, slots=True)
class SockAddr:
    """`struct sockaddr`: the family, a packed address and a port. AF_UNSPEC has neither."""

    family: int
    address: bytes = b""
    port: int = 0


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """`struct cmsghdr` with what follows it: for the values of this interface only, no DUT has to know any."""

    level: int
    type: int
    data: Any


@dataclass(frozen=True, slots=True)
class MsgHdr:
    """`struct msghdr`. As a result `iov` has one part, the bytes that have arrived."""

    iov: tuple[IoVec, ...]
    name: "SockAddr | EllipsisType | None" = None
    flags: int = 0
    control: tuple[ControlMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A call has returned: its result, and what it has written to its arguments (see above)."""

    value: int
    details: Any = None
    at: int | None = None
    """When it returned; `None`: just now."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A call has returned -1: the name of the errno (`"EAGAIN"`, not `"EWOULDBLOCK"`), and a few words."""

    errno: str
    text: str = ""
    at: int | None = None
    """When it returned; `None`: just now."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A call waits; `Dut.poll` with the token tells how it goes on."""

    token: int


Result = Done | Failed | Pending


class Unsupported(Exception):
    """The DUT does not know this call, option or structure, or not such an argument: the script asks for more than the
    adapter has. This is no errno: the script has not been judged.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a DUT is made for. Sizes are bytes; `None`: the DUT's own.

    `sysctls` are names with dots (`net.ipv4.tcp_sack`) and values as in a script; those that nobody knows are as in
    `Dut.set_sysctl`. `ip_version` is `ipv4`, `ipv6` or `ipv4-mapped-ipv6` (AF_INET6 sockets on IPv4 packets).
    """

    local_ip: bytes
    remote_ip: bytes
    prefix: int = 16
    """Length of the network's prefix that `local_ip` is in."""
    gateway: bytes | None = None
    ip_version: str = "ipv4"
    bind_port: int = 8080
    """What `bind(fd, ..., ...)` takes."""
    connect_port: int = 8080
    """What `connect(fd, ..., ...)` calls, at `remote_ip`."""
    mtu: int = 1500
    sysctls: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    """All randomness of the DUT comes from it."""
    route_mtu: int | None = None
    """`ip route … mtu N`: the path's MTU."""
    route_mtu_locked: bool = False
    """`mtu lock N`: no ICMP message changes it, and no DF is set."""
    route_advmss: int | None = None
    """`ip route … advmss N`: the MSS to announce."""
    route_initcwnd: int | None = None
    """`ip route … initcwnd N`: the initial window, in packets."""


class Dut(Protocol):
    """A stack under test, and the applications on it. Raises nothing but `Unsupported`, and `ValueError` for
    a `Setup` that makes no sense.
    """

    @property
    def now(self) -> int:
        """The time, in nanoseconds; it begins anywhere and goes on in `advance` alone."""

    def reset(self, setup: Setup) -> None:
        """A new stack with empty caches; nothing of the one before is left."""

    def advance(self, until: int, *, stop_at_packet: bool = False) -> None:
        """Lets time pass to `until`, all timers in order. With `stop_at_packet` no further than there is something to
        `drain`. A time that has passed is now.
        """

    def inject(self, packet: bytes) -> None:
        """A packet arrives now. What the stack says to it at once has this same time."""

    def drain(self) -> list[tuple[int, bytes]]:
        """What the stack has sent since the last call, and when, in order."""

    def call(self, name: str, args: tuple[Any, ...]) -> Result:
        """An application makes a system call now. Raises `Unsupported`."""

    def poll(self, token: int) -> Result:
        """How a call that was `Pending` goes on: the same `Pending`, or once how it has returned."""

    def bind_fd(self, number: int, value: int) -> None:
        """The script calls `number` what `socket`, `accept` or `open` has given as `value`. Where that number is in use
        it stands for the new one from now on.
        """

    def tcp_info(self, fd: int) -> dict[str, int]:
        """The connection's statistics by their names without `tcpi_`, in Linux's units and meanings: times are
        microseconds (but `last_data_sent`, `last_data_recv`, `last_ack_recv`: milliseconds), windows and counts
        packets. `fd` is the script's number. Raises `Unsupported` where it is no TCP socket with a connection.
        """

    def set_sysctl(self, name: str, value: str) -> bool:
        """Sets a sysctl of the running stack, as far as a running one takes it; False where nobody knows the name.
        Raises `ValueError` for a value that it cannot have.
        """
