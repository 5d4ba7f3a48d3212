"""`pystack stat`: what a running `serve` says of itself."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from serving import PYSTACK, Starter

from pystack.cli.asking import Answers, ask_all
from pystack.cli.control import directories, directory

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("runtime")]

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def stacks(run: Run, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*PYSTACK, "stat", "--json", *args).stdout)["stacks"]
    return found


def test_a_running_server(netns: Any, serve: Starter, run: Run, runtime: Path) -> None:
    serving = serve("--echo", "7")

    def talk() -> tuple[list[dict[str, Any]], tuple[str, int]]:
        with socket.create_connection(("10.0.0.2", 7), 20) as client:
            client.sendall(b"x" * 5000)
            while len(client.recv(5000, socket.MSG_PEEK)) < 5000:
                pass
            shown = subprocess.run([*PYSTACK, "stat", "--json"], capture_output=True, check=True)
            return json.loads(shown.stdout)["stacks"], client.getsockname()

    (stack,), client = netns.call(talk)
    assert stack["device"] == "tun0"
    assert stack["addresses"] == ["10.0.0.2", "fd00:7079::2"]
    assert stack["counters"]["TcpPassiveOpens"] == 1
    (connection,) = stack["connections"]
    assert (connection["local_address"], connection["local_port"]) == ("10.0.0.2", 7)
    assert (connection["remote_address"], connection["remote_port"]) == client
    assert connection["state"] == "ESTABLISHED"
    assert connection["info"]["bytes_received"] == connection["info"]["bytes_acked"] == 5000
    assert connection["info"]["rtt"] > 0
    assert {(x["local_address"], x["local_port"]) for x in stack["listeners"]} == {
        (address, port) for address in ("0.0.0.0", "::") for port in (80, 7)
    }
    (socket_file,) = runtime.iterdir()
    assert runtime.stat().st_mode & 0o777 == 0o700
    serving.stop()
    assert not socket_file.exists()


def test_for_people(serve: Starter, run: Run) -> None:
    serve("--http", "8080")
    run("curl", "-s", "http://10.0.0.2:8080/")
    lines = run(*PYSTACK, "stat").stdout.decode().splitlines()
    assert lines[0].startswith("tun0 of process ")
    assert lines[2].split() == ["state", "unread", "unsent", "local", "remote", "rtt", "ms", "cwnd", "flight", "resent"]
    assert ["LISTEN", "0", "0.0.0.0:8080", "*"] in [line.split() for line in lines]
    assert any(line.startswith("TcpInSegs ") for line in lines)


def test_watching(netns: Any, serve: Starter) -> None:
    serve()
    watching = subprocess.Popen(
        ["ip", "netns", "exec", netns.name, *PYSTACK, "stat", "--json", "--watch", "0.05"], stdout=subprocess.PIPE
    )
    assert watching.stdout is not None
    ups = [json.loads(watching.stdout.readline())["stacks"][0]["uptime"] for _ in range(3)]
    assert ups == sorted(ups)
    assert ups[0] < ups[2]
    watching.send_signal(signal.SIGINT)
    watching.stdout.close()
    assert watching.wait(20) == 0


def test_by_device(serve: Starter, run: Run) -> None:
    serve("--tun", "one", "--address", "10.0.8.2/24")
    serve("--tun", "two", "--address", "10.0.9.2/24")
    assert [stack["device"] for stack in stacks(run)] == ["one", "two"]
    assert [stack["device"] for stack in stacks(run, "--tun", "two")] == ["two"]
    missing = run(*PYSTACK, "stat", "--tun", "three", check=False)
    assert missing.returncode == 2
    assert b"is running on three" in missing.stderr


def test_after_a_kill_nothing_is_left_to_find(serve: Starter, run: Run, runtime: Path) -> None:
    serving = serve()
    serving.process.kill()
    serving.process.wait()
    assert len(list(runtime.iterdir())) == 1
    done = run(*PYSTACK, "stat", check=False)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"no pystack serve of this user is running here" in done.stderr
    assert list(runtime.iterdir()) == []


def test_a_directory_of_others_is_not_used(serve: Starter, run: Run, runtime: Path) -> None:
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    serving = serve()
    assert list(runtime.iterdir()) == []
    status, _, err = serving.stop()
    assert status == 0
    assert "is not a directory that this user alone may enter" in err


@pytest.mark.parametrize("args", [["--watch", "0"], ["--watch", "-1"], ["--watch", "x"]])
def test_wrong_usage(run: Run, serve: Starter, args: list[str]) -> None:
    serve()
    done = run(*PYSTACK, "stat", *args, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"watch" in done.stderr


def test_where_the_sockets_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: Path) -> None:
    last = Path("/run/pystack") if os.geteuid() == 0 else Path(f"/tmp/pystack-{os.geteuid()}")
    assert directories() == [runtime]
    monkeypatch.delenv("PYSTACK_RUNTIME_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert directory() == tmp_path / "pystack"
    assert directories()[-1] == last, "a server that was started without the variable is found too"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    assert tmp_path / "gone" / "pystack" not in directories()
    assert directories()[-1] == last


def test_roots_own_directory_is_not_that_of_who_is_root_in_a_private_network(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    def stat_of(path: Path, stat: Any = Path.stat) -> Any:
        return SimpleNamespace(st_uid=65534) if path == Path("/run") else stat(path)

    monkeypatch.delenv("PYSTACK_RUNTIME_DIR")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "stat", stat_of)
    assert directories()[-1] == Path("/tmp/pystack-0")


def test_a_directory_that_is_named_is_made_with_its_parents(
    monkeypatch: pytest.MonkeyPatch, serve: Starter, run: Run, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYSTACK_RUNTIME_DIR", str(tmp_path / "far" / "away"))
    serve()
    assert b"tun0" in run(*PYSTACK, "stat").stdout


def test_what_others_can_put_there_is_not_read(runtime: Path) -> None:
    runtime.mkdir(mode=0o777)
    runtime.chmod(0o777)
    with socket.socket(socket.AF_UNIX) as forger:
        forger.bind(str(runtime / "tun0.1.sock"))
        forger.listen()
        assert ask_all() == Answers([], [])
