"""A process that makes label maps: it answers, refuses, and gives up."""

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
from service.engine.map_process import MapProcess, MapTask, StoppedError
from tests.service.tiled import tiled_task, write_tiled

MEMORY = 1_000_000_000


@pytest.fixture(scope="module")
def process() -> Iterator[MapProcess]:
    process = MapProcess(MEMORY)
    process.wait_until_ready()
    yield process
    process.end()


@pytest.fixture
def task(tmp_path: Path, photos: dict[str, bytes]) -> MapTask:
    return tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])


def test_it_makes_the_map_of_the_whole_photograph(process: MapProcess, task: MapTask) -> None:
    made = process.make(task)
    assert (made.width, made.height) == (451, 300)
    assert made.cells.first.shape == made.cells.confidences.shape == (2, 3, 2)
    assert made.cells.probabilities.sum() == pytest.approx(1)
    assert (made.cells.confidences[..., 0] >= made.cells.confidences[..., 1]).all()
    assert min(made.decode_s, made.inference_s) > 0
    assert process.is_well


def test_what_it_refuses_it_says(process: MapProcess, task: MapTask) -> None:
    with pytest.raises(InvalidParameter, match="step must be one of 8, 4"):
        process.make(replace(task, asked=task.asked._replace(step=5)))
    with pytest.raises(UnsupportedFormat):
        process.make(replace(task, photo=b"some text"))
    assert process.is_well


def test_a_file_that_was_replaced_since_it_was_loaded_is_not_opened(
    process: MapProcess, task: MapTask
) -> None:
    with pytest.raises(Overloaded, match="replaced"):
        process.make(replace(task, modified=task.modified - 1))
    with pytest.raises(Overloaded, match="replaced"):
        process.make(replace(task, path=f"{task.path}.gone"))
    assert process.is_well


def test_it_stops_when_told_and_then_makes_the_next(process: MapProcess, task: MapTask) -> None:
    process.stop()
    with pytest.raises(StoppedError):
        process.make(task)
    assert process.make(task).width == 451


def test_after_the_deadline_nothing_is_begun(process: MapProcess, task: MapTask) -> None:
    with pytest.raises(DeadlineExceeded):
        process.make(replace(task, deadline=time.monotonic() - 1))
    assert process.is_well
