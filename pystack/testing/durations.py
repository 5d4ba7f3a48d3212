"""Durations as people write them."""

from pystack.link.quantities import TIME


def nanoseconds(duration: int | str) -> int:
    """`"200 ms"`, `"1.5 s"` … as integer nanoseconds, exactly; the units are ns, us, ms, s, min and h. A number is
    nanoseconds already. Raises `ValueError` for anything else.
    """
    return duration if isinstance(duration, int) else TIME.read(duration)
