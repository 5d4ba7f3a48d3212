"""Sysctls: what they are to our stack, before there is a host and on one that runs."""

from dataclasses import fields
from typing import Any

import pytest
from dut_lab import SECOND, Lab

from pystack.drill import sysctls, sysctls_bsd
from pystack.drill.sysctls import PROFILE, Follows
from pystack.drill.sysctls_set import configured, find
from pystack.sock import constants as c
from pystack.stack.config import Config

BASE = Config(addresses=((bytes(4), 24),))


def tcp(name: str, value: str) -> dict[str, Any]:
    """What of the settings of connections a sysctl changes."""
    changed = configured(BASE, {name: value}).tcp
    names = [each.name for each in fields(changed)]
    return {n: getattr(changed, n) for n in names if getattr(changed, n) != getattr(BASE.tcp, n)}


@pytest.mark.parametrize(
    ("name", "value", "change"),
    [
        ("net.ipv4.tcp_sack", "0", {"sack": False}),
        ("net.ipv4.tcp_timestamps", "0", {"timestamps": False}),
        ("net.ipv4.tcp_ecn", "1", {"ecn": 1}),
        ("net.ipv4.tcp_rmem", "4096 540000 15728640", {"rcvbuf": 7_864_320}),
        ("net.ipv4.tcp_rmem", "4096 20000 100000", {"rcvbuf": 50_000, "initial_rcv_wnd": 10_000, "window_scale": 1}),
        ("net.ipv4.tcp_wmem", "4096\t262144\t4194304", {"sndbuf": 262_144}),
        ("net.ipv4.tcp_wmem", "4096 16384 4194304", {"sndbuf": 46_080}),
        ("net.ipv4.tcp_wmem", "4096 4096 8192", {"sndbuf": 8192}),
        ("net.ipv4.tcp_orphan_retries", "0", {}),
        ("net.ipv4.tcp_orphan_retries", "3", {"orphan_retries": 3}),
        ("net.ipv4.tcp_fin_timeout", "5", {"fin_timeout": 5 * SECOND}),
        ("net.ipv4.tcp_invalid_ratelimit", "100", {"challenge_ack_interval": SECOND // 10}),
        ("net.ipv6.tcp_sack", "0", {"sack": False}),
        ("net.ipv4.tcp_congestion_control", "newreno", {"congestion": "newreno"}),
        ("net.ipv4.tcp_early_retrans", "0", {}),
        ("net.inet.tcp.rfc1323", "0", {"window_scaling": False, "timestamps": False}),
        ("net.inet.tcp.rfc1323", "2", {"timestamps": False}),
        ("net.inet.tcp.rfc1323", "3", {"window_scaling": False}),
        ("net.inet.tcp.delacktime", "100", {"delayed_ack_min": SECOND // 10, "delayed_ack_max": SECOND // 10}),
        ("net.inet.tcp.msl", "1000", {"time_wait": 2 * SECOND}),
        ("net.inet.tcp.recvspace", "8192", {"initial_rcv_wnd": 8192}),
        ("kern.ipc.maxsockbuf", "300000", {"window_scale": 3}),
        ("kern.timecounter.alloweddeviation", "0", {}),
    ],
)
def test_what_a_sysctl_changes(name: str, value: str, change: dict[str, Any]) -> None:
    bsd = {"window_scale": 6, "quick_acks": 0} if not name.startswith("net.ipv") else {}
    assert tcp(name, value) == bsd | change


@pytest.mark.parametrize("table", [sysctls.SYSCTLS, sysctls_bsd.SYSCTLS])
def test_every_field_is_there_and_every_line_has_a_reason(table: dict[str, sysctls.Sysctl]) -> None:
    parts = {"tcp": BASE.tcp, "ip": BASE.ip, "udp": BASE.udp, "": BASE}
    for name, sysctl in table.items():
        assert sysctl.note, name
        if sysctl.read is not None:
            value = {"net.ipv4.tcp_congestion_control": "reno", "net.ipv4.ip_local_port_range": "1024 2048"}.get(
                name, "1 1 1" if name.endswith("mem") else "1"
            )
            for field in sysctl.read(value):
                assert hasattr(parts[sysctl.part], field), name


def test_the_profile_is_understood() -> None:
    assert all(find(name) is not None for name in PROFILE)
    config = configured(BASE, PROFILE).tcp
    assert (config.ecn, config.syn_retries, config.slow_start_after_idle) == (0, 5, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.tcp_sack", "yes"),
        ("net.ipv4.tcp_rmem", "1 2"),
        ("net.ipv4.tcp_congestion_control", "nobody's"),
        ("net.ipv4.tcp_ecn", "3"),
        ("net.inet.tcp.ecn.enable", "4"),
    ],
)
def test_a_value_that_cannot_be_is_said_with_its_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        configured(BASE, {name: value})
    lab = Lab()
    with pytest.raises(ValueError, match=name):
        lab.dut.set_sysctl(name, value)


def test_nobody_knows_it() -> None:
    lab = Lab(sysctls={"net.ipv4.tcp_nonsense": "1"})
    assert not lab.dut.set_sysctl("net.ipv4.tcp_nonsense", "1")
    assert lab.dut.set_sysctl("net.ipv4.tcp_recovery", "0"), "known, and nothing depends on it"
    assert lab.dut.set_sysctl("net.inet.tcp.never_heard_of", "0"), "BSD's others are passed over"


def test_a_listener_follows_unless_it_has_set_it_for_itself() -> None:
    lab = Lab()
    listener = lab.listener()
    lab.does("setsockopt", listener, 6, c.TCP_KEEPCNT, (3,), 4)
    assert lab.dut.set_sysctl("net.ipv4.tcp_timestamps", "0")
    assert lab.dut.set_sysctl("net.ipv4.tcp_keepalive_probes", "7")
    assert lab.details("getsockopt", listener, 6, c.TCP_KEEPCNT, (0,), (4,)) == (3, 4)
    assert lab.details("getsockopt", lab.socket(9), 6, c.TCP_KEEPCNT, (0,), (4,)) == (7, 4)
    lab.says("S", 0, mss=1000, ts_val=1)
    lab.hears()
    assert lab.segments[-1].options.ts_val is None


def test_what_only_new_sockets_follow() -> None:
    assert sysctls.SYSCTLS["net.ipv4.tcp_rmem"].follows is Follows.NOBODY
    lab = Lab()
    lab.listener()
    lab.dut.set_sysctl("net.ipv4.tcp_rmem", "4096 20000 20000")
    lab.says("S", 0, mss=1000, wscale=3)
    lab.hears()
    assert (lab.segments[-1].wnd, lab.segments[-1].options.wscale) == (65535, 8)


def test_connections_follow_what_linux_asks_for_each_time() -> None:
    lab = Lab(sysctls={"net.ipv4.tcp_keepalive_time": "100"})
    fd = lab.accepted()
    assert lab.does("setsockopt", fd, 1, c.SO_KEEPALIVE, (1,), 4) == 0
    assert lab.dut.set_sysctl("net.ipv4.tcp_keepalive_time", "10")
    lab.waits(11_000)
    assert lab.hears() == ["10000 . 0:0(0) ack 1"]


def test_one_name_of_bsds_makes_new_connections_as_a_bsds() -> None:
    lab = Lab()
    assert lab.dut.set_sysctl("net.inet.tcp.ecn.enable", "0")
    fd = lab.socket()
    lab.does("fcntl", fd, 4, 0x802)
    lab.does("connect", fd, ..., ...)
    lab.hears()
    assert (lab.segments[-1].wnd, lab.segments[-1].options.wscale) == (65535, 6)
