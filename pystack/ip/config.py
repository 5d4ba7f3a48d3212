"""What can be set about IP: one frozen value."""

from dataclasses import dataclass

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IpConfig:
    """What can be set about IP. Times are integer nanoseconds, sizes bytes."""

    routes: tuple[tuple[bytes, int, bytes | None], ...] = ()
    """Network, prefix length and gateway (None: none needed). Empty: everything can be reached through the device.
    With one device between two ends the gateway only helps to choose the source (RFC 1122 section 3.3.1). Linux:
    ip route."""

    deprecated: frozenset[bytes] = frozenset()
    """Those of the host's addresses that new connections and datagrams use only where no other fits: their preferred
    lifetime is over (RFC 4862 section 5.5.4; RFC 6724 rule 3). Linux: ip address change … preferred_lft 0."""

    fragment_memory_v4: int = 4 << 20
    """Most memory for incomplete IPv4 datagrams; the oldest go first. Linux: net.ipv4.ipfrag_high_thresh."""

    fragment_memory_v6: int = 4 << 20
    """The same for IPv6. Linux: net.ipv6.ip6frag_high_thresh."""

    fragment_timeout_v4: int = 30 * SECOND
    """How long an IPv4 datagram may be incomplete (RFC 1122 section 3.3.2 says 60 to 120 s). Linux:
    net.ipv4.ipfrag_time."""

    fragment_timeout_v6: int = 60 * SECOND
    """The same for IPv6 (RFC 8200 section 4.5). Linux: net.ipv6.ip6frag_time."""

    min_pmtu: int = 552
    """No ICMP message lowers an IPv4 path MTU below this (RFC 1191 section 3 allows 68). Linux:
    net.ipv4.route.min_pmtu."""

    mtu_expires: int = 600 * SECOND
    """When a lowered path MTU is forgotten (RFC 1191 section 6.3, RFC 8201 section 4). Linux:
    net.ipv4.route.mtu_expires."""

    icmp_ratelimit: int = 1 * SECOND
    """At which interval one host may get ICMP errors, after a burst of 6; 0: no limit (RFC 1812 section 4.3.2.8, RFC
    4443 section 2.4 (f)). Linux: net.ipv4.icmp_ratelimit."""

    icmp_msgs_per_sec: int = 1000
    """How many ICMP errors we send in a second to all hosts together. Linux: net.ipv4.icmp_msgs_per_sec."""

    icmp_msgs_burst: int = 50
    """How many of them at once. Linux: net.ipv4.icmp_msgs_burst."""
