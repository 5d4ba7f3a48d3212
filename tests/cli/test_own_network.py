"""What `nc` and `ping` say where they cannot have a device and a network of their own."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from serving import PYSTACK

pytestmark = pytest.mark.kernel

COMMANDS = pytest.mark.parametrize("command", [["nc", "10.0.0.1", "7"], ["nc", "-l", "7"], ["ping", "10.0.0.1"]])
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]


def refusal(run: Callable[..., Any], *argv: str) -> str:
    done = run(*argv, check=False, timeout=60)
    text = str(done.stderr.decode())
    assert (done.returncode, done.stdout) == (2, b""), text
    assert text.startswith("pystack: ")
    assert text.count("\n") == 1
    for option in ("--host-address", "--address", "--tun"):
        assert option not in text, "there is no such option here"
    return text


@COMMANDS
def test_without_rights(run: Callable[..., Any], command: list[str]) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    text = refusal(run, "setpriv", "--inh-caps", "-all", "--bounding-set", "-all", *PYSTACK, *command)
    for part in (f"`pystack {command[0]}`", "root", "sudo", f"`{' '.join(UNSHARE)}`", "`pystack demo`"):
        assert part in text


def test_the_network_that_the_advice_names(run: Callable[..., Any]) -> None:
    if run(*UNSHARE, "true", check=False).returncode:
        pytest.skip("no user namespaces here")
    done = run(*UNSHARE, *PYSTACK, "ping", "-c", "1", "10.0.0.1")
    assert b"1 received" in done.stdout


@pytest.mark.parametrize("network", ["10.0.0.0/8", "fd00::/8"])
def test_where_no_network_is_free(run: Callable[..., Any], network: str) -> None:
    run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    run("ip", "link", "set", "lan0", "up")
    run("ip", "route", "add", network, "dev", "lan0")
    text = refusal(run, *PYSTACK, "ping", "10.0.0.1")
    for part in (network, "lan0", "`sudo unshare --net`"):
        assert part in text
