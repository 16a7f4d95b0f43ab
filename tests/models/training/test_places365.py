from __future__ import annotations

import csv
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from models.training.places365 import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def _tar(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _table(path: Path, header: str, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def sets(photos: dict[str, bytes], tmp_path: Path) -> Path:
    """Data sets made of a few photographs in the layout of the sources."""
    images, scenes = "data/images", tmp_path / "scenes"
    _tar(
        tmp_path / "mini.tar",
        {
            "data/val.txt": b"val/1.jpg 7\nval/2.jpg 7\n",
            f"{images}/train/b/bedroom/1.jpg": photos["chelsea"],
            f"{images}/train/a/abbey/1.jpg": photos["coffee"],
            f"{images}/train/c/coast/1.jpg": photos["camera"],
            f"{images}/val/1.jpg": photos["rocket"],
            f"{images}/val/2.jpg": photos["astronaut"],
        },
    )
    _table(scenes / "miniplaces_val.csv", "file,miniplaces_index,places365", "val/1.jpg,7,bedroom")
    _table(
        scenes / "more.csv",
        "tar,file,split,places365",
        "x.tar,beach.jpg,train,beach|coast",
        "x.tar,bed.jpg,test,bedroom",
    )
    _tar(scenes / "more/x.tar", {"beach.jpg": photos["coffee"], "bed.jpg": photos["chelsea"]})
    _table(
        scenes / "unlabelled.csv",
        "file,in_tar,source_path,split,teacher_category",
        f",no,{images}/train/c/coast/1.jpg,train,coast",
        "u.jpg,yes,,train,arch",
        "v.jpg,yes,,test,arch",
        "w.jpg,yes,,test,bedroom",
    )
    _tar(scenes / "unlabelled.tar", {f"{n}.jpg": photos["camera"] for n in "uvw"})
    words = [str(tmp_path / "mini.tar"), str(scenes), str(tmp_path / "out")]
    result = CliRunner().invoke(prepare, words)
    assert result.exit_code == 0, result.output
    return tmp_path / "out"


def _rows(path: Path) -> dict[str, tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as lines:
        columns = ("places365", "group", "teacher_weight", "repeats")
        return {row["file"]: tuple(row[c] for c in columns) for row in csv.DictReader(lines)}


def test_what_is_learned_from_has_its_labels_and_its_weights(sets: Path) -> None:
    assert _rows(sets / "train.csv") == {
        "data/images/train/b/bedroom/1.jpg": ("bedroom", "", "", ""),
        "data/images/train/a/abbey/1.jpg": ("", "", "", ""),  # no category of Places365
        "data/images/train/c/coast/1.jpg": ("coast", "", "0.5", ""),
        "beach.jpg": ("beach|coast", "labelled elsewhere", "", "2"),
        "u.jpg": ("", "", "", "2"),
    }


def test_what_judges_is_in_sets_of_its_own(sets: Path) -> None:
    def labels(name: str) -> Iterable[tuple[str, str]]:
        return [(file, row[0]) for file, row in _rows(sets / f"{name}.csv").items()]

    assert labels("miniplaces-validation") == [("val/1.jpg", "bedroom")]
    assert labels("miniplaces-test") == [("val/2.jpg", "bedroom")]
    assert labels("other-collections") == [("bed.jpg", "bedroom")]
    assert labels("teachers-choices") == [("v.jpg", "arch")]


def test_the_photographs_lie_beside_their_table(sets: Path, photos: dict[str, bytes]) -> None:
    with tarfile.open(sets / "miniplaces-validation.tar") as archive:
        file = archive.extractfile("val/1.jpg")
        assert file is not None
        assert file.read() == photos["rocket"]
