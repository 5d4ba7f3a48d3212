"""A pytest plugin: the tests that take minutes say so before they do, so that nobody takes them for stuck."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Names a test that is marked `long`, on a line of its own."""
    reporter: pytest.TerminalReporter | None = item.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and item.get_closest_marker("long") is not None:
        reporter.write(f"\n{item.nodeid} takes minutes\n", flush=True)
