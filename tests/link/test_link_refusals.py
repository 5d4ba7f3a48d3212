"""The sentences of refusal that need no kernel to be provoked, and imports on machines that have none of ours."""

import errno
import subprocess
import sys
from ipaddress import ip_interface
from pathlib import Path

import pytest

from pystack.link import netlink, netns, tun
from pystack.link.device import LinkError
from pystack.link.holder import Holder

REPOSITORY = Path(tun.__file__).parents[2]


def missing(sentence: str, words: list[str]) -> list[str]:
    return [word for word in words if word not in sentence]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "tun%d", "tun:0", "tun\n", "a\x00b", "a\x7f"])
def test_what_cannot_be_a_name_is_refused_with_itself_quoted(name: str) -> None:
    with pytest.raises(LinkError, match="is no name for an interface: give --tun") as caught:
        tun.check_name(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["a" * 16, "ü" * 8])
def test_a_name_of_more_than_fifteen_bytes_is_too_long(name: str) -> None:
    with pytest.raises(LinkError, match=f"the name {name} is too long .* at most 15 bytes"):
        tun.check_name(name)
    tun.check_name(name[:7])


def test_a_missing_node_names_the_module_and_the_container_option(tmp_path: Path) -> None:
    with pytest.raises(LinkError) as caught:
        tun.check_node(str(tmp_path / "tun"))
    assert missing(str(caught.value), ["modprobe tun", "--device", "No such file"]) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, ["may not open /dev/net/tun", "root", "chmod 0666 /dev/net/tun", "udev"]),
        (errno.EPERM, ["container", "--device /dev/net/tun"]),
        (errno.ENODEV, ["modprobe tun", "--device /dev/net/tun"]),
    ],
)
def test_a_node_that_does_not_open_names_the_way_in(
    monkeypatch: pytest.MonkeyPatch, code: int, words: list[str]
) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(code, "refused", path)

    monkeypatch.setattr("pystack.link.tun.os.open", refuse)
    with pytest.raises(LinkError) as caught:
        tun.check_node()
    assert missing(str(caught.value), words) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EPERM, ["making pt-none needs root or CAP_NET_ADMIN", "ip tuntap add pt-none mode tun user $USER"]),
        (errno.EBUSY, ["pt-none is in use by another process", "--tun"]),
        (errno.EINVAL, ["refuses the TUN device pt-none (Invalid argument)", "--tun"]),
        (None, ["refuses the TUN device pt-none (no reason given)"]),
    ],
)
def test_each_refusal_of_the_kernel_has_a_sentence(code: int | None, words: list[str]) -> None:
    assert missing(str(tun.explain_refusal("pt-none", code)), words) == []


def test_every_holder_of_a_busy_device_is_named() -> None:
    sentence = tun.describe_busy("tun0", [Holder(12, "openvpn"), Holder(345, "python")])
    assert "tun0 is in use by process 12 (openvpn) and process 345 (python)" in sentence


@pytest.mark.parametrize(
    ("code", "address", "words"),
    [
        (errno.EPERM, None, ["to set mtu on tun0 needs root or CAP_NET_ADMIN", "--host-address none"]),
        (errno.EACCES, "fd00::1/64", ["IPv6 is off", "fd00::1/64", "--address", "disable_ipv6=0"]),
        (errno.EOPNOTSUPP, "fd00::1/64", ["IPv6 is off"]),
        (errno.EACCES, "10.0.0.1/24", ["refuses to set mtu on tun0 (Permission denied)", "--mtu"]),
        (errno.EEXIST, None, ["File exists"]),
    ],
)
def test_each_refusal_of_the_set_up_has_a_sentence(code: int, address: str | None, words: list[str]) -> None:
    interface = ip_interface(address) if address else None
    assert missing(netlink.explain_refusal("set mtu on tun0", "tun0", code, interface), words) == []


@pytest.mark.parametrize(
    ("code", "settings", "words"),
    [
        (errno.EPERM, {"kernel/unprivileged_userns_clone": "0"}, ["sysctl kernel.unprivileged_userns_clone=1"]),
        (
            errno.EPERM,
            {"kernel/unprivileged_userns_clone": "1", "kernel/apparmor_restrict_unprivileged_userns": "1"},
            ["sysctl kernel.apparmor_restrict_unprivileged_userns=0"],
        ),
        (errno.ENOSPC, {"user/max_user_namespaces": "0"}, ["sysctl user.max_user_namespaces=10000"]),
        (errno.ENOSPC, {"user/max_user_namespaces": "7"}, ["as many namespaces", "user.max_user_namespaces"]),
        (errno.EINVAL, {}, ["no user namespaces", "threads"]),
        (errno.EPERM, {}, ["Operation not permitted", "seccomp", "--cap-add SYS_ADMIN"]),
    ],
)
def test_a_refused_namespace_names_the_setting(
    tmp_path: Path, code: int, settings: dict[str, str], words: list[str]
) -> None:
    for setting, value in settings.items():
        file = tmp_path / setting
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{value}\n")
    assert missing(netns.explain_refusal(code, tmp_path), words) == []


ELSEWHERE = """
import builtins, importlib, ipaddress, pathlib, sys
for name in ("pytun", "pyroute2", "fcntl", "pwd"):
    sys.modules[name] = None
import pystack.link
for module in pathlib.Path(pystack.link.__file__).parent.glob("*.py"):
    importlib.import_module(f"pystack.link.{module.stem}")
from pystack.link import netlink, tun
from pystack.link.device import LinkError
tun.check_node = lambda: None
for use in (lambda: tun.TunDevice("tun0"), netlink.read_host):
    try:
        use()
    except LinkError as error:
        print(error)
"""


def test_every_module_imports_without_linux_packages_and_fails_in_a_sentence_when_used() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.stderr == ""
    assert shown.stdout.splitlines() == [
        "TUN devices need Linux and the package python-pytun: install it with pip",
        "setting up a TUN device needs Linux and the package pyroute2: install it with pip",
    ]
