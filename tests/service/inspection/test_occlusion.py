"""What a unit loses when parts of what it sees are covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from booth_client.errors import InvalidParameter
from service.inspection.occlusion import (
    Occlusion,
    OcclusionTask,
    compute,
    grid,
    weighted_centre,
)
from tests.service.tiled import quarters, tiled_job, tiled_subject, write_tiled


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    return write_tiled(tmp_path / "tiled.onnx")


def made(tiled: Path, layer: str, unit: int, at: tuple[int, int] | None = None) -> Occlusion:
    task = OcclusionTask(tiled_subject(tiled, quarters()), layer, unit, at)
    return task.read(*compute(tiled_job(tiled, quarters(), **task.asked())))


def test_the_patch_slides_from_edge_to_edge_in_at_most_fifteen_steps() -> None:
    patches = grid((0, 10, 100, 15))
    assert (patches.width, patches.height) == (20, 1)
    assert (patches.lefts[0], patches.lefts[-1], len(patches.lefts)) == (0, 80, 15)
    assert patches.tops == [10, 11, 12, 13, 14]
    black = np.zeros((15, 100, 3), np.uint8)
    last = list(patches.covered(black))[-1]
    assert (last[14, 80:] == 127).all()
    assert last.sum() == 20 * 127 * 3
    rows, columns = patches.centres
    assert (rows[0], columns[0]) == (10.5, 10)


def test_the_centre_is_where_most_is_lost() -> None:
    patches = grid((0, 0, 5, 5))
    drop = np.zeros((5, 5))
    drop[1, 3], drop[1, 2], drop[4, 4], drop[0, 0] = 3, 3, 1, -9
    assert weighted_centre(drop, patches, (0, 0, 5, 5)) == (3, 1.5)
    assert weighted_centre(np.zeros((5, 5)), patches, (0, 0, 5, 5)) is None


def test_a_unit_loses_what_is_covered_of_what_it_sees(tiled: Path) -> None:
    told = made(tiled, "kernel", 0).content
    assert (told["layer"], told["unit"], told["at"], told["value"]) == ("kernel", 0, [0, 0], 200)
    assert told["box"] == told["occlusion"]["box"] == [0, 0, 8, 8]
    assert told["occlusion"]["patch"] == [2, 2]
    assert (told["occlusion"]["rows"], told["occlusion"]["columns"]) == (7, 7)
    # Of 64 pixels 4 are grey, in place of 200 red.
    assert np.array(told["occlusion"]["drop"]) == pytest.approx(4 / 64 * (200 - 127))
    assert told["centre"] == [4, 4]


def test_a_place_may_be_named_and_may_have_nothing_to_lose(tiled: Path) -> None:
    told = made(tiled, "kernel", 0, (1, 0)).content
    assert (told["at"], told["value"], told["box"]) == ([1, 0], 0, [0, 8, 8, 8])
    assert told["centre"] is None


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"layer": "none"}, "This model has no layer 'none'"),
        ({"unit": 3}, "The units of layer kernel are 0 to 2; there is no unit 3."),
        ({"at": (2, 0)}, "Layer kernel has 2 rows and 2 columns, counted from 0; there is no row"),
    ],
)
def test_what_won_t_do_is_said(tiled: Path, asked: dict[str, Any], sentence: str) -> None:
    fields: dict[str, Any] = {"layer": "kernel", "unit": 0, "at": None}
    with pytest.raises(InvalidParameter, match=sentence):
        made(tiled, **fields | asked)


def test_its_cost_is_foreseen(tiled: Path) -> None:
    subject = tiled_subject(tiled, quarters())
    task = OcclusionTask(subject, "kernel", 0, None)
    assert task.work_s() < 0.1
    assert task.run_bytes() > 4 * 16 * 16 * 800
