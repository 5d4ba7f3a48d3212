"""One host, sans-IO: IP packets in, IP packets and events out.

A driver (the trio pump, the simulator, a script runner) feeds `receive`, calls `on_deadline` when `next_deadline` has
come, and after each of these, and after each call of an application, takes `poll_transmit` until it is None and then
`poll_event` until it is None.
"""

from collections import deque
from collections.abc import Callable

from pystack.stack import icmp, timewait
from pystack.stack.addressing import Addressing, default_mss, family_of, wildcard_of
from pystack.stack.config import Config
from pystack.stack.deadlines import Deadlines
from pystack.stack.endpoint import Endpoint
from pystack.stack.errors import AddressInUse, AddressNotAvailable, InvalidDestination, Unreachable
from pystack.stack.listener import Listener
from pystack.stack.metrics import Metrics
from pystack.stack.ports import Ports
from pystack.tcp.arrival import reset_for
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending, Event
from pystack.tcp.isn import initial_sequence_number, timestamp_offset
from pystack.tcp.state import State
from pystack.wire import ipv4, ipv6, tcp
from pystack.wire.buffers import Buffer
from pystack.wire.checksum import pseudo_sum
from pystack.wire.errors import Malformed
from pystack.wire.packet import Packet
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

_ONE_PACKET = 0
"""Budget of a device without segmentation offload."""

_ISS_UNSET = -1


class Host:
    """A host with the addresses of `config`. `entropy(n)` gives n random bytes: the only source of randomness."""

    def __init__(self, config: Config, entropy: Callable[[int], bytes]) -> None:
        self.config = config
        self.metrics = Metrics()
        self.addressing = Addressing(config.addresses)
        self.ports = Ports(*config.ephemeral_ports, entropy)
        self._secret = entropy(32)
        self._by_key: dict[bytes, Endpoint] = {}
        self._by_id: dict[int, Endpoint] = {}
        self._last_id = 0
        self._listeners: dict[tuple[bytes, int], Listener] = {}
        self._deadlines = Deadlines(self._by_id)
        self._touched: deque[Endpoint] = deque()
        self._out: deque[Packet] = deque()
        self._events: deque[tuple[Endpoint | Listener, Event]] = deque()
        self._serving: Endpoint | None = None
        """Whose code runs, for `give_up_serving`."""

    # What the network does

    def receive(self, packet: Buffer, now: int) -> None:
        """One IP packet has arrived. It belongs to the caller again when this returns. Whatever is wrong with it is
        counted and never raised.
        """
        self._serving = None
        self.metrics.count("IpInReceives")
        try:
            version = packet[0] >> 4 if packet else 0
            if version == 4:
                self._receive_v4(ipv4.parse(packet), now)
            elif version == 6:
                self._receive_v6(ipv6.parse(packet), now)
            else:
                raise Malformed("IpInHdrErrors", "neither IPv4 nor IPv6")
        except Malformed as reason:
            self.metrics.count(reason.counter)

    def poll_transmit(self, now: int) -> Packet | None:
        """The next packet to send; None when nothing is due. Connections take turns, one segment each."""
        if self._out:
            self.metrics.count("IpOutRequests")
            return self._out.popleft()
        touched = self._touched
        while touched:
            endpoint = self._serving = touched.popleft()
            seg = endpoint.connection.poll_transmit(now, _ONE_PACKET)
            if seg is not None:
                touched.append(endpoint)
                self.metrics.count("IpOutRequests")
                self.metrics.count("TcpOutRsts" if seg.flags & RST else "TcpOutSegs")
                return self._packet(
                    seg, endpoint.local, endpoint.local_port, endpoint.remote, endpoint.remote_port, endpoint.pseudo
                )
            endpoint.touched = False
            self._settle(endpoint)
        return None

    def next_deadline(self) -> int | None:
        """When `on_deadline` wants to be called, in nanoseconds; None: not before something else happens."""
        return self._deadlines.next()

    def on_deadline(self, now: int) -> None:
        """The clock has reached `now`: the timers that are due run."""
        for endpoint in self._deadlines.take_due(now):
            self._serving = endpoint
            endpoint.connection.on_deadline(now)
            self.touch(endpoint)

    def poll_event(self) -> tuple[Endpoint | Listener, Event] | None:
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
    ) -> Endpoint:
        """An active OPEN. Without `local` the host picks the address, without `local_port` the port.

        Raises `InvalidDestination`, `Unreachable`, `AddressNotAvailable` or `AddressInUse`.
        """
        if not self.addressing.is_unicast(remote) or not remote_port:
            raise InvalidDestination("no host can have this address")
        if local is None or not any(local):
            local = self.addressing.source_for(remote)
            if local is None:
                raise Unreachable("no address of this family")
        elif not self.addressing.is_own(local) or len(local) != len(remote):
            raise AddressNotAvailable("not an address of this host")
        ends = remote, local, remote_port.to_bytes(2, "big")

        def key(port: int) -> bytes:
            return ends[0] + ends[1] + ends[2] + port.to_bytes(2, "big")

        if not local_port:
            local_port = self.ports.ephemeral(lambda p: key(p) not in self._by_key)
        elif key(local_port) in self._by_key:
            raise AddressInUse("this connection exists")
        connection = self._connection(Connection.active, key(local_port), local, now, config or self.config.tcp)
        self.metrics.count("TcpActiveOpens")
        return self._add(key(local_port), connection, local, local_port, remote, remote_port)

    def listen(self, local: bytes, port: int, backlog: int, config: TcpConfig | None = None) -> Listener:
        """A passive OPEN on a port that the caller has bound (`ports.bind`). Raises `AddressInUse`."""
        if (local, port) in self._listeners:
            raise AddressInUse(f"port {port} is listening already")
        listener = Listener(
            local,
            port,
            min(max(backlog, 0), self.config.somaxconn),
            self.config.syn_queue,
            config or self.config.tcp,
        )
        self._listeners[local, port] = listener
        return listener

    def close_listener(self, listener: Listener) -> None:
        """Stops listening; connections that nobody has accepted are reset, as Linux does."""
        self._listeners.pop((listener.local, listener.port), None)
        for endpoint in listener.drain():
            endpoint.listener = None
            endpoint.connection.abort()
            self.touch(endpoint)

    def touch(self, endpoint: Endpoint) -> None:
        """To be called after each call on a connection: it may have something to send now."""
        if not endpoint.touched:
            endpoint.touched = True
            self._touched.append(endpoint)

    def endpoints(self) -> list[Endpoint]:
        """All connections, oldest first."""
        return list(self._by_id.values())

    def abort_all(self) -> None:
        """Resets every connection and closes every listener."""
        for listener in list(self._listeners.values()):
            self.close_listener(listener)
        for endpoint in self.endpoints():
            endpoint.connection.abort()
            self.touch(endpoint)

    def give_up_serving(self) -> None:
        """One of the calls above has raised, which is a defect of ours. The connection that it was at is reset, or
        dropped where even that fails; all others go on.
        """
        endpoint, self._serving = self._serving, None
        if endpoint is not None:
            connection = endpoint.connection
            try:
                if connection.ending is not None:
                    raise RuntimeError("it was reset for a defect before, and has failed again")
                connection.abort()
            except Exception:
                connection.ending = connection.ending or Ending.ABORTED
                connection.tcb.state = State.CLOSED
                if endpoint.listener is not None:
                    endpoint.listener.forget(endpoint)
                self._remove(endpoint)
                self._events.append((endpoint, Event.CLOSED))
            endpoint.touched = False
        for other in self.endpoints():  # whose turn or timers the exception may have skipped
            self.touch(other)

    # The way in

    def _receive_v4(self, header: ipv4.Header, now: int) -> None:
        if header.more_fragments or header.fragment_offset:
            self.metrics.count("IpReasmFails")
        elif not self._is_for_us(header):
            self.metrics.count("IpInAddrErrors")
        elif header.protocol == tcp.PROTOCOL:
            self._receive_tcp(header, now)
        elif header.protocol == icmp.PROTOCOL_V4:
            self._answer(icmp.echo_reply_v4(header, self.config.ttl), "IcmpInMsgs")
        else:
            self.metrics.count("IpInUnknownProtos")

    def _receive_v6(self, header: ipv6.Header, now: int) -> None:
        if not self._is_for_us(header):
            self.metrics.count("Ip6InAddrErrors")
        elif header.protocol == tcp.PROTOCOL:
            self._receive_tcp(header, now)
        elif header.protocol == icmp.PROTOCOL_V6:
            self._answer(icmp.echo_reply_v6(header, self.config.ttl), "Icmp6InMsgs")
        else:
            self.metrics.count("Ip6InUnknownProtos")

    def _is_for_us(self, header: ipv4.Header | ipv6.Header) -> bool:
        return self.addressing.is_own(header.dst) and self.addressing.is_unicast(header.src)

    def _answer(self, packet: Packet | None, counter: str) -> None:
        self.metrics.count(counter)
        if packet is not None:
            self._out.append(packet)

    def _receive_tcp(self, header: ipv4.Header | ipv6.Header, now: int) -> None:
        self.metrics.count("TcpInSegs")
        payload = header.payload
        seg = tcp.parse(payload, pseudo_sum(header.src, header.dst, tcp.PROTOCOL, len(payload)))
        key = header.src + header.dst + bytes(payload[:4])
        endpoint = self._by_key.get(key)
        iss = _ISS_UNSET
        if endpoint is not None:
            old = endpoint.connection
            if old.tcb.state is not State.TIME_WAIT or not timewait.may_reuse(old, seg):
                self._deliver(endpoint, seg, now)
                return
            iss = old.tcb.snd.nxt + timewait.ISN_STEP & 0xFFFFFFFF
        listener = self._listeners.get((header.dst, seg.dst_port)) or self._listeners.get(
            (wildcard_of(header.dst), seg.dst_port)
        )
        if listener is None:
            if endpoint is not None:
                self._deliver(endpoint, seg, now)  # TIME-WAIT challenges a SYN that nobody waits for
            else:
                self._refuse(seg, header)
            return
        if seg.flags & (SYN | ACK | RST | FIN) != SYN:
            # RFC 9293 section 3.10.7.2: an ACK is reset, what is no SYN dropped; and a SYN with a FIN opens nothing.
            if seg.flags & ACK:
                self._refuse(seg, header)
            return
        if listener.is_full:
            # A client whose SYN is dropped tries again; one whose connection cannot be accepted would wait in vain.
            self.metrics.count("TcpExtListenOverflows")
            return
        if endpoint is not None:
            self.metrics.count("TcpExtTWRecycled")
            self._remove(endpoint)
        self._passive_open(listener, key, seg, header, now, iss)

    def _deliver(self, endpoint: Endpoint, seg: Segment, now: int) -> None:
        listener = endpoint.listener
        connection = endpoint.connection
        completes = connection.tcb.state is State.SYN_RECEIVED and not seg.flags & RST
        if completes and listener is not None and listener.is_full:
            self.metrics.count("TcpExtListenOverflows")  # the last ACK is dropped, and will be repeated
            return
        self._serving = endpoint
        connection.receive(seg, now)
        self.touch(endpoint)

    def _passive_open(
        self, listener: Listener, key: bytes, seg: Segment, header: ipv4.Header | ipv6.Header, now: int, iss: int
    ) -> None:
        connection = self._connection(Connection.passive, key, header.dst, now, listener.config, iss)
        endpoint = self._add(key, connection, header.dst, seg.dst_port, header.src, seg.src_port)
        endpoint.listener = listener
        connection.receive(seg, now)
        oldest = listener.half_open(endpoint)
        if oldest is not None:
            self.metrics.count("TcpExtReqQFullDrop")
            self._remove(oldest)

    def _refuse(self, seg: Segment, header: ipv4.Header | ipv6.Header) -> None:
        """Nobody listens: a RST by the book (RFC 9293 section 3.10.7.1)."""
        reply = reset_for(seg)
        if reply is None:
            return
        self.metrics.count("TcpOutRsts")
        pseudo = pseudo_sum(header.dst, header.src, tcp.PROTOCOL, 0)
        self._out.append(self._packet(reply, header.dst, seg.dst_port, header.src, seg.src_port, pseudo))

    # The way out

    def _packet(self, seg: Segment, src: bytes, src_port: int, dst: bytes, dst_port: int, pseudo: int) -> Packet:
        head = tcp.build_header(seg, src_port, dst_port)
        length = len(head) + seg.size
        head = tcp.fill_checksum(head, seg.pieces, pseudo + length)
        ip = family_of(src).build_header(src, dst, tcp.PROTOCOL, length, ttl=self.config.ttl)
        return Packet((ip + head, *seg.pieces), seg.reason, seg.mss)

    def _settle(self, endpoint: Endpoint) -> None:
        """A connection has nothing more to send: pass its events on, and see to its timers or its end."""
        connection = endpoint.connection
        events = connection.poll_event()
        listener = endpoint.listener
        if events and listener is not None and events & Event.CONNECTED:
            listener.completed(endpoint)
            self.metrics.count("TcpPassiveOpens")
            self._events.append((listener, Event.READABLE))
        if events:
            self._events.append((endpoint, events))
        if connection.tcb.state is State.CLOSED:
            if listener is not None:
                listener.forget(endpoint)
            self._remove(endpoint)
        else:
            self._deadlines.arm(endpoint)

    # Connections

    def _connection(
        self,
        make: Callable[..., Connection],
        key: bytes,
        local: bytes,
        now: int,
        config: TcpConfig,
        iss: int = _ISS_UNSET,
    ) -> Connection:
        return make(
            config,
            iss=initial_sequence_number(self._secret, key, now) if iss == _ISS_UNSET else iss,
            advmss=self.config.mtu - family_of(local).HEADER_BYTES - tcp.HEADER_BYTES,
            default_mss=default_mss(local),
            ts_offset=timestamp_offset(self._secret, key),
        )

    def _add(
        self, key: bytes, connection: Connection, local: bytes, local_port: int, remote: bytes, remote_port: int
    ) -> Endpoint:
        self._last_id += 1
        pseudo = pseudo_sum(local, remote, tcp.PROTOCOL, 0)
        endpoint = Endpoint(self._last_id, key, connection, local, local_port, remote, remote_port, pseudo)
        self._by_id[endpoint.id] = endpoint
        self._by_key[key] = endpoint
        self.touch(endpoint)
        return endpoint

    def _remove(self, endpoint: Endpoint) -> None:
        self._by_id.pop(endpoint.id, None)
        if self._by_key.get(endpoint.key) is endpoint:
            del self._by_key[endpoint.key]
