from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.card import Label
from service.lab.dataset import BadDataset, categories_of, read_dataset
from service.lab.layout import table_of

if TYPE_CHECKING:
    from pathlib import Path

LABELS = tuple(Label(name=name, category=name) for name in ("bar", "booth/indoor", "cat"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three rows: a label, a set of two, and none; the files hold their names."""
    (tmp_path / "set").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "set" / name).write_text(name)
    rows = "file,label\na,cat\nb,bar | booth/indoor\nc,\n"
    (tmp_path / "set.csv").write_text(rows)
    return tmp_path / "set.csv"


def test_rows_without_a_label_are_read_where_they_are_asked_for(table: Path) -> None:
    labelled = read_dataset(table, LABELS)
    assert [(one.name, one.photo, one.targets) for one in labelled] == [
        ("a", b"a", frozenset({2})),
        ("b", b"b", frozenset({0, 1})),
    ]
    assert len(labelled) == 2
    labelled = read_dataset(table, LABELS, unlabelled=True)
    assert [(one.name, one.targets) for one in labelled][2] == ("c", frozenset())
    assert len(labelled) == 3


def test_photographs_in_folders_are_named_by_their_path_in_the_data_set(tmp_path: Path) -> None:
    for name in ("cat/deep/2.jpg", "cat/1.jpg", "booth-indoor/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    labelled = read_dataset(tmp_path, LABELS)
    assert [(one.name, one.targets) for one in labelled] == [
        ("booth-indoor/3.jpg", frozenset({1})),
        ("cat/1.jpg", frozenset({2})),
        ("cat/deep/2.jpg", frozenset({2})),
    ]
    assert len(labelled) == 3


def test_categories_are_those_of_rows_or_folders(table: Path, tmp_path: Path) -> None:
    assert categories_of(table) == ["bar", "booth/indoor", "cat"]
    assert categories_of(tmp_path) == ["bar", "booth/indoor", "cat"]  # the one CSV in it
    for name in ("tiger", "cat"):
        (tmp_path / "set" / name).mkdir()
        (tmp_path / "set" / name / "1.jpg").write_text("a photograph")
    assert categories_of(tmp_path / "set") == ["cat", "tiger"]


def test_indices_name_no_categories(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("file,index,label\na,10,cat\n")
    with pytest.raises(BadDataset, match=r"set\.csv names labels by index alone"):
        categories_of(tmp_path)


def test_the_table_of_a_data_set_is_found(table: Path, tmp_path: Path) -> None:
    assert table_of(table) == table
    assert table_of(tmp_path) == table
    assert table_of(tmp_path / "set") is None
    (tmp_path / "other.csv").write_text("file,label\na,cat\n")
    with pytest.raises(BadDataset, match="There are several CSV files in "):
        table_of(tmp_path)
    with pytest.raises(BadDataset, match=r"a is no folder and no CSV of labelled photographs"):
        table_of(tmp_path / "set" / "a")
