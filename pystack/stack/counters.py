"""Every counter there is, with its meaning. The names are those of the MIBs (RFC 2011, 2012, 2013, 2466, 4293) and of
Linux (`nstat`) where they have one, and begin with `Pystack` where not.
"""

from typing import Final, NamedTuple

from pystack.tcp.drops import Drop


class Counter(NamedTuple):
    """What is counted; `drops`: each time a packet, or what was received of a datagram, is dropped."""

    meaning: str
    drops: bool = False


COUNTERS: Final[dict[str, Counter]] = {
    "IpInReceives": Counter("IPv4 packets that arrived, and packets of no IP version"),
    "Ip6InReceives": Counter("IPv6 packets that arrived"),
    "IpInDelivers": Counter("IPv4 datagrams, whole, that a transport or ICMP was given"),
    "Ip6InDelivers": Counter("IPv6 datagrams, whole, that a transport or ICMPv6 was given"),
    "IpInHdrErrors": Counter("a bad version, length, checksum, option or fragment, or not IP at all", drops=True),
    "Ip6InHdrErrors": Counter("a bad version, extension header, option or fragment", drops=True),
    "IpInTruncatedPkts": Counter("an IPv4 packet that is shorter than it says", drops=True),
    "Ip6InTruncatedPkts": Counter(
        "an IPv6 packet that is shorter than it, or one of its extension headers, says",
        drops=True,
    ),
    "IpInAddrErrors": Counter("an IPv4 packet for another host, or from an address that no host can have", drops=True),
    "Ip6InAddrErrors": Counter("an IPv6 packet for another host, or from an address that no host can have", drops=True),
    "PystackIpInOtherGroups": Counter(
        "an IPv4 packet to a multicast group that this host is not in, or to no host's address",
        drops=True,
    ),
    "PystackIp6InOtherGroups": Counter(
        "an IPv6 packet to a multicast group that this host is not in, or to the unspecified address",
        drops=True,
    ),
    "PystackIpInSourceRoutes": Counter("an IPv4 packet with a source route", drops=True),
    "PystackIp6InNoNextHeader": Counter("an IPv6 packet that says that nothing follows its headers", drops=True),
    "IpInUnknownProtos": Counter(
        "an IPv4 datagram of a protocol that nobody here reads; its sender is told",
        drops=True,
    ),
    "Ip6InUnknownProtos": Counter(
        "an IPv6 datagram of a protocol that nobody here reads; its sender is told",
        drops=True,
    ),
    "IpOutRequests": Counter("IPv4 datagrams that were sent"),
    "Ip6OutRequests": Counter("IPv6 datagrams that were sent"),
    "IpForwDatagrams": Counter("IPv4 packets of others that a router passed on"),
    "Ip6OutForwDatagrams": Counter("IPv6 packets of others that a router passed on"),
    "IpOutNoRoutes": Counter("an IPv4 packet of others for which a router knows no way", drops=True),
    "Ip6OutNoRoutes": Counter("an IPv6 packet of others for which a router knows no way", drops=True),
    "IpReasmReqds": Counter("IPv4 fragments that arrived"),
    "Ip6ReasmReqds": Counter("IPv6 fragments that arrived"),
    "IpReasmOKs": Counter("IPv4 datagrams that became whole again"),
    "Ip6ReasmOKs": Counter("IPv6 datagrams that became whole again"),
    "IpReasmFails": Counter(
        "IPv4 datagrams that did not become whole: out of time, evicted, refused, overlapping, or with "
        "ECN bits that cannot be; and fragments of one that overlapped",
        drops=True,
    ),
    "Ip6ReasmFails": Counter("IPv6 datagrams that did not become whole, for the same reasons", drops=True),
    "IpReasmTimeout": Counter("IPv4 datagrams whose fragments did not come in time", drops=True),
    "Ip6ReasmTimeout": Counter("IPv6 datagrams whose fragments did not come in time", drops=True),
    "IpExtReasmOverlaps": Counter(
        "IPv4 datagrams that were given up because fragments overlapped (RFC 5722)",
        drops=True,
    ),
    "PystackIp6ReasmOverlaps": Counter(
        "IPv6 datagrams that were given up because fragments overlapped (RFC 5722)",
        drops=True,
    ),
    "PystackIpReasmEvicted": Counter("incomplete IPv4 datagrams that had to make room for newer ones", drops=True),
    "PystackIp6ReasmEvicted": Counter("incomplete IPv6 datagrams that had to make room for newer ones", drops=True),
    "PystackIpReasmRefused": Counter(
        "IPv4 fragments that began a datagram while the host's memory is used up", drops=True
    ),
    "PystackIp6ReasmRefused": Counter(
        "IPv6 fragments that began a datagram while the host's memory is used up", drops=True
    ),
    "IpFragOKs": Counter("IPv4 datagrams that were cut into fragments"),
    "Ip6FragOKs": Counter("IPv6 datagrams that were cut into fragments"),
    "IpFragCreates": Counter("IPv4 fragments that were sent"),
    "Ip6FragCreates": Counter("IPv6 fragments that were sent"),
    "IpFragFails": Counter("IPv4 datagrams that were too large and not to be cut", drops=True),
    "Ip6FragFails": Counter("IPv6 datagrams that were too large and not to be cut", drops=True),
    "IcmpInMsgs": Counter("ICMP messages that arrived"),
    "Icmp6InMsgs": Counter("ICMPv6 messages that arrived"),
    "IcmpInErrors": Counter(
        "an ICMP message that is too short, or an error about a packet that nobody here has sent",
        drops=True,
    ),
    "Icmp6InErrors": Counter(
        "an ICMPv6 message that is too short, or an error about a packet that nobody here has sent",
        drops=True,
    ),
    "IcmpInCsumErrors": Counter("an ICMP message with a bad checksum", drops=True),
    "Icmp6InCsumErrors": Counter("an ICMPv6 message with a bad checksum", drops=True),
    "IcmpInDestUnreachs": Counter('"destination unreachable", "fragmentation needed" among them'),
    "Icmp6InDestUnreachs": Counter('"destination unreachable"'),
    "Icmp6InPktTooBigs": Counter('"packet too big"'),
    "IcmpInTimeExcds": Counter('"time exceeded"'),
    "Icmp6InTimeExcds": Counter('"time exceeded"'),
    "IcmpInParmProbs": Counter('"parameter problem"'),
    "Icmp6InParmProblems": Counter('"parameter problem"'),
    "IcmpInSrcQuenchs": Counter('"source quench", which is ignored (RFC 6633)', drops=True),
    "IcmpInRedirects": Counter('"redirect", which is ignored: there is one way out', drops=True),
    "Icmp6InRedirects": Counter('"redirect", which is ignored: there is one way out', drops=True),
    "IcmpInEchos": Counter("echo requests"),
    "Icmp6InEchos": Counter("echo requests"),
    "IcmpInEchoReps": Counter("echo replies"),
    "Icmp6InEchoReplies": Counter("echo replies"),
    "PystackIcmpInEchoRepsUnasked": Counter("an ICMP echo reply with an identifier that no socket has", drops=True),
    "PystackIcmp6InEchoRepliesUnasked": Counter(
        "an ICMPv6 echo reply with an identifier that no socket has", drops=True
    ),
    "PystackIcmpInEchoRepsNoRoom": Counter(
        "an ICMP echo reply for which its socket has no room (SO_RCVBUF)", drops=True
    ),
    "PystackIcmp6InEchoRepliesNoRoom": Counter(
        "an ICMPv6 echo reply for which its socket has no room (SO_RCVBUF)", drops=True
    ),
    "PystackIcmpInEchoRepsNoMemory": Counter("an ICMP echo reply while the host's memory is used up", drops=True),
    "PystackIcmp6InEchoRepliesNoMemory": Counter("an ICMPv6 echo reply while the host's memory is used up", drops=True),
    "IcmpInTimestamps": Counter("timestamp requests, which are not answered", drops=True),
    "IcmpInTimestampReps": Counter("timestamp replies, for which nobody here has asked", drops=True),
    "IcmpInAddrMasks": Counter("address mask requests, which are not answered", drops=True),
    "IcmpInAddrMaskReps": Counter("address mask replies, for which nobody here has asked", drops=True),
    "Icmp6InGroupMembQueries": Counter("multicast listener queries", drops=True),
    "Icmp6InGroupMembResponses": Counter("multicast listener reports", drops=True),
    "Icmp6InGroupMembReductions": Counter("multicast listeners that are done", drops=True),
    "Icmp6InMLDv2Reports": Counter("multicast listener reports of version 2", drops=True),
    "Icmp6InRouterSolicits": Counter("router solicitations", drops=True),
    "Icmp6InRouterAdvertisements": Counter("router advertisements", drops=True),
    "Icmp6InNeighborSolicits": Counter("neighbour solicitations; the device needs no neighbour discovery", drops=True),
    "Icmp6InNeighborAdvertisements": Counter("neighbour advertisements", drops=True),
    "PystackIcmpInUnknownTypes": Counter("an ICMP message of a type that is not known", drops=True),
    "PystackIcmp6InUnknownTypes": Counter("an ICMPv6 message of a type that is not known", drops=True),
    "PystackIcmpInEchosToGroups": Counter(
        "an echo request to a broadcast or multicast address that is not answered",
        drops=True,
    ),
    "PystackIcmpInUnbelieved": Counter(
        "an ICMP error that quotes no segment that is in flight, or a datagram as large as was not sent (RFC 5927)",
        drops=True,
    ),
    "IcmpOutMsgs": Counter("ICMP messages that were sent"),
    "Icmp6OutMsgs": Counter("ICMPv6 messages that were sent"),
    "IcmpOutDestUnreachs": Counter('"destination unreachable": a port or protocol; of a router a host or a link'),
    "Icmp6OutDestUnreachs": Counter('"destination unreachable": a port; of a router a host'),
    "Icmp6OutPktTooBigs": Counter('"packet too big", of a router'),
    "IcmpOutTimeExcds": Counter('"time exceeded": fragments that did not come; of a router the hops'),
    "Icmp6OutTimeExcds": Counter('"time exceeded": fragments that did not come; of a router the hops'),
    "IcmpOutParmProbs": Counter('"parameter problem": an IPv4 option'),
    "Icmp6OutParmProblems": Counter('"parameter problem": an extension header, option or protocol'),
    "IcmpOutEchos": Counter("echo requests"),
    "Icmp6OutEchos": Counter("echo requests"),
    "IcmpOutEchoReps": Counter("echo replies"),
    "Icmp6OutEchoReplies": Counter("echo replies"),
    "IcmpOutRateLimitHost": Counter("ICMP errors that were not sent, since their target has had enough"),
    "Icmp6OutRateLimitHost": Counter("ICMPv6 errors that were not sent, since their target has had enough"),
    "IcmpOutRateLimitGlobal": Counter("ICMP errors that were not sent, since enough are being sent"),
    "Icmp6OutRateLimitGlobal": Counter("ICMPv6 errors that were not sent, since enough are being sent"),
    "TcpActiveOpens": Counter("connections that were opened from here"),
    "TcpPassiveOpens": Counter("connections that were opened from the other side"),
    "TcpInSegs": Counter("TCP segments that arrived, bad ones too"),
    "TcpInErrs": Counter("a TCP segment with a length or data offset that cannot be", drops=True),
    "TcpInCsumErrors": Counter("a TCP segment with a bad checksum", drops=True),
    "TcpRetransSegs": Counter("TCP packets that were sent again"),
    "TcpOutSegs": Counter("TCP segments that were sent, without resets"),
    "TcpOutRsts": Counter("resets that were sent"),
    "PystackTcpInToGroups": Counter("a TCP segment to a broadcast or multicast address (RFC 9293 MUST-57)", drops=True),
    "PystackTcpInNoConnection": Counter(
        "a TCP segment that belongs to no connection and opens none; a reset tells its sender, where one may",
        drops=True,
    ),
    Drop.OLD_TIMESTAMP: Counter("segments whose timestamp is older than that of one before (PAWS)", drops=True),
    Drop.NO_TIMESTAMP: Counter("segments without a timestamp on a connection that agreed on them", drops=True),
    Drop.OUT_OF_WINDOW: Counter("segments whose sequence number lies outside of the window", drops=True),
    Drop.BLIND_RESET: Counter("RSTs whose number is not the one that counts", drops=True),
    Drop.UNEXPECTED_SYN: Counter("SYNs on a connection that is synchronized", drops=True),
    Drop.NO_ACK: Counter("segments with neither ACK, SYN nor RST", drops=True),
    Drop.BAD_ACK: Counter("segments that acknowledge what was never sent, or what is too old", drops=True),
    Drop.NOT_EXPECTED: Counter("segments, or their text, that the connection's state has no use for", drops=True),
    Drop.OUT_OF_MEMORY: Counter("segments out of order whose text would have taken too much memory", drops=True),
    Drop.SHUT_WINDOW: Counter("segments whose text, or FIN, came while the window was shut", drops=True),
    Drop.NOBODY_READS: Counter("segments with text for a connection whose application has let go; a reset", drops=True),
    Drop.HELD_ALREADY: Counter("segments out of order all of whose text had arrived before", drops=True),
    Drop.SYN_AGAIN: Counter("copies of a SYN that came so soon that they were not answered again", drops=True),
    "PystackMemoryRefusedOpens": Counter("connections refused because the host's memory is used up", drops=True),
    "TcpExtOfoPruned": Counter("connections whose out-of-order text went because the host's memory is used up"),
    "TcpExtTCPDeferAcceptDrop": Counter("ACKs of a handshake that a listener ignored: it waits for text", drops=True),
    "TcpExtListenOverflows": Counter(
        "a SYN, or the ACK of a SYN, while too many connections wait to be accepted",
        drops=True,
    ),
    "TcpExtReqQFullDrop": Counter("half-open connections that had to make room for newer ones", drops=True),
    "TcpExtTCPTimeWaitOverflow": Counter(
        "connections that were closed without a TIME-WAIT, since as many are in it as may be"
    ),
    "TcpExtTWRecycled": Counter("connections in TIME-WAIT that gave way to a new one (RFC 6191)"),
    "UdpInDatagrams": Counter("UDP datagrams over IPv4 that a socket was given"),
    "Udp6InDatagrams": Counter("UDP datagrams over IPv6 that a socket was given"),
    "UdpNoPorts": Counter("a UDP datagram over IPv4 to a port that is closed; its sender is told", drops=True),
    "Udp6NoPorts": Counter("a UDP datagram over IPv6 to a port that is closed; its sender is told", drops=True),
    "UdpInErrors": Counter(
        "a UDP datagram over IPv4 with a length that cannot be, or counted by one of the next three too",
        drops=True,
    ),
    "Udp6InErrors": Counter(
        "a UDP datagram over IPv6 with a length that cannot be, or counted by one of the next three too",
        drops=True,
    ),
    "UdpInCsumErrors": Counter("a UDP datagram over IPv4 with a bad checksum", drops=True),
    "Udp6InCsumErrors": Counter("a UDP datagram over IPv6 with a bad checksum or none", drops=True),
    "UdpRcvbufErrors": Counter("a UDP datagram over IPv4 for which its socket has no room (SO_RCVBUF)", drops=True),
    "Udp6RcvbufErrors": Counter("a UDP datagram over IPv6 for which its socket has no room (SO_RCVBUF)", drops=True),
    "UdpMemErrors": Counter("a UDP datagram over IPv4 while the host's memory is used up", drops=True),
    "Udp6MemErrors": Counter("a UDP datagram over IPv6 while the host's memory is used up", drops=True),
    "UdpIgnoredMulti": Counter("a UDP datagram over IPv4 to a broadcast or multicast address", drops=True),
    "Udp6IgnoredMulti": Counter("a UDP datagram over IPv6 to a multicast address", drops=True),
    "UdpOutDatagrams": Counter("UDP datagrams over IPv4 that were sent"),
    "Udp6OutDatagrams": Counter("UDP datagrams over IPv6 that were sent"),
    "PystackLoopbackOverflows": Counter(
        "packets of the host to itself that found no room; TCP waits for its turn instead", drops=True
    ),
    "PystackDeviceWriteErrors": Counter("packets that the device did not take", drops=True),
    "PystackDefects": Counter("exceptions in the stack: each is a defect of ours"),
}
