"""A stack under test that does what a test says: it answers calls from a list, and sends packets at times."""

from collections import deque
from collections.abc import Callable
from typing import Any

from pystack.drill.dut import Done, Failed, Pending, Result, Setup
from pystack.drill.script import Direction, Packet, Tcp
from pystack.drill.wireform import Ends, build
from pystack.wire import ipv4, tcp

MS = 1_000_000
LOCAL, REMOTE = bytes((192, 168, 0, 1)), bytes((192, 0, 2, 1))


def segment(body: Tcp, ends: tuple[int, int] = (8080, 40000)) -> bytes:
    """A segment of the stack; `ends` are its port and the peer's."""
    return build(Packet(Direction.OUTBOUND, body), Ends(LOCAL, REMOTE, *ends))


class FakeDut:
    """`now` begins at 5 s. Every call gives `Done(0)`, but for those in `results`, by name, in order."""

    def __init__(self, results: dict[str, list[Result]] | None = None) -> None:
        self.now = 5_000 * MS
        self.results = {name: deque(given) for name, given in (results or {}).items()}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.injected: list[tuple[int, bytes]] = []
        self.bound: dict[int, int] = {}
        self.sysctls: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.setup: Setup | None = None
        self.info = {"snd_cwnd": 10, "unacked": 0}
        self.on_inject: Callable[[bytes], None] = lambda packet: None
        self.finished: dict[int, Result] = {}
        self._planned: list[tuple[int, bytes]] = []

    def plan(self, milliseconds: float, packet: bytes) -> None:
        """Sends the packet so long after the start of the script, once the peer, or `connect`, has said something."""
        self._planned.append((int(5_000 * MS + milliseconds * MS), packet))
        self._planned.sort(key=lambda entry: entry[0])

    def reset(self, setup: Setup) -> None:
        self.setup = setup

    def advance(self, until: int, *, stop_at_packet: bool = False) -> None:
        first = self._planned[0][0] if self._planned else None
        if stop_at_packet and first is not None and first <= until:
            until = first
        self.now = max(self.now, until)

    def inject(self, packet: bytes) -> None:
        self.injected.append((self.now, packet))
        self.on_inject(packet)

    def drain(self) -> list[tuple[int, bytes]]:
        if not self.injected and all(name != "connect" for name, _ in self.calls):
            return []
        sent = [entry for entry in self._planned if entry[0] <= self.now]
        self._planned = self._planned[len(sent) :]
        return sent

    def call(self, name: str, args: tuple[Any, ...]) -> Result:
        self.calls.append((name, args))
        given = self.results.get(name)
        return given.popleft() if given else Done(0)

    def poll(self, token: int) -> Result:
        result = self.finished.get(token, Pending(token))
        if isinstance(result, Done | Failed) and (result.at or 0) > self.now:
            return Pending(token)
        return result

    def bind_fd(self, number: int, value: int) -> None:
        self.bound[number] = value

    def tcp_info(self, fd: int) -> dict[str, int]:
        return self.info

    def set_sysctl(self, name: str, value: str) -> bool:
        self.sysctls[name] = value
        return name not in self.unknown


def injected_segment(packet: bytes) -> tcp.Segment:
    """The segment in a packet that a script has injected."""
    return tcp.parse(memoryview(packet)[ipv4.HEADER_BYTES :], None)
