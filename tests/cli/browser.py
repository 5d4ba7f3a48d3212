"""A headless Chromium, driven over a pipe by the Chrome DevTools Protocol."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# The browser reads its orders from descriptor 3 and writes to 4.
_PIPES = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--remote-debugging-pipe")


class Browser:
    """One browser process, and its tabs."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._calls = 0
        self._unread = b""

    def open(self, url: str) -> str:
        """A new tab, which loads `url`; its identity."""
        target: str = self._call("Target.createTarget", url=url)["targetId"]
        return target

    def close(self, tab: str) -> None:
        """As the user closes a tab."""
        assert self._call("Target.closeTarget", targetId=tab)["success"]

    def kill(self) -> None:
        """Ends the process at once; the others of the browser end with it."""
        self._process.kill()
        self._process.wait()

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        assert self._process.stdin is not None
        order = {"id": self._calls, "method": method, "params": params}
        self._process.stdin.write(json.dumps(order).encode() + b"\0")
        self._process.stdin.flush()
        while (answer := json.loads(self._read())).get("id") != self._calls:
            pass  # events
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        while b"\0" not in self._unread:
            data = self._process.stdout.read1(65_536)  # type: ignore[attr-defined]
            assert data, "the browser has ended"
            self._unread += data
        message, _, self._unread = self._unread.partition(b"\0")
        return message


@contextmanager
def chromium(namespace: str, profile: Path) -> Iterator[Browser]:
    """A browser inside the network namespace of this name; skips the test where there is none."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    command = ["chromium", *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(
        ["ip", "netns", "exec", namespace, "sh", "-c", _PIPES, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Browser(process)
        finally:
            process.kill()
