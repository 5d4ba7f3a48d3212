"""The properties: what holds of every correct TCP, whatever the network and the applications do. Each is a function
that raises `AssertionError`; `Observer` asks them of simulated hosts, as each packet leaves and after each step.
"""

from collections.abc import Sequence

from pystack.sim.invariants import check_connection
from pystack.sim.node import Node
from pystack.sim.simulation import Simulation
from pystack.stack.connections import key_of
from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.timewait import HELD
from pystack.tcp.connection import Connection
from pystack.tcp.seq import unwrap
from pystack.tcp.state import SYNCHRONIZED
from pystack.wire import ipv4, ipv6, tcp
from pystack.wire.packet import Packet
from pystack.wire.tcp import FIN, RST, SYN, Segment

_CONNECTION = 4736
"""What a connection is charged beside its text."""
_AT_ONCE = 16384
"""What a connection may queue though memory is short."""


def what_is_read_was_written(read: bytes | bytearray, written: bytes | bytearray) -> None:
    """What an application has read is a prefix of what the other has written (RFC 9293 section 3.1)."""
    assert written.startswith(read), f"of {len(read)} bytes read not all are as they were written"


def what_is_acknowledged_has_arrived(sender: Connection, receiver: Connection) -> None:
    """The peer's TCP has everything that a sender was told is acknowledged (RFC 9293 section 3.4)."""
    una, nxt = sender.tcb.snd.una, receiver.tcb.rcv.nxt
    assert una <= nxt, f"{una - nxt} numbers are acknowledged that the peer has not"


def what_has_arrived_is_kept(receiver: Connection) -> None:
    """What a TCP has acknowledged waits for its application, until that has read it or lets go: it takes
    responsibility for it (RFC 9293 section 3.10.7.4, seventh).
    """
    if receiver.state not in SYNCHRONIZED or receiver.orphaned:
        return
    arrived = receiver.tcb.rcv.nxt - receiver.tcb.irs - 1 - receiver.eof
    kept = receiver.stats.bytes_read + receiver.recvbuf.size
    assert kept == arrived, f"of {arrived} bytes acknowledged {kept} are kept"


def new_text_has_room(sender: Connection) -> None:
    """New data has just been sent, and before that the flight was less than the congestion window (RFC 5681 section
    3.1). Flight is what Linux and RFC 6675 count: without what has left the network, be it by duplicate ACKs, which is
    limited transmit (RFC 3042). A retransmission, be it the first after a time-out, and a window probe are not new
    data.
    """
    board = sender.board
    newest = list(board)[-1]
    before = board.in_flight - newest.packets
    assert before < sender.cc.cwnd, f"new data with {before} packets in flight, and a window of {sender.cc.cwnd}"


def the_window_is_kept(edge: int, furthest: int) -> None:
    """The right edge that a sender uses is not beyond the furthest that its peer has ever offered (RFC 9293 section
    3.8.6). Window probes of this TCP have an old number, so that they are no exception.
    """
    assert edge <= furthest, f"sent {edge - furthest} beyond the furthest window ever offered"


def the_offer_is_kept(edge: int, furthest: int) -> None:
    """A receiver does not take back what it has offered: the right edge never moves left (RFC 9293 SHLD-14)."""
    assert edge >= furthest, f"the right edge has moved {furthest - edge} to the left"


def deadlines_are_ahead(host: Host, now: int) -> None:
    """Whatever was due has been done: no deadline is past after `on_deadline`."""
    upcoming = host.next_deadline()
    assert upcoming is None or upcoming >= now, f"a deadline that is {now - upcoming} ns past"


def memory_is_counted(host: Host, ever: Sequence[Endpoint]) -> None:
    """What the host counts as held is what is held. `ever` are all its TCP connections, those that are over too."""
    charged = sum(endpoint.charged for endpoint in ever)
    held = charged + HELD * len(host.connections.time_waits) + host.ip.held
    assert host.memory.held == held, f"{host.memory.held} bytes are counted, and {held} charged"
    for endpoint in host.endpoints():
        holds = endpoint.connection.memory
        assert endpoint.touched or endpoint.charged >= holds + _CONNECTION, f"{endpoint.charged} charged for {holds}"


def memory_is_within_budget(host: Host, promised: Sequence[int]) -> None:
    """The host holds no more than its budget, but for what was `promised` before memory ran short (of each connection
    the largest window that it has offered, in bytes), twice that at most since buffers are kept whole, and for the
    little with which each connection goes on.
    """
    held, budget = host.memory.held, host.config.memory
    beyond = 2 * sum(promised) + (len(promised) + 1) * (_CONNECTION + _AT_ONCE)
    assert held <= budget + beyond, f"{held} bytes held, of {budget}, with {promised} promised"


def nothing_is_left(host: Host) -> None:
    """Both applications have closed or aborted, and the path has healed or R2 has passed: every connection is CLOSED,
    all memory is given back, and nothing will ever happen again.
    """
    assert not host.endpoints(), host.endpoints()
    assert not host.connections.time_waits
    assert host.memory.held == 0, f"{host.memory.held} bytes are never given back"
    assert host.next_deadline() is None


class End:
    """One end of a connection, and what was seen of it."""

    def __init__(self, host: Host, endpoint: Endpoint) -> None:
        self.host = host
        self.endpoint = endpoint
        self.connection = endpoint.connection
        self.peer: End | None = None
        self.furthest: int | None = None
        """The furthest right edge that it has offered, as its packets say."""
        self.largest = 0
        """The largest window that it has offered, in bytes."""


class Observer:
    """Asks the properties of these hosts of a simulation. `ends` are all ends of TCP connections there ever were, also
    of hosts that have crashed.
    """

    def __init__(self, lab: Simulation, *nodes: Node) -> None:
        self._lab = lab
        self._nodes = {node.name: node for node in nodes}
        self.ends: dict[Endpoint, End] = {}
        lab.taps.append(self._on_packet)

    def check(self) -> None:
        """After a step of the network."""
        now = self._lab.clock.now
        for node in self._nodes.values():
            if not node.is_up:
                continue
            host = node.stack
            deadlines_are_ahead(host, now)
            for endpoint in host.endpoints():
                end = self._end(host, endpoint)
                check_connection(end.connection, now)
                what_has_arrived_is_kept(end.connection)
                peer = self._peer(end)
                if peer is not None:
                    what_is_acknowledged_has_arrived(end.connection, peer.connection)
            ends = [end for end in self.ends.values() if end.host is host]
            memory_is_counted(host, [end.endpoint for end in ends])
            # What is over may hold text still that nobody has read.
            memory_is_within_budget(host, [end.largest for end in ends if end.endpoint.charged])

    def _on_packet(self, now: int, name: str, packet: Packet) -> None:
        node = self._nodes.get(name)
        if node is None or packet.reason == "icmp-error":
            return
        host, data = node.stack, memoryview(bytes(packet))
        header = ipv4.parse(data) if data[0] >> 4 == 4 else ipv6.parse(data)
        assert len(data) <= host.ip.pmtu.mtu, f"{len(data)} bytes, and the device takes {host.ip.pmtu.mtu}"
        seg = tcp.parse(header.payload, None)
        endpoint = host.connections.find(key_of(header.dst, header.src, seg.dst_port, seg.src_port))
        if not isinstance(endpoint, Endpoint) or seg.flags & RST:
            return
        end = self._end(host, endpoint)
        self._offers(end, seg)
        self._uses(end, seg)
        if packet.reason == "data":
            new_text_has_room(end.connection)

    def _offers(self, end: End, seg: Segment) -> None:
        c = end.connection
        if not seg.flags & tcp.ACK:
            return  # it does not know yet where the peer begins
        wnd = seg.wnd if seg.flags & SYN else seg.wnd << c.agreed.rcv_wscale
        edge = unwrap(seg.ack, c.tcb.rcv.nxt) + wnd
        if end.furthest is not None and not seg.flags & SYN:
            the_offer_is_kept(edge, end.furthest)
        end.furthest = edge if end.furthest is None else max(edge, end.furthest)
        end.largest = max(end.largest, wnd)

    def _uses(self, end: End, seg: Segment) -> None:
        length = seg.size + bool(seg.flags & FIN)
        peer = self._peer(end)
        if peer is not None and peer.furthest is not None and length:
            the_window_is_kept(unwrap(seg.seq, end.connection.tcb.snd.nxt) + length, peer.furthest)

    def _end(self, host: Host, endpoint: Endpoint) -> End:
        end = self.ends.get(endpoint)
        if end is None:
            end = self.ends[endpoint] = End(host, endpoint)
        return end

    def _peer(self, end: End) -> End | None:
        """The other end, once both know each other's numbers."""
        if end.peer is None and end.connection.state in SYNCHRONIZED:
            own, tcb = end.endpoint, end.connection.tcb
            names = own.remote, own.remote_port, own.local, own.local_port, tcb.irs, tcb.iss
            for other in self.ends.values():
                its, its_tcb = other.endpoint, other.connection.tcb
                if names == (its.local, its.local_port, its.remote, its.remote_port, its_tcb.iss, its_tcb.irs):
                    end.peer, other.peer = other, end
        return end.peer
