import ipaddress

import pytest

from pystack.link.addresses import plan_addresses
from pystack.link.conflicts import HostAddress, HostRoute, HostState, check_addresses_free, check_conflicts
from pystack.link.device import LinkError

PLAN = plan_addresses([ipaddress.ip_interface("10.0.0.2/24"), ipaddress.ip_interface("fd00:7079::2/64")])


def address(interface: str, text: str, network: str | None = None) -> HostAddress:
    own = ipaddress.ip_interface(text)
    return HostAddress(interface, own, ipaddress.ip_network(network) if network else own.network)


def route(text: str, interface: str = "eth0", kind: str = "unicast", table: int = 254) -> HostRoute:
    return HostRoute(ipaddress.ip_network(text), interface, kind, table)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (address("eth0", "10.0.0.7/24"), ["10.0.0.0/24 is taken", "eth0 has the address 10.0.0.7/24"]),
        (address("eth0", "10.200.0.7/8"), ["10.0.0.0/24 is taken", "eth0 has the address 10.200.0.7/8"]),
        (address("eth0", "10.0.0.7/32"), ["eth0 has the address 10.0.0.7/32"]),
        (address("ppp0", "192.168.1.1/32", "10.0.0.77/32"), ["ppp0 has the address 192.168.1.1/32"]),
        (address("wg0", "fd00:7079::5/48"), ["fd00:7079::/64 is taken", "wg0 has the address fd00:7079::5/48"]),
    ],
)
def test_an_address_on_another_interface_is_a_conflict_that_names_its_holder(
    held: HostAddress, words: list[str]
) -> None:
    with pytest.raises(LinkError) as caught:
        check_conflicts(PLAN, "tun0", HostState([held], []))
    assert [word for word in [*words, "--address", "--host-address"] if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (route("10.0.0.0/8"), ["10.0.0.0/24 is taken", "a route to 10.0.0.0/8 through eth0;"]),
        (route("10.0.0.128/25"), ["a route to 10.0.0.128/25 through eth0;"]),
        (route("10.0.0.9/32", "tailscale0", table=52), ["a route to 10.0.0.9/32 through tailscale0 (table 52);"]),
        (route("10.0.0.0/16", "", "blackhole"), ["the blackhole route 10.0.0.0/16;"]),
        (
            route("fd00::/8", "", "unreachable", 7),
            ["fd00:7079::/64 is taken", "the unreachable route fd00::/8 (table 7);"],
        ),
        (route("fc00::/7", "wg0"), ["a route to fc00::/7 through wg0;"]),
    ],
)
def test_a_specific_route_in_any_table_is_a_conflict_that_names_it(held: HostRoute, words: list[str]) -> None:
    with pytest.raises(LinkError) as caught:
        check_conflicts(PLAN, "tun0", HostState([], [held]))
    assert [word for word in [*words, "--address"] if word not in str(caught.value)] == []


HARMLESS = HostState(
    addresses=[
        address("lo", "127.0.0.1/8"),
        address("lo", "::1/128"),
        address("eth0", "10.0.1.7/24"),
        address("eth0", "fe80::1/64"),
        address("tun0", "10.0.0.1/24"),
        address("tun0", "fd00:7079::1/64"),
    ],
    routes=[
        route("0.0.0.0/0"),
        route("0.0.0.0/1", "openvpn"),
        route("::/0", "wg0", table=51820),
        route("::/0", "", "unreachable"),
        route("2000::/3", "wg0"),
        route("10.0.1.0/24"),
        route("10.0.0.0/8", "", "throw", 52),
        route("10.0.0.0/24", "tun0"),
        route("fd00:7079::/64", "tun0"),
        route("fe80::/64"),
    ],
)


def test_defaults_neighbours_throw_routes_and_our_own_device_are_no_conflict() -> None:
    check_conflicts(PLAN, "tun0", HARMLESS)
    with pytest.raises(LinkError, match="tun0 has the address"):  # the same state, seen from another device
        check_conflicts(PLAN, "tun1", HARMLESS)


def test_every_interface_has_link_local_addresses_of_its_own() -> None:
    plan = plan_addresses([ipaddress.ip_interface("fe80::2/64")])
    check_conflicts(plan, "tun0", HARMLESS)
    with pytest.raises(LinkError, match=r"169\.254"):  # IPv4's have no scope to tell them apart
        check_conflicts(
            plan_addresses([ipaddress.ip_interface("169.254.0.2/16")]),
            "tun0",
            HostState([address("eth0", "169.254.9.9/16")], []),
        )


def test_an_address_that_the_kernel_has_itself_cannot_be_the_stacks() -> None:
    plan = plan_addresses([ipaddress.ip_interface("10.0.0.2/24")], "none")
    check_addresses_free(plan, HARMLESS)
    with pytest.raises(LinkError, match=r"10\.0\.0\.2 is the kernel's own address on tun0: change --address"):
        check_addresses_free(plan, HostState([address("tun0", "10.0.0.2/24")], []))
