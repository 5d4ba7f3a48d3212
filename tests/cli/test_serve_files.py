"""Files in parts and directories as pages: the real kernel's curl, over TUN, in a network namespace."""

import random
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel


def test_downloads_that_were_cut_go_on_where_they_were(serve: Any, run: Any, root: Path, tmp_path: Path) -> None:
    content = random.Random(6).randbytes(32 << 20)
    (root / "big").write_bytes(content)
    serve("--root", str(root))
    partial = tmp_path / "partial"
    for size in (1, 5_000_001, 20_000_000):
        run("sh", "-c", f"curl -s http://10.0.0.2/big | head -c {size} > {partial}")
        assert partial.read_bytes() == content[:size]
        assert run("curl", "-sS", "-C", "-", "-o", str(partial), "http://10.0.0.2/big").returncode == 0
        assert partial.read_bytes() == content


def test_several_ranges_and_a_copy_that_will_do(serve: Any, run: Any, root: Path, tmp_path: Path) -> None:
    (root / "digits").write_bytes(b"0123456789")
    serve("--root", str(root))
    shown = run("curl", "-sS", "-i", "-r", "0-1,8-", "http://10.0.0.2/digits").stdout
    assert b" 206 Partial Content\r\n" in shown
    assert b"\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--" in shown
    tag, copy = str(tmp_path / "tag"), str(tmp_path / "copy")
    curl = ("curl", "-sS", "-o", copy, "-w", "%{http_code}", "--etag-save", tag, "--etag-compare", tag)
    assert [run(*curl, "http://10.0.0.2/digits").stdout for _ in range(2)] == [b"200", b"304"]


def test_a_directory_is_listed_where_that_was_asked_for(serve: Any, run: Any, root: Path) -> None:
    (root / "a file").write_bytes(b"A")
    serve("--root", str(root), "--list")
    assert b'<a href="a%20file">' in run("curl", "-sS", "http://10.0.0.2/").stdout
    assert run("curl", "-sS", "http://10.0.0.2/a%20file").stdout == b"A"
