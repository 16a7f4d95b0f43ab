"""The front of label maps, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from booth_client import Client, LabelMap, UnknownModel
from tests.servers import Inside, serving_inside
from tests.service.asking import samples
from tests.service.tiled import write_tiled

PHOTO = {"width": 451, "height": 300}


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Inside]:
    model = write_tiled(tmp_path_factory.mktemp("models") / "tiled.onnx")
    with serving_inside(models=f"{model},{tiny}", deadline_ms=60_000) as inside:
        yield inside


def ask(inside: Inside, body: bytes, **params: str | int) -> httpx.Response:
    return httpx.post(f"{inside.url}/label-map", content=body, params=params, timeout=60)


def test_the_answer_is_the_grid_over_the_whole_photograph(
    inside: Inside, photos: dict[str, bytes]
) -> None:
    response = ask(inside, photos["chelsea"], top_k=2, step=4)
    answer = response.raise_for_status().json()
    assert (answer["model"], answer["version"]) == ("tiled", "1")
    assert answer["view"] == {**PHOTO, "box": [0, 0, 451, 300]}
    cells = answer["cells"]
    assert (cells["rows"], cells["columns"], cells["step"]) == (4, 6, 4)
    assert cells["box"] == [0, 0, 451, 300]
    assert {one["category"] for one in cells["labels"]} <= {"red", "green", "blue"}
    for rows, most in ((cells["first"], len(cells["labels"]) - 1), (cells["confidences"], 1)):
        assert [[len(cell) for cell in row] for row in rows] == [[2] * 6] * 4
        assert all(0 <= one <= most for row in rows for cell in row for one in cell)
    assert [one["index"] for one in answer["predictions"]] == [0, 1]
    assert answer["timing_ms"]["total"] > 0
    assert response.headers["Server-Timing"].startswith("decode;dur=")


def test_parameters_may_stand_in_a_form(inside: Inside, photos: dict[str, bytes]) -> None:
    fields = {"step": "4", "scale": "2", "top_k": "1"}
    files = {"photo": photos["chelsea"]}
    url = f"{inside.url}/label-map"
    response = httpx.post(url, data=fields, files=files, timeout=60)
    cells = response.raise_for_status().json()["cells"]
    assert (cells["rows"], cells["columns"], len(cells["first"][0][0])) == (8, 12, 1)


def test_the_client_asks_for_a_label_map(inside: Inside, photos: dict[str, bytes]) -> None:
    with Client(inside.url) as booth:
        found = booth.label_map(photos["chelsea"], top_k=1, step=8, scale=2)
        with pytest.raises(UnknownModel):
            booth.label_map(photos["chelsea"], model="none")
    assert isinstance(found, LabelMap)
    assert (found.cells.rows, found.cells.columns, found.cells.step) == (4, 6, 8)
    assert found.predictions[0].category == "red"


@pytest.mark.parametrize(
    ("params", "status", "detail"),
    [
        ({"step": 5}, 422, "step must be one of 8, 4 for this model, not 5."),
        ({"scale": 5}, 422, "scale must be a whole number from 1 to 4, not '5'."),
        ({"steps": 4}, 422, "There is no parameter 'steps'; did you mean step?"),
        (
            {"model": "tiny"},
            422,
            (
                "This model gives no maps that divide its input into cells; ask "
                "another one, or export it with `booth export`."
            ),
        ),
        ({"model": "tile"}, 404, "There is no model 'tile'; did you mean 'tiled'?"),
    ],
)
def test_what_won_t_do_is_said(
    inside: Inside,
    photos: dict[str, bytes],
    params: dict[str, str | int],
    status: int,
    detail: str,
) -> None:
    response = ask(inside, photos["chelsea"], **params)
    assert (response.status_code, response.json()["detail"]) == (status, detail)


def test_it_takes_one_photograph(inside: Inside, photos: dict[str, bytes]) -> None:
    files = [("photo", photos["chelsea"]), ("photo", photos["coffee"])]
    response = httpx.post(f"{inside.url}/label-map", files=files)
    assert response.status_code == 413
    assert response.json()["detail"].startswith("A label map is made of one photograph")


def test_what_is_no_photograph_is_refused_as_everywhere(inside: Inside) -> None:
    assert ask(inside, b"").json()["type"] == "/problems/bad-image"
    assert ask(inside, b"text").json()["type"] == "/problems/unsupported-format"


def test_its_requests_count_by_themselves(inside: Inside, photos: dict[str, bytes]) -> None:
    before = samples(inside.url)
    ask(inside, photos["chelsea"])
    ask(inside, photos["chelsea"], step=5)
    after = samples(inside.url)
    changed = {
        name
        for name, value in after.items()
        if name.startswith("booth_inspection") and value != before.get(name)
    }
    assert {
        'booth_inspection_requests_total{model="tiled",outcome="ok",what="label-map"}',
        'booth_inspection_requests_total{model="tiled",outcome="invalid_parameter",what="label-map"}',
        'booth_inspection_duration_seconds_count{model="tiled",what="label-map"}',
    } <= changed
    apart = ("booth_requests", "booth_request_duration", "booth_images", "booth_stage")
    assert [one for one in after if one.startswith(apart) and after[one] != before.get(one)] == []
