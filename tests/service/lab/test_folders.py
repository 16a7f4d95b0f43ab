from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from service.lab.folders import (
    Folder,
    Tally,
    is_system,
    photographs_below,
    printable,
    read_file,
    sendable,
)

if TYPE_CHECKING:
    from pathlib import Path

JPEG = b"\xff\xd8\xff\xe0 and so on"


def fill(folder: Path, *names: str, content: bytes = JPEG) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def found(folder: Path) -> tuple[list[str], Tally]:
    skipped = Tally()
    files = photographs_below(Folder(folder), skipped)
    return [str(file.relative_to(folder)) for file in files], skipped


SYSTEM = [
    *(".DS_Store", "._IMG_1.jpg", ".ipynb_checkpoints", "__MACOSX", "Thumbs.db", "THUMBS.DB"),
    *("desktop.ini", "Desktop.ini", "@eaDir", "#recycle", "@Recycle", ".@__thumb", ".thumbnails"),
    *(".picasaoriginals", ".picasa.ini", "Picasa.ini", "lost+found", "$RECYCLE.BIN", "RECYCLER"),
    *("System Volume Information", ".AppleDouble", ".Trash-1000", "__pycache__", ".git", ".zfs"),
    *(".snapshot", "~snapshot", "SYNOFILE_THUMB_M.jpg", "SYNOPHOTO_THUMB_XL.jpg", "ehthumbs.db"),
    *(
        "a.jpg@SynoEAStream",
        "SYNOINDEX_MEDIA_INFO",
        "Icon\r",
        ".Spotlight-V100",
        ".trashed-1-a.jpg",
    ),
    *("My Catalog.lrcat", "My Catalog Previews.lrdata", "My.lrcat-journal", "My.lrcat.lock"),
    *("digikam4.db", "digikam4.db-wal", "thumbnails-digikam.db", ".dtrash", "Mine.photoslibrary"),
    *("[Originals]", "CaptureOne", "MVI_1.THM", "~$names.xlsx", "$WINDOWS.~BT", ".nomedia"),
    *("LOST.DIR", "found.000", "node_modules", "pspbrwse.jbf", "Adobe Bridge Cache.bc"),
]


@pytest.mark.parametrize("name", SYSTEM)
def test_what_systems_and_photo_programs_leave_is_known(name: str) -> None:
    assert is_system(name)


@pytest.mark.parametrize(
    "name",
    [
        *("thumbs", "recycled", "cat", "IMG_1.JPG", "0", "train", "a", "desktop", "git", "@work"),
        *("Originals", "thumb_1.jpg", "~cat.jpg", "snapshot", "lost and found", "digikam.jpg"),
        *("café", "_cat", "#1", "$5 bill", "synod", "icon"),
    ],
)
def test_what_people_name_so_is_no_systems(name: str) -> None:
    assert not is_system(name)


def test_hidden_files_and_folders_are_skipped_at_every_depth(tmp_path: Path) -> None:
    fill(tmp_path, "1.jpg", "deep/2.jpg", "deep/.ipynb_checkpoints/2-checkpoint.jpg")
    fill(tmp_path, "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "deep/Thumbs.db", "deep/er/._3.jpg")
    assert found(tmp_path) == (["1.jpg", "deep/2.jpg"], {"hidden or system": 4})


def test_a_folder_that_is_hidden_itself_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    fill(tmp_path, ".cache/photos/1.jpg")
    assert found(tmp_path / ".cache" / "photos") == (["1.jpg"], {})


def test_bytes_or_the_name_make_a_photograph(tmp_path: Path) -> None:
    fill(tmp_path, "a.JPG", "b.jpeg", "c", "d.dat", "e.txt", "f.Png", "g.jpg.bak")
    fill(
        tmp_path,
        "damaged.jpg",
        "notes.txt",
        "film.MP4",
        "art.psd",
        "README",
        "odd.a b",
        "x.csv",
        content=b"no photo",
    )
    fill(tmp_path, "empty.jpg", "empty.txt", "empty", content=b"")
    names, skipped = found(tmp_path)
    assert names == ["a.JPG", "b.jpeg", "c", "d.dat", "damaged.jpg", "e.txt", "f.Png", "g.jpg.bak"]
    assert skipped == {
        "empty": 3,
        ".txt": 1,
        ".mp4": 1,
        ".psd": 1,
        ".csv": 1,
        "files without a suffix": 1,
        "files of odd names": 1,
    }


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path, "set/cat/1.jpg", "elsewhere/2.jpg", "elsewhere/deep/3.jpg")
    cat = tmp_path / "set" / "cat"
    (cat / "file.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    (cat / "folder").symlink_to(tmp_path / "elsewhere")
    (cat / "again").symlink_to(tmp_path / "elsewhere")
    (cat / "itself").symlink_to(cat)
    (cat / "set").symlink_to(tmp_path / "set")
    (cat / "root").symlink_to("/")
    (cat / "gone").symlink_to(tmp_path / "nowhere")
    (cat / "loop.jpg").symlink_to(cat / "loop.jpg")
    names, skipped = found(cat)
    assert names == ["1.jpg", "again/2.jpg", "again/deep/3.jpg", "file.jpg"]
    assert skipped == {"links in a circle": 3, "broken links": 2, "folders met twice": 1}


def test_folders_that_link_to_one_another_end(tmp_path: Path) -> None:
    for one in range(8):
        fill(tmp_path, f"{one}/{one}.jpg")
        for other in range(8):
            (tmp_path / f"{one}" / f"to {other}").symlink_to(tmp_path / f"{other}")
    assert len(found(tmp_path)[0]) == 8


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket.jpg"))
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    assert found(tmp_path) == ([], {"pipes and devices": 3})
    for name in ("pipe.jpg", "device.jpg", "."):
        with pytest.raises(OSError, match=r"no regular file|directory"):
            read_file(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root opens every folder")
def test_closed_folders_are_told_and_closed_files_left_to_the_reader(tmp_path: Path) -> None:
    fill(tmp_path, "closed/1.jpg", "2.jpg")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "2.jpg").chmod(0)
    assert found(tmp_path) == (["2.jpg"], {"folders that can't be opened": 1})
    (tmp_path / "closed").chmod(0o700)


def test_a_folder_that_can_t_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "closed/1.jpg", "2.jpg")
    list_folder = type(tmp_path).iterdir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return list_folder(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert found(tmp_path) == (["2.jpg"], {"folders that can't be opened": 1})


def test_folders_deeper_than_python_recurses_are_read(tmp_path: Path) -> None:
    name = "d/" * 250 + "1.jpg"
    fill(tmp_path, name)
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(240)
    try:
        assert found(tmp_path) == ([name], {})
    finally:
        sys.setrecursionlimit(usual)


def test_a_tally_is_one_sentence() -> None:
    assert Tally().sentence() == ""
    assert Tally({".txt": 2, "hidden or system": 3}).sentence() == (
        "Skipped: hidden or system 3, .txt 2."
    )
    many = Tally({f".{number}": 1 for number in range(20)})
    assert many.sentence().endswith(".11 1, others 8.")


def test_names_can_be_printed_and_sent(tmp_path: Path) -> None:
    name = os.fsdecode("café ".encode() + b"\xe9\xff\n\x1b[31m.jpg")
    assert sendable(name) == "café \\xe9\\xff\n\x1b[31m.jpg"
    assert printable(name) == r"café \xe9\xff\n\x1b[31m.jpg"
    fill(tmp_path, name, "n" * 250 + ".jpg")
    assert sorted(map(len, found(tmp_path)[0])) == [len(name), 254]
    assert printable("Foto 10.30\u202fPM 👩\u200d🔬.png") == "Foto 10.30\u202fPM 👩\u200d🔬.png"


def test_folders_and_photographs_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "b/1.jpg", "a/1.jpg", "2.jpg", "1.jpg", "notes.txt", "x.txt/1.jpg")
    folder = Folder(tmp_path)
    assert [one.name for one in folder.folders] == ["a", "b", "x.txt"]
    assert [one.name for one in folder.photos] == ["1.jpg", "2.jpg", "notes.txt"]
    assert folder.skipped == {}
