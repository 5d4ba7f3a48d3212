"""Every refusal: one sentence that names the reason, exit status 2, no traceback, and nothing changed on the host."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PYSTACK = (sys.executable, "-m", "pystack")


def refuse(*argv: str) -> Any:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def sentence(result: Any) -> str:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("pystack: ")
    assert result.stderr.count("\n") == 1, "one sentence"
    return str(result.stderr)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--address", "10.0.0.300/24"], "10.0.0.300/24"),
        (["--address", "10.0.0.2/33"], "10.0.0.2/33"),
        (["--host-address", "nonsense"], "nonsense"),
        (["--http", "0"], "pystack: --http 0 is no port"),
        (["--http", "65536"], "pystack: --http 65536 is no port"),
        (["--echo", "port"], "pystack: --echo wants a whole number"),
        (["--http=abc"], "pystack: --http wants a whole number"),
        (["--http"], "--http' requires an argument"),
        (["--grace", "soon"], "pystack: --grace wants a number"),
        (["--echo", "80"], "port 80"),
        (["--root", "/no/such/directory"], "/no/such/directory"),
        (["--root", ""], "an empty name is not a directory"),
        (["--list"], "--list has no directories to show: name one with --root"),
        (["--congestion", "warp"], "warp"),
        (["--capture", "/no/such/directory/file"], "/no/such/directory/file"),
        (["--impair", "in:los=3%"], "pystack: --impair in:los=3%: there is no los; the keys are loss,"),
        (["--impair", "delay=40"], "pystack: --impair delay=40: '40' is no time"),
        (["--impair", "loss=101%"], "pystack: --impair loss=101%: '101%' is more than 100%"),
        (["--fault", "drop=synack"], "pystack: --fault drop=synack: there are no segments of the kind 'synack'"),
        (["--fault", "split=1B", "--fault", "out:loose=syn"], "pystack: --fault out:loose=syn: there is no loose;"),
        (["--fault", "reset=100"], "pystack: --fault reset=100: '100' is no size"),
        (["--fault", "split=0B"], "pystack: --fault split=0B: a segment of text has at least 1 byte"),
        (["--metrics", "/no/such/directory/m"], "the metrics file /no/such/directory/m"),
        (["--mtu", "575"], "575"),
        (["--mtu", "1279"], "1279"),
        (["--grace", "-1"], "pystack: --grace -1.0 is no time"),
        (["--grace", "nan"], "--grace"),
        (["--idle-timeout", "inf"], "--idle-timeout"),
        (["--header-timeout", "-1"], "pystack: --header-timeout -1.0 is no time"),
        (["--write-timeout", "nan"], "--write-timeout"),
        (["--max-body", "-1"], "pystack: --max-body -1 is no size"),
        (["--app", "main"], "pystack: --app main names no application"),
        (["--app", "no_such_module:app"], "there is no module no_such_module here"),
        (["--app", "json:no_such.app"], "the module json has no no_such.app"),
        (["--app", "json:__name__"], "__name__ is not callable"),
        (["--app", "json:loads", "--root", "."], "--app and --root exclude each other"),
        (["--host-address", "none", "--host-address", "10.0.0.1/24"], "exclude each other"),
        (["--no-such-option"], "pystack: No such option: --no-such-option"),
        (["--tun", "lo"], "lo is the loopback interface, not a TUN device"),
        (["--tun", "a-name-that-is-too-long"], "a-name-that-is-too-long"),
    ],
)
def test_usage(args: list[str], named: str) -> None:
    assert named in sentence(refuse(*PYSTACK, "serve", *args))


@pytest.mark.kernel
class TestOnTheHost:
    @pytest.fixture
    def pystack(self, netns: Any) -> Callable[..., Any]:
        def call(*args: str) -> Any:
            return refuse("ip", "netns", "exec", netns.name, *PYSTACK, *args)

        return call

    @pytest.fixture
    def ip(self, netns: Any) -> Callable[..., str]:
        def call(*args: str) -> str:
            return subprocess.run(["ip", "-n", netns.name, *args], check=True, capture_output=True, text=True).stdout

        return call

    @pytest.mark.parametrize("address", ["10.0.0.77/24", "fd00:7079::5/64"])
    def test_an_address_of_the_host_overlaps(self, pystack: Any, ip: Any, address: str) -> None:
        ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        ip("link", "set", "lan0", "up")
        ip("address", "add", address, "dev", "lan0", *(["nodad"] if ":" in address else []))
        text = sentence(pystack("serve"))
        assert "lan0" in text
        assert address.partition("/")[0] in text
        assert "--address" in text
        assert "tun0" not in ip("-o", "link")

    def test_a_route_of_the_host_overlaps(self, pystack: Any, ip: Any) -> None:
        ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        ip("link", "set", "lan0", "up")
        ip("route", "add", "10.0.0.0/16", "dev", "lan0")
        text = sentence(pystack("serve"))
        assert "lan0" in text
        assert "10.0.0.0/16" in text

    def test_the_device_is_busy(self, pystack: Any, serve: Any) -> None:
        server = serve()
        text = sentence(pystack("serve", "--address", "10.9.0.2/24"))
        assert "tun0" in text
        assert str(server.process.pid) in text
        assert "--tun" in text

    def test_the_device_is_of_another_kind(self, pystack: Any, ip: Any) -> None:
        ip("link", "add", "tun0", "type", "veth", "peer", "name", "lan1")
        assert "veth" in sentence(pystack("serve"))
        assert "tun0" in ip("-o", "link")

    def test_the_device_is_someone_elses(self, pystack: Any, ip: Any) -> None:
        ip("tuntap", "add", "tun0", "mode", "tun")
        before = ip("-o", "addr")
        assert "--host-address none" in sentence(pystack("serve"))
        assert ip("-o", "addr") == before

    def test_without_the_right_to_make_a_device(self, netns: Any) -> None:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        powerless = ["setpriv", "--inh-caps", "-all", "--bounding-set", "-all"]
        text = sentence(refuse("ip", "netns", "exec", netns.name, *powerless, *PYSTACK, "serve"))
        assert "root" in text
        assert "ip tuntap add" in text


def test_no_command_is_usage() -> None:
    result = refuse(*PYSTACK)
    assert result.returncode == 2
    assert "serve" in result.stdout + result.stderr


def test_help_names_every_option() -> None:
    result = refuse(*PYSTACK, "serve", "--help")
    assert result.returncode == 0
    for option in (
        *("--tun", "--address", "--host-address", "--http", "--root", "--echo", "--discard", "--chargen", "--mtu"),
        *("--congestion", "--capture", "--metrics", "--grace", "--impair", "--fault", "--access-log", "--list"),
    ):
        assert option in result.stdout


def test_the_root_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    assert "not a directory" in sentence(refuse(*PYSTACK, "serve", "--root", str(tmp_path / "f")))


def test_a_refusal_leaves_the_capture_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "old.pcapng"
    file.write_bytes(b"what was captured yesterday")
    sentence(refuse(*PYSTACK, "serve", "--capture", str(file), "--root", "/nonexistent"))
    assert file.read_bytes() == b"what was captured yesterday"
    sentence(refuse(*PYSTACK, "serve", "--capture", str(tmp_path / "new.pcapng"), "--tun", "x" * 30))
    assert not (tmp_path / "new.pcapng").exists()


def test_version() -> None:
    result = refuse(*PYSTACK, "--version")
    assert result.returncode == 0
    assert result.stdout.startswith("pystack ")


@pytest.mark.kernel
def test_standard_output_that_is_full(netns: Any) -> None:
    """Standard output that cannot be written is a failure at work, in words."""
    command = ["ip", "netns", "exec", netns.name, *PYSTACK, "serve"]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 1
    assert "standard output" in result.stderr


@pytest.mark.parametrize("args", [["--help"], ["stat"], ["doctor"], ["serve", "--http", "0"], ["nc", "-h"]])
def test_with_standard_output_closed(args: list[str]) -> None:
    command = shlex.join([*PYSTACK, *args])
    done = subprocess.run(["sh", "-c", f"exec {command} >&-"], stderr=subprocess.PIPE, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "AttributeError" not in done.stderr
