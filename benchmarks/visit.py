"""What a first visit to the page costs on a slow line: paint, shift, bytes, first answer.

    python -m benchmarks.visit [--url URL]

A browser with an empty cache opens the page over a line as slow as DevTools' "Fast 3G" (1.44
Mbit/s down, 0.675 up, 563 ms a request), takes a sample, and later a photograph of 12 megapixels.
Bytes are those on the wire, headers included. Ends with 1 where a figure misses its bound.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, sync_playwright

from benchmarks.soak import serving
from benchmarks.systems import ROOT

__all__ = ["BOUNDS", "SCREENS", "Visit", "camera_photo", "visit", "wait_for_page"]

FAST_3G = {
    "offline": False,
    "latency": 562.5,  # milliseconds
    "downloadThroughput": 1.44e6 / 8,  # bytes a second
    "uploadThroughput": 0.675e6 / 8,
}
SCREENS = {
    "phone": ViewportSize(width=390, height=844),
    "desk": ViewportSize(width=1280, height=800),
}
WATCH = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
ANSWER = "#view .labels:not(.empty) li"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit.

    Attributes:
        paint_s: seconds to the first contentful paint.
        answer_s: seconds from the address to the first answer, to a sample taken as soon as it can.
        kilobytes: on the wire until that answer.
        photo_s: seconds from choosing a photograph of 12 megapixels to its answer.
        shift: the sum of all layout shifts that the visitor did not cause.

    """

    paint_s: float
    answer_s: float
    kilobytes: float
    photo_s: float
    shift: float


BOUNDS = Visit(paint_s=2, answer_s=6, kilobytes=200, photo_s=10, shift=0.02)


def camera_photo() -> bytes:
    """A photograph of 12 megapixels with a camera's grain, some megabytes."""
    with Image.open(ROOT / "demo/samples/tracks.jpg") as photo:
        large = np.asarray(photo.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC))
    grain = 6 * np.random.default_rng(0).standard_normal(large.shape, np.float32)
    packed = io.BytesIO()
    noisy = Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))
    noisy.save(packed, "JPEG", quality=88)
    return packed.getvalue()


def wait_for_page(url: str) -> None:
    """Wait until a service's page is open: it is loaded after the models."""
    while "gradio_config" not in httpx.get(url).text:
        time.sleep(0.2)


def visit(browser: Browser, url: str, screen: ViewportSize, photo: bytes) -> Visit:
    """Visit the page once, with nothing in the cache."""
    with contextlib.closing(browser.new_context(viewport=screen)) as context:
        page = context.new_page()
        page.add_init_script(f"({WATCH})()")
        wire = _Wire(page)
        start = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.locator("[data-sample=coffee]").click()
        page.locator(ANSWER).first.wait_for(timeout=60_000)
        answer_s, kilobytes = time.perf_counter() - start, wire.kilobytes
        page.wait_for_function("document.querySelector('gradio-app #booth')", timeout=60_000)
        page.wait_for_timeout(1000)
        photo_s = _photo_s(page, photo)
        paint_s = page.evaluate(PAINTED) / 1000
        return Visit(paint_s, answer_s, kilobytes, photo_s, page.evaluate("window.shifted"))


def _photo_s(page: Page, photo: bytes) -> float:
    file = FilePayload(name="photo.jpg", mimeType="image/jpeg", buffer=photo)
    with page.expect_response("**/classify*", timeout=120_000) as answered:
        page.locator("#photo input[type=file]").set_input_files(files=[file])
        start = time.perf_counter()
    assert answered.value.ok  # noqa: S101 (a benchmark's own check)
    page.locator(ANSWER).first.wait_for()
    return time.perf_counter() - start


class _Wire:
    """What goes over the line, which is slow from now on."""

    def __init__(self, page: Page) -> None:
        self._bytes = 0.0
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", FAST_3G)
        devtools.on("Network.loadingFinished", self._add)

    def _add(self, event: dict[str, Any]) -> None:
        self._bytes += event["encodedDataLength"]

    @property
    def kilobytes(self) -> float:
        return self._bytes / 1000


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        with playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]) as browser:
            yield browser


def main() -> None:
    """Visit a page on a phone's screen and on a desk's, and print what it took."""
    parser = argparse.ArgumentParser(prog="benchmarks.visit", description=__doc__)
    parser.add_argument("--url", help="of a running page; else one is started")
    options = parser.parse_args()
    photo = camera_photo()
    missed = False
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(serving())[0]
        wait_for_page(url)
        browser = stack.enter_context(_browser())
        print(f"{'':8} {'paint s':>9} {'answer s':>9} {'kB':>9} {'12 MP s':>9} {'shift':>9}")
        for name, screen in SCREENS.items():
            got = visit(browser, url, screen, photo)
            print(_row(name, got))
            missed |= any(getattr(got, field) > getattr(BOUNDS, field) for field in Visit.__slots__)
        print(_row("at most", BOUNDS))
    sys.exit(missed)


def _row(name: str, one: Visit) -> str:
    return (
        f"{name:8} {one.paint_s:9.2f} {one.answer_s:9.2f} {one.kilobytes:9.0f} "
        f"{one.photo_s:9.2f} {one.shift:9.3f}"
    )


if __name__ == "__main__":
    main()
