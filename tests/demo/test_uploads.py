"""Of the files that a request names, only uploaded ones are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from booth_client import InvalidParameter
from demo.uploads import uploaded

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = ["/etc/passwd", "../../../../etc/passwd", {"path": "/etc/passwd"}, 7, "a\0b", ""]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Gradio keeps what was uploaded."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads" / "1").mkdir(parents=True)
    return tmp_path / "uploads"


def test_an_uploaded_photo_is_found(folder: Path) -> None:
    photo = folder / "1" / "photo.jpg"
    photo.touch()
    assert uploaded(str(photo)) == photo


@pytest.mark.parametrize("path", OTHERS)
def test_no_other_file_is(folder: Path, path: object) -> None:
    assert folder.is_dir()
    with pytest.raises(InvalidParameter, match="no longer kept here"):
        uploaded(path)


def test_no_link_leads_out_of_the_folder(folder: Path) -> None:
    secret = folder.parent / "secret"
    secret.touch()
    link = folder / "1" / "photo.jpg"
    link.symlink_to(secret)
    with pytest.raises(InvalidParameter):
        uploaded(str(link))


@pytest.mark.parametrize("path", OTHERS[:-1])
def test_a_visitor_is_told_so(site: str, path: object) -> None:
    config = httpx.get(f"{site}/config").json()
    classify = next(one["id"] for one in config["dependencies"] if one["targets"][0][1] == "photo")
    body = {"data": [path, None], "fn_index": classify, "session_hash": "test"}
    got = httpx.post(f"{site}/gradio_api/run/predict", json=body)
    assert "root:" not in got.text
    assert "no longer kept here" in got.text
