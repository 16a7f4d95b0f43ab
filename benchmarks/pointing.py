"""Whether a class activation map points at the thing: the pointing game (arXiv:1608.00507).

    python -m benchmarks.pointing [--model efficientnet_lite0]

Zhang et al. 2016 count the photographs on which the map's maximum lies in the labelled thing's box.
The boxes are in ``benchmarks/boxes``, the maps are what ``explain=region`` answers. Prints the
share for the photograph's own label; for the first label where that is right; and, for comparison,
for the middle of what the network sees. Each with a 95 % interval (Wilson).
"""

from __future__ import annotations

import argparse
import csv
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.systems import ROOT
from booth_client.wire import Region, View
from service.engine.classifier import Classifier
from service.fleet.local import local_classifier

__all__ = ["GAMES", "Box", "Game", "Marked", "Share", "game", "play", "read_marked", "share"]

BOXES = ROOT / "benchmarks/boxes"
_SHARED = ROOT.parent / "shared"

# Of each model, by its name: the table of boxes, and the photographs.
GAMES = {
    "efficientnet_lite0": (BOXES / "imagenet.csv", _SHARED / "photos/imagenet_1000.tar"),
    "places365": (BOXES / "places365.csv", _SHARED / "scenes/miniplaces_val.tar"),
}

# How many labels are asked for until the photograph's own is among them: a region each costs time.
_TOP_K = (5, 100, 1000)
_ENLARGED = 224  # pixels a side
_SMALL = 0.15
_TIMEOUT_S = 60  # a loaded machine isn't what is measured

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Sides of a box, as shares of the upright photograph's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """As a share of the photograph."""
        return (self.right - self.left) * (self.bottom - self.top)

    def __contains__(self, point: Point) -> bool:
        """Whether the point lies in it."""
        x, y = point
        return self.left <= x <= self.right and self.top <= y <= self.bottom


@dataclass(frozen=True, slots=True)
class Marked:
    """A photograph, the index of its label, and where that thing is."""

    name: str
    photo: bytes
    index: int
    box: Box


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    photographs: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.hits / self.photographs

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % confidence (Wilson 1927)."""
        z, n = NormalDist().inv_cdf(0.975), self.photographs
        middle = (self.value + z * z / (2 * n)) / (1 + z * z / n)
        reach = (
            z / (1 + z * z / n) * (self.value * (1 - self.value) / n + z * z / (4 * n * n)) ** 0.5
        )
        return middle - reach, middle + reach

    def __str__(self) -> str:
        """For people, with the interval."""
        low, high = self.interval
        return f"{self.hits} of {self.photographs}, {self.value:.1%} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True)
class Game:
    """One photograph's.

    Attributes:
        name: the photograph's.
        box: where its thing is.
        peak: the middle of the cell that is the maximum of its own label's map.
        smooth_peak: the maximum of that map enlarged bicubically.
        middle: of what the network sees.
        is_first: whether its own label is the first.

    """

    name: str
    box: Box
    peak: Point
    smooth_peak: Point
    middle: Point
    is_first: bool

    @property
    def is_hit(self) -> bool:
        """Whether the maximum lies in the box."""
        return self.peak in self.box


def read_marked(boxes: Path, photos: Path) -> list[Marked]:
    """The photographs of a table, out of a tar file.

    Raises:
        SystemExit: a photograph is missing, or is not the one whose box was marked.

    """
    with boxes.open(encoding="utf-8", newline="") as table, tarfile.open(photos) as archive:
        return [_marked(row, _content(archive, row["file"])) for row in csv.DictReader(table)]


def play(classifier: Classifier, photographs: Iterable[Marked]) -> Iterator[Game]:
    """Ask for each photograph's maps, and look where the maximum of its label's is."""
    for marked in photographs:
        yield _played(classifier, marked)


def game(marked: Marked, region: Region, view: View, *, is_first: bool) -> Game:
    """Where the maximum of a region is, and the box that it is to lie in."""
    return Game(
        marked.name,
        marked.box,
        _on_photo(_peak(np.array(region.map)), view),
        _on_photo(_peak(_enlarged(region)), view),
        _on_photo((0.5, 0.5), view),
        is_first,
    )


def share(
    games: Sequence[Game], is_hit: Callable[[Game], bool] = lambda game: game.is_hit
) -> Share:
    """How many of the games hit."""
    return Share(sum(map(is_hit, games)), len(games))


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        content = archive.extractfile(name)
    except KeyError:
        content = None
    if not content:
        raise SystemExit(f"{name}, whose box is marked, is not in the tar file that was given.")
    return content.read()


def _marked(row: dict[str, str], photo: bytes) -> Marked:
    if sha256(photo).hexdigest() != row["sha256"]:
        raise SystemExit(f"{row['file']} is not the file whose box is marked: its SHA-256 differs.")
    sides = (float(row[side]) for side in ("left", "top", "right", "bottom"))
    return Marked(row["file"], photo, int(row["index"]), Box(*sides))


def _played(classifier: Classifier, marked: Marked) -> Game:
    for top_k in _TOP_K:
        (ticket,) = classifier.submit(
            [marked.photo], top_k=top_k, timeout_s=_TIMEOUT_S, explain=frozenset({"region"})
        )
        answer = ticket.wait()
        for place, prediction in enumerate(answer.predictions):
            if prediction.index == marked.index and prediction.region and answer.view:
                return game(marked, prediction.region, answer.view, is_first=place == 0)
    raise SystemExit(f"The model has no label {marked.index}, which {marked.name} shows.")


def _peak(activation: NDArray[np.float64]) -> Point:
    """The middle of the largest cell, as shares of the map's width and height."""
    rows, columns = activation.shape
    row, column = divmod(int(activation.argmax()), columns)
    return (column + 0.5) / columns, (row + 0.5) / rows


def _enlarged(region: Region) -> NDArray[np.float64]:
    image = Image.fromarray(np.array(region.map, np.float32))
    return np.asarray(image.resize((_ENLARGED, _ENLARGED), Image.Resampling.BICUBIC), np.float64)


def _on_photo(point: Point, view: View) -> Point:
    """From shares of what the network sees to shares of the photograph."""
    x, y, width, height = view.box
    return (x + point[0] * width) / view.width, (y + point[1] * height) / view.height


def main() -> int:
    """Play with each model, and print the shares."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pointing")
    parser.add_argument("--model", choices=GAMES, help="only this one")
    arguments = parser.parse_args()
    for model in [arguments.model] if arguments.model else GAMES:
        with local_classifier(model) as classifier:
            games = list(play(classifier, read_marked(*GAMES[model])))
        print(f"{model}:")
        _report(games)
    return 0


def _report(games: Sequence[Game]) -> None:
    first = [game for game in games if game.is_first]
    small = [game for game in games if game.box.area < _SMALL]
    aside = [game for game in games if game.middle not in game.box]
    enlarged = share(games, lambda game: game.smooth_peak in game.box)
    middle = share(games, lambda game: game.middle in game.box)
    print(f"The maximum of the photograph's own label lies in the box: {share(games)}")
    print(f"  where that is the first label: {share(first)}")
    print(f"  where the box is under {_SMALL:.0%} of the photograph: {share(small)}")
    print(f"  where the middle of what the network sees does not: {share(aside)}")
    print(f"  of the map enlarged bicubically: {enlarged}")
    print(f"The middle of what the network sees lies in the box: {middle}")
    for game in games:
        if not game.is_hit:
            print(f"  missed: {game.name}, at {game.peak[0]:.2f}, {game.peak[1]:.2f} of its sides")


if __name__ == "__main__":
    raise SystemExit(main())
