"""`pystack demo`: the whole of it in a private network, also without root."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PYSTACK = (sys.executable, "-m", "pystack")
AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
OPEN_NODE = "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200"
CLOSED_NODE = "mount -t tmpfs none /dev/net && mknod -m 600 /dev/net/tun c 10 200"
NO_NODE = "mount -t tmpfs none /dev/net"

pytestmark = pytest.mark.kernel


def demo(prepare: str, *prefix: str, path: str | None = None) -> Any:
    """Runs it in a mount namespace of its own, in which `prepare` has been done by root."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun, to show that the demonstration needs no root")
    for program in ("unshare", "setpriv", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if prefix and subprocess.run([*prefix, *PYSTACK, "--version"], capture_output=True).returncode:
        pytest.skip("an ordinary user may not read this checkout or its interpreter")
    env = os.environ | ({"PATH": path} if path is not None else {})
    inside = [*prefix, *PYSTACK, "demo"]
    return subprocess.run(
        [shutil.which("unshare") or "unshare", "--mount", "/bin/sh", "-c", f'{prepare} && exec "$@"', "sh", *inside],
        capture_output=True,
        text=True,
        timeout=90,
        env=env,
    )


def test_as_root() -> None:
    shown(demo("true"))


def test_curls_own_settings_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".curlrc").write_text("output = /dev/null\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CURL_HOME", str(tmp_path))
    shown(demo("true"))


def test_as_an_ordinary_user() -> None:
    shown(demo(OPEN_NODE, *AS_NOBODY))


def shown(result: Any) -> None:
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("A private network")
    page, loss, reset = (result.stdout.split(f"\n{number}. ")[1].split("\n\n")[0].splitlines() for number in (1, 2, 3))
    packets = [line for line in page if " ms in " in line or " ms out " in line]
    assert len(packets) >= 9
    assert any(" S. " in line and " out " in line for line in packets)
    assert any(" F. " in line or " FP. " in line for line in packets)
    assert page[-1].startswith("curl got 44 bytes: 'Hello from a TCP that is written in Python.' in ")
    assert len(loss) == 2 + 5 + 2, "a title, the command, five packets, that there are more, and what curl got"
    assert all(" ms out SENT AGAIN 10.0.0.2:80 > " in line and "(1448)" in line for line in loss[2:-2])
    assert "SENT AGAIN" not in "".join(page), "nothing of it is lost"
    assert loss[-1].startswith("curl got 524288 bytes (all of them, in order) in ")
    assert " 0 packets were sent again" not in loss[-1]
    assert [line for line in reset if " R. " in line and " out " in line]
    said = reset.index("curl: (56) Recv failure: Connection reset by peer")
    got = re.match(r"curl got (\d+) bytes in ", reset[said - 1])
    assert got is not None
    explained = " ".join(reset[said + 1 :])
    if got[1] == "20000":
        assert "curl has all 20000 bytes" in explained
    else:
        assert f" Here {20_000 - int(got[1])} bytes did: " in explained
        assert int(got[1]) > 10_000, "ten packets, but for the head"


@pytest.mark.parametrize(("prepare", "named"), [(CLOSED_NODE, "/dev/net/tun"), (NO_NODE, "/dev/net/tun")])
def test_a_node_that_is_closed_or_missing(prepare: str, named: str) -> None:
    result = demo(prepare, *AS_NOBODY)
    assert result.returncode == 2
    assert result.stdout == ""
    assert named in result.stderr
    assert "Traceback" not in result.stderr


def test_without_curl() -> None:
    result = demo("true", path="/nowhere")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "curl" in result.stderr
