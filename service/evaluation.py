"""How good a model is, on labelled photographs: top-1, top-5, calibration."""

from __future__ import annotations

import csv
import tarfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.card import Label
from service.answer import Answer
from service.classifier import Classifier, Ticket
from service.errors import BadRequest

__all__ = [
    "BadDataset",
    "Evaluation",
    "Labelled",
    "calibration_error",
    "evaluate",
    "read_dataset",
]

# Columns of a CSV that may name the true label, the most exact first.
TARGET_COLUMNS = ("index", "category", "synset", "places365", "label")
BINS = 15
AHEAD = 64
TOP = 5


class BadDataset(ValueError):
    """The labelled photographs can't be read; the sentence says how they should be."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph's bytes, and the indices of the labels that are right for it."""

    name: str
    photo: bytes
    targets: frozenset[int]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracies and the calibration error are shares of 1; ``seconds`` is wall time."""

    top1: float
    top5: float
    calibration_error: float
    photographs: int
    unreadable: int
    seconds: float


def evaluate(
    classifier: Classifier,
    dataset: Iterator[Labelled],
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every photograph and compare with its label. Unreadable ones are left out, and told.

    Raises:
        BadDataset: there was no readable photograph.

    """
    start = time.perf_counter()
    ranks: list[int] = []
    confidences: list[float] = []
    unreadable = 0
    for labelled, answer in _answers(classifier, dataset):
        if progress:
            progress(1)
        if answer is None:
            unreadable += 1
            continue
        ranks.append(_rank(answer, labelled.targets))
        confidences.append(answer.predictions[0].confidence)
    if not ranks:
        raise BadDataset(
            "There was no readable photograph; give a folder or a CSV of labelled ones."
        )
    right = np.array(ranks) == 0
    return Evaluation(
        top1=float(right.mean()),
        top5=float((np.array(ranks) < TOP).mean()),
        calibration_error=calibration_error(np.array(confidences), right),
        photographs=len(ranks),
        unreadable=unreadable,
        seconds=time.perf_counter() - start,
    )


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 equal bins.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: the mean over the photographs
    of |share right - mean confidence| in the bin of their confidence.
    """
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = [
        abs(right[bins == b].mean() - confidences[bins == b].mean()) * (bins == b).sum()
        for b in np.unique(bins)
    ]
    return float(sum(gaps) / len(confidences))


def _answers(
    classifier: Classifier, dataset: Iterator[Labelled]
) -> Iterator[tuple[Labelled, Answer | None]]:
    """Each photograph with its answer, in order; some are always on their way, to fill batches."""
    ahead: deque[tuple[Labelled, Ticket]] = deque()
    room = min(AHEAD, classifier.limits.queue_size)
    for labelled in dataset:
        if len(ahead) == room:
            yield _answer(*ahead.popleft())
        (ticket,) = classifier.submit([labelled.photo], top_k=TOP, timeout_s=3600)
        ahead.append((labelled, ticket))
    while ahead:
        yield _answer(*ahead.popleft())


def _answer(labelled: Labelled, ticket: Ticket) -> tuple[Labelled, Answer | None]:
    try:
        return labelled, ticket.wait()
    except BadRequest:
        return labelled, None


def _rank(answer: Answer, targets: frozenset[int]) -> int:
    """Place of the first right label among the predictions, from 0; TOP if it isn't there."""
    places = (i for i, one in enumerate(answer.predictions) if one.index in targets)
    return next(places, TOP)


def read_dataset(path: Path, labels: Sequence[Label]) -> tuple[int, Iterator[Labelled]]:
    """The labelled photographs at ``path``, and how many there are.

    ``path`` is a folder with a folder per category; or a CSV with a column ``file`` and one of
    ``index``, ``category``, ``synset``, ``places365``, ``label`` (several right labels separated by
    ``|``), its files in a tar or a folder of the CSV's name, or beside the CSV; or a folder with
    one such CSV. Rows without a label are left out.

    Raises:
        BadDataset: it is none of these, or names a label that the model doesn't have.

    """
    index = {label.category: i for i, label in enumerate(labels)}
    if path.is_dir():
        tables = sorted(path.glob("*.csv"))
        if not tables:
            return _read_folders(path, index)
        if len(tables) > 1:
            raise BadDataset(f"There are several CSV files in {path}; name the one to use.")
        path = tables[0]
    if path.suffix != ".csv":
        raise BadDataset(f"{path} is no folder and no CSV of labelled photographs.")
    return _read_table(path, index, len(labels))


def _read_folders(path: Path, index: dict[str, int]) -> tuple[int, Iterator[Labelled]]:
    folders = {folder: folder.name for folder in sorted(path.iterdir()) if folder.is_dir()}
    # "/" can't stand in a folder's name: "booth/indoor" lies in "booth-indoor" or "booth_indoor".
    spelt = {c.replace("/", sign): i for c, i in index.items() for sign in "/-_"}
    unknown = [name for name in folders.values() if name not in spelt]
    if unknown or not folders:
        named = f"; {unknown[0]!r} is none" if unknown else ""
        raise BadDataset(f"{path} should hold a folder for each of the model's categories{named}.")
    files = [
        (file, spelt[name])
        for folder, name in folders.items()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    read = (Labelled(str(file), file.read_bytes(), frozenset({i})) for file, i in files)
    return len(files), read


def _read_table(path: Path, index: dict[str, int], outputs: int) -> tuple[int, Iterator[Labelled]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = rows[0].keys() if rows else ()
    column = next((c for c in TARGET_COLUMNS if c in columns), None)
    if column is None or "file" not in columns:
        raise BadDataset(
            f"{path.name} needs a column `file` and one of: {', '.join(TARGET_COLUMNS)}."
        )
    known = {str(i): i for i in range(outputs)} if column == "index" else index
    targets = {row["file"]: _targets(row[column], known, path) for row in rows if row[column]}
    return len(targets), _read_files(path, targets)


def _targets(cell: str, known: dict[str, int], path: Path) -> frozenset[int]:
    try:
        return frozenset(known[name.strip()] for name in cell.split("|"))
    except KeyError as missing:
        raise BadDataset(
            f"{path.name} names the label {missing.args[0]!r}, which the model doesn't have."
        ) from None


def _read_files(path: Path, targets: dict[str, frozenset[int]]) -> Iterator[Labelled]:
    with ExitStack() as stack:
        read = _reader(path, stack)
        for name, right in targets.items():
            try:
                yield Labelled(name, read(name), right)
            except (KeyError, OSError):
                raise BadDataset(f"{path.name} names {name}, which is not there.") from None


def _reader(path: Path, stack: ExitStack) -> Callable[[str], bytes]:
    """How to get a photograph's bytes by the name that the CSV gives it."""
    tar, folder = path.with_suffix(".tar"), path.with_suffix("")
    if not tar.is_file():
        root = folder if folder.is_dir() else path.parent
        return lambda name: (root / name).read_bytes()
    archive = stack.enter_context(tarfile.open(tar))  # noqa: SIM115 (the stack closes it)
    members = {member.name.removeprefix("./"): member for member in archive if member.isfile()}

    def read(name: str) -> bytes:
        file = archive.extractfile(members[name])
        return file.read() if file else b""

    return read
