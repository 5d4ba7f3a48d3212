"""A network namespace for each kernel test, in which it runs its scenario as a child process."""

import os
from collections.abc import Iterator

import pytest
from longtests import pytest_runtest_protocol  # noqa: F401 (a hook)
from namespaces import Namespace, ask_for_rights

from pystack.link.netns import named_netns


@pytest.fixture
def netns() -> Iterator[Namespace]:
    ask_for_rights()
    with named_netns(f"pt-{os.getpid()}") as namespace:
        yield Namespace(namespace.name)
