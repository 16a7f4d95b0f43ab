"""Stores of a repository: a folder, and what fsspec opens."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from service.fleet import store as store_module
from service.fleet.store import Bucket, Entry, Folder, Store, StoreError, linked, store_of
from tests.servers import on_a_thread

fsspec = pytest.importorskip("fsspec")

FILES = {
    "flat-1.onnx": b"flat",
    "places/2/model.onnx": b"nested",
    "rollout.json": b"{}",
    "notes.txt": b"no model",
    ".hidden.onnx": b"no",
    ".new/1/model.onnx": b"no",
    "far/too/deep/model.onnx": b"no",
    "places/rollout.json": b"{}",
}
LISTED = ["flat-1.onnx", "places/2/model.onnx", "rollout.json"]


def written(folder: Path) -> Path:
    for key, content in FILES.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.pipe({f"/bucket/models/{key}": content for key, content in FILES.items()})
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def bucket(memory: Any, tmp_path: Path) -> Bucket:
    return Bucket(memory, "/bucket/models", tmp_path / "cache")


def fetched(store: Store) -> dict[str, bytes]:
    return {key: store.fetch(entry).read_bytes() for key, entry in store.entries().items()}


def test_a_folder_has_its_files_three_levels_deep_and_no_hidden_ones(tmp_path: Path) -> None:
    store = store_of(str(written(tmp_path)), tmp_path)
    assert fetched(store) == {key: FILES[key] for key in LISTED}
    assert store_of(f"file://{tmp_path}", tmp_path).entries() == store.entries()
    path = store.fetch(Entry("flat-1.onnx", ""))
    assert path == tmp_path / "flat-1.onnx"


def test_a_volume_of_kubernetes_whose_files_are_links(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "a.onnx").write_bytes(b"a")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.onnx").symlink_to("..data/a.onnx")
    (tmp_path / "gone.onnx").symlink_to("..data/gone.onnx")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.onnx")
    listed = Folder(tmp_path).entries()
    assert "a.onnx" in listed
    assert not any("gone" in key or "pipe" in key for key in listed)
    assert len(listed) == 3  # and by way of the loop, as deep as one looks


def test_a_link_that_leads_to_itself_is_left_out_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.onnx").write_bytes(b"a")
    (tmp_path / "b.onnx").symlink_to("b.onnx")
    (tmp_path / "folder").symlink_to("redlof")
    (tmp_path / "redlof").symlink_to("folder")
    folder = Folder(tmp_path)
    for _ in range(2):
        assert list(folder.entries()) == ["a.onnx"]
    assert [record.args for record in caplog.records] == [("b.onnx",), ("folder",), ("redlof",)]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^The repository can't be read: No such file"):
        Folder(tmp_path / "none").entries()


def test_another_stamp_for_another_file(tmp_path: Path, bucket: Bucket, memory: Any) -> None:
    folder = Folder(written(tmp_path))
    before = folder.entries(), bucket.entries()
    assert (folder.entries(), bucket.entries()) == before
    os.utime(tmp_path / "flat-1.onnx", (1, 1))
    memory.pipe("/bucket/models/flat-1.onnx", b"anew")
    for now, then in zip((folder.entries(), bucket.entries()), before, strict=True):
        assert [key for key in now if now[key] != then[key]] == ["flat-1.onnx"]


def test_a_bucket_likewise_and_each_version_of_a_file_has_a_path_of_its_own(
    bucket: Bucket, memory: Any
) -> None:
    assert fetched(bucket) == {key: FILES[key] for key in LISTED}
    old = bucket.fetch(bucket.entries()["flat-1.onnx"])
    memory.pipe("/bucket/models/flat-1.onnx", b"another one")
    new = bucket.fetch(bucket.entries()["flat-1.onnx"])
    assert (old.read_bytes(), new.read_bytes()) == (b"flat", b"another one")


def test_what_is_fetched_stays_for_the_next_start(bucket: Bucket, memory: Any) -> None:
    entry = bucket.entries()["flat-1.onnx"]
    path = bucket.fetch(entry)
    memory.rm("/bucket/models/flat-1.onnx")
    assert bucket.fetch(entry) == path
    path.write_bytes(b"cut")
    with pytest.raises(StoreError, match=r"^flat-1\.onnx can't be read"):
        bucket.fetch(entry)


def test_other_bytes_than_were_listed_are_not_kept(bucket: Bucket, tmp_path: Path) -> None:
    for size in (1, 99):
        with pytest.raises(StoreError, match=r"flat-1\.onnx came with other bytes than its"):
            bucket.fetch(Entry("flat-1.onnx", "stamp", size))
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_is_too_large_for_the_disk_or_at_all_is_not_even_begun(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=r"may have 2147483647\.$"):
        bucket.fetch(Entry("flat-1.onnx", "stamp", 2**40))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Mock(free=64_000_002))
    with pytest.raises(StoreError, match=r"^flat-1\.onnx has 4 bytes, and the disk room for 2\.$"):
        bucket.fetch(bucket.entries()["flat-1.onnx"])
    with pytest.raises(StoreError, match="came with other bytes"):
        bucket.fetch(Entry("flat-1.onnx", "stamp"))  # of an unknown size


def test_what_is_of_no_use_any_more_goes_after_a_while(bucket: Bucket, tmp_path: Path) -> None:
    entries = bucket.entries()
    old, new, used = (bucket.fetch(entries[key]) for key in LISTED)
    for path in (old, used):
        os.utime(path, (1, 1))
    bucket.keep({used})
    assert set((tmp_path / "cache").iterdir()) == {new, used}


def test_a_store_that_fails_or_hangs_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = RuntimeError("no route to https://store/list?sig=secret&x=1 at all.\nMore")
    failing = Mock(protocol="s3", ls=Mock(side_effect=cause))
    with pytest.raises(
        StoreError, match=r"^The repository .* no route to https://store/list\?\.\.\. at all\.$"
    ):
        Bucket(failing, "bucket", tmp_path).entries()
    monkeypatch.setattr(store_module, "LISTING_S", 0.01)
    hanging = Mock(protocol=("s3", "s3a"), ls=lambda *_, **__: time.sleep(0.5))
    with pytest.raises(StoreError, match=r"it took longer than 0\.01 s\.$"):
        Bucket(hanging, "bucket", tmp_path).entries()


def test_too_many_files_are_refused(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MOST_ENTRIES", 2)
    for store in (Folder(written(tmp_path)), bucket):
        with pytest.raises(StoreError, match="more than 2 model files"):
            store.entries()


def test_a_url_that_nothing_opens_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^Nothing that is installed opens nowhere://"):
        store_of("nowhere://bucket", tmp_path)


def test_a_web_server_with_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp", reason="the extra `repository` brings it")
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, directory=str(written(tmp_path / "served")), **more)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
        store = store_of(f"http://127.0.0.1:{server.server_port}", tmp_path)
        assert not store.is_atomic
        assert fetched(store) == {key: FILES[key] for key in LISTED}


@pytest.mark.parametrize(
    ("link", "listed"),
    [
        ("a.onnx", [("http://h/m/a.onnx", "file")]),
        ("places/", [("http://h/m/places/", "directory")]),
        ("/m/a.onnx", [("http://h/m/a.onnx", "file")]),
        ("http://h/m/a.onnx", [("http://h/m/a.onnx", "file")]),
        ("./b/../a.onnx", [("http://h/m/a.onnx", "file")]),
        ("a.onnx?x=1&amp;y", [("http://h/m/a.onnx?x=1&y", "file")]),
        ("../x.onnx", []),
        ("/etc/x.onnx", []),
        ("places/1/model.onnx", []),
        ("//other/m/x.onnx", []),
        ("http://other/m/x.onnx", []),
        ("javascript:x.onnx", []),
        ("http://[x.onnx", []),
        ("", []),
        ("./", []),
    ],
)
def test_what_a_page_lists(link: str, listed: list[tuple[str, str]]) -> None:
    page = f"<html><a name='x' href=\"{link}\">x</a> <a class='y' HREF='{link}'>x</a>"
    for folder in ("http://h/m", "http://h/m/"):
        assert [(one["name"], one["type"]) for one in linked(page, folder)] == listed


@pytest.mark.parametrize("piece", ["<a ", "<a\thref=", "<a href='", "<", " href", "<a b=' "])
def test_a_page_is_read_in_time_that_grows_with_it_alone(piece: str) -> None:
    start = time.thread_time()
    assert linked(piece * (1_000_000 // len(piece)), "http://h/m") == []
    assert time.thread_time() - start < 5  # fsspec's expression takes hours


def test_another_host_is_not_followed(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="the extra `repository` brings it")
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            host, port = self.headers["Host"].split(":")
            where = "localhost" if "away" in self.path else host
            self.send_header("Location", f"http://{where}:{port}/there")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 (as it is looked up)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(StoreError, match="nothing is there, or it leads to another host"):
            store_of(f"{url}/away", tmp_path).entries()
        assert "/there" not in asked
        with pytest.raises(StoreError):  # after ten of them
            store_of(f"{url}/here", tmp_path).entries()
        assert "/there" in asked


def test_a_list_over_http_without_an_end_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="the extra `repository` brings it")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b'<a href="x.onnx">x</a>\n' * 4000)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
        store = store_of(f"http://127.0.0.1:{server.server_port}/models", tmp_path)
        with pytest.raises(StoreError, match="more than 1000000 bytes"):
            store.entries()
