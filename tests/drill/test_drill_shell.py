"""Shell commands that are recognised, options of scripts, and code blocks."""

import pytest

from pystack.drill.codeblocks import Namespace
from pystack.drill.errors import Failure, ScriptError, Stop, Unsupported
from pystack.drill.parser import parse
from pystack.drill.script import Option, Position
from pystack.drill.settings import Relaxed, Settings, relaxed_of, settings_of
from pystack.drill.setup import setup_of
from pystack.drill.shell import ChangeRoute, SetDefaults, SetSysctl, Sleep, Step, UnknownCommand, steps_of
from pystack.drill.sysctls import PROFILE

MS = 1_000_000
HERE = Position(7, 3)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("../common/defaults.sh", [SetDefaults()]),
        ("sysctl -q net.ipv4.tcp_sack=0", [SetSysctl("net.ipv4.tcp_sack", "0")]),
        ("sysctl -q -w a.b=1 c/d=2", [SetSysctl("a.b", "1"), SetSysctl("c.d", "2")]),
        ('sysctl -w net.ipv4.tcp_rmem="4096 5 6"', [SetSysctl("net.ipv4.tcp_rmem", "4096 5 6")]),
        ("sysctl -q 'a.b=1 2 3'", [SetSysctl("a.b", "1 2 3")]),
        (
            "./set_sysctls.py /proc/sys/net/ipv4/tcp_ecn=1 \\\n  /proc/sys/net/x=2",
            [SetSysctl("net.ipv4.tcp_ecn", "1"), SetSysctl("net.x", "2")],
        ),
        ("/tmp/sysctl_restore_${PPID}.sh", []),
        ("ip tcp_metrics flush all", []),
        ("ip tcp_metrics flush all > /dev/null 2>&1", []),
        ("tc qdisc replace dev tun0 root pfifo; ethtool -K tun0 tso off && nstat -n", []),
        ("sleep 0.25", [Sleep(250 * MS)]),
        ("sysctl -q a.b=1\nsleep 1", [SetSysctl("a.b", "1"), Sleep(1000 * MS)]),
        ("ip route change 192.0.2.0/24 via 192.168.0.1 dev tun0 mtu lock 1400", [ChangeRoute(1400, True)]),
        ("ip -6 route change default dev tun0 advmss 900 initcwnd 4", [ChangeRoute(None, False, 900, 4)]),
        ("", []),
    ],
)
def test_commands(text: str, steps: list[Step]) -> None:
    assert steps_of(text) == steps


@pytest.mark.parametrize(
    "text",
    [
        "rm -rf x",
        "nstat | grep Tcp",
        "nstat -z",
        "ss -t",
        "cat /proc/net/tcp",
        "sysctl net.ipv4.tcp_sack",
        "sleep forever",
        "ip link show",
        "ip route change default mtu",
        "ip route change default mtu lots",
        "ip route change default quickack 1",
        "sysctl -q 'a=1",
        "sleep 1 &",
        "defaults.sh again",
    ],
)
def test_other_commands_are_not_supported(text: str) -> None:
    with pytest.raises(UnknownCommand):
        steps_of(text)


def test_what_the_stack_is_made_for() -> None:
    script = parse("--mtu=1400\n`../defaults.sh; sysctl a.b=1; ip route change x initcwnd 3`\n0 `true`")
    setup = setup_of(script, settings_of(script.options), seed=5)
    assert setup.sysctls == {**PROFILE, "a.b": "1"}
    assert (setup.mtu, setup.route_initcwnd, setup.route_mtu, setup.seed) == (1400, 3, None, 5)
    assert (setup.local_ip, setup.remote_ip, setup.prefix) == (bytes((192, 168, 0, 1)), bytes((192, 0, 2, 1)), 16)


# Options


def settings(*texts: str) -> Settings:
    return settings_of([Option(*text.split("=", 1), at=HERE) for text in texts])


def test_options() -> None:
    found = settings(
        "ip_version=ipv6", "tolerance_usecs=10", "tolerance_percent=2.5", "strict_segments", "non_fatal=packet"
    )
    assert (found.is_ipv6, found.tolerance, found.tolerance_percent) == (True, 10_000, 2.5)
    assert (found.strict_segments, found.non_fatal) == (True, {"packet"})
    assert found.local_ip.hex() == "fd3d0a0b17d600000000000000000001"
    assert settings("wire_client", "speed=5", "code_command=x", "mss=3", "verbose") == Settings()
    assert settings("mtu=1000", "mtu=2000").mtu == 2000
    assert settings("netmask_ip=255.255.255.0").prefix == 24


@pytest.mark.parametrize(
    "text",
    [
        "what",
        "mtu=1e3",
        "mtu=67",
        "mtu",
        "strict_segments=1",
        "bind_port=0",
        "local_ip=here",
        "local_ip=::1",
        "ip_version=ipv5",
        "tolerance_percent=-1",
        "non_fatal=all",
    ],
)
def test_options_that_cannot_be(text: str) -> None:
    with pytest.raises(ScriptError):
        settings(text)


def test_what_may_be_relaxed() -> None:
    assert relaxed_of(["psh", "cc", "time=2.5"]) == Relaxed(psh=True, cc=True, time=2.5)
    for word in ("push", "time", "time=0.5", "time=nan", "psh=1"):
        with pytest.raises(ValueError, match=r"none of|no factor"):
            relaxed_of([word])


# Code blocks


def test_blocks_are_what_stands_between_the_braces() -> None:
    names = Namespace()
    names.run(" a = tcpi_x; assert a == 5, \\\n a ", {"x": 5}, HERE)
    names.run("\nif a > 4:\n    assert TCPI_OPT_ECN == 8\n", {}, HERE)
    with pytest.raises(Failure, match=r"^assert max\(a, 6\) == 5, a: 5$"):
        names.run("\nb = 1\nassert max(a, 6) == 5, a\n", {}, HERE)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("assert tcpi_nothing", ScriptError),
        ("assert (", ScriptError),
        ("assert 1 / 0", ScriptError),
        ("\n  assert 1", ScriptError),
        ("assert \0", ScriptError),
        ("assert " + "(" * 500 + "1" + ")" * 500, ScriptError),
        ("import os", Unsupported),
        ("().__class__", Unsupported),
        ("__builtins__['open']", Unsupported),
        ("while 1: pass", Unsupported),
        ("[x for x in (1, 2)]", Unsupported),
        ("open('x')", ScriptError),
        ("lambda: 1", Unsupported),
    ],
)
def test_blocks_that_cannot_be_run(text: str, error: type[Stop]) -> None:
    with pytest.raises(error) as caught:
        Namespace().run(text, {}, HERE)
    assert caught.value.at == HERE


def test_assertions_on_congestion_may_be_passed_over() -> None:
    text = "\nassert tcpi_snd_cwnd == 1\nassert tcpi_lost == 0\n"
    Namespace(ignores_congestion=True).run(text, {"snd_cwnd": 2, "lost": 0}, HERE)
    with pytest.raises(Failure):
        Namespace(ignores_congestion=True).run(text, {"snd_cwnd": 2, "lost": 1}, HERE)
    with pytest.raises(Failure):
        Namespace().run(text, {"snd_cwnd": 2, "lost": 0}, HERE)
