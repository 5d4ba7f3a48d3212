"""What must hold of a host, whatever arrives and whatever its applications do.

After each instruction: what has left is well made, fits the device and carries the bytes that belong there, within the
window; no deadline is past; the invariants of every connection hold; the memory that is counted is what is held, and is
within the budget. A stream that nobody has lied about is read as it was written. At the end nothing is left.
"""

from fuzz_counters import unaccounted
from fuzz_peer import OURS, THEIRS, Flow, text

from pystack.sim.invariants import check_connection
from pystack.sim.solo import Solo
from pystack.sock.calls import Sock
from pystack.sock.constants import MSG_OOB, MSG_PEEK
from pystack.stack.endpoint import Endpoint
from pystack.stack.timewait import HELD
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, ipv6_extensions, tcp, udp
from pystack.wire.checksum import pseudo_sum

_AT_A_TIME = 16384
"""What a connection may queue though memory is short."""
_CONNECTION = 8192


class Oracles:
    """For the host in `solo`, which speaks with `flows`."""

    def __init__(self, solo: Solo, flows: dict[int, Flow]) -> None:
        self._solo = solo
        self._host = solo.host
        self._flows = flows
        self._sent: dict[int, int] = {}
        self._read: dict[int, int] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._all_tainted = False
        self._tainted: set[tuple[int, int, int]] = set()
        """The names of flows, those that are over too."""

    # What may have been said of streams

    def taint_all(self) -> None:
        """Something untrue may have been said in anybody's name."""
        self._all_tainted = True
        for flow in self._flows.values():
            flow.tainted = True

    def sent(self, sock: Sock) -> int:
        """How many bytes this socket has written on its connection."""
        return self._sent.get(sock.endpoint.id, 0) if sock.endpoint is not None else 0

    def sends(self, sock: Sock, size: int, flags: int) -> None:
        """It has written `size` more."""
        assert sock.endpoint is not None
        self._sent[sock.endpoint.id] = self.sent(sock) + size
        if flags & MSG_OOB:
            self.taint_all()  # a connection with itself reads past the byte

    def reads(self, sock: Sock, data: bytes, flags: int) -> None:
        """It has read this."""
        if sock.endpoint is None or flags & MSG_OOB:
            return
        at = self._read.get(sock.endpoint.id, 0)
        if not self._is_tainted(sock.endpoint):
            assert data == text(at, len(data)), f"what is read at {at} is not what was sent"
        if not flags & MSG_PEEK:
            self._read[sock.endpoint.id] = at + len(data)

    def _is_tainted(self, endpoint: Endpoint) -> bool:
        name = OURS.index(endpoint.local), endpoint.remote_port, endpoint.local_port
        return self._all_tainted or name in self._tainted

    # What leaves

    def hears(self, packet: bytes) -> None:
        """The host has sent this. Raises `Malformed` too."""
        assert len(packet) <= self._host.ip.pmtu.mtu, "larger than the device takes"
        view = memoryview(packet)
        if packet[0] >> 4 == 4:
            header = ipv4.parse(view)
            protocol, payload = header.protocol, header.payload
            is_piece = header.more_fragments or header.fragment_offset > 0
            assert header.total_length == len(packet)
        else:
            header6 = header = ipv6.parse(view)
            chain = ipv6_extensions.walk(header6.protocol, header6.payload)
            protocol, payload, is_piece = chain.protocol, chain.payload, chain.fragment is not None
            assert len(header6.payload) + ipv6.HEADER_BYTES == len(packet)
        assert header.src in OURS, "from an address of somebody else"
        assert not self._host.routes.is_own(header.dst), "what is for this host itself does not leave it"
        if is_piece:
            return
        pseudo = pseudo_sum(header.src, header.dst, protocol, len(payload))
        if protocol == tcp.PROTOCOL:
            self._hears_segment(header.dst, tcp.parse(payload, pseudo))
        elif protocol == udp.PROTOCOL:
            udp.parse(payload, pseudo, checksum_required=True)
        elif protocol == icmpv4.PROTOCOL:
            icmpv4.parse(payload)
        else:
            assert protocol == icmpv6.PROTOCOL
            icmpv6.parse(payload, header.src, header.dst)

    def _hears_segment(self, dst: bytes, seg: tcp.Segment) -> None:
        if dst not in THEIRS:
            return  # an answer to a packet whose source was patched
        name = THEIRS.index(dst), seg.dst_port, seg.src_port
        for flow in self._flows.values():
            if flow.name == name:
                flow.hears(seg)

    # What holds

    def check(self) -> None:
        """After an instruction, with everything sent that was due."""
        host, now = self._host, self._solo.now
        self._tainted |= {flow.name for flow in self._flows.values() if flow.tainted}
        deadline = host.next_deadline()
        assert deadline is None or deadline >= now, "a deadline that is past"
        endpoints = host.endpoints()
        for endpoint in endpoints:
            check_connection(endpoint.connection, now)
        self._check_memory(endpoints)

    def _check_memory(self, endpoints: list[Endpoint]) -> None:
        host = self._host
        waiting = [e for listener in host.listeners.values() for e in listener._ready]
        self._endpoints |= {e.id: e for e in (*endpoints, *waiting)}
        self._endpoints = {e.id: e for e in self._endpoints.values() if e.charged}
        datagrams = [*host.datagrams.endpoints(), *host.echoes.endpoints()]
        held = (
            sum(e.charged for e in self._endpoints.values())
            + HELD * len(host.connections.time_waits)
            + sum(e.held for e in datagrams)
            + host.ip.held
        )
        assert host.memory.held == held, f"{host.memory.held} bytes are counted, and {held} held"
        tcp_config = host.config.tcp
        overshoot = (len(endpoints) + 1) * (2 * tcp_config.rcvbuf + _CONNECTION + _AT_A_TIME)
        assert held <= host.config.memory + overshoot, "more memory than there is"

    def all_is_freed(self) -> None:
        """After the end of every application and peer."""
        host = self._host
        assert not host.endpoints(), host.endpoints()
        assert not host.connections.time_waits
        assert not host.listeners
        assert not host.datagrams.endpoints()
        assert not host.echoes.endpoints()
        assert not host.ports._bound
        assert host.memory.held == 0, f"{host.memory.held} bytes are never given back"
        assert host.next_deadline() is None
        counters = host.metrics.snapshot()
        received = counters.get("IpInReceives", 0) + counters.get("Ip6InReceives", 0)
        assert not list(unaccounted(counters, received)), list(unaccounted(counters, received))
