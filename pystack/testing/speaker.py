"""Speaking with a host packet by packet in virtual time: what a script leaves out is filled in, what comes judged."""

from collections import deque
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from pystack.sim.solo import Solo
from pystack.stack.host import Host
from pystack.testing import glue
from pystack.testing.durations import nanoseconds
from pystack.testing.flows import Ends, Flow, ends_of
from pystack.testing.matching import Expectation, line

_SHOWN = 12
_FIRST_PORT = 40000


class Heard(NamedTuple):
    """A packet that the host has sent: when (nanoseconds), the bytes, and the packet as scapy reads it."""

    at: int
    data: bytes
    packet: Any


class Speaker:
    """Speaks to `host` as all its peers.

    - `sent`: the packets that the script has sent, as they were filled in; `heard`: all that the host has sent.
    - `events`: what the host has told the layer above (`pystack.tcp.events.Event`), with the time.
    """

    def __init__(self, host: Host, *, family: int = 4, iss: int = 1000) -> None:
        self.host = host
        self.family = family
        self.sent: list[Any] = []
        self.heard: list[Heard] = []
        self._solo = Solo(host)
        self.events = self._solo.events
        self._iss = iss
        self._pending: deque[Heard] = deque()
        self._log: list[tuple[int, str, bytes]] = []
        self._flows: dict[Ends, Flow] = {}
        self._current: Flow | None = None
        self._last_port = _FIRST_PORT - 1
        self._addresses = {len(a): _neighbour(a, prefix) for a, prefix in reversed(host.config.addresses)}
        self._theirs = {len(a): str(ip_address(a)) for a, _ in reversed(host.config.addresses)}

    @property
    def now(self) -> int:
        """The time in nanoseconds; it goes on only in `wait`, `expect` and `expect_nothing`."""
        return self._solo.now

    # What the peer says

    def send(self, packet: Any) -> Any:
        """Sends a packet of scapy's, or bytes as they are; returns it as it was sent.

        Where the packet leaves them out, addresses, ports, numbers, timestamps and window are filled in: those of the
        flow that was spoken in last, or, for a SYN, of a new flow to a port on which the host listens. Lengths and
        checksums are scapy's. A packet without an IP header gets one of this peer's family.
        """
        return self.batch(packet)[0]

    def batch(self, *packets: Any) -> list[Any]:
        """Sends packets that arrive together: the host has seen all of them before it is asked what it has to say."""
        self._collect()
        sent = [self._say(packet) for packet in packets]
        self._collect()
        return sent

    def _say(self, packet: Any) -> Any:
        if isinstance(packet, bytes | bytearray | memoryview):
            data = bytes(packet)
            whole = glue.read_damaged(data)
        else:
            whole = self._filled(packet)
            data = bytes(whole)
        ends = ends_of(whole, from_host=False)
        if ends is not None:
            flow = self._current = self._flow(ends)
            flow.on_sent(glue.find(whole, glue.layers().tcp))
        self.sent.append(whole)
        self._log.append((self.now, ">", data))
        self._solo.inject(data)
        return whole

    # What the host says

    def expect(
        self,
        layer: Any = None,
        *,
        within: int | str = 0,
        text: bytes | None = None,
        size: int | None = None,
        **fields: Any,
    ) -> Any:
        """Takes the next packet of the host and returns it, waiting for it if need be.

        `layer` is a class of scapy's that has to be in it, `fields` are values that its fields must have (flags in any
        order); fields that it has not are looked for in the other layers. A function in the place of a value says
        whether the value will do. `text` is what the packet carries, `size` the length of it.

        Raises `AssertionError` where another packet comes, or none within that time.
        """
        expected = Expectation(layer, fields, text, size)
        self._collect()
        began = self.now
        if not self._pending:
            self._advance(self.now + nanoseconds(within), stop_at_packet=True)
        if not self._pending:
            waited = f"none, in {(self.now - began) / 1e9:g} s"
            raise AssertionError(self._complaint("the host has sent nothing", str(expected), waited, ()))
        heard = self._pending[0]
        problems = expected.problems(heard.packet)
        if problems:
            raise AssertionError(
                self._complaint(
                    "the host has sent another packet", str(expected), expected.actual(heard.packet), problems, heard
                )
            )
        self._pending.popleft()
        self._take(heard)
        return heard.packet

    def expect_nothing(self, layer: Any = None, *, for_: int | str = 0) -> None:
        """Lets so much time pass in which the host sends no packet (with `layer` in it; others are skipped).

        Raises `AssertionError` where one comes.
        """
        self._collect()
        end = self.now + nanoseconds(for_)
        while True:
            if not self._pending:
                self._advance(end, stop_at_packet=True)
            if not self._pending:
                return
            heard = self._pending[0]
            if layer is None or glue.find(heard.packet, layer) is not None:
                expected = f"nothing for {nanoseconds(for_) / 1e9:g} s"
                raise AssertionError(self._complaint("the host has sent a packet", expected, "", (), heard))
            self._take(self._pending.popleft())

    def wait(self, duration: int | str = 0) -> None:
        """Lets time pass. What the host sends meanwhile stays to be expected."""
        self._collect()
        self._advance(self.now + nanoseconds(duration))

    def skip(self) -> list[Any]:
        """Takes all that the host has sent until now, and returns it."""
        self._collect()
        skipped = list(self._pending)
        self._pending.clear()
        for heard in skipped:
            self._take(heard)
        return [heard.packet for heard in skipped]

    # The path

    def address(self, family: int = 0) -> str:
        """The peer's own address."""
        return self._of_family(self._addresses, family)

    def host_address(self, family: int = 0) -> str:
        """The host's address."""
        return self._of_family(self._theirs, family)

    def flow(self, packet: Any, *, from_host: bool = True) -> Flow:
        """The numbers of the flow to which a TCP packet belongs."""
        ends = ends_of(packet, from_host=from_host)
        if ends is None:
            raise ValueError("this is no TCP segment")
        return self._flow(ends)

    def _of_family(self, addresses: dict[int, str], family: int) -> str:
        family = family or self.family
        try:
            return addresses[4 if family == 4 else 16]
        except KeyError:
            raise ValueError(f"the host has no address of IPv{family}") from None

    def _flow(self, ends: Ends) -> Flow:
        flow = self._flows.get(ends)
        if flow is None:
            flow = self._flows[ends] = Flow(ends, self._iss)
        return flow

    def _filled(self, packet: Any) -> Any:
        known = glue.layers()
        whole = packet.copy()
        ip = glue.find(whole, (known.ipv4, known.ipv6))
        if ip is None:
            ip = known.ipv4() if self.family == 4 else known.ipv6()
            whole = ip / whole
            ip = whole
        family = 4 if isinstance(ip, known.ipv4) else 6
        tcp, udp = glue.find(whole, known.tcp), glue.find(whole, known.udp)
        current = self._current
        if current is not None and (":" in current.ends.host) != (family == 6):
            current = None
        opens = tcp is not None and int(tcp.flags) & 0x12 == 0x02 and not {"sport", "dport"} & set(tcp.fields)
        if opens and (current is None or current.nxt != current.iss or current.irs is None):
            current = None  # a SYN begins a flow of its own, unless it answers the host's
        if "src" not in ip.fields:
            ip.src = current.ends.peer if tcp is not None and current is not None else self.address(family)
        if "dst" not in ip.fields:
            ip.dst = current.ends.host if tcp is not None and current is not None else self.host_address(family)
        if tcp is not None:
            if "sport" not in tcp.fields:
                tcp.sport = current.ends.peer_port if current is not None else self.free_port()
            if "dport" not in tcp.fields:
                tcp.dport = current.ends.host_port if current is not None else self._listening_port(family)
            ends = ends_of(whole, from_host=False)
            assert ends is not None
            self._flow(ends).fill(tcp, self.now)
        elif udp is not None and "sport" not in udp.fields:
            udp.sport = self.free_port()
        return whole

    def free_port(self) -> int:
        """A port of the peer that no flow has yet."""
        self._last_port += 1
        return self._last_port

    def _listening_port(self, family: int) -> int:
        size = 4 if family == 4 else 16
        return next((port for local, port in self.host.listeners if len(local) == size), 80)

    def _take(self, heard: Heard) -> None:
        ends = ends_of(heard.packet, from_host=True)
        if ends is not None:
            flow = self._current = self._flow(ends)
            flow.on_taken(glue.find(heard.packet, glue.layers().tcp))

    def _collect(self) -> None:
        """Takes what the host has sent until now, and checks that it is well built."""
        for at, data in self._solo.collect():
            read = glue.read(data)
            read.time = at / 1e9
            self._log.append((at, "<", data))
            problem = glue.misbuilt(read, data)
            if problem is not None:
                raise AssertionError(self._complaint("the host has sent a packet that is not well built", problem))
            heard = Heard(at, data, read)
            self.heard.append(heard)
            self._pending.append(heard)

    def _advance(self, end: int, *, stop_at_packet: bool = False) -> None:
        self._solo.advance(end, stop_at_packet=stop_at_packet)
        self._collect()

    def _complaint(
        self, what: str, expected: str, actual: str = "", problems: Any = (), heard: Heard | None = None
    ) -> str:
        lines = [f"{what}: {'; '.join(problems)}" if problems else what, f"  expected: {expected}"]
        if actual:
            lines.append(f"  actual:   {actual}")
        if heard is not None:
            lines.append(line(heard.at, "<", heard.data))
        waiting = {id(h.data) for h in self._pending}
        before = [entry for entry in self._log if id(entry[2]) not in waiting][-_SHOWN:]
        if before:
            lines.append("the packets before it (> the peer's, < the host's):")
            lines += [line(*entry) for entry in before]
        return "\n".join(lines)


def _neighbour(address: bytes, prefix: int) -> str:
    """Another address of the network that `address` is in."""
    network = ip_network((address, prefix), strict=False)
    first = int(network.network_address)
    others = (first + step for step in (1, 2, 0, 3))
    bits = 8 * len(address)
    for other in others:
        packed = (other % (1 << bits)).to_bytes(len(address), "big")
        if packed != address and (prefix >= bits - 1 or other != first):
            return str(ip_address(packed))
    raise AssertionError("a network has more than one address")
