from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from benchmarks.photographs import enlarged
from benchmarks.shrink import (
    Comparison,
    compare,
    keep,
    kept_comparisons,
    shrink,
    shrinking_page,
    summary,
)
from service.fleet.local import local_classifier

pytestmark = pytest.mark.xdist_group("chromium")

LARGE_MEGAPIXELS = 3


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if not shutil.which("chromium"):
        pytest.skip("there is no Chromium")
    with shrinking_page() as found:
        yield found


def _sideways(photo: bytes) -> bytes:
    """The same photograph, stored a quarter turn off with the tag that turns it back."""
    image, file = Image.open(io.BytesIO(photo)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=90, exif=exif)
    return file.getvalue()


def test_what_is_sent_is_small_and_stands_upright(page: Page, photos: dict[str, bytes]) -> None:
    large = _sideways(enlarged(photos["rocket"], LARGE_MEGAPIXELS))

    shrunk = shrink(page, large)

    image = Image.open(io.BytesIO(shrunk.photo))
    assert image.format == "JPEG"
    assert image.height == shrunk.side
    assert image.width == pytest.approx(shrunk.side * 640 / 427, abs=1)
    assert not image.getexif()
    assert len(shrunk.photo) < len(large) / 2


def test_a_small_file_is_sent_as_it_is(page: Page, photos: dict[str, bytes]) -> None:
    assert shrink(page, photos["chelsea"]).photo == photos["chelsea"]


def test_the_shrunk_photograph_gets_the_same_answer(page: Page, photos: dict[str, bytes]) -> None:
    large = enlarged(photos["coffee"], LARGE_MEGAPIXELS)
    with local_classifier("efficientnet_lite0") as classifier:
        (found,) = compare("objects", "coffee", large, page, {"efficientnet_lite0": classifier})

    assert found.is_same
    assert found.difference <= 0.1
    assert found.before == len(large)
    assert found.after < found.before


def _comparison(name: str, difference: float, *, is_same: bool) -> Comparison:
    return Comparison("scenes", name, "places365", is_same, difference, 2_000_000, 60_000, 80.5)


def test_the_table_has_the_shares_and_the_means() -> None:
    found = [_comparison("a", 0.01, is_same=True), _comparison("b", 0.02, is_same=False)]

    (row,) = summary(found)

    assert row == ["scenes", "places365", "2", "50.0%", "0.0150", "2000", "60", "80"]


def test_a_later_run_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    rows = tmp_path / "build/rows.csv"
    first, second = _comparison("a", 0.25, is_same=True), _comparison("b", 0.5, is_same=False)
    assert kept_comparisons(rows) == []

    keep(rows, [first])
    keep(rows, [second])

    assert kept_comparisons(rows) == [first, second]
