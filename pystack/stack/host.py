"""One host, sans-IO: IP packets in, IP packets and events out.

A driver (the trio pump, the simulator, a script runner) feeds `receive`, calls `on_deadline` when `next_deadline` has
come, and after each of these, and after each call of an application, takes `poll_transmit` until it is None and then
`poll_event` until it is None.
"""

from collections import deque
from collections.abc import Callable

from pystack.ip.datagram import Datagram
from pystack.ip.layer import Ip
from pystack.ip.names import names_of
from pystack.stack import demux, opening
from pystack.stack.config import Config
from pystack.stack.connections import Connections
from pystack.stack.datagrams import Datagrams
from pystack.stack.deadlines import Deadlines
from pystack.stack.echoes import Echoes
from pystack.stack.endpoint import Endpoint
from pystack.stack.errors import AddressInUse, OutOfMemory
from pystack.stack.listener import Listener
from pystack.stack.memory import Account, Memory
from pystack.stack.metrics import Metrics
from pystack.stack.ports import Ports
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.events import Event
from pystack.tcp.state import State
from pystack.udp.endpoint import UdpEndpoint
from pystack.wire import tcp
from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.packet import Packet
from pystack.wire.tcp import RST

_ONE_PACKET = 0
"""Budget of a device without segmentation offload."""

_LOOPED_AT_ONCE = 64
"""Packets that a host takes from itself before the device gets its turn."""


class Host:
    """A host with the addresses of `config`. `entropy(n)` gives n random bytes: the only source of randomness."""

    def __init__(self, config: Config, entropy: Callable[[int], bytes]) -> None:
        self.config = config
        self.metrics = Metrics()
        self.memory = Memory(config.memory)
        self.ip = Ip(
            config.ip,
            config.addresses,
            config.mtu,
            config.ttl,
            entropy,
            self.metrics.count,
            lambda: self.memory.is_short,
        )
        self.routes = self.ip.routes
        self.ports = Ports(*config.ephemeral_ports, entropy)
        self.connections = Connections(entropy(32), self.ip.pmtu, self.memory, config.max_tw, self.metrics.count)
        self.listeners: dict[tuple[bytes, int], Listener] = {}
        self.datagrams = Datagrams(
            self.ip,
            config.udp,
            config.ttl,
            Ports(*config.ephemeral_ports, entropy),
            self.memory,
            self.metrics.count,
            self._has_news,
        )
        self.echoes = Echoes(self.ip, config.udp, config.ttl, entropy, self.memory, self.metrics.count, self._has_news)
        self.serving: Endpoint | None = None
        """Whose code runs, for `give_up_serving`."""
        self._fragments = Account(self.memory)
        """What incomplete datagrams hold."""
        self._deadlines = Deadlines(self.connections.by_id)
        self._time_waits = Deadlines(self.connections.time_waits)
        self._touched: deque[Endpoint] = deque()
        self._held_back: list[Endpoint] = []
        """Connections within the host whose turn comes again when `ip.loopback` is less busy."""
        self._events: deque[tuple[Endpoint | Listener | UdpEndpoint, Event]] = deque()

    # What the network does

    def receive(self, packet: Buffer, now: int, *, looped: bool = False) -> None:
        """One IP packet has arrived, from this host itself where it is `looped`. It belongs to the caller again when
        this returns. Whatever is wrong with it is counted and never raised.
        """
        self.serving = None
        arrived = self.ip.receive(packet, now, looped=looped)
        self._fragments.holds(self.ip.held)
        if arrived is None:
            return
        try:
            if isinstance(arrived, Datagram):
                demux.datagram_arrives(self, arrived, now)
            else:
                demux.icmp_error_arrives(self, arrived, now)
        except Malformed as reason:
            self.metrics.count(reason.counter)

    def poll_transmit(self, now: int) -> Packet | None:
        """The next packet for the device; None when nothing is due. Connections take turns, one segment each. What is
        for this host itself waits for `on_deadline`, which is due at once then.
        """
        while (packet := self._next_packet(now)) is not None:
            if not self.ip.loops_back(packet, now):
                return packet
        return None

    def _next_packet(self, now: int) -> Packet | None:
        packet = self.ip.poll_transmit()
        if packet is not None:
            return packet
        touched = self._touched
        while touched:
            endpoint = self.serving = touched.popleft()
            if endpoint.id not in self.connections.by_id:
                endpoint.touched = False  # it is over, or has given way to another, and must not speak any more
                self.connections.charge(endpoint)
                continue
            if self.ip.loopback.is_busy and self.routes.is_own(endpoint.remote):
                self._held_back.append(endpoint)
                continue
            stats = endpoint.connection.stats
            resent = stats.retrans_segs
            seg = endpoint.connection.poll_transmit(now, _ONE_PACKET)
            resent = stats.retrans_segs - resent
            if seg is not None:
                touched.append(endpoint)
                self.metrics.count(names_of(endpoint.local).out_requests)
                if resent:
                    self.metrics.count("TcpRetransSegs", resent)
                else:
                    self.metrics.count("TcpOutRsts" if seg.flags & RST else "TcpOutSegs")
                return endpoint.packet(seg, None if endpoint.dont_fragment else self._identification(endpoint))
            endpoint.touched = False
            self._settle(endpoint)
        return None

    def next_deadline(self) -> int | None:
        """When `on_deadline` wants to be called, in nanoseconds; None: not before something else happens."""
        waits = self._deadlines.next(), self._time_waits.next(), self.ip.next_deadline()
        return min((d for d in waits if d is not None), default=None)

    def on_deadline(self, now: int) -> None:
        """The clock has reached `now`: the timers that are due run, and packets from this host itself arrive."""
        self.serving = None
        for remote in self.ip.on_deadline(now):
            demux.path_mtu_changed(self, remote, now)
        self._fragments.holds(self.ip.held)
        for record in self._time_waits.take_due(now):
            self.connections.remove(record)
        for endpoint in self._deadlines.take_due(now):
            self.serving = endpoint
            endpoint.connection.on_deadline(now)
            self.touch(endpoint)
        self._touched.extend(self._held_back)
        self._held_back.clear()
        for _ in range(_LOOPED_AT_ONCE):
            packet = self.ip.loopback.take()
            if packet is None:
                break
            self.receive(packet, now, looped=True)

    def poll_event(self) -> tuple[Endpoint | Listener | UdpEndpoint, Event] | None:
        """The next thing that the layer above must know, None when there is nothing."""
        return self._events.popleft() if self._events else None

    # What applications do

    def connect(
        self,
        remote: bytes,
        remote_port: int,
        now: int,
        *,
        local: bytes | None = None,
        local_port: int = 0,
        config: TcpConfig | None = None,
        ttl: int | None = None,
        tos: int = 0,
    ) -> Endpoint:
        """An active OPEN. Without `local` the host picks the address, without `local_port` the port.

        Raises `InvalidDestination`, `InvalidSource`, `Unreachable`, `AddressNotAvailable`, `AddressInUse` or
        `OutOfMemory`.
        """
        if self.memory.is_short:
            self.metrics.count("PystackMemoryRefusedOpens")
            raise OutOfMemory("the host's memory budget is used up")
        local, local_port = opening.local_name(self, remote, remote_port, local, local_port)
        self.metrics.count("TcpActiveOpens")
        endpoint = self.connections.open(
            Connection.active,
            local,
            local_port,
            remote,
            remote_port,
            config or self.config.tcp,
            now,
            ttl=self.config.ttl if ttl is None else ttl,
            tos=tos,
        )
        self.touch(endpoint)
        return endpoint

    def listen(
        self,
        local: bytes,
        port: int,
        backlog: int,
        config: TcpConfig | None = None,
        *,
        also: tuple[tuple[bytes, int], ...] = (),
    ) -> Listener:
        """A passive OPEN on a port that the caller has bound (`ports.bind`); `backlog` as in `set_backlog`. `also` are
        more names that it has: a listener for both families has two. Raises `AddressInUse`.
        """
        names = ((local, port), *also)
        if any(name in self.listeners for name in names):
            raise AddressInUse(f"port {port} is listening already")
        listener = Listener(names, self.config.syn_queue, config or self.config.tcp, self.config.ttl)
        self.set_backlog(listener, backlog)
        self.listeners |= dict.fromkeys(names, listener)
        return listener

    def set_backlog(self, listener: Listener, backlog: int) -> None:
        """Bounds what waits for `accept`: to `somaxconn` at most, which a negative number asks for, as in Linux."""
        most = self.config.somaxconn
        listener.backlog = backlog if 0 <= backlog < most else most

    def close_listener(self, listener: Listener) -> None:
        """Stops listening; connections that nobody has accepted are reset, as Linux does."""
        for name in listener.names:
            self.listeners.pop(name, None)
        for endpoint in listener.drain():
            endpoint.listener = None
            endpoint.connection.abort()
            endpoint.connection.recvbuf.clear()  # nobody will read it
            self.touch(endpoint)

    def accepted(self, listener: Listener) -> None:
        """A connection of this listener is complete, and waits for `accept`."""
        self.metrics.count("TcpPassiveOpens")
        self._events.append((listener, Event.READABLE))

    def set_mtu(self, mtu: int, now: int) -> None:
        """The device takes packets of `mtu` bytes from now on. Connections go on with packets that fit."""
        self.ip.pmtu.mtu = mtu
        for endpoint in self.endpoints():
            demux.follow_path(self, endpoint, now)

    def set_addresses(self, addresses: tuple[tuple[bytes, int], ...]) -> None:
        """The host has these addresses from now on, as in `Config.addresses`. Connections from an address that it has
        lost go on speaking from there, as in Linux, and hear nothing. Raises `ValueError` as `Routes` does.
        """
        self.routes.set_addresses(addresses)

    def touch(self, endpoint: Endpoint) -> None:
        """To be called after each call on a connection: it may have something to send now."""
        if not endpoint.touched:
            endpoint.touched = True
            self._touched.append(endpoint)

    def endpoints(self) -> list[Endpoint]:
        """All connections, oldest first, but those in TIME-WAIT that no application holds."""
        return list(self.connections.by_id.values())

    def abort_all(self) -> None:
        """Resets every connection and closes every listener."""
        for listener in list(self.listeners.values()):
            self.close_listener(listener)
        for endpoint in self.endpoints():
            endpoint.connection.abort()
            self.touch(endpoint)
        for record in list(self.connections.time_waits.values()):
            self.connections.remove(record)

    def give_up_serving(self) -> None:
        """One of the calls above has raised, which is a defect of ours. The connection that it was at is reset, or
        dropped where even that fails; all others go on.
        """
        endpoint, self.serving = self.serving, None
        if endpoint is not None:
            connection = endpoint.connection
            try:
                if connection.ending is not None:
                    raise RuntimeError("it was reset for a defect before, and has failed again")
                connection.abort()
            except Exception:
                connection.discard()
                self._forget(endpoint)
                self._events.append((endpoint, Event.CLOSED))
            endpoint.touched = False
        for other in self.endpoints():  # whose turn or timers the exception may have skipped
            self.touch(other)

    def _identification(self, endpoint: Endpoint) -> int | None:
        is_v4 = len(endpoint.local) == 4
        return self.ip.identification(endpoint.local, endpoint.remote, tcp.PROTOCOL) if is_v4 else None

    def _settle(self, endpoint: Endpoint) -> None:
        """A connection has nothing more to send: pass its events on, and see to its timers or its end."""
        connection = endpoint.connection
        if connection.orphaned and connection.state is State.TIME_WAIT:
            self._let_linger(endpoint)
        events = connection.poll_event()
        if events:
            self._events.append((endpoint, events))
        if connection.state is State.CLOSED:
            self._forget(endpoint)
        else:
            self.connections.charge(endpoint)
            self._deadlines.arm(endpoint)

    def _has_news(self, endpoint: UdpEndpoint) -> None:
        self._events.append((endpoint, Event.READABLE))

    def _forget(self, endpoint: Endpoint) -> None:
        if endpoint.listener is not None:
            endpoint.listener.forget(endpoint)
        self.connections.remove(endpoint)

    def _let_linger(self, endpoint: Endpoint) -> None:
        """The connection is CLOSED here, and goes on as a record, if there is room for one."""
        record = self.connections.let_linger(endpoint)
        if record is None:
            self.metrics.count("TcpExtTCPTimeWaitOverflow")
        else:
            self._time_waits.arm(record)
        endpoint.connection.leave_time_wait()
