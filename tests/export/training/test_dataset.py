from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from export.training.dataset import (
    DecodedDataset,
    Subset,
    decode_dataset,
    labels_from_categories,
    split_validation,
    square_input,
    training_examples,
)
from models.card import Label
from models.training import augment
from models.training.augment import augmented, resized
from service.lab.dataset import BadDataset
from service.photo.decode import decode

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = tuple(Label(name=name, category=name) for name in ("cat", "man", "thing"))
SIDE = 32


@pytest.fixture
def folder(photos: dict[str, bytes], tmp_path: Path) -> Path:
    """A photograph or two of each label, and a file that is none."""
    for name, category in {
        "chelsea": "cat",
        "astronaut": "man",
        "camera": "man",
        "coffee": "thing",
        "rocket": "thing",
    }.items():
        (tmp_path / "data" / category).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / category / f"{name}.jpg").write_bytes(photos[name])
    (tmp_path / "data" / "man" / "broken.jpg").write_bytes(photos["camera"][:2000])
    return tmp_path / "data"


def png(photo: NDArray[np.uint8]) -> bytes:
    """A photograph as a file that keeps every pixel."""
    packed = io.BytesIO()
    Image.fromarray(photo).save(packed, "PNG")
    return packed.getvalue()


def read(path: Path, cache: Path) -> tuple[DecodedDataset, int]:
    """What was read, and how many photographs were decoded for it."""
    done: list[int] = []
    return decode_dataset(Subset(path), LABELS, SIDE, cache, done.append), sum(done)


def test_photographs_are_what_a_model_file_will_see(
    folder: Path, photos: dict[str, bytes], tmp_path: Path
) -> None:
    found, done = read(folder, tmp_path)
    assert (done, len(found), found.unreadable) == (6, 5, ["man/broken.jpg"])
    assert found.names == [
        "cat/chelsea.jpg",
        "man/astronaut.jpg",
        "man/camera.jpg",
        "thing/coffee.jpg",
        "thing/rocket.jpg",
    ]
    assert found.labels.argmax(1).tolist() == [0, 1, 1, 2, 2]
    assert found.labels.sum(1).tolist() == [1, 1, 1, 1, 1]
    assert np.array_equal(found.photos[0], decode(photos["chelsea"], square_input(SIDE)).pixels)


@pytest.mark.parametrize("side", [96, 128, 192])
def test_a_photograph_of_less_detail_is_enlarged_as_in_training(
    photos: dict[str, bytes], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment, "_WIDEST_ASPECT", 1)  # parts of the whole area are all of it
    squares = np.stack([decode(one, square_input(64)).pixels for one in photos.values()])
    wanted = square_input(side).model_copy(update={"detail": 64})
    served = [decode(png(one), wanted).pixels for one in squares]
    five = torch.from_numpy(squares)
    taught = augmented(five, side, smallest_area=1, colour=0).permute(0, 2, 3, 1).numpy()
    measured = resized(five, side).permute(0, 2, 3, 1).numpy()
    for one, seen, other in zip(served, taught, measured, strict=True):
        mirrored = seen[:, ::-1]
        assert min(np.abs(seen - one).mean(), np.abs(mirrored - one).mean()) < 0.6
        assert np.abs(other - one).mean() < 0.6


def test_what_was_decoded_is_not_decoded_again(folder: Path, tmp_path: Path) -> None:
    first, _ = read(folder, tmp_path)
    again, done = read(folder, tmp_path)
    assert done == 0
    assert (again.names, again.unreadable) == (first.names, first.unreadable)
    assert np.array_equal(again.photos, first.photos)


def test_a_photograph_that_was_moved_or_replaced_is_noticed(
    folder: Path, photos: dict[str, bytes], tmp_path: Path
) -> None:
    read(folder, tmp_path)
    (folder / "man" / "camera.jpg").rename(folder / "thing" / "camera.jpg")
    moved, done = read(folder, tmp_path)
    assert (done, moved.labels.sum(0).tolist()) == (6, [1, 1, 3])
    (folder / "man" / "broken.jpg").write_bytes(photos["camera"])
    assert read(folder, tmp_path)[0].unreadable == []


def test_decoding_that_was_broken_off_begins_anew(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path / "cache")
    (names,) = (tmp_path / "cache").glob("*/names.json")
    names.unlink()
    assert read(folder, tmp_path / "cache")[1] == 6


def test_a_selection_holds_some_of_the_photographs(folder: Path, tmp_path: Path) -> None:
    some = Subset(folder, frozenset({"man/camera.jpg", "cat/chelsea.jpg"}))
    found = decode_dataset(some, LABELS, SIDE, tmp_path, lambda _: None)
    assert found.names == ["cat/chelsea.jpg", "man/camera.jpg"]
    assert found.unreadable == []


def test_labels_are_the_folders_in_words(tmp_path: Path) -> None:
    for name in ("tennis-court", "booth_indoor", "cat"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_text("a photograph")
    found = labels_from_categories(tmp_path)
    assert [(one.category, one.name) for one in found] == [
        ("booth_indoor", "Booth indoor"),
        ("cat", "Cat"),
        ("tennis-court", "Tennis court"),
    ]


def table(path: Path, *lines: str) -> Path:
    path.write_text(
        "\n".join(["file,category,teacher_weight,repeats", *lines]) + "\n", encoding="utf-8"
    )
    return path


def some(count: int, known: int) -> DecodedDataset:
    """So many photographs ``0``, ``1``, ..., of which the first ones are known to be cats."""
    labels = np.zeros((count, 3), np.bool_)
    labels[:known, 0] = True
    photos = np.zeros((count, 2, 2, 3), np.uint8)
    return DecodedDataset(photos, labels, [str(place) for place in range(count)], [])


def test_columns_say_how_a_photograph_is_learned_from(tmp_path: Path) -> None:
    path = table(tmp_path / "my.csv", "0,cat,,", "1,cat,0.5,3", "2,,0.3,")
    teacher = np.full((3, 3), 1 / 3, np.float16)
    found = training_examples(some(3, known=2), path, teacher, 0.15)
    assert found.teacher_weight.tolist() == pytest.approx([0.15, 0.5, 1])
    assert found.repeats.tolist() == [1, 3, 1]
    assert found.labels.tolist() == [[True, False, False]] * 2 + [[True, True, True]]


def test_without_a_teacher_labels_say_everything(tmp_path: Path) -> None:
    path = table(tmp_path / "my.csv", "0,cat,0.5,2", "1,cat,,")
    found = training_examples(some(2, known=2), path, None, 0.15)
    assert found.teacher_weight.tolist() == [0, 0]
    assert found.repeats.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ("1.5,", "has '1.5' in the column teacher_weight, where a share from 0 to 1 belongs"),
        ("much,", "has 'much' in the column teacher_weight"),
        ("nan,", "has 'nan' in the column teacher_weight"),
        (",0", "has '0' in the column repeats, where a whole number from 1 belongs"),
        (",2.5", "has '2.5' in the column repeats"),
        (",inf", "has 'inf' in the column repeats"),
    ],
)
def test_cells_that_can_mean_nothing_are_told(cells: str, wanted: str, tmp_path: Path) -> None:
    path = table(tmp_path / "my.csv", f"0,cat,{cells}")
    with pytest.raises(BadDataset, match=rf"my\.csv {wanted}"):
        training_examples(some(1, known=1), path, None, 0.15)


def test_neither_label_nor_teacher_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "my.csv", "0,cat,,", "1,,,")
    with pytest.raises(BadDataset, match=r"my\.csv has no label for 1; give one, or a --teacher"):
        training_examples(some(2, known=1), path, None, 0.15)


def test_a_tenth_of_each_category_is_set_aside() -> None:
    labels = np.repeat(np.eye(3, dtype=bool), (30, 20, 2), axis=0)
    labels = np.concatenate([labels, np.zeros((5, 3), bool)])
    data = DecodedDataset(
        np.zeros((57, 2, 2, 3), np.uint8), labels, [str(n) for n in range(57)], []
    )
    train, judging = split_validation(data)
    assert judging.labels.sum(0).tolist() == [3, 2, 1]
    assert judging.labels.any(1).all()
    assert sorted([*train.names, *judging.names], key=int) == data.names
    assert split_validation(data)[1].names == judging.names


def test_a_category_of_one_photograph_is_learned_from() -> None:
    labels = np.repeat(np.eye(3, dtype=bool), (10, 10, 1), axis=0)
    train, judging = split_validation(
        DecodedDataset(np.zeros((21, 2, 2, 3), np.uint8), labels, [str(n) for n in range(21)], [])
    )
    assert train.labels.sum(0).tolist() == [9, 9, 1]
    assert judging.labels.sum(0).tolist() == [1, 1, 0]


def test_too_few_to_set_some_aside_is_told() -> None:
    with pytest.raises(BadDataset, match="too few photographs to set some aside"):
        split_validation(some(9, known=9))
