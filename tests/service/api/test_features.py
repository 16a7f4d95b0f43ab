"""The front of features, over a real socket."""

from __future__ import annotations

import asyncio
import io

import httpx
import numpy as np
import pytest

from booth_client import AsyncClient, Client, Features, UnsupportedFormat
from tests.servers import Inside
from tests.service.asking import coloured, samples
from tests.service.tiled import quarters

pytestmark = pytest.mark.xdist_group("looking")

MEANS = [52.5, 30.0, 20.0]  # of the quarters' red, green and blue


def test_pooled_features_come_from_the_serving_network(looking: Inside) -> None:
    before = samples(looking.url)
    with Client(looking.url) as booth:
        first, wrong, last = booth.features([quarters(), b"text", coloured((1, 2, 3), 16)])
    after = samples(looking.url)
    assert isinstance(first, Features)
    assert (first.model, first.version, first.size, first.layer) == ("tiled", "1", 3, None)
    assert first.features == pytest.approx(MEANS)
    assert isinstance(wrong, UnsupportedFormat)
    assert isinstance(last, Features)
    assert last.features == pytest.approx([1, 2, 3])
    name = 'booth_inspection_requests_total{model="tiled",outcome="ok",what="features"}'
    assert after[name] - before.get(name, 0) == 1
    assert [one for one in after if one.startswith("booth_requests") and one not in before] == []


def test_a_layer_s_features_are_its_units_means(looking: Inside) -> None:
    async def asked() -> list[object]:
        async with AsyncClient(looking.url) as booth:
            return list(await booth.features([quarters(), b"text"], layer="kernel"))

    first, wrong = asyncio.run(asked())
    assert isinstance(first, Features)
    assert first.layer == "kernel"
    assert first.features == pytest.approx(MEANS)
    assert isinstance(wrong, UnsupportedFormat)


@pytest.mark.parametrize("query", ["", "?layer=kernel"])
def test_a_numpy_file_has_a_row_for_each_photograph(looking: Inside, query: str) -> None:
    files = [("photo", quarters()), ("photo", coloured((1, 2, 3), 16))]
    headers, url = {"Accept": "application/x-npy"}, f"{looking.url}/features{query}"
    response = httpx.post(url, files=files, headers=headers, timeout=60)
    assert response.headers["Content-Type"] == "application/x-npy"
    rows = np.load(io.BytesIO(response.content))
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.array([MEANS, [1, 2, 3]]))
    wrong = httpx.post(url, files=[*files, ("photo", b"text")], headers=headers, timeout=60)
    assert wrong.status_code == 415


def test_one_photograph_s_error_is_the_answer(looking: Inside) -> None:
    for query in ("", "?layer=kernel"):
        url = f"{looking.url}/features{query}"
        assert httpx.post(url, content=b"text", timeout=60).status_code == 415


def test_a_file_that_gives_no_features_is_said_to(looking: Inside) -> None:
    response = httpx.post(f"{looking.url}/features?model=tiny", content=quarters(), timeout=60)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("The file of tiny does not give its pooled feat")
