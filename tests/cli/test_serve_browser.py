"""A browser that leaves in the middle of its downloads, over TUN: everything of their connections is freed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import chromium

from pystack.cli.asking import ask_all

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("runtime")]

# One download goes on for as long as the tab is there, and one is left lying in the middle.
PAGE = b"""<!DOCTYPE html><title>downloads</title><link rel="icon" href="data:,"><script>
async function download(target, most) {
  const reader = (await fetch(target)).body.getReader()
  let size = 0
  while (size < most) size += (await reader.read()).value.length
  await new Promise(() => {})
}
download("/large?1", Infinity)
download("/large?2", 2000000)
</script>"""
MOVED = 2_000_000
UP_SECONDS = 60
FREED_SECONDS = 2


def connections() -> dict[int, dict[str, Any]]:
    """Those that live, by the client's port."""
    (stack,) = ask_all().stacks
    return {c["remote_port"]: c for c in stack["connections"] if c["state"] != "TIME-WAIT"}


def descriptors(pid: int, of: Path) -> int:
    """How many of the process's descriptors are that file."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum(os.path.realpath(link) == str(of) for link in links)


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("leave", ["close the tab", "kill the browser"])
def test_a_browser_that_leaves_frees_its_connections(
    serve: Any, netns: Any, root: Path, tmp_path: Path, leave: str
) -> None:
    """Within 2 seconds, as issue 4 promises; no time-out of the server's is that short."""
    (root / "index.html").write_bytes(PAGE)
    large = root / "large"
    large.touch()
    os.truncate(large, 1 << 40)
    server = serve("--root", str(root))
    pid = server.process.pid

    def downloading() -> set[int]:
        return {port for port, c in connections().items() if c["info"]["bytes_acked"] > MOVED}

    with chromium(netns.name, tmp_path / "profile") as browser:
        tab = browser.open("http://10.0.0.2/")
        wait_for(lambda: len(downloading()) == 2 and descriptors(pid, large) == 2, UP_SECONDS)
        ports = downloading()
        if leave == "close the tab":
            browser.close(tab)
        else:
            browser.kill()
        took = wait_for(lambda: ports.isdisjoint(connections()) and not descriptors(pid, large), FREED_SECONDS)
    print(f"{leave}: freed after {took:.3f} s")
    wait_for(lambda: not connections(), UP_SECONDS)  # those that the browser kept for more requests
    (stack,) = ask_all().stacks
    assert stack["memory"] == 0
    assert server.stop() == (0, "", "")
