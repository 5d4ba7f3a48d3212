"""The scripted peer: the other end of every connection of a host, brought into any state (RFC 9293 section 3.3.2) by
talking as any peer would.
"""

from ipaddress import ip_address
from typing import Any, Final, Self

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig
from pystack.tcp.state import State
from pystack.testing import glue
from pystack.testing.conversation import Conversation
from pystack.testing.speaker import Speaker

DEFAULT_OPTIONS: Final = (("MSS", 1460),)
"""What the peer's SYN has unless the script says otherwise."""


class Peer(Speaker):
    """A speaker that opens connections. See `peer`.

    All constructors take the same: `active`, whether the host calls (else it listens and the peer calls); `options`
    and `window` of the peer's SYN; `tcp`, the host's settings for this connection; `family`; and `port`, the port of
    whoever listens. All packets that it takes to get there are taken: nothing is left to expect.
    """

    def __init__(self, host: Host, *, family: int = 4, iss: int = 1000) -> None:
        super().__init__(host, family=family, iss=iss)
        self._opened: list[Conversation] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Resets what the constructors have opened, so that the host can go on with another peer."""
        for c in self._opened:
            c.connection.abort()
            self.host.touch(c.endpoint)
            for sock in (c.listener, c._sock):
                if sock is not None:
                    sock.on_ready = None
                    sock.close(self.now)
        self._opened.clear()
        self.skip()

    def syn_sent(
        self,
        *,
        port: int = 0,
        family: int = 0,
        tcp: TcpConfig | None = None,
    ) -> Conversation:
        """The host has called: its SYN has been taken, and the peer has not answered."""
        family = family or self.family
        port = port or self.free_port()
        sock = Sock(self.host, AF_INET if family == 4 else AF_INET6)
        if tcp is not None:
            sock.settings = tcp
        sock.connect(ip_address(self.address(family)).packed, port, self.now)
        syn = self.expect(glue.layers().tcp, flags=_is_syn, dport=port)
        return self._remember(Conversation(self, self.flow(syn), None, sock), State.SYN_SENT)

    def syn_received(
        self,
        *,
        active: bool = False,
        port: int = 0,
        family: int = 0,
        options: Any = DEFAULT_OPTIONS,
        window: int = 0xFFFF,
        tcp: TcpConfig | None = None,
        flags: str = "S",
    ) -> Conversation:
        """The host's SYN,ACK has been taken. With `active` both sides have called at once. `flags` are the SYN's."""
        family = family or self.family
        if active:
            c = self.syn_sent(port=port, family=family, tcp=tcp)
            c.send(flags, window=window, options=list(options))
            c.expect("SA")
            return _checked(c, State.SYN_RECEIVED)
        listener = Sock(self.host, AF_INET if family == 4 else AF_INET6)
        listener.reuse_address = True
        if tcp is not None:
            listener.settings = tcp
        listener.bind(bytes(4 if family == 4 else 16), port)
        listener.listen(8)
        known = glue.layers()
        ip = known.ipv4() if family == 4 else known.ipv6()
        segment = known.tcp(
            sport=self.free_port(), dport=listener.getsockname()[1], flags=flags, window=window, options=list(options)
        )
        syn = self.send(ip / segment)
        self.expect(known.tcp, flags=_is_syn, dport=syn.sport)
        return self._remember(Conversation(self, self.flow(syn, from_host=False), listener, None), State.SYN_RECEIVED)

    def established(
        self,
        *,
        active: bool = False,
        port: int = 0,
        family: int = 0,
        options: Any = DEFAULT_OPTIONS,
        window: int = 0xFFFF,
        tcp: TcpConfig | None = None,
        flags: str = "",
    ) -> Conversation:
        """The handshake is done, the socket accepted, and no text has passed. `flags` of the peer's SYN or SYN,ACK."""
        if active:
            c = self.syn_sent(port=port, family=family, tcp=tcp)
            c.send(flags or "SA", window=window, options=list(options))
            c.expect("A")
            c.sock.connect_result()
        else:
            c = self.syn_received(port=port, family=family, options=options, window=window, tcp=tcp, flags=flags or "S")
            c.send("A", window=window)
        assert c.sock.connection is not None
        return _checked(c, State.ESTABLISHED)

    def fin_wait_1(self, **opening: Any) -> Conversation:
        """The host has closed (with `shutdown`, so that it can still read); its FIN has been taken."""
        c = self.established(**opening)
        c.sock.shutdown(1)
        c.expect("FA", seq=1)
        return _checked(c, State.FIN_WAIT_1)

    def fin_wait_2(self, **opening: Any) -> Conversation:
        """The peer has acknowledged the host's FIN."""
        c = self.fin_wait_1(**opening)
        c.send("A")
        return _checked(c, State.FIN_WAIT_2)

    def close_wait(self, **opening: Any) -> Conversation:
        """The peer has closed, and the host has acknowledged it."""
        c = self.established(**opening)
        c.send("FA")
        c.expect("A", ack=2)
        return _checked(c, State.CLOSE_WAIT)

    def closing(self, **opening: Any) -> Conversation:
        """Both sides have closed at once: the FINs have crossed."""
        c = self.fin_wait_1(**opening)
        c.send("FA", ack=1)
        c.expect("A", ack=2)
        return _checked(c, State.CLOSING)

    def last_ack(self, **opening: Any) -> Conversation:
        """The peer has closed first, then the host, whose FIN has been taken."""
        c = self.close_wait(**opening)
        c.sock.shutdown(1)
        c.expect("FA", seq=1)
        return _checked(c, State.LAST_ACK)

    def time_wait(self, **opening: Any) -> Conversation:
        """The host has closed first, then the peer: all is acknowledged."""
        c = self.fin_wait_2(**opening)
        c.send("FA")
        c.expect("A", ack=2)
        return _checked(c, State.TIME_WAIT)

    def _remember(self, c: Conversation, state: State) -> Conversation:
        self._opened.append(c)
        return _checked(c, state)


def peer(host: Host, *, family: int = 4, iss: int = 1000) -> Peer:
    """A scripted peer of `host`, to be used in a `with` statement, after which what its constructors have opened is
    closed.

        with pystack.testing.peer(host) as p:
            p.send(IP() / TCP(flags="S", options=[("MSS", 1460)]))
            syn_ack = p.expect(TCP, flags="SA", within="1 s")

    `family` (4 or 6) is that of connections and packets that do not say theirs, `iss` the peer's initial sequence
    number. Every packet that the host sends is compared with what scapy would have written: lengths, checksums and all.
    """
    if family not in (4, 6):
        raise ValueError(f"the family is 4 or 6, not {family!r}")
    return Peer(host, family=family, iss=iss)


def _is_syn(flags: Any) -> bool:
    return bool(int(flags) & 0x02)


def _checked(c: Conversation, state: State) -> Conversation:
    if c.state is not state:
        raise AssertionError(f"the host is in {c.state}, and should be in {state}")
    return c
