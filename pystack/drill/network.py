"""The network and the remote host that a script plays: which connection it speaks of, what it says and hears."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pystack.drill.dut import Dut
from pystack.drill.flow import Flow
from pystack.drill.script import Direction, Icmp, Packet, Tcp, Udp
from pystack.drill.settings import Settings
from pystack.drill.wireform import Ends, Heard, build, hear
from pystack.wire import tcp, udp

_FIRST_PORT: Final = 40000
_SHOWN: Final = 12


class Past(NamedTuple):
    """A packet that went by: when (nanoseconds of the stack's clock), and how a script would write it."""

    at: int
    packet: Packet


@dataclass(slots=True)
class _Socket:
    """The socket that is current. `fd`: the script's number; a passive child has none before it is accepted."""

    fd: int | None
    protocol: int
    flow: Flow | None = None


class Network:
    """All that is not the stack under test and its application. `history`: the last packets, in the script's
    numbers.
    """

    def __init__(self, dut: Dut, settings: Settings) -> None:
        self._dut = dut
        self._settings = settings
        self._flows: dict[tuple[int, int, int], Flow] = {}
        self._socket: _Socket | None = None
        self._next_port = _FIRST_PORT
        self._queue: deque[tuple[Heard, Flow | None]] = deque()
        self.history: deque[Past] = deque(maxlen=_SHOWN)

    @property
    def now(self) -> int:
        """The stack's time, in nanoseconds."""
        return self._dut.now

    # What the application does

    def on_socket(self, fd: int, protocol: int) -> None:
        """`socket()` gave `fd`, which is current from now on."""
        self.collect()
        self._socket = _Socket(fd, protocol)

    def on_accept(self, fd: int) -> None:
        """`accept()` gave `fd`: that is the child."""
        self.collect()
        if self._socket is not None and self._socket.fd is None:
            self._socket.fd = fd

    @property
    def fd(self) -> int | None:
        """The script's number of the current connection, `None` where it has none yet."""
        current = self._socket
        return current.fd if current is not None and current.flow is not None else None

    # What the peer says

    def say(self, packet: Packet) -> None:
        """Injects an inbound packet. `ValueError` says why there cannot be such a one."""
        self.collect()
        body = packet.body
        match body:
            case Tcp():
                flow = self._flow_of(body.ports, Direction.INBOUND) or self._child(tcp.PROTOCOL)
                flow.on_said(body)
                live = replace(packet, body=flow.to_live(body, scaled_echoes=self._settings.ts_ecr_scaled))
            case Udp():
                flow = self._flow_of(None, Direction.INBOUND) or self._child(udp.PROTOCOL)
                live = packet
            case Icmp():
                found = self._flow_of(None, Direction.INBOUND)
                if found is None:
                    raise ValueError("there is no connection that this could be about")
                flow, live = found, self._quoted(packet, found)
        self._dut.inject(build(live, self._ends_of(flow)))
        self.history.append(Past(self._dut.now, packet))
        self.collect()

    def _quoted(self, packet: Packet, flow: Flow) -> Packet:
        return flow.quoted_to_live(packet) if flow.protocol == tcp.PROTOCOL else packet

    def _flow_of(self, ports: tuple[int, int] | None, direction: Direction) -> Flow | None:
        """The flow of the ports that a line says (and then there is one), else the current one."""
        if ports is None:
            return None if self._socket is None else self._socket.flow
        local, remote = ports if direction is Direction.OUTBOUND else ports[::-1]
        return self._flow(tcp.PROTOCOL, local, remote)

    def _flow(self, protocol: int, local: int, remote: int) -> Flow:
        key = (protocol, local, remote)
        if key not in self._flows:
            self._flows[key] = Flow(local, remote, protocol)
        return self._flows[key]

    def _child(self, protocol: int) -> Flow:
        """A peer speaks first: its connection is current from now on."""
        if protocol == udp.PROTOCOL:
            flow = self._flow(protocol, self._settings.bind_port, self._settings.connect_port)
            if self._socket is not None and self._socket.protocol == protocol:
                self._socket.flow = flow
                return flow
        else:
            flow = self._flow(protocol, self._settings.bind_port, self._next_port)
            self._next_port += 1
        self._socket = _Socket(None, protocol, flow)
        return flow

    def _ends_of(self, flow: Flow) -> Ends:
        settings = self._settings
        return Ends(settings.remote_ip, settings.local_ip, flow.remote_port, flow.local_port, flow.protocol)

    # What the stack says

    def collect(self) -> None:
        """Takes what the stack has sent until now."""
        for at, data in self._dut.drain():
            heard = hear(at, data, self._settings.local_ip, self._settings.remote_ip)
            if heard.packet is None and not heard.problems:
                continue
            if heard.packet is None or isinstance(heard.packet.body, Icmp) or heard.ends is None:
                self._queue.append((heard, None))
                continue
            flow = self._known(heard.packet, heard.ends)
            if flow is not None:
                if isinstance(heard.packet.body, Tcp):
                    flow.on_heard(heard.packet.body)
                self._queue.append((heard, flow))

    def _known(self, packet: Packet, ends: Ends) -> Flow | None:
        """Whose packet this is; `None`: nobody's. A socket's own ports are known once it opens a connection."""
        flow = self._flows.get((ends.protocol, ends.local_port, ends.remote_port))
        current = self._socket
        if flow is not None or current is None or current.flow is not None or current.protocol != ends.protocol:
            return flow
        opens = not isinstance(packet.body, Tcp) or packet.body.flags & (tcp.SYN | tcp.ACK) == tcp.SYN
        if not opens or ends.remote_port != self._settings.connect_port:
            return None
        current.flow = self._flow(ends.protocol, ends.local_port, ends.remote_port)
        return current.flow

    def take(self, ports: tuple[int, int] | None, until: int) -> tuple[Heard, Flow | None] | None:
        """The next packet of the current connection, or of these ports: what is there, else the first that comes before
        the time `until`. `None`: none has come.
        """
        while True:
            self.collect()
            flow = self._flow_of(ports, Direction.OUTBOUND)
            for entry in self._queue:
                if entry[1] is None or entry[1] is flow:
                    self._queue.remove(entry)
                    return entry
            if self._dut.now >= until:
                return None
            self._dut.advance(until, stop_at_packet=True)

    def give_back(self, heard: Heard, flow: Flow | None) -> None:
        """This is the next packet again."""
        self._queue.appendleft((heard, flow))
