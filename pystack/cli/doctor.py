"""`pystack doctor`: what this machine lacks for pystack, and the command that mends each.

Every check looks and changes nothing; what has to be tried is tried in a private network of a child process.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pystack.cli.checks import kernel_has_ipv6
from pystack.cli.exits import FAILED
from pystack.link.device import LinkError
from pystack.link.tun import check_node

_CAP_NET_ADMIN = 12
_EVERY_OFFLOAD = ["checksum", "TSO4", "TSO6", "USO"]
_SECONDS = 20


class Verdict(Enum):
    """What a check found."""

    FINE = "fine"
    LESS = "less"
    """Something works less well, or has to be done another way."""
    LACKS = "lacks"
    """`pystack serve` and the like do not work before this is mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `mend` is a command, or what to do; empty where nothing needs it."""

    name: str
    verdict: Verdict
    says: str
    mend: str = ""


def doctor() -> None:
    """Say what this machine lacks for pystack, and the command that mends each.

    Ends with 0, and with 1 where something lacks without which no device can be had.
    """
    findings = list(examine())
    _print(findings)
    if any(finding.verdict is Verdict.LACKS for finding in findings):
        sys.exit(FAILED)


def examine() -> Iterator[Finding]:
    """Every finding about this machine, in the order of the report."""
    yield python(sys.version_info[:2])
    yield names(_other_distribution())
    if sys.platform != "linux":
        yield Finding(
            "system",
            Verdict.LESS,
            f"{platform.system()} has no TUN devices of this kind: only memory and the simulator work",
        )
        return
    yield node()
    yield rights(_effective_capabilities())
    abilities = _probe()
    yield namespaces(abilities)
    yield offloads(abilities)
    yield ipv6(kernel_has_ipv6())
    yield firewall(_ruleset())
    yield curl(shutil.which("curl"))


def python(version: tuple[int, ...]) -> Finding:
    """Whether this Python is new enough; it is, or nothing would run."""
    return Finding("python", Verdict.FINE, f"{platform.python_implementation()} {'.'.join(map(str, version))}")


def names(other: str | None) -> Finding:
    """Whether another distribution, `pystack`, has put its own package of that name here. `other` is its version."""
    if other is None:
        return Finding("name", Verdict.FINE, "no other distribution has a package called pystack here")
    return Finding(
        "name",
        Verdict.LESS,
        f"the distribution pystack {other}, another tool, is installed here: its files and ours overwrite each other",
        "pip uninstall pystack && pip install --force-reinstall pystack-net",
    )


def node() -> Finding:
    """Whether the node that TUN devices are made through is there and open to us."""
    try:
        check_node()
    except LinkError as error:
        return _of_sentence("device node", Verdict.LACKS, str(error))
    return Finding("device node", Verdict.FINE, "/dev/net/tun can be opened")


def rights(capabilities: int) -> Finding:
    """Whether this process may make devices; `capabilities` are the effective ones of capabilities(7), as bits."""
    if capabilities >> _CAP_NET_ADMIN & 1:
        return Finding("rights", Verdict.FINE, "this user may make network devices")
    return Finding(
        "rights",
        Verdict.LESS,
        "this user may not make network devices: root makes one once, and it is attached to",
        "sudo ip tuntap add tun0 mode tun user $USER && sudo ip address add 10.0.0.1/24 dev tun0 && "
        f"sudo ip link set tun0 up, then {called(sys.argv[0])} serve --address 10.0.0.2/24 --host-address none",
    )


def namespaces(abilities: dict[str, Any]) -> Finding:
    """Whether a private network can be made, which `pystack demo` and the tests live in."""
    refusal = abilities["namespace_refusal"]
    if "failure" in abilities:
        return Finding("private network", Verdict.LESS, f"not looked at, as that failed: {abilities['failure']}")
    if refusal is not None:
        return _of_sentence("private network", Verdict.LESS, refusal)
    return Finding("private network", Verdict.FINE, "this user can make one, as `pystack demo` does")


def offloads(abilities: dict[str, Any]) -> Finding:
    """Which work devices leave to us where asked."""
    if "failure" in abilities or abilities["namespace_refusal"] is not None:
        return Finding("offloads", Verdict.LESS, "not looked at, as no private network can be made")
    if abilities["device_refusal"] is not None:
        return _of_sentence("offloads", Verdict.LACKS, abilities["device_refusal"])
    missing = [name for name in _EVERY_OFFLOAD if name not in abilities["offloads"]]
    if missing:
        return Finding(
            "offloads",
            Verdict.LESS,
            f"the kernel has no {', '.join(missing)} for TUN devices",
            "a kernel of 6.2 or later",
        )
    return Finding("offloads", Verdict.FINE, f"the kernel offers {', '.join(_EVERY_OFFLOAD)}")


def ipv6(enabled: bool) -> Finding:
    """Whether new devices get IPv6."""
    if enabled:
        return Finding("IPv6", Verdict.FINE, "new devices have it")
    return Finding(
        "IPv6",
        Verdict.LESS,
        "it is turned off for new devices: the stack serves IPv4 alone",
        "sudo sysctl net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0",
    )


def firewall(ruleset: list[dict[str, Any]] | None) -> Finding:
    """Whether the kernel's firewall drops by default what goes between its programs and the device. `ruleset` is the
    list of `nft --json list ruleset`, None where it cannot be had.
    """
    if ruleset is None:
        again = f"sudo {called(sys.argv[0])} doctor"
        return Finding("firewall", Verdict.LESS, "not looked at: that needs root, and nft", again)
    chains = [item["chain"] for item in ruleset if "chain" in item]
    dropping = [c for c in chains if c.get("hook") in ("input", "output") and c.get("policy") == "drop"]
    if not dropping:
        return Finding("firewall", Verdict.FINE, "nothing is dropped by default")
    first = dropping[0]
    side = "iifname" if first["hook"] == "input" else "oifname"
    return Finding(
        "firewall",
        Verdict.LESS,
        f"the chain {first['name']} of the table {first['family']} {first['table']} drops by default",
        f"sudo nft insert rule {first['family']} {first['table']} {first['name']} {side} 'tun*' accept",
    )


def curl(path: str | None) -> Finding:
    """Whether there is a curl, which the demonstration and the first steps use."""
    if path is None:
        return Finding(
            "curl", Verdict.LESS, "not installed: `pystack demo` and the tutorial use it", "sudo apt install curl"
        )
    return Finding("curl", Verdict.FINE, path)


def called(program: str) -> str:
    """How this command is called where `sudo` does not look into the environment that it is installed in. `program` is
    the first word of the command line.
    """
    return f"{sys.executable} -m pystack" if Path(program).name == "__main__.py" else program


def _of_sentence(name: str, verdict: Verdict, sentence: str) -> Finding:
    """Our refusals have the reason, a colon, and what to do."""
    says, _, mend = sentence.partition(": ")
    return Finding(name, verdict, says, mend)


def _other_distribution() -> str | None:
    try:
        return importlib.metadata.version("pystack")
    except importlib.metadata.PackageNotFoundError:
        return None


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _probe() -> dict[str, Any]:
    command = [sys.executable, "-m", "pystack.link.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return {"failure": str(error), "namespace_refusal": None, "device_refusal": None, "offloads": []}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _ruleset() -> list[dict[str, Any]] | None:
    program = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return None
    done = subprocess.run([program, "--json", "list", "ruleset"], capture_output=True, timeout=_SECONDS, check=False)
    if done.returncode:
        return None
    found: list[dict[str, Any]] = json.loads(done.stdout)["nftables"]
    return found


def _print(findings: list[Finding]) -> None:
    report: Callable[[list[Finding]], None] = _print_table if sys.stdout.isatty() else _print_lines
    report(findings)


def _print_lines(findings: list[Finding]) -> None:
    for finding in findings:
        print(f"{finding.verdict.value:5} {finding.name}: {finding.says}")
        if finding.mend:
            print(f"      mend: {finding.mend}")


def _print_table(findings: list[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 (only people need it)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    colours = {Verdict.FINE: "green", Verdict.LESS: "yellow", Verdict.LACKS: "red"}
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        says = Text(finding.says)
        if finding.mend:
            says.append(f"\n{finding.mend}", style="cyan")
        table.add_row(Text(finding.verdict.value, style=colours[finding.verdict]), finding.name, says)
    Console().print(table)
