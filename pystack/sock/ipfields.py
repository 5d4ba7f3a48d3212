"""What an application may ask of the fields of its IP headers, the same for every protocol. Each raises EINVAL."""

import errno

from pystack.sock.errors import os_error


def type_of_service(value: int) -> int:
    """IP_TOS: one byte; Linux looks at no more of the integer."""
    return value & 0xFF


def traffic_class(value: int) -> int:
    """IPV6_TCLASS; -1 is the default again."""
    if not -1 <= value <= 0xFF:
        raise os_error(errno.EINVAL)
    return max(value, 0)


def time_to_live(value: int, default: int) -> int:
    """IP_TTL; -1 is the host's default again."""
    if not (value == -1 or 1 <= value <= 255):
        raise os_error(errno.EINVAL)
    return default if value == -1 else value


def hop_limit(value: int, default: int) -> int:
    """IPV6_UNICAST_HOPS, likewise; IPv6 allows 0, which does not leave the network."""
    if not -1 <= value <= 255:
        raise os_error(errno.EINVAL)
    return default if value == -1 else value
