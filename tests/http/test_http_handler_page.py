"""The program of docs/how-to/http-handler.md, without its device."""

import re
from pathlib import Path

from http_exchange import exchange, get, replies

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "http-handler.md"


def test_the_handler_does_what_the_page_says() -> None:
    source = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)[0]
    program, _, run = source.rpartition("\n\ntrio.run(")
    assert run == "main)\n"
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    upload = get("/upper", "Transfer-Encoding: chunked", "Expect: 100-continue", method="POST")
    raw = exchange(upload + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + get() + get("/x"), names["handler"])  # type: ignore[arg-type]
    upper, home, missing = replies(raw)
    assert (upper.body, upper.headers["transfer-encoding"]) == (b"ABCDE", "chunked")
    assert (home.status, home.body) == (200, b"Send me something: POST /upper\n")
    assert missing.status == 404
