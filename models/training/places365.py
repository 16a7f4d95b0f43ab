"""The data of ``places365``: ``python -m models.training.places365 MINIPLACES SCENES OUT``.

MINIPLACES is the tar that ``git archive f35c219 data`` makes of the repository rathull/CTFs: 90,000
labelled photographs of 100 Places categories to train on, 10,000 to validate on, 10,000 unlabelled
ones. SCENES is a folder with labelled photographs of other sources (``more.csv`` and ``more/``),
photographs that the teacher gave to a category (``unlabelled.csv`` and ``unlabelled.tar``), and one
half of the validation photographs with their Places365 categories (``miniplaces_val.csv`` and
``.tar``). What `booth train` and `booth evaluate` read is written to OUT, each as a CSV and a tar:

    train                  all that is learned from; rows without a label learn from the teacher
    miniplaces-validation  one half of it: to choose by, and to fit the temperature
    miniplaces-test        the other half: nothing was chosen by it
    other-collections      held out of the other sources, in groups by what is known of the category
    teachers-choices       held out, where only the teacher knows: its first choices
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import click

from models.labels import label_set

__all__ = ["prepare"]

_VALIDATION, _TEST = "miniplaces-validation", "miniplaces-test"
_HELD_OUT, _CHOICES = "other-collections", "teachers-choices"
_FIELDS = ("file", "places365", "group", "teacher_weight", "repeats")
_IMAGES, _LABELS = "data/images/", "data/val.txt"
# Half of the teacher's choices are right: beside a label that allows its choice it counts more.
_COMPATIBLE = "0.5"
_OTHERS_COUNT = "2"  # the small sources are shown twice an epoch


class Photo(NamedTuple):
    """A photograph on its way to one of the data sets; ``places365`` joins labels with ``|``."""

    split: str
    file: str
    photo: bytes
    places365: str = ""
    group: str = ""
    teacher_weight: str = ""
    repeats: str = ""


@click.command()
@click.argument("miniplaces", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("scenes", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def prepare(miniplaces: Path, scenes: Path, out: Path) -> None:
    """Write the data sets that the model `places365` is trained and measured on."""
    out.mkdir(parents=True, exist_ok=True)
    photos = Sources(miniplaces, scenes).photos()
    with ExitStack() as stack:
        sets: dict[str, _Writer] = {}
        for photo in photos:
            if photo.split not in sets:
                sets[photo.split] = stack.enter_context(_Writer(out / photo.split))
            sets[photo.split].add(photo)
    for name, written in sets.items():
        click.echo(f"{name}: {written.count} photographs")


class Sources:
    """Where the photographs lie, and what is known of them."""

    def __init__(self, miniplaces: Path, scenes: Path) -> None:
        self.miniplaces, self.scenes = miniplaces, scenes
        self.categories = {label.category for label in label_set("places365")}
        rows = _rows(scenes / "unlabelled.csv")
        self.choices = {
            row["file"] if row["in_tar"] == "yes" else row["source_path"]: row for row in rows
        }
        self.choosing = {row["file"]: row for row in _rows(scenes / "miniplaces_val.csv")}
        self.mini = {row["places365"] for row in self.choosing.values()} - {""}
        more = _rows(scenes / "more.csv")
        self.labelled = self.mini | {
            name for row in more if row["split"] == "train" for name in row["places365"].split("|")
        }
        self.more: dict[str, dict[str, dict[str, str]]] = {}
        for row in more:
            self.more.setdefault(row["tar"], {})[row["file"]] = row

    def photos(self) -> Iterator[Photo]:
        """All photographs."""
        yield from self._miniplaces()
        yield from self._other_sources()
        yield from self._chosen_elsewhere()

    def _miniplaces(self) -> Iterator[Photo]:
        names = {row["miniplaces_index"]: row["places365"] for row in self.choosing.values()}
        with tarfile.open(self.miniplaces) as archive:
            lines = _read(archive, archive.getmember(_LABELS)).decode().split("\n")
        indices = dict(line.split() for line in lines if line)
        for name, photo in _members(self.miniplaces, _IMAGES):
            short = name.removeprefix(_IMAGES)
            part = short.partition("/")[0]
            if part == "val":
                split = _VALIDATION if short in self.choosing else _TEST
                yield Photo(split, short, photo, names[indices[short]])
            elif part == "train":
                yield from self._trained_on(name, photo, "/".join(short.split("/")[2:-1]))
            elif name in self.choices:
                yield from self._chosen(name, photo)

    def _trained_on(self, name: str, photo: bytes, category: str) -> Iterator[Photo]:
        label = category if category in self.categories else ""
        choice = self.choices.get(name)
        if choice is None:
            yield Photo("train", name, photo, label)
        elif choice["split"] == "train":
            yield Photo("train", name, photo, label, teacher_weight=_COMPATIBLE)
        else:
            yield from self._chosen(name, photo)

    def _other_sources(self) -> Iterator[Photo]:
        for tar, rows in self.more.items():
            for name, photo in _members(self.scenes / "more" / tar):
                if name in rows:
                    split = "train" if rows[name]["split"] == "train" else _HELD_OUT
                    labels = rows[name]["places365"]
                    is_mini = set(labels.split("|")) <= self.mini
                    group = "in MiniPlaces" if is_mini else "labelled elsewhere"
                    yield Photo(split, name, photo, labels, group, repeats=_OTHERS_COUNT)

    def _chosen_elsewhere(self) -> Iterator[Photo]:
        for name, photo in _members(self.scenes / "unlabelled.tar"):
            if name in self.choices:
                yield from self._chosen(name, photo, _OTHERS_COUNT)

    def _chosen(self, name: str, photo: bytes, repeats: str = "") -> Iterator[Photo]:
        """To train on without a label; or, held out, where the teacher alone knows its choice."""
        choice = self.choices[name]
        if choice["split"] == "train":
            yield Photo("train", name, photo, repeats=repeats)
        elif choice["teacher_category"] not in self.labelled:
            yield Photo(_CHOICES, name, photo, choice["teacher_category"])


class _Writer:
    """A data set that is being written: ``PATH.csv`` and ``PATH.tar``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.count = 0

    def __enter__(self) -> Self:
        self._table = self._path.with_suffix(".csv").open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._table)
        self._rows.writerow(_FIELDS)
        self._archive = tarfile.open(self._path.with_suffix(".tar"), "w")
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._table.close()

    def add(self, photo: Photo) -> None:
        """Write one photograph and its row."""
        self._rows.writerow(getattr(photo, name) for name in _FIELDS)
        member = tarfile.TarInfo(photo.file)
        member.size = len(photo.photo)
        self._archive.addfile(member, io.BytesIO(photo.photo))
        self.count += 1


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _members(path: Path, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Names and bytes of a tar's JPEG files whose name starts with ``prefix``."""
    with tarfile.open(path) as archive:
        for member in archive:
            is_photo = member.name.lower().endswith((".jpg", ".jpeg"))
            if is_photo and member.name.startswith(prefix):
                yield member.name, _read(archive, member)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


if __name__ == "__main__":
    prepare()
