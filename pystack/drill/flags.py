"""TCP flags as the language writes them: letters, `-` for none, and the three AccECN bits as letters or as a digit."""

import re
from typing import Final

from pystack.drill.cursor import Cursor
from pystack.wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG, flag_letters

ACE_BITS: Final = AE | CWR | ECE
_LETTERS: Final = {"S": SYN, "F": FIN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR, "A": AE}
_FLAGS: Final = re.compile(r"(?:-|[SFRP.UEWA0-9]+)(?=\s)")


def parse_flags(cursor: Cursor) -> tuple[int, int | None]:
    """The bits that the letters stand for, and the AccECN number where there is a digit (behind the dot)."""
    match = cursor.matches(_FLAGS)
    if match is None:
        raise cursor.unexpected("TCP flags (S F R P . U E W A, or - for none)")
    flags, ace = 0, None
    for letter in match[0].replace("-", ""):
        if letter.isdigit():
            if ace is not None or not flags & ACK or int(letter) > 7:
                raise cursor.error("an AccECN number is one digit from 0 to 7 behind the dot")
            ace = int(letter)
        elif flags & _LETTERS[letter]:
            raise cursor.error(f"the flag {letter} stands there twice")
        else:
            flags |= _LETTERS[letter]
    if ace is not None and flags & ACE_BITS:
        raise cursor.error("a digit says what E, W and A would: give one or the other")
    cursor.take(_FLAGS)
    return flags, ace


def flags_text(flags: int, ace: int | None = None) -> str:
    """The flags in the language's own words."""
    return flag_letters(flags) + ("" if ace is None else str(ace))


def ace_of(flags: int) -> int:
    """The three AccECN bits of a header as a number: AE, CWR, ECE from the most significant down."""
    return (flags & AE and 4) | (flags & CWR and 2) | (flags & ECE and 1)


def with_ace(flags: int, ace: int | None) -> int:
    """The bits of the header for `flags` and the AccECN number, where there is one."""
    if ace is None:
        return flags
    return flags | (ace & 4 and AE) | (ace & 2 and CWR) | (ace & 1 and ECE)
