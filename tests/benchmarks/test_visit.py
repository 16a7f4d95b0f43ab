"""A first visit to the page, measured."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from benchmarks import visit
from tests.browsers import launched

pytestmark = pytest.mark.xdist_group("page")

QUICK = {**visit.FAST_3G, "latency": 1, "downloadThroughput": 1e8, "uploadThroughput": 1e8}


@pytest.fixture(scope="module")
def photo() -> bytes:
    return visit.camera_photo()


def test_the_photograph_is_as_large_as_a_cameras(photo: bytes) -> None:
    assert Image.open(io.BytesIO(photo)).size == (4000, 3000)
    assert 2_000_000 < len(photo) < 12_000_000


def test_a_visit_is_measured_from_the_address_to_the_answer(
    site: str, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "FAST_3G", QUICK)
    with launched() as browser:
        visit.wait_for_page(site)
        got = visit.visit(browser, site, visit.SCREENS["phone"], photo)
    assert 0 < got.paint_s < got.answer_s
    assert 30 < got.kilobytes < visit.BOUNDS.kilobytes
    assert got.photo_s > 0
    assert got.shift <= visit.BOUNDS.shift
