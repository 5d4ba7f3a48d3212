"""A plugin of pytest: `lab` and `host_pair` are simulated networks in virtual time, `tun_net` is a stack over a real
TUN device. It comes with pystack.

A test that fails tells its seed, the command that runs it again the same way, and where its packets are. Nothing but
pytest is imported until a fixture is used.
"""

import argparse
import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pystack.sim.network import Network
    from pystack.testing.pair import HostPair
    from pystack.testing.replay import Replay
    from pystack.testing.tunnet import TunNet

_REPLAY: Final = pytest.StashKey["Replay"]()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> "Iterator[Network]":
    """A `pystack.sim.Network` without hosts, seeded. `lab.run(program)` runs a trio program in it; whoever runs trio by
    himself has `async with lab:`. While the test runs trio's scheduling depends on the seed, too.
    """
    from pystack.sim.determinism import seeded_scheduling  # noqa: PLC0415 (only who uses it pays for it)
    from pystack.sim.network import Network  # noqa: PLC0415
    from pystack.testing.replay import seed_of  # noqa: PLC0415

    replay = _replay_of(request.node)
    given: int | None = request.config.getoption("pystack_seed")
    replay.seed = seed_of(request.node.nodeid) if given is None else given
    with seeded_scheduling(replay.seed):
        yield Network(replay.seed, capture=replay.capture("lab"))


@pytest.fixture
def host_pair(request: pytest.FixtureRequest, lab: "Network") -> "HostPair":
    """Two hosts of `lab` and the link between them: `a, b, link = host_pair`. Indirect parameters are values of the
    link in a dict: `@pytest.mark.parametrize("host_pair", [{"loss": "5%"}], indirect=True)`.
    """
    from pystack.testing.pair import pair_of  # noqa: PLC0415

    return pair_of(lab, **getattr(request, "param", {}))


@pytest.fixture
def tun_net(request: pytest.FixtureRequest) -> "Iterator[TunNet]":
    """A `pystack.testing.TunNet`: the kernel and a stack in a private network, in real time. Skips the test, and says
    why in a sentence, where this machine or user cannot have that.
    """
    from pystack.link.device import LinkError  # noqa: PLC0415
    from pystack.testing.tunnet import TunNet  # noqa: PLC0415

    try:
        net = TunNet(_replay_of(request.node).capture("tun_net"))
    except LinkError as refusal:
        pytest.skip(str(refusal))
    with net:
        yield net


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options of pytest's command line."""
    group = parser.getgroup("pystack", "simulated networks (pystack)")
    group.addoption(
        "--pystack-seed",
        metavar="N",
        type=_read_seed,
        help="the seed of `lab` in every test, or `random` for one that is drawn; else each test has one of its own, "
        "always the same",
    )
    group.addoption(
        "--pystack-captures",
        metavar="DIR",
        type=Path,
        help="where the packets of a test that fails are kept; else in pytest's cache",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Has a failure tell how to see it again."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    replay = item.stash.get(_REPLAY, None)
    if replay is None:
        return
    if report.failed:
        text = replay.tell(item.path, item.config.invocation_params.dir, lambda: _folder(item.config))
        # Beside the traceback, where no --show-capture hides it; some failures are a mere text.
        add = getattr(report.longrepr, "addsection", lambda *section: report.sections.append(section))
        add("pystack", text)
    if call.when == "teardown":
        replay.close()
        del item.stash[_REPLAY]  # items live as long as the run


def _replay_of(item: pytest.Item) -> "Replay":
    from pystack.testing.replay import Replay  # noqa: PLC0415

    return item.stash.setdefault(_REPLAY, Replay(item.nodeid))


def _folder(config: pytest.Config) -> Path:
    given: Path | None = config.getoption("pystack_captures")
    if given is not None:
        return config.invocation_params.dir / given
    cache = getattr(config, "cache", None)
    return Path(mkdtemp(prefix="pystack-")) if cache is None else Path(cache.mkdir("pystack"))


def _read_seed(text: str) -> int:
    if text == "random":
        return secrets.randbelow(1 << 32)
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor `random`") from None
