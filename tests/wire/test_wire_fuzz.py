"""Whatever bytes come in, a codec reads them or raises `Malformed`, with a counter for the drop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, tcp, udp
from pystack.wire.errors import Malformed

ADDRESS = bytes(16)
PARSERS = {
    "ipv4": (ipv4.parse, "Ip"),
    "ipv6": (ipv6.parse, "Ip6"),
    "icmpv4": (icmpv4.parse, "Icmp"),
    "icmpv6": (lambda data: icmpv6.parse(data, ADDRESS, ADDRESS), "Icmp6"),
    "tcp": (lambda data: tcp.parse(data, 0), "Tcp"),
    "tcp, vouched for": (lambda data: tcp.parse(data, None), "Tcp"),
    "udp": (lambda data: udp.parse(data, 0), "Udp"),
    "udp, vouched for": (lambda data: udp.parse(data, None, True), "Udp"),
}
COUNTERS = ("InHdrErrors", "InTruncatedPkts", "InErrors", "InErrs", "InCsumErrors")

# Plain noise seldom gets past the first check, so some of it is given a start that does.
starts = st.sampled_from([b"", b"\x45", b"\x46", b"\x4f", b"\x60", bytes(12) + b"\x50", bytes(12) + b"\xf0"])
noise = st.builds(bytes.__add__, starts, st.binary(max_size=90))


@pytest.mark.parametrize("name", PARSERS)
@given(data=noise, kind=st.sampled_from([bytes, bytearray, memoryview]))
def test_any_bytes_parse_or_are_malformed(name: str, data: bytes, kind) -> None:
    parse, prefix = PARSERS[name]
    value = counter = None
    try:
        value = parse(kind(data))
    except Malformed as error:
        counter = error.counter
    if value is None:
        assert counter in [prefix + name for name in COUNTERS]
    else:
        assert bytes(value.body if name.startswith("icmp") else value.payload) in data


def test_malformed_is_a_value_error_with_its_counter() -> None:
    error = Malformed("IpInHdrErrors", "too short")
    assert isinstance(error, ValueError)
    assert (error.counter, str(error)) == ("IpInHdrErrors", "too short")
