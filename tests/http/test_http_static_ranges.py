"""What a client gets who asks for a part of a file: those bytes, whatever the part, the size, or the moment."""

import email
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
from http_exchange import Reply, exchange, get, replies, run
from http_files import CHANGED, ask, put, take
from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.http import StaticFiles, files
from pystack.http.files import CHUNK_SIZE, FileBody


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK_SIZE", 64)


@pytest.fixture(scope="module")
def tiny_chunks() -> Iterator[None]:
    """For all examples of a property."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK_SIZE", 64)
        yield


def parts(reply: Reply) -> list[tuple[str, str, bytes]]:
    """Content-Type, Content-Range and bytes of each part of a multipart reply, as the library for mail reads it."""
    kind = reply.headers["content-type"].encode()
    message = email.message_from_bytes(b"Content-Type: %s\n\n" % kind + reply.body)
    assert message.get_content_type() == "multipart/byteranges"
    assert not message.defects
    found = []
    for part in message.get_payload():
        assert isinstance(part, email.message.Message)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((part["Content-Type"], part["Content-Range"], content))
    return found


# Ranges as they are asked for: first and last byte, or only one of them.
SPECS = st.lists(
    st.tuples(st.integers(0, 400) | st.none(), st.integers(0, 400) | st.none()).filter(
        lambda spec: spec != (None, None)
    ),
    min_size=1,
    max_size=6,
)


def wanted(spec: tuple[int | None, int | None], size: int) -> list[int]:
    """The positions that a range asks for, one by one."""
    first, last = spec
    everything = range(size)
    if first is None:
        assert last is not None
        return [at for at in everything if at >= size - last]
    return [at for at in everything if first <= at and (last is None or at <= last)]


@settings(max_examples=300, deadline=None)
@given(size=st.integers(0, 300), specs=SPECS, seed=st.integers(0, 1_000))
@pytest.mark.usefixtures("tiny_chunks")
def test_the_slices_that_were_asked_for_arrive(root: Path, size: int, specs: list, seed: int) -> None:  # type: ignore[type-arg]
    # Line ends and hyphens, to trip whoever looks for boundaries.
    content = bytes(random.Random(seed).choices(b"\r\n-0ab\xff\0", k=size))
    put(root / "x", content)
    value = ",".join(f"{'' if first is None else first}-{'' if last is None else last}" for first, last in specs)
    reply = ask(root, "/x", f"Range: bytes={value}")

    slices = [positions for spec in specs if (positions := wanted(spec, size))]
    in_order = sorted(slices, key=lambda positions: (positions[0], positions[-1]))
    overlaps = sum(any(set(one) & set(other) for other in in_order[:index]) for index, one in enumerate(in_order))
    malformed = any(first is not None and last is not None and last < first for first, last in specs)
    said = [f"bytes {positions[0]}-{positions[-1]}/{size}" for positions in slices]
    bodies = [bytes(content[at] for at in positions) for positions in slices]
    if malformed or overlaps > 2 or size == 0:
        assert (reply.status, reply.body) == (200, content)
        assert "content-range" not in reply.headers
    elif not slices:
        assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{size}")
    elif len(slices) == 1:
        assert (reply.status, reply.body, reply.headers["content-range"]) == (206, bodies[0], said[0])
    else:
        assert reply.status == 206
        assert "content-range" not in reply.headers
        assert parts(reply) == [("application/octet-stream", s, b) for s, b in zip(said, bodies, strict=True)]


@pytest.mark.parametrize(
    "value",
    [
        *("bytes", "bytes=", "bytes=,", "bytes=-", "bytes=1", "bytes=1-2-3", "bytes=+1-2", "bytes=0x1-2"),
        *("bytes=1-2;3-4", "bytes=1-2,x", "bytes=1_0-", "bytes=1 -2", "bytes=\u00b2-"),
        *("=1-2", "1-2", "byte=1-2", "bytes = 1-2", "seconds=1-"),
    ],
)
def test_a_field_that_is_no_range_is_ignored(value: str, root: Path) -> None:
    put(root / "x", b"0123456789")
    raw = get("/x").replace(b"\r\n\r\n", b"\r\nRange: " + value.encode("latin-1") + b"\r\n\r\n")
    (reply,) = replies(exchange(raw, StaticFiles(root)))
    assert (reply.status, reply.body) == (200, b"0123456789")


def test_the_unit_is_in_any_letters_and_the_list_in_any_spacing(root: Path) -> None:
    put(root / "x", b"0123456789")
    assert ask(root, "/x", "Range: Bytes= 2-3 ,,").body == b"23"


def test_no_two_multipart_responses_have_the_same_boundary(root: Path) -> None:
    put(root / "x.html", b"0123456789")
    one, other = (ask(root, "/x.html", "Range: bytes=0-0,9-") for _ in range(2))
    assert one.headers["content-type"] != other.headers["content-type"]
    kind = "text/html; charset=utf-8"
    assert parts(one) == [(kind, "bytes 0-0/10", b"0"), (kind, "bytes 9-9/10", b"9")]


# What the head says


def test_a_part_has_the_fields_of_the_whole(root: Path) -> None:
    put(root / "x.txt", b"0123456789")
    whole, part = ask(root, "/x.txt").headers, ask(root, "/x.txt", "Range: bytes=0-3").headers
    assert whole["accept-ranges"] == "bytes"
    assert whole["last-modified"] == "Tue, 14 Nov 2023 22:11:40 GMT"
    assert "vary" not in whole
    assert part == whole | {"content-range": "bytes 0-3/10", "content-length": "4"}


def test_head_has_the_fields_of_get_and_no_range(root: Path) -> None:
    put(root / "x.txt", b"0123456789")
    assert ask(root, "/x.txt", "Range: bytes=0-3", method="HEAD").headers == ask(root, "/x.txt").headers


def test_a_304_says_no_more_than_the_cache_needs(root: Path) -> None:
    put(root / "x.css", b"0123456789")
    put(root / "x.css.gz", b"012345678")
    whole = ask(root, "/x.css").headers
    reply = ask(root, "/x.css", f"If-None-Match: {whole['etag']}")
    assert reply.status == 304
    assert reply.headers == {name: whole[name] for name in ("etag", "vary", "date", "server")}


def test_another_content_has_another_tag(root: Path) -> None:
    tags = set()
    for content, changed in [(b"a", CHANGED), (b"ab", CHANGED), (b"a", CHANGED - 1)]:
        put(root / "x", content, changed)
        tags.add(ask(root, "/x").headers["etag"])
    os.utime(root / "x", ns=(0, (CHANGED - 1) * 10**9 + 1))
    tags.add(ask(root, "/x").headers["etag"])
    assert len(tags) == 4
    assert all(tag.startswith('"') for tag in tags)


# Downloads that are cut, change, or go slowly


@pytest.mark.usefixtures("small_chunks")
def test_a_download_that_is_cut_again_and_again_is_whole_in_the_end(root: Path) -> None:
    content = random.Random(3).randbytes(5_000)
    put(root / "x", content)
    chance = random.Random(4)
    received = bytearray()
    etag = ""
    while len(received) < len(content):
        fields = [f"Range: bytes={len(received)}-", f"If-Range: {etag}"] if etag else []
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/x", headers=[("Host", "x")]))
        connection.send(h11.EndOfMessage())
        raw = take(root, get("/x", *fields), chance.randrange(300, 1_500))
        connection.receive_data(raw)
        head = connection.next_event()
        assert isinstance(head, h11.Response)
        assert head.status_code == (206 if etag else 200)
        etag = dict(head.headers)[b"etag"].decode()
        while isinstance(event := connection.next_event(), h11.Data):
            received += event.data
    assert received == content


def test_a_file_that_changed_meanwhile_comes_anew(root: Path) -> None:
    put(root / "x", b"0123456789")
    etag = ask(root, "/x").headers["etag"]
    put(root / "x", b"abcdefghij", CHANGED + 1)
    reply = ask(root, "/x", "Range: bytes=5-", f"If-Range: {etag}")
    assert (reply.status, reply.body) == (200, b"abcdefghij")


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("length", [0, 100, 1_000])
def test_a_file_that_shrinks_between_two_parts_ends_the_connection(
    length: int, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(root / "x", random.Random(5).randbytes(2_000))
    before = path.read_bytes()
    real_open = os.open

    def open_and_cut(name: str, flags: int) -> int:
        descriptor = real_open(name, flags)
        status = os.fstat(descriptor)
        monkeypatch.setattr(os, "fstat", lambda _: status)
        os.truncate(path, length)
        return descriptor

    monkeypatch.setattr(os, "open", open_and_cut)
    raw = exchange(get("/x", "Range: bytes=50-249,1500-1599"), StaticFiles(root))
    monkeypatch.undo()
    with pytest.raises(h11.RemoteProtocolError):
        replies(raw)
    assert before[50:100] in raw if length == 100 else before[50:250] in raw if length else b"bytes 50-249" in raw
    assert b"--\r\n" not in raw[-10:]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_small_parts_travel_in_one_piece(root: Path) -> None:
    path = put(root / "x", b"0123456789")

    async def main() -> list[bytes]:
        body = FileBody(os.open(path, os.O_RDONLY), [b"<", (0, 2), b"|", (8, 10), b">"])
        assert body.length == 7
        pieces = [piece async for piece in body]
        await body.aclose()
        await body.aclose()  # a second time is nothing
        return pieces

    assert run(main) == [b"<01|89>"]


def test_of_a_large_file_only_a_chunk_is_held(root: Path) -> None:
    size = 200 * CHUNK_SIZE
    with (root / "large").open("wb") as file:
        file.truncate(size)

    async def main() -> int:
        body = FileBody(os.open(root / "large", os.O_RDONLY), [(0, size)])
        total = 0
        async for piece in body:
            total += len(piece)
        await body.aclose()
        return total

    tracemalloc.start()
    try:
        assert run(main) == size
        assert tracemalloc.get_traced_memory()[1] < 4 * CHUNK_SIZE
    finally:
        tracemalloc.stop()
        (root / "large").unlink()
