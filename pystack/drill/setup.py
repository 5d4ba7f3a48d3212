"""What is there before the first event: the settings of a script, and of its init command, for the stack under test."""

from collections.abc import Sequence
from dataclasses import replace

from pystack.drill.dut import Setup
from pystack.drill.errors import SetupError, Unsupported
from pystack.drill.script import Script
from pystack.drill.settings import Settings
from pystack.drill.shell import ChangeRoute, SetDefaults, SetSysctl, Step, UnknownCommand, steps_of
from pystack.drill.sysctls import PROFILE


def setup_of(script: Script, settings: Settings, seed: int = 0) -> Setup:
    """What the stack is made for. Raises `Unsupported` for an init command that nobody knows."""
    setup = Setup(
        local_ip=settings.local_ip,
        remote_ip=settings.remote_ip,
        prefix=settings.prefix,
        gateway=settings.gateway,
        ip_version=settings.ip_version,
        bind_port=settings.bind_port,
        connect_port=settings.connect_port,
        mtu=settings.mtu,
        seed=seed,
    )
    if script.init is None:
        return setup
    try:
        return _with_steps(setup, steps_of(script.init.text))
    except UnknownCommand as error:
        raise Unsupported(str(error), script.init_at) from None
    except ValueError as error:
        raise SetupError(str(error), script.init_at) from None


def _with_steps(setup: Setup, steps: Sequence[Step]) -> Setup:
    for step in steps:
        match step:
            case SetSysctl(name, value):
                setup = replace(setup, sysctls={**setup.sysctls, name: value})
            case SetDefaults():
                setup = replace(setup, sysctls={**setup.sysctls, **PROFILE})
            case ChangeRoute(mtu, locked, advmss, initcwnd):
                setup = replace(
                    setup,
                    route_mtu=mtu or setup.route_mtu,
                    route_mtu_locked=locked or setup.route_mtu_locked,
                    route_advmss=advmss or setup.route_advmss,
                    route_initcwnd=initcwnd or setup.route_initcwnd,
                )
    return setup
