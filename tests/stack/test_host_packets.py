"""Whatever comes off the wire: pings, damage, strangers, and twenty thousand packets of noise."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet import fragment as fragment_packet
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ParamProblem, IPv6
from stack_lab import OURS, PACKED, SECOND, THEIRS, accepted, drain, gives, host, ip, segment

from pystack.link.entropy import random_bytes, stream
from pystack.stack.host import Host

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def echo(family: int, data: bytes = b"ping"):
    message = ICMP(type=8, id=7, seq=9) if family == 4 else ICMPv6EchoRequest(id=7, seq=9, data=data)
    return ip(family) / message / data if family == 4 else ip(family) / message


@FAMILIES
@pytest.mark.parametrize("size", [0, 1, 56, 1200])
def test_a_ping_is_answered(family: int, size: int) -> None:
    stack = host()
    data = bytes(n & 0xFF for n in range(size))
    (reply,) = gives(stack, echo(family, data))
    assert (reply.src, reply.dst) == (OURS[family], THEIRS[family])
    if family == 4:
        assert (reply[ICMP].type, reply[ICMP].id, reply[ICMP].seq) == (0, 7, 9)
        assert bytes(reply[ICMP].payload) == data
    else:
        message = reply[ICMPv6EchoReply]
        assert (message.id, message.seq, message.data) == (7, 9, data)
    assert stack.metrics["IcmpInMsgs" if family == 4 else "Icmp6InMsgs"] == 1


@FAMILIES
def test_other_icmp_is_counted_and_not_answered(family: int) -> None:
    stack = host()
    message = ICMP(type=0, id=7) if family == 4 else ICMPv6EchoReply(id=7)
    assert gives(stack, ip(family) / message) == []
    assert stack.metrics["IcmpInMsgs" if family == 4 else "Icmp6InMsgs"] == 1


@FAMILIES
def test_bad_checksums_are_dropped_and_counted(family: int) -> None:
    """MUST-3."""
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    packet = segment(family, "S", seq=1)
    packet[TCP].chksum = 0x1234
    assert gives(stack, packet) == []
    assert stack.metrics["TcpInCsumErrors"] == 1
    assert not listener.has_ready
    assert stack.endpoints() == []
    broken = bytearray(bytes(echo(family)))
    broken[-1] ^= 1
    assert gives(stack, bytes(broken)) == []
    assert stack.metrics["IcmpInCsumErrors" if family == 4 else "Icmp6InCsumErrors"] == 1


def test_a_bad_ip_header_checksum_is_counted() -> None:
    stack = host()
    assert gives(stack, IP(src=THEIRS[4], dst=OURS[4], chksum=1) / TCP(flags="S")) == []
    assert stack.metrics["IpInHdrErrors"] == 1


@FAMILIES
def test_unknown_protocols_are_counted_and_answered(family: int) -> None:
    stack = host()
    packet = ip(family, proto=200) if family == 4 else ip(family, nh=200)
    (answer,) = gives(stack, packet / b"?")
    assert (ICMP if family == 4 else ICMPv6ParamProblem) in answer
    assert stack.metrics["IpInUnknownProtos" if family == 4 else "Ip6InUnknownProtos"] == 1


@FAMILIES
def test_udp_ports_are_closed(family: int) -> None:
    stack = host()
    (answer,) = gives(stack, ip(family) / UDP(dport=53) / b"?")
    assert (ICMP if family == 4 else ICMPv6DestUnreach) in answer
    assert stack.metrics["UdpNoPorts" if family == 4 else "Udp6NoPorts"] == 1


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        (4, {"dst": "10.0.0.3"}),
        (4, {"dst": "10.0.0.255"}),
        (4, {"dst": "224.0.0.1"}),
        (4, {"dst": "255.255.255.255"}),
        (4, {"src": "10.0.0.255"}),
        (4, {"src": "224.0.0.1"}),
        (4, {"src": "255.255.255.255"}),
        (4, {"src": "0.0.0.0"}),
        (4, {"src": "240.0.0.1"}),
        (6, {"dst": "fd00::3"}),
        (6, {"dst": "ff02::1"}),
        (6, {"src": "ff02::1"}),
        (6, {"src": "::"}),
    ],
)
def test_no_connection_with_such_addresses(family: int, fields: dict[str, str]) -> None:
    """MUST-57, MUST-63."""
    stack = host()
    stack.listen(bytes(len(PACKED[family])), 80, 5)
    assert gives(stack, ip(family, **fields) / TCP(sport=5000, dport=80, flags="S")) == []
    assert stack.endpoints() == []
    dropped = stack.metrics["IpInAddrErrors" if family == 4 else "Ip6InAddrErrors"]
    assert dropped + stack.metrics["PystackTcpInToGroups"] == 1


def test_a_segment_in_fragments_is_a_segment() -> None:
    stack = host()
    for fragment in fragment_packet(segment(4, "S", seq=100) / bytes(100), 64)[::-1]:
        answers = gives(stack, fragment)
    assert answers[0][TCP].ack == 201


def test_ip_options_are_passed_over() -> None:
    """MUST-50."""
    stack = host()
    (answer,) = gives(stack, ip(4, options=b"\x94\x04\x00\x00") / TCP(sport=5000, dport=80, flags="S", seq=100))
    assert (answer[TCP].flags, answer[TCP].ack) == ("RA", 101)


@FAMILIES
def test_padding_behind_the_packet_is_not_seen(family: int) -> None:
    stack = host()
    (answer,) = gives(stack, bytes(segment(family, "S", seq=100)) + bytes(14))
    assert answer[TCP].ack == 101


@FAMILIES
def test_malformed_options_do_no_harm(family: int) -> None:
    """MUST-6, MUST-7."""
    for raw in (
        b"\x02\x00\x00\x00",
        b"\x02\x01\x00\x00",
        b"\x02\xff\x00\x00",
        b"\xfe\x04\x00\x00",
        b"\x08\x0a\x00\x00",
    ):
        stack = host()
        stack.listen(PACKED[family], 80, 5)
        packet = ip(family) / TCP(sport=5000, dport=80, flags="S", seq=100, dataofs=6)
        data = bytearray(bytes(packet) + raw)
        length = 20 if family == 4 else 40
        if family == 4:
            data[2:4] = len(data).to_bytes(2, "big")
            data[10:12] = b"\0\0"
        else:
            data[4:6] = (len(data) - 40).to_bytes(2, "big")
        data[length + 16 : length + 18] = b"\0\0"
        read = IP(bytes(data)) if family == 4 else IPv6(bytes(data))
        for layer in (IP, TCP):
            if layer in read:
                del read[layer].chksum
        (answer,) = gives(stack, bytes(read))
        assert (answer[TCP].flags, answer[TCP].ack) == ("SA", 101)


def _mutated(generator, packet: bytes, fix: bool) -> bytes:
    data = bytearray(packet)
    for _ in range(1 + int(generator.random() * 4)):
        kind = generator.random()
        at = int(generator.random() * len(data))
        if kind < 0.7 or len(data) < 4:
            data[at] = int(generator.random() * 256)
        elif kind < 0.85:
            del data[at:]
            data += b"\x45"
        else:
            data[at:at] = random_bytes(generator, 1 + int(generator.random() * 8))
    if not fix:
        return bytes(data)
    # Put lengths and checksums right again, so that the damage gets past the first gates.
    version = data[0] >> 4
    try:
        if version == 4 and len(data) >= 20:
            data[0], data[2:4], data[6:8] = 0x45, len(data).to_bytes(2, "big"), b"\x40\x00"
            read = IP(bytes(data))
        elif version == 6 and len(data) >= 40:
            data[4:6] = (len(data) - 40).to_bytes(2, "big")
            read = IPv6(bytes(data))
        else:
            return bytes(data)
        for layer in (IP, TCP, ICMP):
            if layer in read:
                del read[layer].chksum
        return bytes(read)
    except Exception:  # scapy cannot read it; the host must
        return bytes(data)


def _received(stack: Host) -> int:
    return stack.metrics["IpInReceives"] + stack.metrics["Ip6InReceives"]


@pytest.mark.parametrize("seed", range(4))
def test_noise_never_raises_and_is_always_counted(seed: int) -> None:
    """Five thousand packets a seed: plain noise, and damaged segments of live connections in every phase."""
    generator = stream(seed, "noise")
    stack = host()
    listeners = {family: stack.listen(bytes(len(PACKED[family])), 80, 5) for family in (4, 6)}
    now, live = 0, []
    flags = ["S", "SA", "A", "PA", "FA", "R", "RA", "SF", "", "SFRPAU"]
    for count in range(1, 5001):
        now += int(generator.random() * SECOND)
        family = 4 if generator.random() < 0.5 else 6
        if count % 100 == 1:
            endpoint = accepted(stack, family, listeners[family], sport=5000 + count, now=now)
            if endpoint is not None:
                endpoint.connection.send(bytes(5000))
                stack.touch(endpoint)
                live = [*live[-3:], (family, endpoint)]
        before = _received(stack)
        if generator.random() < 0.15:
            packet = random_bytes(generator, int(generator.random() * 100))
        else:
            if live and generator.random() < 0.8:
                family, endpoint = live[int(generator.random() * len(live))]
                tcb, port = endpoint.connection.tcb, endpoint.remote_port
                seq = (tcb.rcv.nxt + int(generator.random() * 4000) - 2000) % 2**32
                ack = (tcb.snd.una + int(generator.random() * 4000) - 1000) % 2**32
            else:
                seq, ack, port = (int(generator.random() * 2**32), int(generator.random() * 2**32), 5000)
            whole = segment(
                family,
                flags[int(generator.random() * len(flags))],
                sport=port,
                seq=seq,
                ack=ack,
                window=int(generator.random() * 65536),
                options=[("Timestamp", (seq, ack))] if generator.random() < 0.3 else [("SAck", (ack, ack + 1000))],
            ) / random_bytes(generator, int(generator.random() * 40))
            packet = bytes(whole)
            if generator.random() < 0.7:
                packet = _mutated(generator, packet, fix=generator.random() < 0.7)
        stack.receive(packet, now)
        drain(stack, now)
        assert _received(stack) == before + 1
        stack.on_deadline(now)
        drain(stack, now)
        while stack.poll_event() is not None:
            pass
    assert _received(stack) >= 5000
    counted = stack.metrics

    def total(*names: str) -> int:
        return sum(counted[name] for name in names)

    delivered = total("IpInDelivers", "Ip6InDelivers")
    in_fragments = total("IpReasmReqds", "Ip6ReasmReqds") - total("IpReasmOKs", "Ip6ReasmOKs")
    ends = ("InHdrErrors", "InTruncatedPkts", "InAddrErrors", "InOtherGroups", "InSourceRoutes", "InNoNextHeader")
    dropped = total(*(f"{family}{end}" for family in ("Ip", "Ip6", "PystackIp", "PystackIp6") for end in ends))
    assert _received(stack) == delivered + dropped + in_fragments, counted.snapshot()
    unknown = total("IpInUnknownProtos", "Ip6InUnknownProtos")
    assert delivered == unknown + total(
        *("TcpInSegs", "IcmpInMsgs", "Icmp6InMsgs"),
        *(f"{udp}{end}" for udp in ("Udp", "Udp6") for end in ("NoPorts", "InErrors", "IgnoredMulti")),
    )
    assert counted["TcpInCsumErrors"] > 100
    assert len(stack.endpoints()) < 5000
    for _, endpoint in live:
        connection = endpoint.connection
        assert connection.recvbuf.held + connection.reassembly.held <= 2 * connection.config.rcvbuf + 2048
