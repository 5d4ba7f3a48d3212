"""Fifty thousand damaged packets: none raises, each is counted, and what they leave behind is bounded."""

import random

import pytest
from ip_lab import OURS, PROTOCOL, SECOND, THEIRS, entropy, fragments, ip
from scapy.layers.inet import ICMP, TCP, UDP, IPOption_LSRR, IPOption_RR
from scapy.layers.inet6 import (
    HBHOptUnknown,
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)

from pystack.ip.config import IpConfig
from pystack.stack.config import Config
from pystack.stack.counters import COUNTERS
from pystack.stack.host import Host

TEXT = bytes(n * 31 & 0xFF for n in range(400))
IP_DROPS = [
    name
    for name, counter in COUNTERS.items()
    if counter.drops
    and name.startswith(("Ip", "PystackIp"))
    and not name.startswith(("PystackIcmp", "Icmp"))
    and "Reasm" not in name
    and "Frag" not in name
    and "UnknownProtos" not in name
]
HANDED_UP = (
    *("TcpInSegs", "IcmpInMsgs", "Icmp6InMsgs", "UdpNoPorts", "UdpInErrors", "UdpIgnoredMulti"),
    *("Udp6NoPorts", "Udp6InErrors", "Udp6IgnoredMulti"),
    *("IpInUnknownProtos", "Ip6InUnknownProtos"),
)


def seeds() -> list[bytes]:
    """Packets of every kind, good and bad."""
    found = []
    for family in (4, 6):
        ours = ip(family, src=OURS[family], dst=THEIRS[family]) / TCP(sport=80, dport=5000)
        echo = ICMP() if family == 4 else ICMPv6EchoRequest()
        found += [
            ip(family) / TCP(dport=80, flags="S"),
            ip(family) / TCP(dport=81, flags="A") / TEXT,
            ip(family) / UDP(dport=9) / TEXT[:40],
            ip(family) / echo / TEXT[:60],
            ip(family, **{"proto" if family == 4 else "nh": PROTOCOL}) / TEXT[:9],
            *fragments(family, TEXT, 104),
            *fragments(family, TEXT, 200, ident=8, protocol=17),
        ]
        if family == 4:
            found += [ip(4) / ICMP(type=t, code=c) / bytes(ours) for t, c in ((3, 3), (3, 4), (11, 0), (12, 0))]
            found += [ip(4, options=[o]) / UDP() for o in (IPOption_RR(), IPOption_LSRR())]
        else:
            found += [ip(6) / m / bytes(ours) for m in (ICMPv6DestUnreach(code=4), ICMPv6PacketTooBig(mtu=1300))]
            options = [HBHOptUnknown(otype=t, optdata=b"abc") for t in (1, 5, 0x3E, 0x80)]
            found.append(ip(6) / IPv6ExtHdrHopByHop(options=options[:3]) / IPv6ExtHdrDestOpt() / UDP())
            found.append(ip(6) / IPv6ExtHdrDestOpt(options=options) / UDP())
            found.append(ip(6) / IPv6ExtHdrRouting(addresses=["::5"]) / IPv6ExtHdrDestOpt(nh=PROTOCOL) / TEXT[:8])
    return [bytes(packet) for packet in found]


def repaired(data: bytearray) -> bytearray:
    """With its lengths and the IPv4 header's checksum right again, so that the damage gets past the first gates."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        data[0] = 0x40 | min(max(data[0] & 15, 5), len(data) // 4)
        data[2:4] = len(data).to_bytes(2, "big")
        data[10:12] = b"\0\0"
        header = bytes(data[: (data[0] & 15) * 4])
        data[10:12] = (-int.from_bytes(header, "big") % 65535).to_bytes(2, "big")
    elif len(data) >= 40 and data[0] >> 4 == 6:
        data[4:6] = (len(data) - 40).to_bytes(2, "big")
    return data


def damaged(generator: random.Random, packet: bytes) -> bytes:
    data = bytearray(packet)
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(data))
        kind = generator.random()
        if kind < 0.75:
            data[at] = generator.randrange(256)
        elif kind < 0.85:
            data[at:at] = generator.randbytes(generator.randrange(9))
        elif at:
            del data[at:]
    if generator.random() < 0.8:
        data = repaired(data)
    return bytes(data)


@pytest.mark.parametrize("seed", range(5))
def test_noise(seed: int) -> None:
    generator = random.Random(seed)
    budget = 15_000
    config = IpConfig(fragment_memory_v4=budget, fragment_memory_v6=budget)
    addresses = ((bytes([10, 0, 0, 2]), 24), (bytes([0xFD, *bytes(14), 2]), 64))
    stack = Host(Config(addresses=addresses, ip=config), entropy(str(seed)))
    stack.listen(bytes(4), 80, 5)
    originals = seeds()
    now = 0
    count = stack.metrics
    for n in range(10_000):
        now += generator.randrange(SECOND // 5)
        packet = damaged(generator, generator.choice(originals))
        before = sum(count.snapshot().values()) if n % 10 == 0 else None
        stack.receive(packet, now)
        if before is not None:
            assert sum(count.snapshot().values()) >= before + 2, "arrived, and something became of it"
        while (sent := stack.poll_transmit(now)) is not None:
            assert len(sent) <= 1500
        while stack.poll_event() is not None:
            pass
        if n % 50 == 0:
            stack.on_deadline(now)
        assert stack.ip.held <= 2 * budget
    received = count["IpInReceives"] + count["Ip6InReceives"]
    delivered = count["IpInDelivers"] + count["Ip6InDelivers"]
    waiting = count["IpReasmReqds"] + count["Ip6ReasmReqds"] - count["IpReasmOKs"] - count["Ip6ReasmOKs"]
    assert received == 10_000
    assert received == delivered + waiting + sum(count[name] for name in IP_DROPS), count.snapshot()
    assert delivered == sum(count[name] for name in HANDED_UP), count.snapshot()
    assert set(count.snapshot()) <= set(COUNTERS)
    for name in ("IpReasmOKs", "Ip6ReasmOKs", "IpExtReasmOverlaps", "PystackIpReasmEvicted", "IpReasmTimeout"):
        assert count[name], f"the noise shall reach {name}"
    for name in ("PystackIpInSourceRoutes", "Icmp6OutParmProblems", "IcmpOutParmProbs", "IpInAddrErrors"):
        assert count[name], f"the noise shall reach {name}"
    stack.on_deadline(now + 100 * SECOND)
    assert stack.ip.held == 0
