"""What can be imported where: everything but the Linux-only rooms on macOS and Windows, and lightly."""

import subprocess
import sys

import pytest

AS_ON_WINDOWS = """
import importlib, os, pkgutil, signal, socket, sys

ABSENT = {"pytun", "pyroute2", "fcntl", "termios", "pwd", "grp", "resource"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

import trio, typer  # the libraries may use what this machine has

for name in ABSENT:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for module, names in ((os, ("geteuid", "getegid", "readv", "writev", "fork")), (signal, ("SIGHUP",)),
                      (socket, ("AF_UNIX", "AF_NETLINK"))):
    for name in names:
        delattr(module, name)

import pystack

for found in pkgutil.walk_packages(pystack.__path__, "pystack."):
    if found.name != "pystack.__main__":
        importlib.import_module(found.name)
        print(found.name)
"""

COMMAND = (
    AS_ON_WINDOWS.partition("import pystack\n")[0]
    + """
import zoneinfo
pair = socket.socketpair
socket.socketpair = lambda: pair(1)  # trio needs one, and Windows has another kind
sys.platform = "darwin"
sys.argv = ["pystack", *sys.argv[1:]]
from pystack.cli import main
main()
"""
)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_every_module_imports_without_what_only_linux_has() -> None:
    modules = run(AS_ON_WINDOWS).split()
    assert {"pystack.tcp.connection", "pystack.sim.simulation", "pystack.net.open", "pystack.cli.serve"} <= set(modules)
    assert len(modules) > 60


@pytest.mark.parametrize(
    ("args", "said"),
    [(["serve"], "TUN"), (["stat"], "Unix sockets"), (["demo"], ""), (["nc", "10.0.0.1", "9"], ""), (["doctor"], "")],
)
def test_commands_refuse_in_one_sentence_where_linux_is_not(args: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND, *args], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    if args != ["doctor"]:
        assert done.returncode == 2, done.stderr
        assert said in done.stderr


def test_import_pystack_is_light() -> None:
    """The heavy libraries come in when they are used."""
    loaded = run("import pystack, sys; print(*sys.modules)").split()
    assert not {"trio", "pytun", "pyroute2", "httptools", "typer"} & set(loaded)


def test_the_core_needs_no_library_at_all() -> None:
    """Everything above the line is this package and the standard library."""
    code = "import sys; import pystack.sock.calls, pystack.stack.host; print(*sys.modules)"
    loaded = run(code).split()
    assert not {"trio", "pytun", "pyroute2", "httptools", "typer", "socket", "random"} & set(loaded)


def test_a_simulation_in_plain_steps_needs_no_trio() -> None:
    loaded = run("import pystack, sys; pystack.sim.Simulation(); print(*sys.modules)").split()
    assert "pystack.sim.simulation" in loaded
    assert not {"trio", "pytun", "pyroute2", "httptools", "typer"} & set(loaded)


def test_every_public_name_is_there() -> None:
    for module, names in (("pystack", 15), ("pystack.sim", 6), ("pystack.testing", 8)):
        code = f"import {module} as m; print([n for n in dir(m) if not hasattr(m, n)], len(m.__all__))"
        assert run(code) == f"[] {names}\n"


def test_a_public_name_is_what_its_module_calls_so() -> None:
    code = "import pystack; print(pystack.Net, pystack.memory_pair.__module__, pystack.http.HttpConfig.__name__)"
    assert run(code) == "<class 'pystack.net.stack.Net'> pystack.link.memory HttpConfig\n"


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    assert run("import pystack; print(hasattr(pystack, 'socket'))") == "False\n"
