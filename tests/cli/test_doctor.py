"""`pystack doctor`: each finding by itself, and the whole report on this machine."""

import subprocess
import sys
from typing import Any

import pytest
from serving import PYSTACK

from pystack.cli import doctor
from pystack.cli.doctor import Finding, Verdict

FOUND = {"namespace_refusal": None, "device_refusal": None, "offloads": ["checksum", "TSO4", "TSO6", "USO"]}


def chain(**fields: str) -> dict[str, Any]:
    return {"chain": {"family": "inet", "table": "filter", "name": "in", **fields}}


@pytest.mark.parametrize(
    ("finding", "verdict", "says", "mend"),
    [
        (doctor.python((3, 11)), Verdict.FINE, "3.11", ""),
        (doctor.names(None), Verdict.FINE, "no other", ""),
        (doctor.names("1.5.1"), Verdict.LESS, "pystack 1.5.1", "pip uninstall pystack && pip install"),
        (doctor.rights(1 << 12), Verdict.FINE, "may make", ""),
        (
            doctor.rights(~(1 << 12) & 0xFFFFFFFF),
            Verdict.LESS,
            "may not make",
            "ip tuntap add tun0 mode tun user $USER",
        ),
        (doctor.namespaces(FOUND), Verdict.FINE, "can make one", ""),
        (
            doctor.namespaces(FOUND | {"namespace_refusal": "no ordinary user may: allow it with `sysctl a=1`"}),
            Verdict.LESS,
            "no ordinary user may",
            "sysctl a=1",
        ),
        (doctor.namespaces(FOUND | {"failure": "No such file: 'x'"}), Verdict.LESS, "failed: No such file: 'x'", ""),
        (doctor.offloads(FOUND | {"failure": "No such file: 'x'"}), Verdict.LESS, "not looked at", ""),
        (doctor.offloads(FOUND), Verdict.FINE, "TSO6", ""),
        (doctor.offloads(FOUND | {"offloads": ["checksum"]}), Verdict.LESS, "no TSO4, TSO6, USO", "6.2"),
        (doctor.offloads(FOUND | {"device_refusal": "no node: make one"}), Verdict.LACKS, "no node", "make one"),
        (doctor.offloads(FOUND | {"namespace_refusal": "no"}), Verdict.LESS, "not looked at", ""),
        (doctor.ipv6(True), Verdict.FINE, "", ""),
        (doctor.ipv6(False), Verdict.LESS, "IPv4 alone", "disable_ipv6=0"),
        (doctor.firewall(None), Verdict.LESS, "not looked at: that needs root", " doctor"),
        (doctor.firewall([]), Verdict.FINE, "nothing is dropped", ""),
        (doctor.firewall([chain(hook="input", policy="accept"), chain()]), Verdict.FINE, "nothing", ""),
        (doctor.firewall([chain(hook="forward", policy="drop")]), Verdict.FINE, "nothing", ""),
        (
            doctor.firewall([{"metainfo": {}}, chain(hook="input", policy="drop")]),
            Verdict.LESS,
            "chain in of the table inet filter",
            "nft insert rule inet filter in iifname 'tun*' accept",
        ),
        (doctor.firewall([chain(hook="output", policy="drop")]), Verdict.LESS, "drops", "oifname 'tun*' accept"),
        (doctor.curl("/usr/bin/curl"), Verdict.FINE, "/usr/bin/curl", ""),
        (doctor.curl(None), Verdict.LESS, "not installed", "apt install curl"),
    ],
)
def test_findings(finding: Finding, verdict: Verdict, says: str, mend: str) -> None:
    assert finding.verdict is verdict
    assert says in finding.says
    assert (mend in finding.mend) if mend else (finding.mend == "")


@pytest.mark.parametrize(
    ("program", "called"),
    [(".venv/bin/pystack", ".venv/bin/pystack"), ("/a/pystack/__main__.py", f"{sys.executable} -m pystack")],
)
def test_the_commands_work_under_sudo_too(program: str, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [program, "doctor"])
    assert doctor.firewall(None).mend == f"sudo {called} doctor"
    assert f", then {called} serve " in doctor.rights(0).mend


def run(*prefix: str) -> tuple[int, list[str]]:
    done = subprocess.run([*prefix, *PYSTACK, "doctor"], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.kernel
def test_the_report_of_a_machine_that_runs_these_tests(netns: Any) -> None:
    status, lines = run("ip", "netns", "exec", netns.name)
    assert status == 0
    for name in ("device node", "rights", "private network", "name", "python"):
        assert any(line.startswith(f"fine  {name}: ") for line in lines), name
    assert not [line for line in lines if line.startswith("lacks")]


@pytest.mark.kernel
def test_without_the_node(netns: Any) -> None:
    status, lines = run("unshare", "--mount", "/bin/sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    assert status == 1
    at = next(
        n for n, line in enumerate(lines) if line.startswith("lacks device node: there is no usable /dev/net/tun")
    )
    assert "modprobe tun" in lines[at + 1]


@pytest.mark.kernel
def test_a_firewall_that_drops(netns: Any) -> None:
    inside = ("ip", "netns", "exec", netns.name)
    rules = "add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }"
    try:
        subprocess.run([*inside, "nft", rules], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("nft is not installed")
    status, lines = run(*inside)
    assert status == 0
    assert "less  firewall: the chain c of the table inet t drops by default" in lines
    assert "      mend: sudo nft insert rule inet t c iifname 'tun*' accept" in lines
