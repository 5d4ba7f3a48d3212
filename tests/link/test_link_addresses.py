import ipaddress

import pytest

from pystack.link.addresses import check_mtu, parse_interface, plan_addresses
from pystack.link.device import LinkError


def interfaces(*texts: str) -> list[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    return [ipaddress.ip_interface(text) for text in texts]


@pytest.mark.parametrize(
    ("stack", "kernel"),
    [
        (["10.0.0.2/24"], ["10.0.0.1/24"]),
        (["fd00:7079::2/64"], ["fd00:7079::1/64"]),
        (["10.0.0.2/24", "fd00:7079::2/64"], ["10.0.0.1/24", "fd00:7079::1/64"]),
        (["10.0.0.1/24"], ["10.0.0.2/24"]),
        (["10.0.0.1/24", "10.0.0.2/24"], ["10.0.0.3/24"]),
        (["10.0.0.4/31"], ["10.0.0.5/31"]),
        (["10.0.0.5/31"], ["10.0.0.4/31"]),
        (["fd00::/127"], ["fd00::1/127"]),
        (["fd00::1/127"], ["fd00::/127"]),
        (["fe80::2/64"], ["fe80::1/64"]),
        (["10.7.9.200/16"], ["10.7.0.1/16"]),
    ],
)
def test_the_kernel_gets_the_first_usable_address_that_is_not_ours(stack: list[str], kernel: list[str]) -> None:
    plan = plan_addresses(interfaces(*stack))
    assert list(plan.addresses) == interfaces(*stack)
    assert list(plan.host_addresses) == interfaces(*kernel)


@pytest.mark.parametrize(
    ("given", "kernel"),
    [
        (["10.0.0.9/24"], ["10.0.0.9/24", "fd00::1/64"]),
        (["10.0.0.9"], ["10.0.0.9/24", "fd00::1/64"]),
        (["fd00::9"], ["10.0.0.1/24", "fd00::9/64"]),
        (["10.0.0.9", "10.0.0.8"], ["10.0.0.9/24", "10.0.0.8/24", "fd00::1/64"]),
        ([], ["10.0.0.1/24", "fd00::1/64"]),
    ],
)
def test_given_host_addresses_replace_the_automatic_one_of_their_network(given: list[str], kernel: list[str]) -> None:
    plan = plan_addresses(interfaces("10.0.0.2/24", "fd00::2/64"), interfaces(*given))
    assert list(plan.host_addresses) == interfaces(*kernel)


def test_none_leaves_the_kernel_alone_and_needs_no_room_for_it() -> None:
    plan = plan_addresses(interfaces("10.0.0.2/32", "10.0.0.3/24"), "none")
    assert plan.host_addresses == ()
    assert [str(network) for network in plan.networks] == ["10.0.0.2/32", "10.0.0.0/24"]


@pytest.mark.parametrize(
    ("stack", "kernel", "words"),
    [
        ([], None, ["no address", "--address"]),
        (["10.0.0.2/32"], None, ["10.0.0.2/32", "no room", "10.0.0.2/24", "--host-address none"]),
        (["fd00::2/128"], None, ["fd00::2/128", "fd00::2/64"]),
        (["10.0.0.2/24", "10.0.0.2/24"], None, ["10.0.0.2 is given twice"]),
        (["10.0.0.2/24", "10.0.1.2/16"], None, ["10.0.0.0/24 and 10.0.0.0/16 overlap"]),
        (["10.0.0.0/24"], None, ["network's own address"]),
        (["10.0.0.255/24"], None, ["broadcast address"]),
        (["fd00::/64"], None, ["network's own address"]),
        (["127.0.0.2/8"], None, ["127.0.0.2 cannot be"]),
        (["224.0.0.1/24"], None, ["224.0.0.1 cannot be"]),
        (["ff02::1/64"], None, ["ff02::1 cannot be"]),
        (["0.0.0.0/24"], None, ["0.0.0.0 cannot be"]),
        (["255.255.255.255/24"], "none", ["255.255.255.255 cannot be"]),
        (["10.0.0.1/30", "10.0.0.2/30"], None, ["every address of 10.0.0.0/30"]),
        (["10.0.0.4/31", "10.0.0.5/31"], None, ["every address of 10.0.0.4/31"]),
        (["10.0.0.2/24"], ["10.0.1.1/24"], ["10.0.1.1/24", "no network of the stack", "--host-address"]),
        (["10.0.0.2/24"], ["fd00::1/64"], ["fd00::1/64", "no network of the stack"]),
        (["10.0.0.2/24"], ["10.0.0.1/16"], ["10.0.0.1/16", "another size", "/24"]),
        (["10.0.0.2/24"], ["10.0.0.2/24"], ["10.0.0.2 is given twice"]),
        (["10.0.0.2/24"], ["10.0.0.3/24", "10.0.0.3"], ["10.0.0.3 is given twice"]),
        (["10.0.0.2/24"], ["10.0.0.255"], ["broadcast address", "--host-address"]),
    ],
)
def test_refusals_say_what_is_wrong_and_what_to_change(
    stack: list[str], kernel: list[str] | str | None, words: list[str]
) -> None:
    host_addresses = interfaces(*kernel) if isinstance(kernel, list) else kernel
    with pytest.raises(LinkError) as caught:
        plan_addresses(interfaces(*stack), host_addresses)  # type: ignore[arg-type]
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.2/33", "10.0.0.2/", "fd00::2/129", "tun0", "fe80::1%tun0/64"])
def test_text_that_is_no_address_is_refused_with_itself_quoted(text: str) -> None:
    with pytest.raises(LinkError, match=r"leave it out|no IP address") as caught:
        parse_interface(text)
    assert repr(text) in str(caught.value)


def test_an_address_is_read_with_its_prefix_length() -> None:
    assert parse_interface("10.0.0.2/24") == ipaddress.IPv4Interface("10.0.0.2/24")
    assert parse_interface("fd00:7079::2/64") == ipaddress.IPv6Interface("fd00:7079::2/64")


@pytest.mark.parametrize(
    ("mtu", "stack", "words"),
    [
        (575, "10.0.0.2/24", "575 bytes is out of range"),
        (65536, "10.0.0.2/24", "65536 bytes is out of range"),
        (1279, "fd00::2/64", "IPv6 needs an MTU of at least 1280"),
    ],
)
def test_an_mtu_that_no_link_or_not_ipv6_can_live_with_is_refused(mtu: int, stack: str, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        check_mtu(mtu, plan_addresses(interfaces(stack)))


@pytest.mark.parametrize(
    ("mtu", "stack"), [(None, "fd00::2/64"), (576, "10.0.0.2/24"), (1280, "fd00::2/64"), (65535, "10.0.0.2/24")]
)
def test_the_bounds_of_the_mtu_are_allowed(mtu: int | None, stack: str) -> None:
    assert check_mtu(mtu, plan_addresses(interfaces(stack))) is None  # type: ignore[func-returns-value]
