"""A process that looks into networks: it answers, refuses, and gives up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from booth_client.errors import (
    DeadlineExceeded,
    InvalidParameter,
    Overloaded,
    UnsupportedFormat,
)
from service.inspection.activations import MOST_LAYERS, MOST_UNITS, ActivationsTask, Asked
from service.inspection.label_map_task import MapTask
from service.inspection.process import InspectionProcess
from service.inspection.task import StoppedError
from tests.service.tiled import about, tiled_task, write_tiled

MEMORY = 1_000_000_000


@pytest.fixture(scope="module")
def process() -> Iterator[InspectionProcess]:
    process = InspectionProcess(MEMORY)
    process.wait_until_ready()
    yield process
    process.end()


@pytest.fixture
def task(tmp_path: Path, photos: dict[str, bytes]) -> MapTask:
    return tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])


def test_it_makes_the_map_of_the_whole_photograph(
    process: InspectionProcess, task: MapTask
) -> None:
    made = process.compute(task)
    assert (made.width, made.height) == (451, 300)
    assert made.cells.first.shape == made.cells.confidences.shape == (2, 3, 2)
    assert made.cells.probabilities.sum() == pytest.approx(1)
    assert (made.cells.confidences[..., 0] >= made.cells.confidences[..., 1]).all()
    assert min(made.decode_s, made.inference_s) > 0
    assert process.is_well


def test_what_it_refuses_it_says(process: InspectionProcess, task: MapTask) -> None:
    with pytest.raises(InvalidParameter, match="step must be one of 8, 4"):
        process.compute(replace(task, cells=task.cells._replace(step=5)))
    with pytest.raises(UnsupportedFormat):
        process.compute(about(task, photos=(b"some text",)))
    assert process.is_well


@pytest.mark.parametrize(
    ("layers", "unit"),
    [
        (tuple(f"\N{GRINNING FACE}{n:0199}" for n in range(MOST_LAYERS)), ()),
        (("none",), tuple(range(900_000, 900_000 + MOST_UNITS))),
    ],
)
def test_it_outlives_the_longest_question(
    process: InspectionProcess, task: MapTask, layers: tuple[str, ...], unit: tuple[int, ...]
) -> None:
    asked = Asked(layers, 12, unit, "none", as_sheet=False)
    with pytest.raises(InvalidParameter):
        process.compute(ActivationsTask(task.subject, asked))
    assert process.is_well


def test_a_file_that_was_replaced_since_it_was_loaded_is_not_opened(
    process: InspectionProcess, task: MapTask
) -> None:
    with pytest.raises(Overloaded, match="replaced"):
        process.compute(about(task, modified=task.subject.modified - 1))
    with pytest.raises(Overloaded, match="replaced"):
        process.compute(about(task, path=f"{task.subject.path}.gone"))
    assert process.is_well


def test_it_stops_when_told_and_then_makes_the_next(
    process: InspectionProcess, task: MapTask
) -> None:
    process.stop()
    with pytest.raises(StoppedError):
        process.compute(task)
    assert process.compute(task).width == 451


def test_after_the_deadline_nothing_is_begun(process: InspectionProcess, task: MapTask) -> None:
    with pytest.raises(DeadlineExceeded):
        process.compute(about(task, deadline=time.monotonic() - 1))
    assert process.is_well
