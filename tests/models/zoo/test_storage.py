"""What ships answers to what a photograph shows, not to how its file was stored.

A network that learned from collections of small JPEG files and of larger photographs can tell a
category by the compression of the one that has it. Here each photograph is stored both ways.
"""

from __future__ import annotations

import csv
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from service.fleet.local import local_classifier
from service.lab.dataset import read_dataset
from service.lab.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from service.engine.classifier import Classifier

SIDE = 128  # of MiniPlaces' photographs
EVERY = 4  # of the photographs, one is taken: enough for two points


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with local_classifier("places365") as classifier:
        yield classifier


Photographs = list[tuple[Image.Image, str]]


@pytest.fixture(scope="module")
def others(shared: Path) -> Photographs:
    """Held-out photographs of larger files, and their categories."""
    rows = [row for row in table(shared / "scenes/more.csv") if row["split"] == "heldout"]
    return list(opened(rows[::EVERY], lambda row: shared / "scenes/more" / row["tar"]))


@pytest.fixture(scope="module")
def mini_places(shared: Path) -> Photographs:
    """Validation photographs of MiniPlaces, all of them JPEG files of 128 pixels."""
    rows = [row for row in table(shared / "scenes/miniplaces_val.csv") if row["places365"]]
    return list(opened(rows[:: 2 * EVERY], lambda _: shared / "scenes/miniplaces_val.tar"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def opened(
    rows: list[dict[str, str]], tar_of: Callable[[dict[str, str]], Path]
) -> Iterator[tuple[Image.Image, str]]:
    for path in sorted({tar_of(row) for row in rows}):
        with tarfile.open(path) as tar:
            for row in rows:
                if tar_of(row) == path:
                    file = tar.extractfile(row["file"])
                    assert file is not None
                    yield Image.open(io.BytesIO(file.read())).convert("RGB"), row["places365"]


def squashed(image: Image.Image, side: int = SIDE) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


def answers(
    classifier: Classifier,
    photographs: Photographs,
    stored: Callable[[Image.Image], Image.Image],
    folder: Path,
    **options: object,
) -> Evaluation:
    """How rightly the photographs are named, each changed and stored anew."""
    path = folder / "photographs.csv"
    lines = ["file,places365\n"]
    with tarfile.open(path.with_suffix(".tar"), "w") as tar:
        for number, (image, categories) in enumerate(photographs):
            file = io.BytesIO()
            stored(image).save(file, **options)  # type: ignore[arg-type]
            member = tarfile.TarInfo(str(number))
            member.size = file.tell()
            tar.addfile(member, io.BytesIO(file.getvalue()))
            lines.append(f"{number},{categories}\n")
    path.write_text("".join(lines))
    return evaluate(classifier, read_dataset(path, classifier.card.labels))


def test_a_large_photograph_and_its_small_jpeg_are_not_told_apart_too_far(
    classifier: Classifier, others: Photographs, tmp_path: Path
) -> None:
    small = answers(classifier, others, squashed, tmp_path, format="JPEG", quality=75)
    exact = answers(classifier, others, squashed, tmp_path, format="PNG")
    # Not alike yet: 14 points lie between them, and 38 before that was looked for.
    assert abs(small.top1 - exact.top1) < 0.15
    assert small.top1 > 0.65
    assert exact.top1 > 0.78


def test_a_small_jpeg_is_named_alike_when_its_marks_are_gone(
    classifier: Classifier, mini_places: Photographs, tmp_path: Path
) -> None:
    """Reduced to three quarters and enlarged again, as a large photograph's detail is."""
    as_it_was = answers(
        classifier, mini_places, lambda image: image, tmp_path, format="JPEG", quality=75
    )
    without = answers(
        classifier,
        mini_places,
        lambda image: squashed(squashed(image, 104)),
        tmp_path,
        format="PNG",
    )
    assert as_it_was.top1 > 0.6
    assert without.top1 > as_it_was.top1 - 0.04
