"""The application of docs/how-to/asgi.md, served as the page says."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from docs_examples import ROOT, blocks, example

PAGE = "docs/how-to/asgi.md"


@pytest.mark.kernel
def test_curl_gets_what_the_page_says(netns: Any, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(example(PAGE, 0))
    console = blocks(PAGE, "console")[0]
    assert "pystack serve --app hello:app\n" in console
    inside = ["ip", "netns", "exec", netns.name]
    server = subprocess.Popen(
        [*inside, sys.executable, "-m", "pystack", "serve", "--app", "hello:app"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert f"\n{server.stdout.readline()}" in console
        got = subprocess.run([*inside, "curl", "-s", "http://10.0.0.2/"], capture_output=True, text=True, timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert got.stdout
    assert console.endswith(f"$ curl http://10.0.0.2/\n{got.stdout}")
