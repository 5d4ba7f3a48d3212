"""How large a packet is, and how small what limits it can make it."""

import pytest

from pystack.tcp.mss import effective_mss, peer_mss, send_mss


@pytest.mark.parametrize(
    ("announced", "default", "expected"), [(None, 536, 536), (0, 1220, 1220), (900, 536, 900), (47, 536, 48)]
)
def test_what_the_peer_takes(announced: int | None, default: int, expected: int) -> None:
    """MUST-15."""
    assert peer_mss(announced, default) == expected


@pytest.mark.parametrize(
    ("peer", "path", "timestamps", "expected"),
    [
        (1460, 1400, False, 1400),
        (1400, 1460, True, 1388),
        (1460, 28, True, 16),
        (1460, 19, True, 8),
        (1460, 7, False, 8),
    ],
)
def test_what_peer_and_path_take(peer: int, path: int, timestamps: bool, expected: int) -> None:
    """MUST-16."""
    assert send_mss(peer_mss=peer, path_mss=path, timestamps=timestamps) == expected


@pytest.mark.parametrize(
    ("mss", "sack_bytes", "max_wnd", "expected"),
    [
        (1448, 0, 65_535, 1448),
        (1448, 12, 65_535, 1436),
        (1460, 0, 2000, 1000),
        (1460, 0, 537, 268),
        (1460, 0, 536, 536),  # so small a window is not halved
        (1460, 0, 400, 400),
        (1460, 0, 10, 48),
        (1460, 0, 0, 48),
        (20, 36, 65_535, 1),
    ],
)
def test_what_varies(mss: int, sack_bytes: int, max_wnd: int, expected: int) -> None:
    """MUST-16."""
    assert effective_mss(send_mss=mss, sack_bytes=sack_bytes, max_wnd=max_wnd) == expected
