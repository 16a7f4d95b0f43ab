"""The front of occlusion, over a real socket."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from booth_client import AsyncClient, Client, Occlusion
from tests.servers import Inside
from tests.service.tiled import quarters

pytestmark = pytest.mark.xdist_group("looking")


def test_the_client_learns_what_covering_costs(looking: Inside) -> None:
    with Client(looking.url) as booth:
        found = booth.occlusion(quarters(), "kernel", 0)
        elsewhere = booth.occlusion(quarters(), "kernel", 0, at=(1, 1))
    assert isinstance(found, Occlusion)
    assert (found.model, found.layer, found.unit, found.at) == ("tiled", "kernel", 0, [0, 0])
    assert (found.value, found.box, found.centre) == (200, [0, 0, 8, 8], [4, 4])
    assert (found.view.width, found.occlusion.rows, found.occlusion.patch) == (16, 7, [2, 2])
    assert {one for row in found.occlusion.drop for one in row} == {4.5625}
    assert (elsewhere.at, elsewhere.value, elsewhere.centre) == ([1, 1], 10, None)
    assert found.timing_ms.total > 0


def test_the_asynchronous_client_learns_the_same(looking: Inside) -> None:
    async def ask() -> Occlusion:
        async with AsyncClient(looking.url) as booth:
            return await booth.occlusion(quarters(), "kernel", 0, at=(1, 1))

    found = asyncio.run(ask())
    assert (found.at, found.value, found.centre) == ([1, 1], 10, None)


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ("unit=1", "Say which unit of which layer, as with layer=NAME&unit=0."),
        ("layer=kernel", "Say which unit of which layer, as with layer=NAME&unit=0."),
        ("layer=kernel&unit=0&row=1", "A place has a row and a column; send both, or none."),
        ("layer=kernel&unit=7", "The units of layer kernel are 0 to 2; there is no unit 7."),
    ],
)
def test_what_won_t_do_is_said(looking: Inside, params: str, detail: str) -> None:
    response = httpx.post(f"{looking.url}/occlusion?{params}", content=quarters(), timeout=60)
    assert (response.status_code, response.json()["detail"]) == (422, detail)


def test_what_can_t_be_done_in_time_is_refused(looking: Inside) -> None:
    url = f"{looking.url}/occlusion?layer=kernel&unit=0&timeout_ms=1"
    response = httpx.post(url, content=quarters())
    assert response.status_code in {503, 504}
