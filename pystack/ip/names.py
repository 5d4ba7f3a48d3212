"""The names of the counters that both families have, as Linux prints them (RFC 4293, RFC 2011, RFC 2466, RFC 4113)."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

Count: TypeAlias = Callable[[str], None]
"""Counts one more of what has this name."""


class Names(NamedTuple):
    """One family's."""

    in_receives: str
    in_delivers: str
    in_addr_errors: str
    in_unknown_protos: str
    in_groups: str
    out_requests: str
    reasm_reqds: str
    reasm_oks: str
    reasm_fails: str
    reasm_timeout: str
    reasm_overlaps: str
    reasm_evicted: str
    reasm_refused: str
    frag_oks: str
    frag_fails: str
    frag_creates: str
    icmp_in_msgs: str
    icmp_in_errors: str
    icmp_in_unknown: str
    icmp_out_msgs: str
    icmp_out_echo_replies: str
    icmp_out_echos: str
    icmp_in_echo_replies_unasked: str
    icmp_in_echo_replies_no_room: str
    icmp_in_echo_replies_no_memory: str
    icmp_limited_host: str
    icmp_limited_global: str
    udp_in_datagrams: str
    udp_no_ports: str
    udp_in_errors: str
    udp_in_csum_errors: str
    udp_rcvbuf_errors: str
    udp_mem_errors: str
    udp_ignored_multi: str
    udp_out_datagrams: str


V4: Final = Names(
    in_receives="IpInReceives",
    in_delivers="IpInDelivers",
    in_addr_errors="IpInAddrErrors",
    in_unknown_protos="IpInUnknownProtos",
    in_groups="PystackIpInOtherGroups",
    out_requests="IpOutRequests",
    reasm_reqds="IpReasmReqds",
    reasm_oks="IpReasmOKs",
    reasm_fails="IpReasmFails",
    reasm_timeout="IpReasmTimeout",
    reasm_overlaps="IpExtReasmOverlaps",
    reasm_evicted="PystackIpReasmEvicted",
    reasm_refused="PystackIpReasmRefused",
    frag_oks="IpFragOKs",
    frag_fails="IpFragFails",
    frag_creates="IpFragCreates",
    icmp_in_msgs="IcmpInMsgs",
    icmp_in_errors="IcmpInErrors",
    icmp_in_unknown="PystackIcmpInUnknownTypes",
    icmp_out_msgs="IcmpOutMsgs",
    icmp_out_echo_replies="IcmpOutEchoReps",
    icmp_out_echos="IcmpOutEchos",
    icmp_in_echo_replies_unasked="PystackIcmpInEchoRepsUnasked",
    icmp_in_echo_replies_no_room="PystackIcmpInEchoRepsNoRoom",
    icmp_in_echo_replies_no_memory="PystackIcmpInEchoRepsNoMemory",
    icmp_limited_host="IcmpOutRateLimitHost",
    icmp_limited_global="IcmpOutRateLimitGlobal",
    udp_in_datagrams="UdpInDatagrams",
    udp_no_ports="UdpNoPorts",
    udp_in_errors="UdpInErrors",
    udp_in_csum_errors="UdpInCsumErrors",
    udp_rcvbuf_errors="UdpRcvbufErrors",
    udp_mem_errors="UdpMemErrors",
    udp_ignored_multi="UdpIgnoredMulti",
    udp_out_datagrams="UdpOutDatagrams",
)

V6: Final = Names(
    in_receives="Ip6InReceives",
    in_delivers="Ip6InDelivers",
    in_addr_errors="Ip6InAddrErrors",
    in_unknown_protos="Ip6InUnknownProtos",
    in_groups="PystackIp6InOtherGroups",
    out_requests="Ip6OutRequests",
    reasm_reqds="Ip6ReasmReqds",
    reasm_oks="Ip6ReasmOKs",
    reasm_fails="Ip6ReasmFails",
    reasm_timeout="Ip6ReasmTimeout",
    reasm_overlaps="PystackIp6ReasmOverlaps",
    reasm_evicted="PystackIp6ReasmEvicted",
    reasm_refused="PystackIp6ReasmRefused",
    frag_oks="Ip6FragOKs",
    frag_fails="Ip6FragFails",
    frag_creates="Ip6FragCreates",
    icmp_in_msgs="Icmp6InMsgs",
    icmp_in_errors="Icmp6InErrors",
    icmp_in_unknown="PystackIcmp6InUnknownTypes",
    icmp_out_msgs="Icmp6OutMsgs",
    icmp_out_echo_replies="Icmp6OutEchoReplies",
    icmp_out_echos="Icmp6OutEchos",
    icmp_in_echo_replies_unasked="PystackIcmp6InEchoRepliesUnasked",
    icmp_in_echo_replies_no_room="PystackIcmp6InEchoRepliesNoRoom",
    icmp_in_echo_replies_no_memory="PystackIcmp6InEchoRepliesNoMemory",
    icmp_limited_host="Icmp6OutRateLimitHost",
    icmp_limited_global="Icmp6OutRateLimitGlobal",
    udp_in_datagrams="Udp6InDatagrams",
    udp_no_ports="Udp6NoPorts",
    udp_in_errors="Udp6InErrors",
    udp_in_csum_errors="Udp6InCsumErrors",
    udp_rcvbuf_errors="Udp6RcvbufErrors",
    udp_mem_errors="Udp6MemErrors",
    udp_ignored_multi="Udp6IgnoredMulti",
    udp_out_datagrams="Udp6OutDatagrams",
)


def names_of(address: bytes) -> Names:
    """The names of an address's family."""
    return V4 if len(address) == 4 else V6
