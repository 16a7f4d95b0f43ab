"""A first visit to the page, measured."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from benchmarks import visit
from tests.browsers import launched
from tests.servers import Serve

pytestmark = pytest.mark.xdist_group("page")

QUICK = {**visit.FAST_3G, "latency": 1, "downloadThroughput": 1e8, "uploadThroughput": 1e8}


def test_the_photograph_is_as_large_as_a_cameras() -> None:
    photo = visit.camera_photo()
    assert Image.open(io.BytesIO(photo)).size == (4000, 3000)
    assert 2_000_000 < len(photo) < 12_000_000


def test_a_visit_is_measured_from_the_address_to_the_answer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "FAST_3G", QUICK)
    with serve(demo="on") as service, launched() as browser:
        visit.wait_for_page(service.url)
        got = visit.visit(browser, service.url, visit.SCREENS["phone"], visit.camera_photo())
    assert 0 < got.paint_s < got.answer_s
    assert 30 < got.kilobytes < visit.BOUNDS.kilobytes
    assert got.photo_s > 0
    assert got.shift <= visit.BOUNDS.shift
