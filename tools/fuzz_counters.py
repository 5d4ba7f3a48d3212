"""Whether every packet is accounted for in the counters of a host."""

from collections.abc import Iterator


def unaccounted(counters: dict[str, int], read: int) -> Iterator[str]:
    """Where the counters do not add up. Each packet is counted as it comes; then it is dropped by IP, or is a fragment,
    or is delivered; and what is delivered is TCP's, UDP's, ICMP's or of an unknown protocol.
    """

    def total(names: str, prefix: str = "") -> int:
        return sum(counters.get(prefix + name, 0) for name in names.split())

    received = total("IpInReceives Ip6InReceives")
    if received != read:
        yield f"{read} packets were read from the device, and {received} counted"
    for ip, more in (("Ip", "PystackIpInSourceRoutes"), ("Ip6", "PystackIp6InNoNextHeader")):
        came, delivered = total("InReceives", ip), total("InDelivers", ip)
        dropped = total("InHdrErrors InTruncatedPkts InAddrErrors", ip) + total(f"Pystack{ip}InOtherGroups {more}")
        fragments = total("ReasmReqds", ip) - total("ReasmOKs", ip)
        if came != dropped + fragments + delivered:
            yield f"{ip}: {came} came, {dropped} dropped, {fragments} fragments, {delivered} delivered"
    delivered, tcp = total("IpInDelivers Ip6InDelivers"), total("TcpInSegs")
    udp = sum(total("InDatagrams NoPorts InErrors IgnoredMulti", prefix) for prefix in ("Udp", "Udp6"))
    icmp, unknown = total("IcmpInMsgs Icmp6InMsgs"), total("IpInUnknownProtos Ip6InUnknownProtos")
    if delivered != tcp + udp + icmp + unknown:
        yield f"{delivered} delivered: {tcp} TCP, {udp} UDP, {icmp} ICMP, {unknown} of unknown protocols"
    if defects := total("PystackDefects"):
        yield f"{defects} exceptions"
