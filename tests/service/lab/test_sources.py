from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING
from unicodedata import normalize

import pytest

from service.lab.sources import FileSource, TableSources
from service.lab.table import BadDataset

if TYPE_CHECKING:
    from pathlib import Path


def content(sources: TableSources, name: str) -> bytes | None:
    source = sources.find(name)
    return source.read() if source else None


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w:") -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)


def test_files_lie_in_the_folder_of_the_tables_name_or_beside_it(tmp_path: Path) -> None:
    for name in ("set/a", "set/cat/b", "c", "a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    sources = TableSources(tmp_path / "set.csv")
    names = (
        "a",
        "cat/b",
        "./cat/b",
        "set/cat/b",
        r"cat\b",
        r".\set\cat\b",
        "c",
        "../" + tmp_path.name + "/c",
    )
    assert [content(sources, name) for name in names] == [
        *(
            b"set/a",
            b"set/cat/b",
            b"set/cat/b",
            b"set/cat/b",
            b"set/cat/b",
            b"set/cat/b",
            b"c",
            b"c",
        )
    ]
    assert content(sources, str(tmp_path / "c")) == b"c"
    for name in ("d", "cat", "", ".", "nul\0", "n" * 5000, r"C:\photos\a"):
        assert sources.find(name) is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_composed_or_not_a_name_is_the_same(form: str, asked: str, tmp_path: Path) -> None:
    (tmp_path / normalize(form, "käse.jpg")).write_text("x")  # type: ignore[arg-type]
    assert content(TableSources(tmp_path / "set.csv"), normalize(asked, "käse.jpg")) == b"x"  # type: ignore[arg-type]


def test_a_name_in_windows_bytes_is_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_text("x")
    assert content(TableSources(tmp_path / "set.csv"), "café.jpg") == b"x"


def test_only_files_are_found(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    sources = TableSources(tmp_path / "set.csv")
    assert [sources.find(name) for name in ("pipe.jpg", "zero.jpg", "loop.jpg")] == [None] * 3


def test_a_tar_is_read_in_any_order(tmp_path: Path) -> None:
    write_tar(tmp_path / "set.tar", {"a": b"first", "cat/b": b"second"})
    sources = TableSources(tmp_path / "set.csv")
    names = ("cat/b", r"cat\b", "./a", "a", "c", "folder")
    assert [content(sources, name) for name in names] == [
        *(b"second", b"second", b"first", b"first", None, None)
    ]
    source = sources.find("cat/b")
    assert source is not None
    assert source.size == 6


def test_a_tar_that_is_none_is_told(tmp_path: Path) -> None:
    write_tar(tmp_path / "set.tar", {"a": b"x"}, "w:gz")
    with pytest.raises(BadDataset, match=r"set\.tar can't be read; give an uncompressed tar"):
        TableSources(tmp_path / "set.csv")


def test_a_file_that_has_gone_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    assert FileSource(tmp_path / "a").size == 3
    assert FileSource(tmp_path / "b").size == -1
