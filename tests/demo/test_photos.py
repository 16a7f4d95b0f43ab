"""Photographs are kept for minutes, and not too many; nothing but these is read."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from booth_client import InvalidParameter, Overloaded
from demo.access import EVENTS
from demo.photos import Photos
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = ["/etc/passwd", "../../../../etc/passwd", "a\0b", "", ".", "0" * 32]


def photos_in(folder: Path, **bounds: Any) -> Photos:
    return Photos(folder / "photos", **{"spare_bytes": 0, **bounds})


def names(folder: Path) -> set[str]:
    return {file.name for file in (folder / "photos").iterdir()}


def test_a_photo_is_read_again(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    name = asyncio.run(photos.add([b"a ", b"photo"], "192.0.2.1"))
    assert asyncio.run(photos.read(name)) == b"a photo"
    assert photos.size(name) == 7


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_file_is(tmp_path: Path, name: str) -> None:
    photos = photos_in(tmp_path)
    with pytest.raises(InvalidParameter, match="no longer kept here"):
        asyncio.run(photos.read(name))
    assert photos.size(name) == 0


def test_a_photo_whose_file_has_just_gone_is_no_longer_kept(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    name = asyncio.run(photos.add([b"photo"], ""))
    (tmp_path / "photos" / name).unlink()
    with pytest.raises(InvalidParameter, match="no longer kept here"):
        asyncio.run(photos.read(name))


def test_whoever_has_most_makes_room(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, max_bytes=1000, max_files=10)
    mine = asyncio.run(photos.add([bytes(200)], "192.0.2.1"))
    for _ in range(100):
        last = asyncio.run(photos.add([bytes(300)], "192.0.2.2"))
    assert len(asyncio.run(photos.read(mine))) == 200
    assert names(tmp_path) >= {mine, last}
    assert len(names(tmp_path)) == 3


def test_small_photos_are_bounded_in_number(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, max_bytes=1000, max_files=10)
    for number in range(100):
        asyncio.run(photos.add([b""], f"192.0.2.{number}"))
    assert len(names(tmp_path)) == 10


def test_an_almost_full_disk_takes_none(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, spare_bytes=2**80)
    with pytest.raises(Overloaded, match="no room for photos"):
        asyncio.run(photos.add([b"photo"], ""))


def test_a_disk_that_fails_takes_none_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = photos_in(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photos, "_write", fail)
    with pytest.raises(Overloaded, match="no room for photos"):
        asyncio.run(photos.add([b"photo"], ""))
    assert not photos._photos


def test_photos_go_after_a_while_and_so_does_what_a_killed_page_left(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, kept_s=0.05)
    left, other = (tmp_path / "photos" / name for name in ("0" * 32, "other"))
    for file in (left, other):
        file.touch()
        os.utime(file, (0, time.time() - 60))

    async def run() -> None:
        sweep = asyncio.create_task(photos.sweep())
        await photos.add([b"photo"], "")
        await asyncio.to_thread(
            eventually, lambda: names(tmp_path), lambda there: there == {"other"}
        )
        sweep.cancel()

    asyncio.run(run())
    assert not photos._clients


def test_at_the_end_none_is_left(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    asyncio.run(photos.add([b"photo"], ""))
    photos.close()
    assert names(tmp_path) == set()


def test_a_photo_that_has_to_go_while_it_is_written_goes(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    photos._write("0" * 32, [b"photo"])
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", OTHERS[:3])
def test_a_visitor_is_told_so(site: str, name: str) -> None:
    config = httpx.get(f"{site}/config").json()
    classify = next(one["id"] for one in config["dependencies"] if one["targets"][0][1] == "photo")
    got = httpx.post(site + EVENTS, json={"data": [name, None], "fn_index": classify})
    assert "root:" not in got.text
    assert "no longer kept here" in got.text
