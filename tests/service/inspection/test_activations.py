"""What the units of layers answer to a photograph."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from booth_client.errors import InvalidParameter
from service.inspection.activations import Activations, ActivationsTask, Asked, compute
from tests.service.tiled import quarters, tiled_job, tiled_subject, write_tiled


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    return write_tiled(tmp_path / "tiled.onnx")


def asked(**changes: Any) -> Asked:
    fields: dict[str, Any] = {"layers": ("kernel",), "units": 2, "unit": (), "maps": "none"}
    return Asked(**fields | {"as_sheet": False} | changes)


def made(tiled: Path, **changes: Any) -> Activations:
    task = ActivationsTask(tiled_subject(tiled, quarters()), asked(**changes))
    told, body = compute(tiled_job(tiled, quarters(), **task.asked()))
    return task.read(told, body)


def layers(tiled: Path, **changes: Any) -> Any:
    return json.loads(made(tiled, **changes).content)


def test_the_units_of_the_largest_values_come_first_with_what_they_saw(tiled: Path) -> None:
    answer = made(tiled, maps="numbers")
    assert (answer.view.width, answer.view.height, answer.view.box) == (16, 16, [0, 0, 16, 16])
    assert answer.probabilities.sum() == pytest.approx(1)
    (layer,) = json.loads(answer.content)
    assert (layer["layer"], layer["shape"]) == ("kernel", [2, 2, 3])
    assert layer["units"] == [
        {
            "unit": 0,
            "value": 200,
            "mean": 52.5,
            "at": [0, 0],
            "box": [0, 0, 8, 8],
            "map": [[200, 0], [0, 10]],
        },
        {
            "unit": 1,
            "value": 100,
            "mean": 30,
            "at": [0, 1],
            "box": [8, 0, 8, 8],
            "map": [[0, 100], [0, 20]],
        },
    ]


def test_units_may_be_named(tiled: Path) -> None:
    (layer,) = layers(tiled, unit=(2, 0))
    assert [(one["unit"], one["value"], one["at"]) for one in layer["units"]] == [
        (2, 50, [1, 0]),
        (0, 200, [0, 0]),
    ]
    assert "map" not in layer["units"][0]


def test_maps_may_be_pictures_but_for_one_place(tiled: Path) -> None:
    kernel, pooled, classifier = layers(tiled, layers=("*",), units=0, maps="png")
    unit = kernel["units"][0]
    picture = Image.open(io.BytesIO(base64.b64decode(unit["map"].partition(",")[2])))
    assert np.asarray(picture).tolist() == [[255, 0], [0, 13]]
    assert (unit["least"], unit["most"]) == (0, 200)
    assert [len(one["units"]) for one in (kernel, pooled, classifier)] == [3, 3, 3]
    assert "map" not in pooled["units"][0]
    assert pooled["units"][0]["value"] == 52.5
    assert pooled["units"][0]["box"] == [0, 0, 16, 16]


def test_a_sheet_shows_the_maps_side_by_side(tiled: Path) -> None:
    sheet = Image.open(io.BytesIO(made(tiled, as_sheet=True).content))
    assert np.asarray(sheet).tolist() == [[255, 0, 0, 0, 255], [0, 13, 0, 0, 51]]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"layers": ("none",)}, "This model has no layer 'none'; it has kernel, pooled, class"),
        ({"unit": (0, 3)}, "The units of layer kernel are 0 to 2; there is no unit 3."),
    ],
)
def test_what_won_t_do_is_said(tiled: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParameter, match=sentence):
        made(tiled, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"units": 0}, "at most 2 units of a layer; ask for units=2."),
        ({"layers": ("*",)}, "at most 4 units; ask for fewer of each layer, as with units=1,"),
        (
            {"maps": "numbers"},
            "have 8 places, .* at most 4 of them as numbers; units=1 or maps=none would do",
        ),
        ({"maps": "png"}, "at most 5 of them as pictures; units=1 or maps=none would do"),
        ({"as_sheet": True}, "at most 5 of them as pictures"),
    ],
)
def test_too_large_an_answer_is_refused_before_the_network_runs(
    tiled: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], sentence: str
) -> None:
    bounds = {"MOST_UNITS": 2, "_MOST_OF_ALL": 4, "_MOST_NUMBERS": 4, "_MOST_PIXELS": 5}
    for name, value in bounds.items():
        monkeypatch.setattr(f"service.inspection.activations.{name}", value)
    with pytest.raises(InvalidParameter, match=sentence):
        made(tiled, **changes)


def test_its_cost_is_foreseen(tiled: Path) -> None:
    task = ActivationsTask(tiled_subject(tiled, quarters()), asked())
    assert 0 < task.work_s() < 0.1
    assert task.run_bytes() > 16 * 16 * 800
