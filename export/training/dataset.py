"""Photographs on disk -> examples for training: read, decoded once, kept for the next start."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BadRequest
from models.card import Input, Label
from models.training.examples import Examples
from service.lab.dataset import BadDataset, Dataset, Labelled, categories_of, read_dataset
from service.lab.folders import sendable
from service.lab.layout import table_of
from service.lab.table import Table
from service.machine import cores
from service.photo.decode import decode

__all__ = [
    "MIN_VALIDATION_PHOTOGRAPHS",
    "DecodedDataset",
    "EvaluationData",
    "Subset",
    "decode_dataset",
    "labels_from_categories",
    "split_validation",
    "square_input",
    "training_examples",
]

Progress = Callable[[int], None]
MIN_VALIDATION_PHOTOGRAPHS = 2  # one to fit the temperature on, one to see what that did
_VALIDATION_SHARE = 0.1
_AHEAD = 256


class _Column(NamedTuple):
    """A column of numbers that a CSV may have."""

    name: str
    wanted: str
    allows: Callable[[float], bool]


_TEACHER_WEIGHT = _Column("teacher_weight", "a share from 0 to 1", lambda value: 0 <= value <= 1)
_REPEATS = _Column(
    "repeats", "a whole number from 1", lambda value: value >= 1 and value.is_integer()
)


@dataclass(frozen=True)
class Subset:
    """A data set, or those of its photographs that bear some ``names``."""

    path: Path
    names: frozenset[str] | None = None

    def read(self, labels: Sequence[Label], *, unlabelled: bool = False) -> Dataset:
        """The photographs; see `service.lab.dataset`."""
        dataset = read_dataset(self.path, labels, unlabelled=unlabelled)
        return dataset if self.names is None else dataset.only(self.names)


@dataclass(frozen=True)
class EvaluationData:
    """The photographs that judge a trained network.

    Attributes:
        validation: Data that it was not trained on. One half fits the temperature (and the 8-bit
            grids), the other measures what that did.
        tests: Data that nothing was chosen by.

    """

    validation: Subset
    tests: Sequence[Subset] = ()


@dataclass(frozen=True)
class DecodedDataset:
    """A data set in memory.

    Attributes:
        photos: N x S x S x 3, uint8, squashed to squares; on disk until some are chosen.
        labels: N x K truth values; no value is true where no label is known.
        names: N, as the data set calls them.
        unreadable: Names of the photographs that could not be decoded, and are left out.

    """

    photos: NDArray[np.uint8]
    labels: NDArray[np.bool_]
    names: list[str]
    unreadable: list[str]

    def __len__(self) -> int:
        """N."""
        return len(self.photos)

    def subset(self, places: NDArray[np.intp]) -> DecodedDataset:
        """Some of the photographs, in memory: a disk answers random access far too slowly."""
        names = [self.names[place] for place in places]
        return DecodedDataset(self.photos[places], self.labels[places], names, self.unreadable)


def square_input(side: int) -> Input:
    """How training and the models that it makes see a photograph: all of it, as a square."""
    return Input(size=side, resize=side, keep_aspect=False, interpolation="bicubic")


def labels_from_categories(path: Path) -> tuple[Label, ...]:
    """A label for each category that a data set names, in alphabetical order.

    Raises:
        BadDataset: It can't be read, or names fewer than two.

    """
    categories = categories_of(path)
    if len(categories) < 2:  # noqa: PLR2004 (one class is no choice)
        raise BadDataset(
            f"{path} names {len(categories)} categories; a classifier needs at least 2."
        )
    return tuple(Label(name=_readable(name), category=name) for name in categories)


def decode_dataset(
    data: Subset, labels: Sequence[Label], side: int, cache: Path, progress: Progress
) -> DecodedDataset:
    """Decode a data set, or read what an earlier start decoded.

    Args:
        data: Rows without a label are kept.
        labels: Of the model.
        side: S, in pixels.
        cache: A folder for the squares.
        progress: Called with the number of photographs done.

    Raises:
        BadDataset: The data set can't be read, or no photograph of it.

    """
    found = data.read(labels, unlabelled=True)
    kept = cache / f"{sendable(data.path.stem)}-{_fingerprint(data, found, labels, side)}"
    if not (kept / "names.json").exists():
        _decode(iter(found), (len(found), side, len(labels)), kept, progress)
    names, unreadable = json.loads((kept / "names.json").read_text(encoding="utf-8"))
    if not names:
        raise BadDataset(f"{data.path} holds no readable photograph.")
    photos = np.load(kept / "photos.npy", mmap_mode="r")[: len(names)]
    return DecodedDataset(photos, np.load(kept / "labels.npy"), names, unreadable)


def split_validation(data: DecodedDataset) -> tuple[DecodedDataset, DecodedDataset]:
    """What to learn from, and a tenth of each category's photographs to judge by, always the same.

    Raises:
        BadDataset: There are too few.

    """
    keys = [row.tobytes() for row in data.labels]
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(data.labels.any(1)))
    members: dict[bytes, list[int]] = {}
    for place in shuffled:
        members.setdefault(keys[place], []).append(int(place))
    chosen = [
        place
        for places in members.values()
        if len(places) > 1
        for place in places[: max(round(_VALIDATION_SHARE * len(places)), 1)]
    ]
    if len(chosen) < MIN_VALIDATION_PHOTOGRAPHS:
        raise BadDataset("There are too few photographs to set some aside; give --validation.")
    rest = np.setdiff1d(np.arange(len(data)), chosen)
    return data.subset(rest), data.subset(np.array(sorted(chosen)))


def training_examples(
    data: DecodedDataset, path: Path, teacher: NDArray[np.float16] | None, teacher_weight: float
) -> Examples:
    """What to learn from a data set.

    A CSV may give each photograph a column ``teacher_weight`` (the teacher's share of its loss, if
    there is a teacher) and ``repeats`` (how often an epoch shows it). Without a label, the teacher
    says everything.

    Raises:
        BadDataset: There is a photograph with neither label nor teacher, or a column holds what it
            can't mean.

    """
    is_known: NDArray[np.bool_] = np.asarray(data.labels.any(1))
    if teacher is None and not is_known.all():
        name = data.names[int(np.flatnonzero(~is_known)[0])]
        raise BadDataset(f"{path.name} has no label for {name}; give one, or a --teacher.")
    weights = np.array(_numbers(path, data.names, _TEACHER_WEIGHT, teacher_weight), np.float32)
    repeats = np.array(_numbers(path, data.names, _REPEATS, 1), np.int64)
    weights[~is_known] = 1
    if teacher is None:
        weights[:] = 0
    return Examples(data.photos, data.labels | ~is_known[:, None], teacher, weights, repeats)


def _numbers(path: Path, names: Sequence[str], column: _Column, usual: float) -> list[float]:
    table = table_of(path)
    cells = {} if table is None else Table.read(table).column(column.name)
    return [
        _number(cell, column, path) if (cell := cells.get(name, "")) else usual for name in names
    ]


def _number(cell: str, column: _Column, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not column.allows(value):
        raise BadDataset(
            f"{path.name} has {cell!r} in the column {column.name}, where {column.wanted} belongs."
        )
    return value


def _fingerprint(data: Subset, found: Dataset, labels: Sequence[Label], side: int) -> str:
    """What tells one state of a data set from another."""
    categories = [label.category for label in labels]
    facts = [str(data.path.resolve()), side, categories, found.state()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _decode(
    labelled: Iterator[Labelled], shape: tuple[int, int, int], kept: Path, progress: Progress
) -> None:
    count, side, classes = shape
    kept.mkdir(parents=True, exist_ok=True)
    photos = np.lib.format.open_memmap(
        kept / "photos.npy", mode="w+", dtype=np.uint8, shape=(count, side, side, 3)
    )
    labels = np.zeros((count, classes), np.bool_)
    names: list[str] = []
    unreadable: list[str] = []
    for one, pixels in _squares(labelled, side):
        progress(1)
        if pixels is None:
            unreadable.append(one.name)
            continue
        photos[len(names)] = pixels
        labels[len(names), list(one.targets)] = True
        names.append(one.name)
    photos.flush()
    np.save(kept / "labels.npy", labels[: len(names)])
    # Last: with it the cache is complete.
    (kept / "names.json").write_text(json.dumps([names, unreadable]), encoding="utf-8")


def _squares(
    labelled: Iterator[Labelled], side: int
) -> Iterator[tuple[Labelled, NDArray[np.uint8] | None]]:
    """Each photograph with its pixels, in order, decoded on all cores; None if unreadable."""
    ahead: deque[tuple[Labelled, Future[NDArray[np.uint8] | None]]] = deque()
    with ThreadPoolExecutor(cores()) as decoders:
        for one in labelled:
            ahead.append((one, decoders.submit(_pixels, one.photo, side)))
            if len(ahead) > _AHEAD:
                done, pixels = ahead.popleft()
                yield done, pixels.result()
        for done, pixels in ahead:
            yield done, pixels.result()


def _pixels(photo: bytes, side: int) -> NDArray[np.uint8] | None:
    try:
        return decode(photo, square_input(side)).pixels
    except BadRequest:
        return None


def _readable(category: str) -> str:
    words = category.replace("_", " ").replace("-", " ").replace("/", ", ").strip()
    return (words[:1].upper() + words[1:]) or category
