"""`pystack serve --fault` over TUN, and what the kernel's curl says: the table of the how-to page."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "faults.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (?:`([^`]+)`|the whole file) \|$", PAGE, re.MULTILINE)
DATA = bytes(n * 7 % 251 for n in range(200_000))


def without_numbers(said: str) -> str:
    """How long curl has waited, and how much it has got, may differ."""
    return re.sub(r"\d{3,}", "…", said.strip())


def test_what_curl_says(serve: Any, run: Any, root: Path, tmp_path: Path) -> None:
    """Each fault has a server of its own; they are asked at the same time, since most of it is waiting."""
    (root / "f").write_bytes(DATA)
    assert len(ROWS) >= 12

    def ask(n: int) -> tuple[int, str]:
        spec, options, _ = ROWS[n]
        address = f"10.0.{n}.2"
        serve("--tun", f"tun{n}", "--address", f"{address}/24", "--root", str(root), "--fault", spec)
        file = tmp_path / str(n)
        result = run("curl", "-sS", *options.split(), "-o", str(file), f"{address}/f", check=False, timeout=30)
        if result.returncode == 0:
            assert file.read_bytes() == DATA
        return result.returncode, result.stderr.decode().replace(address, "10.0.0.2")

    with ThreadPoolExecutor(len(ROWS)) as pool:
        said = list(pool.map(ask, range(len(ROWS))))
    for (spec, _, expected), (status, words) in zip(ROWS, said, strict=True):
        assert without_numbers(words) == without_numbers(expected), spec
        assert status == int(expected.partition("(")[2].partition(")")[0] or 0), spec


def test_faults_and_impairments_together(serve: Any, run: Any, root: Path) -> None:
    """The SYN that is lost is sent again after a second, and all takes the round trip besides; on IPv6 too."""
    (root / "f").write_bytes(DATA)
    server = serve(
        *("-v", "--root", str(root), "--impair", "delay=50ms"),
        *("--fault", "in:drop=syn#1", "--fault", "out:split=500B,drop=data#3"),
    )
    for url in server.urls:
        curl = ("curl", "-sS", "-g", "-w", "%{stderr}%{time_connect}", f"{url}f")
        result = run(*curl)
        assert result.stdout == DATA
        assert float(result.stderr) >= 1.1
    status, _, said = server.stop()
    assert status == 0
    assert "connections meet the faults in:drop=syn#1" in said
    assert "connections meet the faults out:split=500B,drop=data#3" in said
    assert re.search(r"the impaired path of tun0, in: \d+ packets", said)
