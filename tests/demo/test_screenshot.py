"""The program that photographs the page for the README."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


@pytest.mark.usefixtures("browser")
def test_the_screenshot_is_small_and_as_wide_as_a_desktop(site: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    taken(picture, "--url", site)
    assert picture.stat().st_size < 300_000
    with Image.open(picture) as shown:
        assert shown.width == 1280


@pytest.mark.usefixtures("browser")
def test_the_preview_is_as_those_who_show_links_want_it(site: str, tmp_path: Path) -> None:
    picture = tmp_path / "preview.jpg"
    taken(picture, "--url", site, "--preview")
    assert picture.stat().st_size <= 80_000
    with Image.open(picture) as shown:
        assert (shown.size, shown.format) == ((1200, 630), "JPEG")


def taken(out: Path, *options: str) -> None:
    subprocess.run([sys.executable, "-m", "demo.screenshot", *options, out], check=True)
