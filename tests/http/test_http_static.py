"""What a root directory shows, and what it never does."""

import errno
import hashlib
import os
import random
from pathlib import Path

import h11
import pytest
import trio
import trio.testing
from http_exchange import CONFIG, NOW, exchange, get, replies, run

from pystack.http import StaticFiles, serve_connection
from pystack.http.files import CHUNK_SIZE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "index.html").write_bytes(b"sub")
    (root / "a.txt").write_bytes(b"A")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root-too").mkdir()
    (tmp_path / "root-too" / "secret").write_bytes(b"secret")
    return root


def serve(root: Path, target: str, method: str = "GET"):  # type: ignore[no-untyped-def]
    handler = StaticFiles(root, wall_clock=CONFIG.wall_clock)
    (reply,) = replies(exchange(get(target, method=method), handler), [method])
    return reply


ESCAPES = [
    "/../secret",
    "/sub/../../secret",
    "/%2e%2e/secret",
    "/.%2E/secret",
    "/..%2fsecret",
    "/%2e%2e%2fsecret",
    "/sub/..%2f..%2fsecret",
    "/%252e%252e/secret",
    "/..%5csecret",
    "/..\\secret",
    "/../root-too/secret",
    "/..",
    "/../",
    "/%2e%2e",
    "//secret",
    "//sub",
    "//a.txt",
    "/sub//index.html",
    "//../secret",
    "/%2fsecret",
    "/%2f..%2fsecret",
    "/./a.txt",
    "/sub/../a.txt",
    "/a.txt%00",
    "/a.txt%00.html",
    "/%00",
    "/%c0%ae%c0%ae/secret",
    "/%ff",
    "/%zz",
    "/~root",
    "/link",
    "/dirlink/secret",
    "/dirlink/",
    "/absolute",
    "/sibling/secret",
    "/loop",
    "/dangling",
    "/" + "a" * 300,
    "/" + "b/" * 2_000,
]


@pytest.mark.parametrize("target", ESCAPES)
def test_nothing_outside_the_root_is_ever_shown(target: str, root: Path) -> None:
    (root / "link").symlink_to("../secret")
    (root / "dirlink").symlink_to("..")
    (root / "absolute").symlink_to(root.parent / "secret")
    (root / "sibling").symlink_to("../root-too")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    reply = serve(root, target)
    assert reply.status == 404
    assert b"secret" not in reply.body


def test_an_index_that_leaves_the_root_is_not_shown(root: Path) -> None:
    (root / "index.html").symlink_to("../secret")
    assert serve(root, "/").status == 404


def test_links_inside_the_root_work(root: Path) -> None:
    (root / "link").symlink_to("a.txt")
    (root / "dirlink").symlink_to("sub", target_is_directory=True)
    assert serve(root, "/link").body == b"A"
    assert serve(root, "/dirlink/").body == b"sub"


def test_names_that_begin_with_a_dot_are_served_as_the_pages_say(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"[core]")
    (root / ".env").write_bytes(b"TOKEN=1")
    assert serve(root, "/.git/config").body == b"[core]"
    assert serve(root, "/.env").body == b"TOKEN=1"


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    link = root.parent / "to-root"
    link.symlink_to(root, target_is_directory=True)
    assert serve(link, "/a.txt").body == b"A"


def test_a_root_that_is_no_directory_is_refused(root: Path) -> None:
    for path in (root / "a.txt", root / "missing"):
        with pytest.raises(NotADirectoryError, match=path.name):
            StaticFiles(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_only_regular_files_are_shown_and_nothing_hangs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "fifo")
    (root / "null").symlink_to("/dev/null")
    (root / "sub" / "index.html").unlink()
    os.mkfifo(root / "sub" / "index.html")
    opened: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda path, flags: opened.append(path))
        for target in ("/fifo", "/null", "/sub/"):
            assert serve(root, target).status == 404
    assert opened == []  # opening a device can already do something


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_that_takes_the_place_of_a_file_does_not_hang_either(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def swap_and_open(path: str, flags: int) -> int:
        os.unlink(path)
        os.mkfifo(path)
        opened.append(real_open(path, flags))
        return opened[0]

    opened: list[int] = []

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", swap_and_open)
        assert serve(root, "/a.txt").status == 404
    assert (root / "a.txt").is_fifo()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system cannot refuse links")
def test_a_link_that_takes_the_place_of_a_file_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def swap_and_open(path: str, flags: int) -> int:
        os.unlink(path)
        os.symlink("../secret", path)
        return real_open(path, flags)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", swap_and_open)
        assert serve(root, "/a.txt").status == 404
    assert (root / "a.txt").is_symlink()


def test_a_directory_without_its_slash_is_redirected(root: Path) -> None:
    (root / "a b\\").mkdir()
    (root / "a b\\" / "index.html").write_bytes(b"odd")
    assert serve(root, "/sub?x=/y").headers["location"] == "/sub/?x=/y"
    assert serve(root, "/a%20b%5c").headers["location"] == "/a%20b%5C/"
    assert serve(root, "/a%20b%5C/").body == b"odd"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.html", "text/html; charset=utf-8"),
        ("x.css", "text/css; charset=utf-8"),
        ("x.js", "text/javascript; charset=utf-8"),
        ("x.json", "application/json"),
        ("x.png", "image/png"),
        ("x.PNG", "image/png"),
        ("x.tar.gz", "application/gzip"),
        ("x.woff2", "font/woff2"),
        ("x.svg", "image/svg+xml"),
        ("data:text%2cx", "application/octet-stream"),
        ("x", "application/octet-stream"),
        ("x.unheard-of", "application/octet-stream"),
    ],
)
def test_types_follow_the_suffix(name: str, kind: str, root: Path) -> None:
    (root / name.replace("%2c", ",")).write_bytes(b"")
    reply = serve(root, "/" + name)
    assert (reply.status, reply.headers["content-type"]) == (200, kind)
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (1_000_000_000.9, "Sun, 09 Sep 2001 01:46:40 GMT"),
        (NOW + 86_400, "Tue, 14 Nov 2023 22:13:20 GMT"),
        (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ],
    ids=["past", "future", "before 1970"],
)
def test_last_modified_is_the_file_s_time_but_never_the_future(changed: float, said: str, root: Path) -> None:
    os.utime(root / "a.txt", (changed, changed))
    assert serve(root, "/a.txt").headers["last-modified"] == said


def test_head_tells_the_length_and_sends_nothing(root: Path) -> None:
    reply = serve(root, "/a.txt", "HEAD")
    assert (reply.headers["content-length"], reply.body) == ("1", b"")


def test_other_methods_are_told_what_is_allowed(root: Path) -> None:
    reply = serve(root, "/a.txt", "POST")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_host_out_of_descriptors_is_no_404(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        reply = serve(root, "/a.txt")
    assert reply.status == 500
    assert len(caplog.records) == 1


def test_a_file_that_may_not_be_read_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert serve(root, "/a.txt").status == 404


# Large files


def download(root: Path, target: str, at_start=lambda: None, stop_after: int | None = None) -> bytes:  # type: ignore[no-untyped-def]
    """Fetches through a stream without any buffer, in reads of odd sizes; `at_start` runs after the first of them."""
    sizes = random.Random(1)

    async def main() -> bytes:
        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, StaticFiles(root), CONFIG)
            await client.send_all(get(target, "Connection: close"))
            received = bytearray(await client.receive_some(1_000))
            at_start()
            while chunk := await client.receive_some(sizes.randrange(1, 100_000)):
                received += chunk
                if stop_after is not None and len(received) > stop_after:
                    break
            await client.aclose()
            return bytes(received)

    return run(main)  # type: ignore[no-any-return]


@pytest.fixture
def big(root: Path) -> Path:
    path = root / "big.bin"
    path.write_bytes(random.Random(2).randbytes(20 * CHUNK_SIZE + 12_345))
    return path


def test_a_large_file_arrives_unharmed(root: Path, big: Path) -> None:
    (reply,) = replies(download(root, "/big.bin"))
    assert hashlib.sha256(reply.body).digest() == hashlib.sha256(big.read_bytes()).digest()
    assert reply.headers["content-length"] == str(big.stat().st_size)


def test_a_file_that_grows_is_sent_as_announced(root: Path, big: Path) -> None:
    before = big.read_bytes()

    def grow() -> None:
        with big.open("ab") as file:
            file.write(bytes(1_000_000))

    (reply,) = replies(download(root, "/big.bin", grow))
    assert reply.body == before


def test_a_file_that_shrinks_ends_the_connection(root: Path, big: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = big.read_bytes()
    raw = download(root, "/big.bin", lambda: os.truncate(big, 3 * CHUNK_SIZE))
    with pytest.raises(h11.RemoteProtocolError):
        replies(raw)
    body = raw.partition(b"\r\n\r\n")[2]
    assert body == before[: 3 * CHUNK_SIZE]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system does not list its descriptors")
def test_no_descriptor_is_left_behind(root: Path, big: Path) -> None:
    os.mkfifo(root / "fifo")
    serve(root, "/a.txt")
    before = os.listdir("/dev/fd")
    for target, method in [("/a.txt", "GET"), ("/a.txt", "HEAD"), ("/a.txt", "POST"), ("/fifo", "GET"), ("/no", "GET")]:
        serve(root, target, method)
    download(root, "/big.bin")
    assert len(download(root, "/big.bin", stop_after=CHUNK_SIZE)) < big.stat().st_size
    assert len(os.listdir("/dev/fd")) == len(before)
