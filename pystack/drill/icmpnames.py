"""ICMP's types and codes by the words of the language (RFC 792, RFC 1122, RFC 1812; RFC 4443)."""

import re
from typing import Final

_V4_TYPES: Final = {
    "echo_reply": 0,
    "unreachable": 3,
    "source_quench": 4,
    "redirect": 5,
    "echo_request": 8,
    "time_exceeded": 11,
    "parameter_problem": 12,
    "timestamp_request": 13,
    "timestamp_reply": 14,
    "information_request": 15,
    "information_reply": 16,
    "address_mask_request": 17,
    "address_mask_reply": 18,
}
_V4_UNREACHABLE: Final = (
    "net_unreachable",
    "host_unreachable",
    "protocol_unreachable",
    "port_unreachable",
    "frag_needed",
    "source_route_failed",
    "net_unknown",
    "host_unknown",
    "source_host_isolated",
    "net_prohibited",
    "host_prohibited",
    "net_unreachable_for_tos",
    "host_unreachable_for_tos",
    "packet_filtered",
    "precedence_violation",
    "precedence_cutoff",
)
_V4_CODES: Final = {"unreachable": {name: code for code, name in enumerate(_V4_UNREACHABLE)}}
_V6_TYPES: Final = {
    "unreachable": 1,
    "packet_too_big": 2,
    "time_exceeded": 3,
    "parameter_problem": 4,
    "echo_request": 128,
    "echo_reply": 129,
}
_V6_CODES: Final = {
    "unreachable": {
        "no_route": 0,
        "net_unreachable": 0,
        "admin_prohibited": 1,
        "not_neighbour": 2,
        "address_unreachable": 3,
        "port_unreachable": 4,
    },
    "time_exceeded": {"exceeded_hop_limit": 0, "exceeded_frag_time": 1},
    "parameter_problem": {"header_field": 0, "unknown_next_header": 1, "unknown_option": 2},
}
_ESCAPE: Final = re.compile(r"(type|code)_(\d{1,3})", re.ASCII)
FRAGMENTATION_NEEDED: Final = (3, 4)
PACKET_TOO_BIG: Final = 2


def numbers_of(type_word: str, code_word: str, is_ipv6: bool) -> tuple[int, int]:
    """The type and the code that the words stand for; no word for the code is 0. `ValueError` says which is unknown."""
    types, codes = (_V6_TYPES, _V6_CODES) if is_ipv6 else (_V4_TYPES, _V4_CODES)
    kind = _number("type", type_word, types)
    name = next((name for name, number in types.items() if number == kind), "")
    return kind, _number("code", code_word, codes.get(name, {})) if code_word else 0


def _number(what: str, word: str, known: dict[str, int]) -> int:
    escape = _ESCAPE.fullmatch(word)
    if escape and escape[1] == what and int(escape[2]) < 256:
        return int(escape[2])
    if word not in known:
        raise ValueError(f"{word} is no {what} of ICMP here")
    return known[word]


def words_of(kind: int, code: int, is_ipv6: bool) -> tuple[str, str]:
    """The words for a type and a code, `type_N` and `code_N` where there are none; empty for a code of 0 that has no
    word.
    """
    types, codes = (_V6_TYPES, _V6_CODES) if is_ipv6 else (_V4_TYPES, _V4_CODES)
    type_word = next((name for name, number in types.items() if number == kind), f"type_{kind}")
    known = codes.get(type_word, {})
    return type_word, next((n for n, number in known.items() if number == code), f"code_{code}" if code else "")
