"""What ICMP errors say, in words: those that everybody knows from `ping`."""

from typing import Final

from pystack.net.echo import Failure
from pystack.tcp.icmp import IcmpKind
from pystack.wire import icmpv4, icmpv6

_UNREACHABLE_V4: Final = {
    icmpv4.NET_UNREACHABLE: "Destination Net Unreachable",
    icmpv4.HOST_UNREACHABLE: "Destination Host Unreachable",
    icmpv4.PROTOCOL_UNREACHABLE: "Destination Protocol Unreachable",
    icmpv4.PORT_UNREACHABLE: "Destination Port Unreachable",
    icmpv4.SOURCE_ROUTE_FAILED: "Source Route Failed",
    icmpv4.NET_UNKNOWN: "Destination Net Unknown",
    icmpv4.HOST_UNKNOWN: "Destination Host Unknown",
    icmpv4.SOURCE_HOST_ISOLATED: "Source Host Isolated",
    icmpv4.NET_PROHIBITED: "Destination Net Prohibited",
    icmpv4.HOST_PROHIBITED: "Destination Host Prohibited",
    icmpv4.NET_UNREACHABLE_FOR_TOS: "Destination Net Unreachable for Type of Service",
    icmpv4.HOST_UNREACHABLE_FOR_TOS: "Destination Host Unreachable for Type of Service",
    icmpv4.COMMUNICATION_PROHIBITED: "Packet filtered",
}

_UNREACHABLE_V6: Final = {
    icmpv6.NO_ROUTE: "No route",
    icmpv6.ADMINISTRATIVELY_PROHIBITED: "Administratively prohibited",
    icmpv6.BEYOND_SCOPE: "Beyond scope of source address",
    icmpv6.ADDRESS_UNREACHABLE: "Address unreachable",
    icmpv6.PORT_UNREACHABLE: "Port unreachable",
    icmpv6.SOURCE_POLICY_FAILED: "Source address failed policy",
    icmpv6.ROUTE_REJECTED: "Reject route",
}


def words_of(failure: Failure) -> str:
    """What the error says."""
    is_v6 = ":" in failure.destination
    code = failure.code
    match failure.kind:
        case IcmpKind.FRAGMENTATION_NEEDED if is_v6:
            return f"Packet too big: mtu={failure.mtu}"
        case IcmpKind.FRAGMENTATION_NEEDED:
            return f"Packet too big: fragmentation needed and DF set (mtu = {failure.mtu})"
        case IcmpKind.TIME_EXCEEDED if code == icmpv4.REASSEMBLY_TIME_EXCEEDED:  # the same number for both families
            return "Fragment reassembly time exceeded"
        case IcmpKind.TIME_EXCEEDED:
            return "Time exceeded: Hop limit" if is_v6 else "Time to live exceeded"
        case IcmpKind.PARAMETER_PROBLEM:
            return "Parameter problem"
        case IcmpKind.SOURCE_QUENCH:
            return "Source Quench"
        case IcmpKind.UNREACHABLE_PROTOCOL if is_v6:
            return "Parameter problem: unrecognized next header"
    if is_v6:
        return f"Destination unreachable: {_UNREACHABLE_V6.get(code, f'code {code}')}"
    return _UNREACHABLE_V4.get(code, f"Destination Unreachable, code {code}")
