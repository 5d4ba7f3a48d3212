"""What a connection is made of: the transmission control block, the small states of the rooms, and its flags.

The rooms that do the steps of RFC 9293 are given a `Core`; `pystack.tcp.connection` puts on it what the layer above may
call.
"""

from pystack.tcp.ackpolicy import AckPolicy
from pystack.tcp.challenge import RateLimit
from pystack.tcp.chrono import Chrono
from pystack.tcp.config import TcpConfig
from pystack.tcp.congestion import registry
from pystack.tcp.ecn import Ecn
from pystack.tcp.events import Ending, Event
from pystack.tcp.handshake import Agreed
from pystack.tcp.icmp import IcmpError
from pystack.tcp.mss import send_mss
from pystack.tcp.preferences import Preferences
from pystack.tcp.pressure import Pressure, receive_limit, send_limit
from pystack.tcp.pushes import Pushes
from pystack.tcp.reassembly import Reassembly
from pystack.tcp.recovery import Recovery
from pystack.tcp.recvbuf import ReceiveBuffer
from pystack.tcp.rtt import RttEstimator
from pystack.tcp.scoreboard import Scoreboard
from pystack.tcp.sendbuf import SendBuffer
from pystack.tcp.state import State
from pystack.tcp.stats import Stats
from pystack.tcp.tcb import Tcb
from pystack.tcp.timers import TimerTable
from pystack.tcp.timestamps import Timestamps
from pystack.tcp.urgent import UrgentMark
from pystack.wire.tcp import Segment


class Core:
    """The state of one connection; `pystack.tcp.connection.Connection` says what the arguments are, and makes one."""

    __slots__ = (
        "acks",
        "active_open",
        "advmss",
        "agreed",
        "board",
        "cc",
        "challenges",
        "config",
        "control",
        "cork_expired",
        "cwnd_limited",
        "default_mss",
        "dsack",
        "ecn",
        "ending",
        "eof",
        "established_at",
        "events",
        "fin_queued",
        "icmp_error",
        "keepalive_due",
        "last_ack_sent",
        "limits",
        "more",
        "orphaned",
        "path_mss",
        "peer_fin",
        "prefs",
        "pressure",
        "probe_backoff",
        "probe_due",
        "probes",
        "progress_at",
        "pushes",
        "reassembly",
        "received_at",
        "recovery",
        "recvbuf",
        "retransmits",
        "rtt",
        "sendbuf",
        "sent_at",
        "small_end",
        "snd_mss",
        "stats",
        "tcb",
        "tell_user_timeout",
        "timers",
        "ts",
        "urgent",
    )

    def __init__(
        self,
        config: TcpConfig,
        *,
        iss: int,
        advmss: int,
        default_mss: int,
        ts_offset: int = 0,
        pressure: Pressure | None = None,
    ) -> None:
        self.config = config
        self.pressure = pressure or Pressure()
        self.tcb = Tcb(iss)
        self.advmss = advmss
        self.default_mss = default_mss
        self.path_mss = advmss
        """What the path takes, in bytes of text and options."""
        self.snd_mss = default_mss
        self.agreed = Agreed(default_mss, False, 0, 0, False, False)
        self.ts = Timestamps(ts_offset)
        self.rtt = RttEstimator(config)
        self.cc = registry.create(config.congestion, config.initial_cwnd)
        self.board = Scoreboard()
        self.recovery = Recovery(iss)
        self.sendbuf = SendBuffer(iss + 1)
        self.recvbuf = ReceiveBuffer()
        self.reassembly = Reassembly()
        self.dsack: tuple[int, int] | None = None
        """A range that arrived twice, for the next segment to report (RFC 2883)."""
        self.ecn = Ecn()
        self.acks = AckPolicy(config, self.rtt, advmss)
        self.challenges = RateLimit(config.challenge_ack_interval)
        self.timers = TimerTable()
        self.control: list[Segment] = []
        """Segments that are ready to go before anything else: resets."""
        self.stats = Stats()
        self.events = Event(0)
        self.ending: Ending | None = None
        """None until the connection is CLOSED."""
        self.active_open = False
        """Whether the application opened it (MUST-11: SYN-RECEIVED remembers where it came from)."""
        self.prefs = Preferences(config)
        self.icmp_error: IcmpError | None = None
        """The latest error that ICMP reported since something went through, be it that it ended the connection (RFC
        9293 MUST-47). Linux: sk_err_soft."""
        self.urgent = UrgentMark()
        self.more = False
        """The latest `send` said that more would follow."""
        self.tell_user_timeout = False
        """The peer should learn of a user timeout that has changed (RFC 5482)."""
        self.fin_queued = False
        """The application has ended its side; the FIN's number is `sendbuf.end`."""
        self.peer_fin: int | None = None
        """The number of a FIN that arrived ahead of text that is still missing."""
        self.eof = False
        """The peer's FIN has arrived, and all before it."""
        self.orphaned = False
        """No application holds this connection any more."""
        self.last_ack_sent = 0
        """RFC 7323's Last.ACK.sent."""
        self.retransmits = 0
        self.established_at = 0
        """When the handshake was complete; 0 before."""
        self.limits = Chrono()
        self.progress_at = 0
        """When SND.UNA last advanced, or when the oldest unacknowledged text was first sent."""
        self.probes = 0
        self.probe_backoff = 0
        self.probe_due = False
        self.received_at = 0
        """When the peer last acknowledged anything acceptable, be it again."""
        self.keepalive_due = False
        self.cork_expired = False
        self.cwnd_limited = False
        self.sent_at = 0
        """When text was last sent for the first time."""
        self.small_end = iss
        """Minshall's snd.sml: the end of the latest segment that was smaller than the MSS."""
        self.pushes = Pushes(iss + 1)

    @property
    def send_room(self) -> int:
        """How many bytes `send` would take."""
        if self.fin_queued or self.tcb.state is State.CLOSED:
            return 0
        queued = len(self.sendbuf)
        return max(0, send_limit(self.config.sndbuf, queued, self.pressure.left) - queued)

    @property
    def unsent(self) -> int:
        """How many bytes of text are queued that were never sent."""
        return max(0, self.sendbuf.end - max(self.tcb.snd.nxt, self.sendbuf.start))

    @property
    def receive_limit(self) -> int:
        """How many bytes of its receive buffer the connection may offer now."""
        config = self.config
        first = config.initial_rcv_wnd
        limit = receive_limit(config.rcvbuf, first, self.stats.bytes_read, self.acks.rcv_mss, self.pressure.level)
        return max(limit, 1 << self.agreed.rcv_wscale)  # less than a unit of the field would be a window of 0 for ever

    @property
    def memory(self) -> int:
        """The bytes that this connection keeps alive, for the host's budget."""
        return len(self.sendbuf) + self.recvbuf.held + self.reassembly.held

    @property
    def fin_acked(self) -> bool:
        """Whether the peer has acknowledged our FIN."""
        return self.fin_queued and self.tcb.snd.una > self.sendbuf.end

    def update_mss(self) -> None:
        """What the peer takes has been agreed on, or the path takes another size."""
        agreed = self.agreed
        self.snd_mss = send_mss(peer_mss=agreed.peer_mss, path_mss=self.path_mss, timestamps=agreed.timestamps)
