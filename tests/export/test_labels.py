from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from export.labels import BadLabels, read_labels
from models.card import Label
from models.labels import label_set

if TYPE_CHECKING:
    from pathlib import Path


def test_a_label_set_is_known_by_name() -> None:
    assert read_labels("places365") == label_set("places365")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("my.txt", "cat\n\ndog, small \n"),
        ("my.csv", 'cat,cat\n"dog, small","dog, small"\n'),
        ("my.csv", 'category,name\ncat,cat\n"dog, small","dog, small"\n'),
        ("my.tsv", "cat\tcat\r\ndog, small\tdog, small\r\n"),
    ],
)
def test_labels_are_read_from_text_and_tables(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8-sig", newline="")
    assert read_labels(str(file)) == (
        Label(name="cat", category="cat"),
        Label(name="dog, small", category="dog, small"),
    )


def test_a_scenes_kind_is_read(tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    file.write_text("booth/indoor,Indoor booth,indoor\nbeach,Beach,outdoor\nsky,Sky,\n")
    assert [label.kind for label in read_labels(str(file))] == ["indoor", "outdoor", None]


@pytest.mark.parametrize("row", ["booth", "booth,Booth,inside", ",Booth"])
def test_a_bad_line_is_told(row: str, tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    file.write_text(f"beach,Beach\n{row}\n")
    with pytest.raises(BadLabels, match="where category, name and, for scenes,"):
        read_labels(str(file))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_what_is_no_text_is_told(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    if content:
        file.write_bytes(content)
    with pytest.raises(BadLabels, match=r"can't be read as labels; give imagenet, places365, or"):
        read_labels(str(file))
