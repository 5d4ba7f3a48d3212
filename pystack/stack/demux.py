"""Who gets what has arrived: a connection, a listener, or nobody, whose sender is told so."""

from typing import TYPE_CHECKING

from pystack.ip.address import wildcard_of
from pystack.ip.datagram import Datagram
from pystack.ip.icmp import Error, protocol_of
from pystack.ip.names import names_of
from pystack.stack.connections import key_of, mss_of
from pystack.stack.endpoint import Endpoint
from pystack.stack.listener import Listener
from pystack.stack.segments import packet_of
from pystack.stack.timewait import TimeWait
from pystack.tcp.arrival import reset_for
from pystack.tcp.connection import Connection
from pystack.tcp.icmp import IcmpKind
from pystack.tcp.state import State
from pystack.udp.discovery import KNOWS_PATH, SETS_DF
from pystack.wire import tcp, udp
from pystack.wire.checksum import pseudo_sum
from pystack.wire.errors import Malformed
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from pystack.stack.host import Host

_ECN = 3


def datagram_arrives(host: "Host", datagram: Datagram, now: int) -> None:
    """A whole datagram. Raises `Malformed`."""
    if datagram.protocol == tcp.PROTOCOL:
        _tcp_arrives(host, datagram, now)
    elif datagram.protocol == udp.PROTOCOL:
        host.datagrams.receive(datagram, now)
    elif datagram.protocol == protocol_of(datagram.dst):
        host.echoes.receive(datagram, now)
    else:
        host.metrics.count(names_of(datagram.dst).in_unknown_protos)
        host.ip.errors.protocol_unreachable(datagram, now)


def icmp_error_arrives(host: "Host", error: Error, now: int) -> None:
    """An ICMP error goes to whom it quotes (RFC 9293 MUST-54). Raises `Malformed` where nobody sent such a packet."""
    found = None
    if error.protocol in (udp.PROTOCOL, protocol_of(error.src)):
        sockets = host.datagrams if error.protocol == udp.PROTOCOL else host.echoes
        if sockets.icmp_arrives(error, now):
            path_mtu_changed(host, error.dst, now)
        return
    if error.protocol == tcp.PROTOCOL:
        found = host.connections.find(key_of(error.dst, error.src, error.dst_port, error.src_port))
    if found is None:
        raise Malformed(names_of(error.src).icmp_in_errors, "an error about a packet that nobody here has sent")
    if isinstance(found, Endpoint):
        _report(host, found, error, now)
    else:
        host.metrics.count("PystackIcmpInUnbelieved")  # nothing is in flight in TIME-WAIT


def _report(host: "Host", endpoint: Endpoint, error: Error, now: int) -> None:
    host.serving = endpoint
    if not endpoint.connection.on_icmp(error.for_tcp(), now):
        host.metrics.count("PystackIcmpInUnbelieved")
    elif error.kind is IcmpKind.FRAGMENTATION_NEEDED:
        host.ip.pmtu.lower(error.dst, error.mtu, now, quoted_length=error.quoted_length)
        # Whoever lowered it: this connection may not know yet.
        if mss_of(host.ip.pmtu.get(error.dst, now), error.dst) < endpoint.connection.path_mss:
            path_mtu_changed(host, error.dst, now)
    host.touch(endpoint)


def path_mtu_changed(host: "Host", remote: bytes, now: int) -> None:
    """Packets to `remote` may have another size now."""
    for endpoint in host.connections.of_remote(remote):
        follow_path(host, endpoint, now)


def follow_path(host: "Host", endpoint: Endpoint, now: int) -> None:
    """Has a connection send packets that fit its path, as far as its socket believes what is said of it."""
    remote, pmtu = endpoint.remote, host.ip.pmtu
    mtu = pmtu.get(remote, now) if endpoint.discovery in KNOWS_PATH else pmtu.mtu
    endpoint.connection.path_mss_is(mss_of(mtu, remote))
    endpoint.dont_fragment = endpoint.discovery in SETS_DF and not pmtu.must_allow_cutting(remote)
    host.touch(endpoint)


def _tcp_arrives(host: "Host", datagram: Datagram, now: int) -> None:
    count = host.metrics.count
    count("TcpInSegs")
    if datagram.to_group:
        count("PystackTcpInToGroups")  # RFC 9293 MUST-57
        return
    payload = datagram.payload
    seg = tcp.parse(payload, pseudo_sum(datagram.src, datagram.dst, tcp.PROTOCOL, len(payload)))
    seg.ecn = datagram.tos & _ECN
    found = host.connections.find(datagram.src + datagram.dst + bytes(payload[:4]))
    iss = None
    if found is not None:
        iss = _successor(found, seg)
        if iss is None:
            _deliver(host, found, seg, now)
            return
    listener = host.listeners.get((datagram.dst, seg.dst_port)) or host.listeners.get(
        (wildcard_of(datagram.dst), seg.dst_port)
    )
    if listener is None:
        if found is not None:
            _deliver(host, found, seg, now)  # TIME-WAIT challenges a SYN that nobody waits for
        else:
            _refuse(host, seg, datagram)
        return
    if seg.flags & (SYN | ACK | RST | FIN) != SYN:
        # RFC 9293 section 3.10.7.2: an ACK is reset, what is no SYN dropped; and a SYN with a FIN opens nothing.
        if seg.flags & ACK:
            _refuse(host, seg, datagram)
        else:
            count("PystackTcpInNoConnection")
        return
    if host.memory.is_short:
        count("PystackMemoryRefusedOpens")
        return
    if listener.is_full:
        # A client whose SYN is dropped tries again; one whose connection cannot be accepted would wait in vain.
        count("TcpExtListenOverflows")
        return
    if found is not None:
        count("TcpExtTWRecycled")
        host.connections.remove(found)
    _passive_open(host, listener, seg, datagram, now, iss)


def _successor(found: Endpoint | TimeWait, seg: Segment) -> int | None:
    """The first number of the connection that `seg` may begin in the place of one in TIME-WAIT."""
    if isinstance(found, Endpoint):
        if found.connection.state is not State.TIME_WAIT:
            return None
        found = TimeWait(found)  # what it will be once the application lets go
    return found.successor(seg)


def _deliver(host: "Host", found: Endpoint | TimeWait, seg: Segment, now: int) -> None:
    if isinstance(found, Endpoint):
        _to_connection(host, found, seg, now)
        return
    verdict = found.receive(seg, now)
    if verdict.drop is not None:
        host.metrics.count(verdict.drop)
    if verdict.answer:
        host.metrics.count("TcpOutSegs")
        host.ip.emit(found.answer(now))
    elif verdict.ends:
        host.connections.remove(found)


def _to_connection(host: "Host", endpoint: Endpoint, seg: Segment, now: int) -> None:
    listener = endpoint.listener
    connection = endpoint.connection
    completes = connection.state is State.SYN_RECEIVED and not seg.flags & RST
    if completes and listener is not None and listener.is_full:
        host.metrics.count("TcpExtListenOverflows")  # the last ACK is dropped, and will be repeated
        return
    if completes and listener is not None and _is_last_ack(connection, seg) and _waits_for_text(connection, now):
        host.metrics.count("TcpExtTCPDeferAcceptDrop")
        connection.defer(connection.progress_at + connection.config.defer_accept)
        host.touch(endpoint)
        return
    host.serving = endpoint
    dropped = connection.receive(seg, now)
    if dropped is not None:
        host.metrics.count(dropped)
    if completes and listener is not None and connection.state not in (State.SYN_RECEIVED, State.CLOSED):
        # At once, not after the batch: what is complete must not give way to the next SYN, and counts in the queue.
        listener.completed(endpoint)
        host.accepted(listener)
    host.touch(endpoint)


def _is_last_ack(connection: Connection, seg: Segment) -> bool:
    """Whether `seg` is the handshake's third and nothing else, with the numbers that it has to have."""
    tcb = connection.tcb
    numbers = (tcb.rcv.nxt & 0xFFFFFFFF, tcb.snd.nxt & 0xFFFFFFFF)
    return not seg.len and bool(seg.flags & ACK) and (seg.seq, seg.ack) == numbers


def _waits_for_text(connection: Connection, now: int) -> bool:
    """TCP_DEFER_ACCEPT: the connection stays half open until the client has sent something, for a while."""
    defer = connection.config.defer_accept
    return defer > 0 and now - connection.progress_at < defer


def _passive_open(
    host: "Host", listener: Listener, seg: Segment, datagram: Datagram, now: int, iss: int | None
) -> None:
    endpoint = host.connections.open(
        Connection.passive,
        datagram.dst,
        seg.dst_port,
        datagram.src,
        seg.src_port,
        listener.config,
        now,
        ttl=listener.ttl,
        tos=listener.tos,
        iss=iss,
    )
    endpoint.listener = listener
    host.touch(endpoint)
    endpoint.connection.receive(seg, now)
    oldest = listener.half_open(endpoint)
    if oldest is not None:
        host.metrics.count("TcpExtReqQFullDrop")
        host.connections.remove(oldest)


def _refuse(host: "Host", seg: Segment, datagram: Datagram) -> None:
    """Nobody listens: a RST by the book (RFC 9293 section 3.10.7.1)."""
    host.metrics.count("PystackTcpInNoConnection")
    reply = reset_for(seg)
    if reply is None:
        return
    host.metrics.count("TcpOutRsts")
    src, dst = datagram.dst, datagram.src
    pseudo = pseudo_sum(src, dst, tcp.PROTOCOL, 0)
    host.ip.emit(packet_of(reply, src, seg.dst_port, dst, seg.src_port, pseudo, host.config.ttl))
