"""A network namespace for each kernel test, in which it runs its scenario as a child process."""

import os
import shutil
from collections.abc import Iterator

import pytest
from namespaces import Namespace

from pystack.link.netns import named_netns


@pytest.fixture
def netns() -> Iterator[Namespace]:
    if os.geteuid() != 0:
        pytest.skip("making a network namespace needs root")
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("there is no /dev/net/tun")
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed")
    with named_netns(f"pt-{os.getpid()}") as namespace:
        yield Namespace(namespace.name)
