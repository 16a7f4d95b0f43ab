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
    out = tmp_path / "page.png"
    subprocess.run([sys.executable, "-m", "demo.screenshot", "--url", site, out], check=True)
    assert out.stat().st_size < 300_000
    with Image.open(out) as picture:
        assert picture.width == 1280
