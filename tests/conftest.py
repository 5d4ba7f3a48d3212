"""A network namespace for each kernel test, in which it runs its scenario as a child process; and no test is timed."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from longtests import pytest_runtest_protocol  # noqa: F401 (a hook)
from namespaces import Namespace, ask_for_rights

from pystack.link.netns import named_netns

settings.register_profile("untimed", deadline=None)  # on a busy machine any example may take long
settings.load_profile("untimed")


@pytest.fixture
def netns() -> Iterator[Namespace]:
    ask_for_rights()
    with named_netns(f"pt-{os.getpid()}") as namespace:
        yield Namespace(namespace.name)
