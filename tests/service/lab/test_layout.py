from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.lab.folders import Folder
from service.lab.layout import category_folders, split_of, table_of, unwrapped
from service.lab.table import BadDataset

if TYPE_CHECKING:
    from pathlib import Path

    from service.lab.layout import Role

TABLE = b"file,label\n1.jpg,cat\n"


def fill(folder: Path, *names: str, content: bytes = b"\xff\xd8\xff") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def parts(folder: Path) -> dict[Role, str] | None:
    split = split_of(folder)
    if split is None:
        return None
    return {role: str(path.relative_to(folder)) for role, path in split.parts.items()}


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("training", "validation", "testing"),
        ("Train", "Valid", "Test"),
        ("TRAIN", "dev", "TEST"),
        ("train2017", "val2017", "test2017"),
        ("train_256", "val_256", "test_256"),
        ("train-set", "validation-set", "test-set"),
        ("Training Data", "Validation Data", "Testing Data"),
        ("seg_train/seg_train", "val/val", "seg_test/seg_test"),
        ("dataset/train", "dataset/val", "dataset/test"),
        ("archive/data/train", "archive/data/val", "archive/data/test"),
    ],
)
def test_splits_are_known_by_their_names(
    train: str, validation: str, test: str, tmp_path: Path
) -> None:
    for part in (train, validation, test):
        fill(tmp_path, f"{part}/cat/1.jpg", f"{part}/dog/1.jpg", f"{part}/.DS_Store")
    fill(tmp_path, "README.md", "__MACOSX/train/cat/._1.jpg", content=b"text")
    assert parts(tmp_path) == {"train": train, "validation": validation, "test": test}


def test_some_parts_are_enough(tmp_path: Path) -> None:
    fill(tmp_path, "a/val/n01440764/1.jpg", "b/train/cat/1.jpg", "b/test/cat/2.jpg")
    assert parts(tmp_path / "a") == {"validation": "val"}
    assert parts(tmp_path / "b") == {"train": "train", "test": "test"}


def test_parts_without_labels_and_what_lies_beside_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.jpg", "val/cat/1.jpg", "test/1.jpg", "annotations/train/1.xml")
    split = split_of(tmp_path)
    assert split is not None
    assert set(split.parts) == {"train", "validation"}
    assert split.beside == ("test", "annotations")


@pytest.mark.parametrize(
    "names",
    [
        ("train/1.jpg", "bus/1.jpg", "car/1.jpg"),  # vehicles
        ("train/old/1.jpg", "test/cars/1.jpg", "bus/1.jpg"),
        ("train_station/1.jpg", "bus_stop/1.jpg"),
        ("cat/train/1.jpg", "dog/train/1.jpg"),
        ("train/1.jpg",),
        ("validity/a/1.jpg", "testament/a/1.jpg", "training_shoes/a/1.jpg"),
        ("cat/1.jpg",),
        (),
    ],
)
def test_what_is_named_so_but_is_a_category_is_no_split(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    fill(tmp_path, *names)
    assert split_of(tmp_path) is None


def test_parts_that_are_unclear_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "flat/train/1.jpg", "flat/val/1.jpg")
    with pytest.raises(BadDataset, match=r"^train and val in .*flat should each hold a folder for"):
        split_of(tmp_path / "flat")
    fill(tmp_path, "twice/train/a/1.jpg", "twice/val/a/1.jpg", "twice/dev/a/1.jpg")
    with pytest.raises(BadDataset, match=r"^dev and val in .*twice are all for validation; name"):
        split_of(tmp_path / "twice")


def test_tables_may_be_parts(tmp_path: Path) -> None:
    fill(tmp_path, "train.csv", "val.CSV", content=TABLE)
    fill(tmp_path, "sample_submission.csv", "test.csv", content=b"id\n1\n")
    assert parts(tmp_path) == {"train": "train.csv", "validation": "val.CSV"}
    fill(tmp_path, "more.csv", content=TABLE)
    assert split_of(tmp_path) is None
    with pytest.raises(BadDataset, match=r"There are several CSV files in .*; name the one to use"):
        table_of(tmp_path)


def test_a_table_and_folders_of_its_photographs_are_no_split(tmp_path: Path) -> None:
    fill(tmp_path, "train/1.jpg", "test/2.jpg")
    fill(tmp_path, "train.csv", content=TABLE)
    assert split_of(tmp_path) is None
    assert table_of(tmp_path) == tmp_path / "train.csv"


def test_a_table_is_told_from_other_csv_files(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "dog/1.jpg")
    fill(tmp_path, "classes.csv", content=b"index,name\n0,cat\n")
    fill(tmp_path, "._set.csv", ".set.csv", content=TABLE)
    assert table_of(tmp_path) is None
    fill(tmp_path, "set.TSV", content=TABLE.replace(b",", b"\t"))
    assert table_of(tmp_path) == tmp_path / "set.TSV"


def test_a_table_of_a_folders_name_is_one_whatever_it_lacks(tmp_path: Path) -> None:
    fill(tmp_path, "photos/1.jpg", "more/1.jpg")
    fill(tmp_path, "photos.csv", content=b"picture name,kind\n1.jpg,cat\n")
    assert table_of(tmp_path) == tmp_path / "photos.csv"


def test_a_packed_data_set_is_unpacked(tmp_path: Path) -> None:
    fill(tmp_path, "a/flower_photos/daisy/1.jpg", "a/flower_photos/rose/1.jpg")
    (tmp_path / "a" / "LICENSE.txt").write_text("all yours")
    assert unwrapped(Folder(tmp_path / "a")).path == tmp_path / "a" / "flower_photos"
    fill(tmp_path, "b/set/images/1.jpg")
    fill(tmp_path, "b/set/set.csv", content=TABLE)
    assert table_of(tmp_path / "b") == tmp_path / "b" / "set" / "set.csv"


@pytest.mark.parametrize(
    "names", [("cat/1.jpg",), ("cat/deep/1.jpg", "1.jpg"), ("a/1.jpg", "b/1.jpg")]
)
def test_what_is_a_category_is_not_unpacked(names: tuple[str, ...], tmp_path: Path) -> None:
    fill(tmp_path, *names)
    assert unwrapped(Folder(tmp_path)).path == tmp_path


def test_places365_lies_in_folders_of_letters(tmp_path: Path) -> None:
    fill(tmp_path, "a/abbey/1.jpg", "a/alley/1.jpg", "b/booth/indoor/1.jpg", "z/zoo/1.jpg")
    fill(tmp_path, "a/abbey/deep/2.jpg", "b/booth/outdoor/1.jpg", "c/.DS_Store")
    names = [name for name, _ in category_folders(Folder(tmp_path))]
    assert names == ["abbey", "alley", "booth/indoor", "booth/outdoor", "zoo"]


@pytest.mark.parametrize(
    ("names", "categories"),
    [
        (("A/1.jpg", "B/1.jpg"), ["A", "B"]),  # letters themselves
        (("a/abbey/1.jpg", "b/1.jpg"), ["a", "b"]),
        (("a/abbey/1.jpg", "b/alley/1.jpg"), ["a", "b"]),
        (("0/01/1.jpg", "1/11/1.jpg"), ["0", "1"]),
        (("ab/abbey/1.jpg", "b/booth/1.jpg"), ["ab", "b"]),
    ],
)
def test_other_letters_are_categories(
    names: tuple[str, ...], categories: list[str], tmp_path: Path
) -> None:
    fill(tmp_path, *names)
    assert [name for name, _ in category_folders(Folder(tmp_path))] == categories
