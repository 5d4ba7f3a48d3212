"""What ICMP reports as errno of `connect`, for both address families (Linux: icmp_err_convert, icmpv6_err_convert)."""

import errno
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6
from scapy.packet import Raw

from pystack import testing
from pystack.tcp.config import TcpConfig

LINUX = {
    (4, 3, 0): errno.ENETUNREACH,
    (4, 3, 1): errno.EHOSTUNREACH,
    (4, 3, 2): errno.ENOPROTOOPT,
    (4, 3, 3): errno.ECONNREFUSED,
    (4, 3, 5): errno.EOPNOTSUPP,
    (4, 3, 6): errno.ENETUNREACH,
    (4, 3, 7): errno.EHOSTDOWN,
    (4, 3, 8): errno.ENONET,
    (4, 3, 9): errno.ENETUNREACH,
    (4, 3, 10): errno.EHOSTUNREACH,
    (4, 3, 11): errno.ENETUNREACH,
    (4, 3, 12): errno.EHOSTUNREACH,
    (4, 3, 13): errno.EHOSTUNREACH,
    (4, 11, 0): errno.EHOSTUNREACH,
    (4, 12, 0): errno.EPROTO,
    (6, 1, 0): errno.ENETUNREACH,
    (6, 1, 1): errno.EACCES,
    (6, 1, 3): errno.EHOSTUNREACH,
    (6, 1, 4): errno.ECONNREFUSED,
    (6, 1, 5): errno.EACCES,
    (6, 1, 6): errno.EACCES,
    (6, 3, 0): errno.EHOSTUNREACH,
    (6, 4, 1): errno.EPROTO,
}
ENDS = TcpConfig(soft_errors_end_connect=True)


def report(family: int, kind: int, code: int, about: Any) -> Any:
    if family == 4:
        return IP() / ICMP(type=kind, code=code) / Raw(bytes(about)[:28])
    layer = {1: ICMPv6DestUnreach, 3: ICMPv6TimeExceeded, 4: ICMPv6ParamProblem}[kind]
    return IPv6() / layer(code=code) / Raw(bytes(about))


@pytest.mark.parametrize(("message", "expected"), LINUX.items(), ids=str)
def test_connect_fails_with_it(message: tuple[int, int, int], expected: int) -> None:
    family, kind, code = message
    with testing.peer(testing.host(tcp=ENDS), family=family) as p:
        c = p.syn_sent()
        p.send(report(family, kind, code, p.heard[-1].packet))
        with pytest.raises(OSError) as caught:
            c.sock.connect_result()
        assert caught.value.errno == expected
        assert caught.value.strerror
        assert not caught.value.strerror.startswith("error ")


def test_what_icmp_said_before_something_went_through_is_forgotten() -> None:
    """Linux: sk_err_soft, which an acknowledgement clears."""
    with testing.peer(testing.host()) as p:
        c = p.established()
        c.sock.send(b"text")
        p.send(report(4, 3, 1, c.expect("PA")))
        assert c.connection.icmp_error is not None
        c.send()
        assert c.connection.icmp_error is None
        c.sock.send(b"and now nobody answers")
        p.wait("2000 s")
        p.skip()
        assert c.sock.take_error() == errno.ETIMEDOUT
