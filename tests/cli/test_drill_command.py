"""`pystack drill` as people and programs run it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PYSTACK = (sys.executable, "-m", "pystack")
PASSES = """
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < S 0:0(0) win 40000 <mss 1200>
+0 > S. 0:0(0) ack 1 <mss 1460>
"""
FAILS = PASSES.replace("ack 1 <mss 1460>", "ack 2 <mss 1460>")
UNSUPPORTED = "0 epoll_create(1) = 3\n"
WRONG = "0 socket(... = 3\n"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name, text in (("a", PASSES), ("b", FAILS), ("c", UNSUPPORTED), ("deep/d", WRONG), ("deep/e", PASSES)):
        (tmp_path / f"{name}.pkt").write_text(text)
    return tmp_path


def drill(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PYSTACK, "drill", *map(str, args)], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("names", "status"),
    [("a", 0), ("ab", 1), ("abc", 1), ("ac", 2), ("c", 2), (["a", "deep/d"], 2), (["b", "deep/d"], 1)],
)
def test_the_exit_status(scripts: Path, names: str | list[str], status: int) -> None:
    assert drill(*(scripts / f"{name}.pkt" for name in names)).returncode == status


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_directory(scripts: Path, jobs: str) -> None:
    done = drill("-j", jobs, scripts)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("5 scripts in ")
    assert lines[-1].endswith(": 2 pass, 1 fail, 1 script error, 1 unsupported")
    assert f"{scripts}/b.pkt:6:" in done.stdout, "file and line"
    expected, actual = (n for n, line in enumerate(lines) if "S. 0:0(0)" in line and "ack" in line)
    assert actual == expected + 1, "one above the other"


def test_for_programs(scripts: Path) -> None:
    done = drill("--json", scripts)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(each["script"]).stem for each in verdicts] == ["a", "b", "c", "d", "e"]
    assert [each["verdict"] for each in verdicts] == ["pass", "fail", "unsupported", "script error", "pass"]
    assert "2 pass, 1 fail" in done.stderr


def test_a_word_that_is_put_in(tmp_path: Path) -> None:
    script = tmp_path / "script.pkt"
    script.write_text(PASSES.replace("mss 1460", "mss MOST"))
    assert drill(script).returncode == 2
    assert drill("-D", "MOST=1460", script).returncode == 0
    assert drill("-D", "MOST=1461", script).returncode == 1


def test_both_versions(tmp_path: Path) -> None:
    script = tmp_path / "script.pkt"
    script.write_text(PASSES.replace("mss 1460", "mss 1440"))
    assert drill(script).returncode == 1
    assert drill("--ip-version", "ipv6", script).returncode == 0
    assert drill("--ip-version", "ipv6", "-o", "mtu=1520", script).returncode == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["/no/such.pkt"], "there is no /no/such.pkt"),
        (["--dut", "toaster", "."], "--dut toaster"),
        (["--ip-version", "ipv5", "."], "--ip-version ipv5"),
        (["--relax", "everything", "."], "everything"),
        (["--define", "x", "."], "--define x"),
        (["-j", "0", "."], "-j 0"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage(args: list[str], said: str) -> None:
    done = drill(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
