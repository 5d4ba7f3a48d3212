"""`pystack doctor`: what this machine lacks for pystack, and the command that mends each.

Every check looks and changes nothing; what has to be tried is tried in a private network of a child process.
"""

import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pystack
from pystack.cli.exits import FAILED, end_with_the_reader
from pystack.cli.firewall import Trouble, UnreadableRules, troubles
from pystack.cli.terminal import is_terminal
from pystack.link.device import LinkError
from pystack.link.netns import kernel_has_ipv6
from pystack.link.tun import check_node

_CAP_NET_ADMIN = 12
_EVERY_OFFLOAD = ["checksum", "TSO4", "TSO6", "USO"]
_SECONDS = 20
_PACKAGES = {"curl": "curl", "nc": "netcat-openbsd", "ping": "iputils-ping", "ip": "iproute2"}
"""The programs that the first steps use, and Debian's packages of them."""
_UFW = {"input": "allow in", "output": "allow out", "forward": "route allow in"}
_EVERYBODYS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""What `sudo` looks through for programs."""


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
    """Say what this machine lacks for pystack, and what mends it.

    Ends with 0, and with 1 where something lacks without which no device can be had.
    """
    end_with_the_reader()
    print(headline())
    findings = list(examine())
    _print(findings)
    if any(finding.verdict is Verdict.LACKS for finding in findings):
        sys.exit(FAILED)


def examine() -> Iterator[Finding]:
    """Every finding about this machine, in the order of the report."""
    yield names(_other_distribution())
    if sys.platform != "linux":
        yield Finding(
            "system",
            Verdict.LESS,
            f"{platform.system()} has no TUN devices of this kind: only memory and the simulator work",
        )
        return
    yield node()
    capabilities = _effective_capabilities()
    yield rights(capabilities, _own_devices(), kernel_has_ipv6())
    abilities = _probe()
    yield namespaces(abilities)
    yield offloads(abilities)
    yield ipv6(kernel_has_ipv6())
    yield from _firewall(capabilities)
    yield tools([name for name in _PACKAGES if _which(name) is None])


def headline() -> str:
    """Of what the report is."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"pystack {pystack.__version__} with {python} on {platform.system()} {platform.release()}"


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


def rights(capabilities: int, own: Sequence[str], ipv6: bool) -> Finding:
    """Whether this process may make devices, or has some; `capabilities` are the effective ones of capabilities(7), as
    bits, `own` the TUN devices that were made for its user, `ipv6` whether the kernel has that.
    """
    if _may_make_devices(capabilities):
        return Finding("rights", Verdict.FINE, "this user may make network devices")
    if own:
        serve = f"{program()} serve --tun {own[0]} --host-address none"
        return Finding("rights", Verdict.FINE, f"{', '.join(own)} is there for this user: `{serve}`")
    steps = ["ip tuntap add tun0 mode tun user $USER", "ip address add 10.0.0.1/24 dev tun0"]
    if ipv6:
        steps.append("ip address add fd00:7079::1/64 dev tun0")
    steps.append("ip link set tun0 up")
    return Finding(
        "rights",
        Verdict.LESS,
        "this user may not make network devices: root makes one, once, and then "
        f"`{program()} serve --host-address none` attaches to it",
        " && ".join(f"sudo {step}" for step in steps),
    )


def namespaces(abilities: dict[str, Any]) -> Finding:
    """Whether a private network can be made, which `pystack demo` and the tests live in."""
    if "failure" in abilities:
        return Finding("private network", Verdict.LESS, _failed(abilities))
    refusal = abilities["namespace_refusal"]
    if refusal is not None:
        return _of_sentence("private network", Verdict.LESS, refusal)
    return Finding("private network", Verdict.FINE, "this user can make one, as `pystack demo` does")


def offloads(abilities: dict[str, Any]) -> Finding:
    """Which work devices leave to us where asked."""
    if "failure" in abilities:
        return Finding("offloads", Verdict.LESS, _failed(abilities))
    if abilities["namespace_refusal"] is not None:
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


def _failed(abilities: dict[str, Any]) -> str:
    return f"cannot be told, as looking failed: {abilities['failure']}"


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


def firewall(found: Sequence[Trouble], forwards: bool) -> Iterator[Finding]:
    """Which chains are in the way between this machine and the devices, and beyond where this machine forwards."""
    found = [trouble for trouble in found if forwards or trouble.hook != "forward"]
    if not found:
        yield Finding("firewall", Verdict.FINE, "it lets through what TUN devices bring and get")
    for trouble in found:
        chain = f"the chain {trouble.chain} of the table {trouble.family} {trouble.table}"
        if not trouble.certain:
            says = (
                f"whether {chain} lets through what TUN devices bring and get cannot be told from its rules: look at it"
            )
            mend = f"sudo nft list table {trouble.family} {trouble.table}"
        else:
            says, mend = f"{chain} {_dropping(trouble)}", _mend(trouble)
        yield Finding("firewall", Verdict.LESS, says, mend)


def _dropping(trouble: Trouble) -> str:
    if trouble.hook == "forward":
        return "drops what goes from TUN devices beyond this machine, or comes back"
    if trouble.hook == "output":
        return "drops what goes to TUN devices"
    if trouble.established:
        return "drops what comes from TUN devices"
    return "lets answers from TUN devices through, and drops what the stack begins towards this machine"


def _mend(trouble: Trouble) -> str:
    if trouble.manager == "firewalld":
        return "sudo firewall-cmd --zone=trusted --add-interface=tun0"
    if trouble.manager == "ufw":
        return f"sudo ufw {_UFW[trouble.hook]} on tun0"
    sides = {"input": ["iifname"], "output": ["oifname"]}.get(trouble.hook, ["iifname", "oifname"])
    place = f"{trouble.family} {trouble.table} {trouble.chain}"
    return " && ".join(f"sudo nft insert rule {place} {side} 'tun*' accept" for side in sides)


def tools(missing: Sequence[str]) -> Finding:
    """Whether there are the programs that the README and the first steps use."""
    if missing:
        packages = " ".join(_PACKAGES[name] for name in missing)
        says = f"not installed, and used in the README and the tutorial: {', '.join(missing)}"
        return Finding("tools", Verdict.LESS, says, f"sudo apt install {packages}")
    return Finding("tools", Verdict.FINE, ", ".join(_PACKAGES))


def program() -> str:
    """The command that this was run with, for `sudo` too, whose path has no virtual environment."""
    asked = Path(sys.argv[0])
    if asked.name == "__main__.py":
        python = sys.orig_argv[0] if "/" in sys.orig_argv[0] else sys.executable
        return f"{shlex.quote(python)} -m pystack"
    return asked.name if str(asked.parent) in _EVERYBODYS else shlex.quote(str(asked))


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
        return {"failure": str(error)}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _firewall(capabilities: int) -> Iterator[Finding]:
    if not _may_make_devices(capabilities):
        yield Finding("firewall", Verdict.LESS, "not looked at: only root may", f"sudo {program()} doctor")
        return
    try:
        ruleset = _ruleset()
    except FileNotFoundError:
        yield Finding("firewall", Verdict.LESS, "not looked at: nft is not installed", "sudo apt install nftables")
        return
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield Finding("firewall", Verdict.LESS, f"not looked at: nft failed ({error})", "sudo nft list ruleset")
        return
    if _has_old_rules():
        says = "there are rules of the old iptables, which nft does not show: look at them"
        yield Finding("firewall", Verdict.LESS, says, "sudo iptables-legacy -S; sudo ip6tables-legacy -S")
    try:
        found = troubles(ruleset)
    except UnreadableRules:
        says = "nft's rules are not as expected: look at them"
        yield Finding("firewall", Verdict.LESS, says, "sudo nft list ruleset")
        return
    yield from firewall(found, _forwards())


def _ruleset() -> list[dict[str, Any]]:
    """What nft tells. Raises `FileNotFoundError` where it is not installed, OSError, ValueError, SubprocessError."""
    nft = _which("nft")
    if nft is None:
        raise FileNotFoundError
    done = subprocess.run([nft, "--json", "list", "ruleset"], capture_output=True, timeout=_SECONDS, check=True)
    match json.loads(done.stdout):
        case {"nftables": list(found)}:
            return found
    raise ValueError("its JSON has another form")


def _has_old_rules() -> bool:
    return any("filter" in _words(Path(f"/proc/net/{name}")) for name in ("ip_tables_names", "ip6_tables_names"))


def _words(path: Path) -> list[str]:
    """None of a file that is not there, or that real root alone may read, as in a private network."""
    try:
        return path.read_text().split()
    except OSError:
        return []


def _forwards() -> bool:
    return any(
        path.exists() and path.read_text().strip() == "1"
        for path in (Path("/proc/sys/net/ipv4/ip_forward"), Path("/proc/sys/net/ipv6/conf/all/forwarding"))
    )


def _may_make_devices(capabilities: int) -> bool:
    return bool(capabilities >> _CAP_NET_ADMIN & 1)


def _own_devices() -> list[str]:
    """The TUN devices that were made for this user."""
    from pystack.link.netlink import read_link  # noqa: PLC0415 (Linux only)

    links = (read_link(name) for _, name in socket.if_nameindex())
    return [link.name for link in links if link is not None and link.is_tun and link.owner == os.geteuid()]


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _print(findings: list[Finding]) -> None:
    report: Callable[[list[Finding]], None] = _print_table if is_terminal(sys.stdout) else _print_lines
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
