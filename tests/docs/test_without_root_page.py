"""What docs/how-to/without-root.md has root do once, and the server that an ordinary user then runs."""

import re
import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest
from docs_examples import ROOT, blocks

SETUP, RUN, UNSHARE = blocks("docs/how-to/without-root.md", "console")
READY = "http://10.0.0.2/ http://[fd00:7079::2]/\n"
AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"]
OPEN_NODE = 'mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"'
PYSTACK = [sys.executable, "-m", "pystack"]

pytestmark = pytest.mark.kernel


@pytest.fixture
def inside(netns: Any) -> list[str]:
    """How a command runs in the namespace, where everybody may open the device node."""
    for needed in ("setpriv", "curl"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if subprocess.run([*AS_NOBODY, *PYSTACK, "--version"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("an ordinary user may not read this checkout or its interpreter")
    return ["ip", "netns", "exec", netns.name, "sh", "-c", OPEN_NODE, "sh"]


def test_an_ordinary_user_serves_on_a_device_of_his_own(inside: list[str]) -> None:
    for command in re.findall(r"^\$ sudo (.*)$", SETUP, re.MULTILINE):
        subprocess.run([*inside, "sh", "-c", command.replace("$USER", "nobody")], check=True, timeout=20)
    arguments = re.findall(r"^\$ \.venv/bin/pystack (.*)$", RUN, re.MULTILINE)[0].split()
    server = subprocess.Popen(
        [*inside, *AS_NOBODY, *PYSTACK, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == READY == RUN.splitlines(keepends=True)[1]
        for url in READY.split():
            curl = subprocess.run([*inside, "curl", "-gsS", "--max-time", "20", url], capture_output=True, timeout=60)
            assert b"This connection" in curl.stdout
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=30)
    finally:
        server.kill()
        server.communicate()
    assert (server.returncode, errors) == (0, "")
    kept = subprocess.run([*inside, "ip", "-o", "address", "show", "tun0"], capture_output=True, text=True, timeout=20)
    assert "10.0.0.1/24" in kept.stdout


def test_an_ordinary_user_serves_in_a_network_of_his_own(inside: list[str]) -> None:
    start, up, serve, curl = (line[2:] for line in UNSHARE.splitlines() if line[:2] in ("$ ", "# "))
    if subprocess.run([*AS_NOBODY, *start.split(), *PYSTACK, "--version"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("an ordinary user may not make a network, or may not read this interpreter")
    server = serve.removesuffix(" &").replace(".venv/bin/pystack", " ".join(PYSTACK))
    script = f"""{up}
        out=$(mktemp); {server} > $out &
        until grep http $out; do sleep 0.1; kill -0 $! || exit 1; done
        rm $out; {curl}; kill $!; wait"""
    result = subprocess.run(
        [*inside, *AS_NOBODY, *start.split(), "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.stdout.startswith(READY), result.stderr
    assert "This connection" in result.stdout
