"""The fixtures of pystack's pytest plugin, and what a test that fails tells: each in a pytest run of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

import pystack.sim.network
import pystack.testing.pair
import pystack.testing.replay  # noqa: F401 (what is imported here is not imported anew by each of the runs)

pytest_plugins = ["pytester"]

ECHO = """
import pytest
import trio

async def server():
    async def echo(stream):
        async for data in stream:
            await stream.send_all(data)
    await trio.serve_tcp(echo, 7)

async def client():
    async with await trio.open_tcp_stream("b", 7) as stream:
        await stream.send_all(b"hello")
        return await stream.receive_some()

def run(lab, host_pair):
    async def main():
        host_pair.b.start_soon(server)
        await trio.sleep(1)
        assert await host_pair.a.run(client) == b"hello"
    lab.run(main)
"""
FAILS = f"""{ECHO}
@pytest.mark.parametrize("n", ["x y"])
def test_fails(lab, host_pair, n):
    run(lab, host_pair)
    pytest.fail(f"digest {{lab.digest}}")
"""


@pytest.fixture
def quiet(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A run that nothing but its own options decides about, without plugins that take their time."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    return pytester


def told(result: pytest.RunResult) -> tuple[str, str, str]:
    """The seed, the command and the path that a failure names."""
    text = str(result.stdout)
    assert re.search(r"^-+ pystack -+$", text, re.MULTILINE)
    found = re.search(r"^seed (\d+); again: pytest (.*)$\npackets of lab: (.*)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1], found[2], found[3]


def test_a_test_that_passes_prints_and_writes_nothing(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(f"{ECHO}\ndef test_passes(lab, host_pair):\n    run(lab, host_pair)")
    result = quiet.runpytest("-rA")
    result.assert_outcomes(passed=1)
    assert "pystack -" not in str(result.stdout)
    assert "seed" not in str(result.stdout)
    assert list(quiet.path.rglob("*.pcapng")) == []


def test_a_failure_tells_how_to_see_it_again(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(FAILS)
    first = quiet.runpytest()
    first.assert_outcomes(failed=1)
    seed, command, path = told(first)
    digest = re.search(r"digest (\w+)", str(first.stdout))
    assert digest is not None
    with PcapNgReader(path) as packets:
        assert any(b"hello" in bytes(packet) for packet in packets)

    file = "test_a_failure_tells_how_to_see_it_again.py"
    assert command == f"'{file}::test_fails[x y]' --pystack-seed {seed}"
    again = quiet.runpytest(f"{file}::test_fails[x y]", "--pystack-seed", seed)
    again.assert_outcomes(failed=1)
    assert told(again) == (seed, command, path)
    assert digest[0] in str(again.stdout)
    other = quiet.runpytest("--pystack-seed", str(int(seed) + 1))
    assert digest[0] not in str(other.stdout)


def test_a_failure_tells_even_where_output_is_hidden_or_there_is_no_traceback(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(f"{FAILS}\n@pytest.mark.xfail(strict=True)\ndef test_short(lab):\n    pass")
    shown = str(quiet.runpytest("--show-capture=no", "-k", "fails").stdout)
    assert shown.count("; again: pytest ") == 1
    assert str(quiet.runpytest("-k", "short").stdout).count("; again: pytest ") == 1


@pytest.mark.parametrize("where", ["setup", "teardown"])
def test_a_failure_of_another_fixture_tells_too(where: str, quiet: pytest.Pytester) -> None:
    lines = ["assert lab is None", "yield"] if where == "setup" else ["yield", "assert lab is None"]
    body = "\n    ".join(lines)
    quiet.makepyfile(f"import pytest\n@pytest.fixture\ndef more(lab):\n    {body}\ndef test(more):\n    pass")
    result = quiet.runpytest()
    assert result.parseoutcomes()["errors"] == 1
    told(result)


def test_an_expected_failure_tells_nothing(quiet: pytest.Pytester) -> None:
    quiet.makepyfile("import pytest\n@pytest.mark.xfail\ndef test(lab):\n    assert lab is None")
    result = quiet.runpytest("-rA")
    result.assert_outcomes(xfailed=1)
    assert "; again:" not in str(result.stdout)
    assert list(quiet.path.rglob("*.pcapng")) == []


SEEDS = "import pytest\n@pytest.mark.parametrize('n', range(2))\ndef test(lab, n):\n    print('has', lab.seed)"


def seeds(pytester: pytest.Pytester, *options: str) -> list[int]:
    result = pytester.runpytest("-s", *options)
    result.assert_outcomes(passed=2)
    return [int(seed) for seed in re.findall(r"has (\d+)", str(result.stdout))]


def test_where_seeds_come_from(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(SEEDS)
    first, second = seeds(quiet)
    assert first != second, "each test has its own"
    assert seeds(quiet) == [first, second], "in each run"
    assert seeds(quiet, "--pystack-seed", "7") == [7, 7]
    drawn, same = seeds(quiet, "--pystack-seed", "random")
    assert drawn == same
    assert seeds(quiet, "--pystack-seed", "random") != [drawn, same]


def test_a_seed_that_is_none(quiet: pytest.Pytester) -> None:
    result = quiet.runpytest("--pystack-seed", "seven")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pystack-seed: 'seven' is neither a whole number nor `random`"])


def test_captures_are_kept_where_that_is_said(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(FAILS)
    *_, path = told(quiet.runpytest("--pystack-captures", "kept/here"))
    assert [quiet.path / path] == list((quiet.path / "kept" / "here").iterdir())
    assert path.startswith("kept/here/")
    *_, path = told(quiet.runpytest("-p", "no:cacheprovider"))
    assert Path(path).stat().st_size
    assert not Path(path).is_relative_to(quiet.path)
    Path(path).unlink()
    Path(path).parent.rmdir()


def test_a_capture_that_cannot_be_kept(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(FAILS)
    (quiet.path / "taken").touch()
    result = quiet.runpytest("--pystack-captures", "taken")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["packets of lab: not kept (*'*taken')"])


def test_the_link_of_a_pair_has_the_values_that_a_test_wants(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(f"""{ECHO}
async def connect():
    before = trio.current_time()
    async with await trio.open_tcp_stream("b", 7):
        return round(trio.current_time() - before, 3)

def time_to_connect(lab, host_pair):
    async def main():
        host_pair.b.start_soon(server)
        await trio.sleep(1)
        return await host_pair.a.run(connect)
    return lab.run(main)

def test_plain(lab, host_pair):
    a, b, link = host_pair
    assert lab.hosts == [a, b]
    assert time_to_connect(lab, host_pair) == 0.04

@pytest.mark.parametrize("host_pair", [{{"mtu": 1400, "back": {{"delay": "1 s"}}}}], indirect=True)
def test_values(lab, host_pair):
    assert host_pair.a.mtu == host_pair.link.mtu == 1400
    assert time_to_connect(lab, host_pair) == 1.02
""")
    quiet.runpytest().assert_outcomes(passed=2)


def test_tests_that_run_trio_themselves(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(f"""{ECHO}
from trio.testing import MockClock

async def in_lab(lab, host_pair):
    async with lab:
        host_pair.b.start_soon(server)
        await trio.sleep(1)
        assert await host_pair.a.run(client) == b"hello"
    assert lab.digest
    assert trio.current_time() > 1

def test_plain(lab, host_pair):
    trio.run(in_lab, lab, host_pair, clock=MockClock(autojump_threshold=0))

class TestAnyio:
    @pytest.fixture
    def anyio_backend(self):
        return "trio", {{"clock": MockClock(autojump_threshold=0)}}

    @pytest.mark.anyio
    async def test_anyio(self, lab, host_pair):
        await in_lab(lab, host_pair)
""")
    quiet.runpytest("-W", "error").assert_outcomes(passed=2)


def test_nothing_is_kept_of_tests_that_have_ended(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(FAILS)
    quiet.makeconftest("""
        from pystack.testing.plugin import _REPLAY

        files = []

        def pytest_runtest_call(item):
            files.extend(item.stash[_REPLAY]._captures.values())

        def pytest_sessionfinish(session):
            assert [file.closed for file in files] == [True]
            assert not [item for item in session.items if _REPLAY in item.stash]
            print("nothing is kept")
    """)
    quiet.runpytest("-s").stdout.fnmatch_lines(["*nothing is kept*"])


def test_who_does_not_use_it_does_not_pay_for_it(quiet: pytest.Pytester) -> None:
    quiet.makepyfile("""
        import sys

        def test_light():
            ours = {name for name in sys.modules if name.partition(".")[0] == "pystack"}
            assert ours == {"pystack", "pystack.testing", "pystack.testing.plugin"}
            assert "trio" not in sys.modules
    """)
    quiet.runpytest_subprocess("-p", "no:anyio").assert_outcomes(passed=1)


def test_importing_the_plugin_loads_pytest_alone() -> None:
    code = """
import sys
import pytest
before = {name.partition(".")[0] for name in sys.modules}
import pystack.testing.plugin
print(*{name.partition(".")[0] for name in sys.modules} - before)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {"pystack", "secrets", "hmac", "_hashlib", "base64"}


def test_tun_net_is_skipped_in_a_sentence(quiet: pytest.Pytester) -> None:
    quiet.makeconftest("""
        from pystack.link.device import LinkError
        from pystack.testing.tunnet import TunNet

        def refuse(self, capture):
            raise LinkError("there is no usable /dev/net/tun")

        TunNet.__init__ = refuse
    """)
    quiet.makepyfile("def test(tun_net):\n    pass")
    result = quiet.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*: there is no usable /dev/net/tun"])
