"""The front of activations, over a real socket."""

from __future__ import annotations

import asyncio
import io

import httpx
import numpy as np
import pytest
from PIL import Image

from booth_client import Activations, AsyncClient, Client, InvalidParameter
from tests.servers import Inside
from tests.service.asking import samples
from tests.service.tiled import quarters

pytestmark = pytest.mark.xdist_group("looking")


def ask(looking: Inside, accept: str = "*/*", **params: str) -> httpx.Response:
    url, headers = f"{looking.url}/activations", {"Accept": accept}
    return httpx.post(url, content=quarters(), params=params, headers=headers, timeout=60)


def test_the_client_gets_units_maps_and_labels(looking: Inside) -> None:
    with Client(looking.url) as booth:
        found = booth.activations(quarters(), "kernel", units=[2, 0], maps="numbers", top_k=1)
        several = booth.activations(quarters(), ["kernel", "pooled"], units="all")
        with pytest.raises(InvalidParameter, match="no layer 'none'"):
            booth.activations(quarters(), "none")
    assert isinstance(found, Activations)
    (layer,) = found.layers
    assert (layer.layer, layer.shape) == ("kernel", [2, 2, 3])
    blue, red = layer.units
    assert (blue.unit, blue.value, blue.at, blue.box) == (2, 50, [1, 0], [0, 8, 8, 8])
    assert (red.unit, red.map) == (0, [[200, 0], [0, 10]])
    assert [len(one.units) for one in several.layers] == [3, 3]
    assert [one.category for one in found.predictions] == ["red"]
    assert found.timing_ms.total > 0


def test_the_asynchronous_client_gets_the_same(looking: Inside) -> None:
    async def ask() -> Activations:
        async with AsyncClient(looking.url) as booth:
            return await booth.activations(quarters(), "kernel", units=[0], maps="numbers")

    ((red,),) = (layer.units for layer in asyncio.run(ask()).layers)
    assert (red.unit, red.value, red.map) == (0, 200, [[200, 0], [0, 10]])


def test_the_labels_are_those_of_the_served_answer(looking: Inside) -> None:
    given = ask(looking, layer="classifier", top_k="3").json()["predictions"]
    served = httpx.post(f"{looking.url}/classify?top_k=3", content=quarters()).json()
    assert given == served["predictions"]


def test_a_sheet_is_a_picture(looking: Inside) -> None:
    response = ask(looking, "image/png", layer="kernel", units="2")
    assert response.headers["Content-Type"] == "image/png"
    sheet = np.asarray(Image.open(io.BytesIO(response.content)))
    assert sheet.tolist() == [[255, 0, 0, 0, 255], [0, 13, 0, 0, 51]]


def test_parameters_may_stand_in_a_form(looking: Inside) -> None:
    url, fields = f"{looking.url}/activations", {"layer": "kernel", "units": "1"}
    response = httpx.post(url, data=fields, files={"photo": quarters()}, timeout=60)
    assert [one["unit"] for one in response.json()["layers"][0]["units"]] == [0]


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({}, "Say which layers: layer=NAME, of GET /models/NAME/layers, or * for all."),
        ({"layer": "a,a"}, "layer names a layer twice; name each once."),
        ({"layer": "a," * 600}, "layer has more than 512 names; ask for fewer, or for *."),
        ({"layer": "a", "maps": "jpg"}, "maps must be one of numbers, png, none, not 'jpg'."),
        ({"layer": "a", "units": "0"}, "units must be a whole number from 1 to 2048, not '0'."),
        ({"layer": "a", "unit": "1,1"}, "unit names a number twice; name each once."),
        ({"layer": "a", "unit": "-1"}, "unit must be a whole number from 0 to 1000000, not '-1'."),
        (
            {"layer": "a", "unit": "1", "units": "1"},
            "units says how many units, unit says which; send one of the two parameters.",
        ),
    ],
)
def test_what_won_t_do_is_said(looking: Inside, params: dict[str, str], detail: str) -> None:
    response = ask(looking, **params)
    assert (response.status_code, response.json()["detail"]) == (422, detail)


def test_a_sheet_is_of_one_layer(looking: Inside) -> None:
    response = ask(looking, "image/png", layer="*")
    assert response.json()["detail"].startswith("A sheet shows one layer;")


def test_it_takes_one_photograph(looking: Inside) -> None:
    files = [("photo", quarters()), ("photo", quarters())]
    response = httpx.post(f"{looking.url}/activations?layer=kernel", files=files)
    assert response.status_code == 413
    assert response.json()["detail"].startswith("Activations are those of one photograph;")


def test_its_requests_count_by_what_they_ask_for(looking: Inside) -> None:
    before = samples(looking.url)
    ask(looking, layer="kernel")
    ask(looking, layer="none")
    after = samples(looking.url)
    for outcome in ("ok", "invalid_parameter"):
        labels = f'model="tiled",outcome="{outcome}",what="activations"'
        name = f"booth_inspection_requests_total{{{labels}}}"
        assert after[name] - before.get(name, 0) == 1
