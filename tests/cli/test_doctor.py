"""`pystack doctor`: each finding by itself, and the whole report on this machine."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from serving import PYSTACK

from pystack.cli import doctor
from pystack.cli.doctor import Finding, Verdict
from pystack.cli.firewall import Trouble

FOUND = {"namespace_refusal": None, "device_refusal": None, "offloads": ["checksum", "TSO4", "TSO6", "USO"]}
FAILURE = {"failure": "No such file: 'x'"}

NO_RIGHTS = ~(1 << 12) & 0xFFFFFFFF
MADE = "sudo ip tuntap add tun0 mode tun user $USER && sudo ip address add 10.0.0.1/24 dev tun0"
WITH_IPV6 = "sudo ip address add fd00:7079::1/64 dev tun0"
UP = "sudo ip link set tun0 up"


def trouble(hook: str = "input", certain: bool = True, established: bool = True, manager: str = "") -> Trouble:
    return Trouble("inet", "t", "c", hook, certain, established, manager)


@pytest.mark.parametrize(
    ("finding", "verdict", "says", "mend"),
    [
        (doctor.names(None), Verdict.FINE, "no other", ""),
        (doctor.names("1.5.1"), Verdict.LESS, "pystack 1.5.1", "pip uninstall pystack && pip install"),
        (doctor.rights(1 << 12, [], True), Verdict.FINE, "may make", ""),
        (doctor.rights(NO_RIGHTS, ["tun7"], True), Verdict.FINE, "serve --tun tun7 --host-address none`", ""),
        (doctor.rights(NO_RIGHTS, [], True), Verdict.LESS, "may not make", f"{MADE} && {WITH_IPV6} && {UP}"),
        (doctor.rights(NO_RIGHTS, [], False), Verdict.LESS, "serve --host-address none`", f"{MADE} && {UP}"),
        (doctor.namespaces(FOUND), Verdict.FINE, "can make one", ""),
        (
            doctor.namespaces(FOUND | {"namespace_refusal": "no ordinary user may: allow it with `sysctl a=1`"}),
            Verdict.LESS,
            "no ordinary user may",
            "sysctl a=1",
        ),
        (doctor.namespaces(FAILURE), Verdict.LESS, "failed: No such file: 'x'", ""),
        (doctor.offloads(FAILURE), Verdict.LESS, "failed: No such file: 'x'", ""),
        (doctor.offloads(FOUND), Verdict.FINE, "TSO6", ""),
        (doctor.offloads(FOUND | {"offloads": ["checksum"]}), Verdict.LESS, "no TSO4, TSO6, USO", "6.2"),
        (doctor.offloads(FOUND | {"device_refusal": "no node: make one"}), Verdict.LACKS, "no node", "make one"),
        (doctor.offloads(FOUND | {"namespace_refusal": "no"}), Verdict.LESS, "not looked at", ""),
        (doctor.ipv6(True), Verdict.FINE, "", ""),
        (doctor.ipv6(False), Verdict.LESS, "IPv4 alone", "disable_ipv6=0"),
        (doctor.tools([]), Verdict.FINE, "curl, nc, ping, ip", ""),
        (doctor.tools(["nc", "ip"]), Verdict.LESS, "nc, ip", "sudo apt install netcat-openbsd iproute2"),
    ],
)
def test_findings(finding: Finding, verdict: Verdict, says: str, mend: str) -> None:
    assert finding.verdict is verdict
    assert says in finding.says
    assert (mend in finding.mend) if mend else (finding.mend == "")


@pytest.mark.parametrize(
    ("found", "says", "mend"),
    [
        (trouble(), "drops what comes from", "sudo nft insert rule inet t c iifname 'tun*' accept"),
        (
            trouble(established=False),
            "drops what the stack begins",
            "sudo nft insert rule inet t c iifname 'tun*' accept",
        ),
        (trouble("output"), "drops what goes to", "sudo nft insert rule inet t c oifname 'tun*' accept"),
        (trouble("forward"), "beyond this machine", "iifname 'tun*' accept && sudo nft insert rule inet t c oifname"),
        (trouble(certain=False), "cannot be told", "sudo nft list table inet t"),
        (trouble(manager="firewalld"), "drops", "sudo firewall-cmd --zone=trusted --add-interface=tun0"),
        (trouble(manager="ufw"), "drops", "sudo ufw allow in on tun0"),
        (trouble("forward", manager="ufw"), "drops", "sudo ufw route allow in on tun0"),
    ],
)
def test_firewalls(found: Trouble, says: str, mend: str) -> None:
    (finding,) = doctor.firewall([found], forwards=True)
    assert finding.verdict is Verdict.LESS
    assert says in finding.says
    assert mend in finding.mend


def test_firewalls_that_are_not_in_the_way() -> None:
    for found in ([], [trouble("forward")]):
        (finding,) = doctor.firewall(found, forwards=False)
        assert finding.verdict is Verdict.FINE


@pytest.mark.parametrize(
    ("failure", "says", "mend"),
    [
        (FileNotFoundError(), "nft is not installed", "sudo apt install nftables"),
        (subprocess.TimeoutExpired("nft", 20), "timed out after 20 seconds", "sudo nft list ruleset"),
        (subprocess.CalledProcessError(1, "nft"), "exit status 1", "sudo nft list ruleset"),
        (ValueError("no JSON"), "no JSON", "sudo nft list ruleset"),
    ],
)
def test_rules_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, failure: Exception, says: str, mend: str) -> None:
    def ruleset() -> Any:
        raise failure

    monkeypatch.setattr(doctor, "_ruleset", ruleset)
    (finding,) = doctor._firewall(1 << 12)
    assert (finding.verdict, finding.mend) == (Verdict.LESS, mend)
    assert says in finding.says
    (finding,) = doctor._firewall(NO_RIGHTS)
    assert finding.says == "not looked at: only root may"
    assert finding.mend == f"sudo {doctor.program()} doctor"


def test_rules_that_are_not_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ruleset", lambda: ["a rule"])
    monkeypatch.setattr(doctor, "_has_old_rules", lambda: False)
    (finding,) = doctor._firewall(1 << 12)
    assert (finding.says, finding.mend) == ("nft's rules are not as expected: look at them", "sudo nft list ruleset")


@pytest.mark.parametrize("told", ['["nftables"]', "{}", '{"nftables": 1}', "null"])
def test_rules_in_another_form(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setattr(doctor, "_which", lambda name: "/sbin/nft")
    monkeypatch.setattr(subprocess, "run", lambda *args, **settings: SimpleNamespace(stdout=told))
    (finding,) = doctor._firewall(1 << 12)
    assert finding.says == "not looked at: nft failed (its JSON has another form)"


@pytest.mark.parametrize(
    ("argv", "python", "shown"),
    [
        (".venv/bin/pystack", "", ".venv/bin/pystack"),
        ("/home/a b/bin/pystack", "", "'/home/a b/bin/pystack'"),
        ("/usr/local/bin/pystack", "", "pystack"),
        ("/x/pystack/__main__.py", ".venv/bin/python", ".venv/bin/python -m pystack"),
        ("/x/pystack/__main__.py", "python3", f"{sys.executable} -m pystack"),
    ],
)
def test_the_command_is_the_one_that_was_run(
    monkeypatch: pytest.MonkeyPatch, argv: str, python: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "argv", [argv])
    monkeypatch.setattr(sys, "orig_argv", [python])
    assert doctor.program() == shown


def run(*prefix: str) -> tuple[int, list[str]]:
    done = subprocess.run([*prefix, *PYSTACK, "doctor"], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.kernel
def test_the_report_of_a_machine_that_runs_these_tests(netns: Any) -> None:
    status, lines = run("ip", "netns", "exec", netns.name)
    assert status == 0
    assert lines[0] == doctor.headline()
    for name in ("device node", "rights", "private network", "name"):
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
    at = lines.index("less  firewall: the chain c of the table inet t drops what comes from TUN devices")
    mend = lines[at + 1].removeprefix("      mend: sudo ")
    assert mend == "nft insert rule inet t c iifname 'tun*' accept"
    subprocess.run([*inside, "/bin/sh", "-c", mend], check=True)
    assert "fine  firewall: it lets through what TUN devices bring and get" in run(*inside)[1]
