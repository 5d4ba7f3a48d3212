"""What the applications of a fuzzed host do: the instructions about sockets.

A TCP socket writes the pattern of `fuzz_peer.text`, as do the peers.
"""

from fuzz_oracles import Oracles
from fuzz_peer import ACTIVE_PORT, HOST_PORT, OURS, THEIRS, Flow, text
from fuzz_program import Step

from pystack.sim.solo import Solo
from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.datagram import DatagramSock
from pystack.sock.factory import new_sock

MOST_SOCKETS = 12
UDP_PORT = 53
FAMILIES = (c.AF_INET, c.AF_INET6)
OPTIONS = (
    (c.IPPROTO_TCP, c.TCP_NODELAY),
    (c.IPPROTO_TCP, c.TCP_CORK),
    (c.IPPROTO_TCP, c.TCP_QUICKACK),
    (c.IPPROTO_TCP, c.TCP_KEEPIDLE),
    (c.IPPROTO_TCP, c.TCP_USER_TIMEOUT),
    (c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT),
    (c.IPPROTO_TCP, c.TCP_LINGER2),
    (c.IPPROTO_TCP, c.TCP_MAXSEG),
    (c.SOL_SOCKET, c.SO_KEEPALIVE),
    (c.SOL_SOCKET, c.SO_REUSEADDR),
    (c.IPPROTO_IP, c.IP_MTU_DISCOVER),
    (c.IPPROTO_IPV6, c.IPV6_MTU_DISCOVER),
    (c.IPPROTO_IP, c.IP_TOS),
    (c.IPPROTO_TCP, c.TCP_NOTSENT_LOWAT),
)


class Applications:
    """All of one host."""

    def __init__(self, solo: Solo, flows: dict[int, Flow], oracles: Oracles, iss: int) -> None:
        self.socks: list[Sock] = []
        self.datagrams: list[DatagramSock] = []
        self._solo = solo
        self._flows = flows
        self._oracles = oracles
        self._iss = iss

    def close_all(self) -> None:
        """All let go."""
        for sock in [*self.socks, *self.datagrams]:
            sock.close(self._solo.now)
        self.socks.clear()
        self.datagrams.clear()

    def does(self, name: str, step: Step) -> str:
        """Carries out the instruction of this name. Returns what came of it, which may be an `OSError`, in words."""
        try:
            return str(getattr(self, "_" + name)(step) or "done")
        except OSError as error:
            return f"{type(error).__name__}: {error}"

    def _listen(self, step: Step) -> None:
        """At most a & 7 wait."""
        family = step.flow & 1
        self._room()
        sock = Sock(self._solo.host, FAMILIES[family])
        self.socks.append(sock)
        sock.reuse_address = True
        sock.bind((OURS[family], bytes(len(OURS[family])))[step.b & 1], HOST_PORT)
        sock.listen(step.a & 7)

    def _accept(self, step: Step) -> str:
        """From the first that listens, or the second."""
        listening = [sock for sock in self.socks if sock.listener is not None]
        if not listening:
            return "nobody listens"
        self._room()
        sock = listening[step.flow % len(listening)].accept()
        if not isinstance(sock, Sock):
            return "none is there"
        self.socks.append(sock)
        return f"socket {len(self.socks) - 1}"

    def _room(self) -> None:
        if len(self.socks) >= MOST_SOCKETS:
            self.socks.pop(1).close(self._solo.now)

    def _connect(self, step: Step) -> None:
        """To a port of the peer's, or (a & 1) of its own."""
        self._room()
        family = step.flow & 1
        sock = Sock(self._solo.host, FAMILIES[family])
        self.socks.append(sock)
        if step.a & 2:
            sock.reuse_address = True
            sock.bind(OURS[family], HOST_PORT + step.b)
        if step.a & 1:
            sock.connect(OURS[family], HOST_PORT, self._solo.now)
            return
        self._flows.pop(step.flow, None)
        sock.connect(THEIRS[family], ACTIVE_PORT + step.flow, self._solo.now)
        self._flows[step.flow] = Flow(step.flow, True, sock.getsockname()[1], self._iss)

    def _sock(self, step: Step) -> Sock | None:
        return self.socks[step.flow % len(self.socks)] if self.socks else None

    def _write(self, step: Step) -> str:
        """a * b bytes of the pattern; c: the flags."""
        sock = self._sock(step)
        if sock is None:
            return "no socket"
        flags = (0, c.MSG_MORE, c.MSG_OOB, 0)[step.c & 3]
        taken = sock.send(text(self._oracles.sent(sock), min(step.a * step.b, 60_000)), flags)
        if not isinstance(taken, int):
            return "would block"
        self._oracles.sends(sock, taken, flags)
        return f"{taken} bytes"

    def _read(self, step: Step) -> str:
        """At most a * b bytes; c: the flags."""
        sock = self._sock(step)
        if sock is None:
            return "no socket"
        flags = (0, c.MSG_PEEK, c.MSG_OOB, 0)[step.c & 3]
        data = sock.recv(step.a * step.b, flags)
        if not isinstance(data, bytes):
            return "would block"
        self._oracles.reads(sock, data, flags)
        return f"{len(data)} bytes"

    def _close(self, step: Step) -> None:
        """a: 0 to 2 shutdown, 3 close, 4 reset, 5 go on connecting."""
        sock = self._sock(step)
        if sock is None:
            return
        how = step.a % 6
        if how < 3:
            sock.shutdown(how)
        elif how == 5:
            sock.connect_result()
        else:
            self.socks.remove(sock)
            sock.linger = 0 if how == 4 else sock.linger
            sock.close(self._solo.now)

    def _option(self, step: Step) -> None:
        """Option a is read, and set to b * c; and all else is asked."""
        sock = self._sock(step)
        if sock is not None:
            level, name = OPTIONS[step.a % len(OPTIONS)]
            sock.poll()
            sock.tcp_info(self._solo.now)
            sock.getsockopt(level, name)
            sock.setsockopt(level, name, step.b * step.c)

    def _datagram(self, step: Step) -> None:
        """a: 0 open a UDP socket, 1 an echo socket, 2 bind, 3 connect, 4 send b * c bytes, 5 read, 6 close, 7 discovery
        b.
        """
        family, now = step.flow & 1, self._solo.now
        if step.a & 7 < 2 or not self.datagrams:
            if len(self.datagrams) >= MOST_SOCKETS:
                self.datagrams.pop(0).close(now)
            proto = (c.IPPROTO_ICMP, c.IPPROTO_ICMPV6)[family] if step.a & 7 == 1 else 0
            sock = new_sock(self._solo.host, FAMILIES[family], c.SOCK_DGRAM, proto)
            assert isinstance(sock, DatagramSock)
            self.datagrams.append(sock)
            return
        sock = self.datagrams[step.flow % len(self.datagrams)]
        family = FAMILIES.index(sock.family)
        target = (OURS if step.b & 0x80 else THEIRS)[family]
        match step.a & 7:
            case 2:
                sock.bind(OURS[family] if step.b & 1 else bytes(len(OURS[family])), UDP_PORT + (step.c & 7))
            case 3:
                sock.connect(target, UDP_PORT + (step.c & 7), now)
            case 4:
                head = bytes(((8, 128)[family], 0)) + bytes(6) if sock.proto != c.IPPROTO_UDP else b""
                sock.sendto(head + text(0, min(step.b * step.c, 30_000)), target, UDP_PORT + (step.c & 7), now)
            case 5:
                sock.recvfrom(step.b * step.c, c.MSG_PEEK if step.c & 1 else 0)
            case 6:
                self.datagrams.remove(sock)
                sock.close(now)
            case 7:
                name = (c.IP_MTU_DISCOVER, c.IPV6_MTU_DISCOVER)[family]
                sock.setsockopt((c.IPPROTO_IP, c.IPPROTO_IPV6)[family], name, step.b)
