"""IP for one host: the one class that the layers below see. Its rooms decide; this ties them together."""

from collections import deque
from collections.abc import Callable

from pystack.ip import icmp
from pystack.ip.config import IpConfig
from pystack.ip.datagram import Datagram
from pystack.ip.errors import Errors
from pystack.ip.fragment import Fragmenter, MessageTooLong
from pystack.ip.icmp import Error
from pystack.ip.loopback import Loopback
from pystack.ip.names import V4, V6, Count, names_of
from pystack.ip.pmtu import LEAST_V6, PathMtu
from pystack.ip.receive import Receiver
from pystack.ip.routes import Routes
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6
from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message
from pystack.wire.packet import Packet


class Ip:
    """IP for a host with these `addresses` on a device of `mtu` bytes. `entropy(n)` gives n random bytes, `count` takes
    the names of counters; while `memory_is_short` no datagram is begun of which only a fragment is there.

    `routes` and `pmtu` may be asked; `errors` may be told of what a transport cannot use; `loopback` holds what this
    host has to take in itself.
    """

    def __init__(
        self,
        config: IpConfig,
        addresses: tuple[tuple[bytes, int], ...],
        mtu: int,
        ttl: int,
        entropy: Callable[[int], bytes],
        count: Count,
        memory_is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        self.routes = Routes(addresses, config.routes, config.deprecated)
        self.pmtu = PathMtu(mtu, floor=config.min_pmtu, lifetime=config.mtu_expires)
        self.errors = Errors(
            self.routes,
            self.emit,
            count,
            ttl=ttl,
            per_host=config.icmp_ratelimit,
            per_second=config.icmp_msgs_per_sec,
            burst=config.icmp_msgs_burst,
        )
        self._ttl = ttl
        self._count = count
        self._fragmenter = Fragmenter(entropy(32), entropy)
        self._receiver = Receiver(
            self.routes,
            self.errors,
            count,
            budget_v4=config.fragment_memory_v4,
            budget_v6=config.fragment_memory_v6,
            timeout_v4=config.fragment_timeout_v4,
            timeout_v6=config.fragment_timeout_v6,
            memory_is_short=memory_is_short,
        )
        self.loopback = Loopback()
        self._out: deque[Packet] = deque()

    def receive(self, packet: Buffer, now: int, *, looped: bool = False) -> Datagram | Error | None:
        """A packet has arrived, by the device or (`looped`) from `loopback`. Returns what it has for a transport: a
        datagram that is whole with it (of ICMP an echo reply alone), or an error about a packet that the host sent.
        Whatever else becomes of it is done or counted here; never raises.
        """
        datagram = self._receiver.receive(packet, now, looped=looped)
        if datagram is None or datagram.protocol != icmp.protocol_of(datagram.src):
            return datagram
        try:
            return self._receive_icmp(datagram, now)
        except Malformed as reason:
            self._count(reason.counter)
        except MessageTooLong:  # counted by `send`
            pass
        return None

    def send(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        pieces: tuple[Buffer, ...],
        now: int,
        *,
        ttl: int | None = None,
        tos: int = 0,
        dont_fragment: bool = False,
        mtu: int | None = None,
        reason: str = "",
    ) -> None:
        """Sends a datagram, in fragments where it does not fit into `mtu` bytes (None: the path MTU). Raises
        `MessageTooLong`.
        """
        names = names_of(src)
        self._count(names.out_requests)
        try:
            packets = self._fragmenter.packets(
                src,
                dst,
                protocol,
                pieces,
                self.pmtu.get(dst, now) if mtu is None else mtu,
                ttl=self._ttl if ttl is None else ttl,
                tos=tos,
                dont_fragment=dont_fragment,
                reason=reason,
            )
        except MessageTooLong:
            self._count(names.frag_fails)
            raise
        if len(packets) > 1:
            self._count(names.frag_oks)
            for _ in packets:
                self._count(names.frag_creates)
        self._out.extend(packets)

    def identification(self, src: bytes, dst: bytes, protocol: int) -> int:
        """For an IPv4 packet that routers may cut (RFC 6864)."""
        return self._fragmenter.identification(src, dst, protocol)

    def emit(self, packet: Packet) -> None:
        """Sends a packet that is complete."""
        self._count((V6 if packet.pieces[0][0] >> 4 == ipv6.VERSION else V4).out_requests)
        self._out.append(packet)

    def poll_transmit(self) -> Packet | None:
        """The next packet to send, None when there is none."""
        return self._out.popleft() if self._out else None

    def loops_back(self, packet: Packet, now: int) -> bool:
        """Whether a packet that is about to leave is for this host itself. Then it is in `loopback` now, or dropped."""
        header = packet.pieces[0]
        if not self.routes.is_own(bytes(header[16:20] if header[0] >> 4 == ipv4.VERSION else header[24:40])):
            return False
        if not self.loopback.put(bytes(packet), now):
            self._count("PystackLoopbackOverflows")
        return True

    def next_deadline(self) -> int | None:
        """When `on_deadline` wants to be called, in nanoseconds; None: not before something else happens."""
        waits = self.loopback.since, self._receiver.next_deadline(), self.pmtu.next_deadline()
        return min((d for d in waits if d is not None), default=None)

    def on_deadline(self, now: int) -> list[bytes]:
        """The clock has reached `now`. Returns the destinations to which larger packets may be tried again."""
        self._receiver.on_deadline(now)
        return self.pmtu.take_expired(now)

    @property
    def held(self) -> int:
        """Bytes of memory that incomplete datagrams hold, by estimate."""
        return self._receiver.held

    def _receive_icmp(self, datagram: Datagram, now: int) -> Datagram | Error | None:
        message = icmp.read(datagram, self._count)
        if isinstance(message, Message):
            if message.type in icmp.ECHO_REPLIES:
                return datagram
            self._answer_echo(message, datagram, now)
            return None
        if message is None:
            return None
        if not self.routes.is_own(message.src):
            raise Malformed(names_of(datagram.src).icmp_in_errors, "an error about a packet that is not ours")
        if self.routes.is_own(message.dst) and not self.routes.is_own(datagram.src):
            raise Malformed(names_of(datagram.src).icmp_in_errors, "an error about a packet that never left this host")
        return message

    def _answer_echo(self, request: Message, datagram: Datagram, now: int) -> None:
        """RFC 1122 section 3.2.2.6; RFC 4443 section 4.2."""
        src, dst = datagram.dst, datagram.src
        if datagram.to_group:
            source = self.routes.source_for(dst)
            if len(dst) == 4 or source is None:
                # One request would have many answers: a known way to flood others. Linux: icmp_echo_ignore_broadcasts.
                self._count("PystackIcmpInEchosToGroups")
                return
            src = source
        names = names_of(src)
        self._count(names.icmp_out_msgs)
        self._count(names.icmp_out_echo_replies)
        mtu = self.pmtu.get(dst, now)
        if len(src) == 4:
            body = icmpv4.build(icmpv4.echo_reply(request))
            protocol = icmpv4.PROTOCOL
        else:
            body = icmpv6.build(icmpv6.echo_reply(request), src, dst)
            protocol = icmpv6.PROTOCOL
            # Every path takes so much (RFC 8201 section 1), so that no "packet too big" about a reply, which whoever
            # has asked in another's name could forge, needs to be believed.
            mtu = min(mtu, LEAST_V6)
        self.send(src, dst, protocol, (body,), now, tos=datagram.tos, mtu=mtu, reason="echo-reply")
