from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from benchmarks import chromium
from benchmarks.chromium import KNOWN, Comparison, compare
from benchmarks.files import File, generated_files
from benchmarks.files.photograph import encode, photograph
from service.photo.decode import DecodedPhoto, decode

pytestmark = pytest.mark.xdist_group("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which("chromium"):
        pytest.skip("there is no Chromium")
    with chromium.chromium() as running:
        yield running


def test_booth_sees_of_every_file_what_chromium_shows(browser: Browser) -> None:
    found = list(compare(generated_files(), browser))
    assert [one for one in found if one.is_fault] == []
    assert sum(one.verdict == "same" for one in found) >= 200
    seen = {one.reason for one in found}
    assert [reason for _, _, reason in KNOWN if reason not in seen] == [], "no longer differ"


def test_a_picture_that_lies_the_other_way_differs(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = File("JPEG/turned", encode(photograph(), "JPEG"))

    def turned(data: bytes, *wanted: Any) -> DecodedPhoto:
        seen = decode(data, *wanted)
        pixels = seen.pixels[::-1] if data == whole.data else seen.pixels
        return DecodedPhoto(pixels, seen.width, seen.height, seen.seen)

    assert [one.verdict for one in compare([whole], browser)] == ["same"]
    monkeypatch.setattr(chromium, "decode", turned)
    (found,) = compare([whole], browser)
    assert found.is_fault
    assert found.verdict == "differs"


@pytest.mark.parametrize(
    ("data", "verdict", "is_fault"),
    [
        (encode(photograph(), "TIFF"), "Chromium refuses", True),
        (b"no picture", "both refuse", False),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "both refuse", False),
    ],
)
def test_who_refuses_is_told(browser: Browser, data: bytes, verdict: str, is_fault: bool) -> None:
    (found,) = compare([File("any", data)], browser)
    assert (found.verdict, found.is_fault) == (verdict, is_fault)


def test_what_is_explained_is_no_fault() -> None:
    assert Comparison("a", "differs").is_fault
    assert not Comparison("a", "differs", reason="as it should be").is_fault
    assert not Comparison("a", "same").is_fault
