"""Precompressed files beside others; and descriptors, whatever the answer."""

import gzip
import os
from pathlib import Path

import pytest
from http_exchange import exchange, get, replies
from http_files import CHANGED, ask, put, take

from pystack.http import StaticFiles
from pystack.http.files import CHUNK_SIZE


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    put(tmp_path / "x.css", b"p { color: red }")
    put(tmp_path / "x.css.gz", gzip.compress(b"p { color: red }"), CHANGED - 50)
    put(tmp_path / "x.css.br", b"brotli")
    return tmp_path


def test_a_packed_file_goes_out_as_what_it_is_of(packed: Path) -> None:
    reply = ask(packed, "/x.css", "Accept-Encoding: gzip")
    assert gzip.decompress(reply.body) == b"p { color: red }"
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers["last-modified"] == "Tue, 14 Nov 2023 22:10:50 GMT"


def test_each_coding_has_a_tag_of_its_own(packed: Path) -> None:
    asked = ["gzip", "br", "identity"]
    for path in packed.iterdir():
        put(path, b"same", CHANGED)
    tags = {coding: ask(packed, "/x.css", f"Accept-Encoding: {coding}").headers["etag"] for coding in asked}
    assert len(set(tags.values())) == 3
    assert tags["gzip"].endswith('-gz"')
    for coding in asked:
        statuses = [
            ask(packed, "/x.css", f"Accept-Encoding: {coding}", f"If-None-Match: {tags[other]}").status
            for other in asked
        ]
        assert statuses == [304 if other == coding else 200 for other in asked]


def test_who_accepts_nothing_gets_the_plain_file_and_is_told_that_it_varies(packed: Path) -> None:
    reply = ask(packed, "/x.css")
    assert (reply.body, reply.headers["vary"]) == (b"p { color: red }", "Accept-Encoding")
    assert "content-encoding" not in reply.headers


def test_the_packed_file_by_its_own_name_is_no_coding(packed: Path) -> None:
    reply = ask(packed, "/x.css.gz", "Accept-Encoding: gzip")
    assert reply.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in reply.headers


def test_an_index_may_be_packed_too(packed: Path) -> None:
    put(packed / "index.html", b"plain")
    put(packed / "index.html.br", b"packed")
    assert ask(packed, "/", "Accept-Encoding: br").body == b"packed"


@pytest.mark.parametrize("kind", ["outside", "dangling", "loop", "directory", "fifo"])
def test_a_packed_file_that_may_not_be_shown_is_passed_over(kind: str, packed: Path) -> None:
    other = packed / "x.css.gz"
    other.unlink()
    outside = packed.parent / f"{packed.name}-secret"
    outside.write_bytes(b"secret")
    match kind:
        case "outside":
            other.symlink_to(outside)
        case "dangling":
            other.symlink_to("nowhere")
        case "loop":
            other.symlink_to(other.name)
        case "directory":
            other.mkdir()
        case "fifo":
            os.mkfifo(other)
    assert ask(packed, "/x.css", "Accept-Encoding: gzip").body == b"p { color: red }"


def test_a_packed_file_may_be_a_link_that_stays_inside(packed: Path) -> None:
    (packed / "x.css.br").rename(packed / "elsewhere")
    (packed / "x.css.br").symlink_to("elsewhere")
    assert ask(packed, "/x.css", "Accept-Encoding: br").body == b"brotli"


def test_without_the_plain_file_there_is_nothing(packed: Path) -> None:
    (packed / "x.css").unlink()
    assert ask(packed, "/x.css", "Accept-Encoding: gzip, br").status == 404


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list its descriptors")
def test_no_answer_leaves_a_descriptor_behind(packed: Path) -> None:
    put(packed / "large", bytes(5 * CHUNK_SIZE))
    etag = ask(packed, "/x.css").headers["etag"]
    before = os.listdir("/proc/self/fd")
    answers = []
    for fields in [
        (),
        ("Range: bytes=0-3",),
        ("Range: bytes=0-1,3-4",),
        ("Range: bytes=99-",),
        (f"If-None-Match: {etag}",),
        ('If-Match: "x"',),
        ("Accept-Encoding: gzip",),
        ("Accept-Encoding: gzip", "Range: bytes=0-0,2-2"),
    ]:
        answers += [ask(packed, "/x.css", *fields, method=method).status for method in ("GET", "HEAD")]
    assert answers == [200, 200, 206, 200, 206, 200, 416, 200, 304, 304, 412, 412, 200, 200, 200, 200]
    take(packed, get("/large", "Range: bytes=0-9,20-"), CHUNK_SIZE)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_what_fails_after_opening_closes_the_file(
    packed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(count: int) -> bytes:
        raise NotImplementedError(f"no {count} bytes of entropy")

    opened: list[int] = []
    real_open = os.open

    def remember(path: str, flags: int) -> int:
        opened.append(real_open(path, flags))
        return opened[-1]

    monkeypatch.setattr(os, "open", remember)
    raw = exchange(get("/x.css", "Range: bytes=0-0,2-2"), StaticFiles(packed, entropy=refuse))
    monkeypatch.undo()
    (reply,) = replies(raw)
    assert reply.status == 500
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
    assert len(caplog.records) == 1
