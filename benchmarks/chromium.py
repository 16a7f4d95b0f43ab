"""What Booth sees of a file, held against what Chromium shows of it.

Some 280 files are generated. Each is drawn by Chromium over white; what Booth decodes of the file
is compared with what it decodes of Chromium's pixels in a lossless file. Prints each file on which
the two differ, and fails for those that ``KNOWN`` doesn't explain.

    python -m benchmarks.chromium [--only JPEG/] [--url http://127.0.0.1:8000]

With ``--url`` the answers of a running service are compared as well: first label and confidence.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.files import File, generated_files
from booth_client import BadRequest, Client, Prediction
from models.card import Input
from service.photo.decode import decode

__all__ = ["KNOWN", "Comparison", "chromium", "compare", "main"]

# Colours as they are, and no service of the browser's maker.
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# The whole picture squashed into a square: what was lost or turned anywhere shows.
WANTED = Input(size=96, resize=96, keep_aspect=False, interpolation="bilinear")

# Of the squares, in levels of 255: what decoders of the same standard differ by.
_MEAN, _WORST = 2.0, 24

_DRAW = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const image = new Image();
  const shown = new Promise((resolve) => {
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
  });
  image.src = URL.createObjectURL(new Blob([bytes]));
  if (!(await shown) || !image.naturalWidth || !image.naturalHeight) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", {colorSpace: "srgb"});
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  URL.revokeObjectURL(image.src);
  return canvas.toDataURL("image/png").split(",")[1];
}"""

_LITTLE = "less than nine tenths of the picture are there, which is no photograph to label"
_WHOLE = "its library gives a picture whole or not at all; Chromium shows an empty one"
_EDGE = "one of the two shows a row or a block more at the edge of what is missing"
_END = "Chromium drops the last rows, though they are there"
_PALETTE = "an error by the standard: black here, a colour of the palette in Chromium"
_PASSES = "Chromium fills the places that are missing in from coarser passes"
_ALPHA = "many programs write 32 bits and mean no alpha: a picture here, nothing in Chromium"
_MATRIX = "Chromium's colours are off, those here are the original's"
_EXIF = "RFC 9649 has Exif, which Chromium ignores and Safari heeds: photographs stand upright here"

# Pattern of a name, what is seen, and why it is right so.
KNOWN: tuple[tuple[str, str, str], ...] = (
    (r"JPEG/sequential, (no end marker|an end marker of zeros)", "differs", _END),
    (r"(JPEG|GIF|BMP)/.*, 9\d % of it|GIF/9\d % of it", "differs", _EDGE),
    (r"(JPEG|GIF|BMP|PNG)/(.*, )?(92|60) % of it", "Booth refuses", _LITTLE),
    (r"PNG/palette too short", "differs", _PALETTE),
    # The next three since Chromium 156.0.8078.108, whose decoders are new.
    (r"PNG/interlaced, 95 % of it", "differs", _PASSES),
    (r"BMP/32 bits, header of (56|108|124), alpha all 0", "differs", _ALPHA),
    (r"AVIF/(see-through|animated)", "differs", _MATRIX),
    (r"WebP/orientation .*", "differs", _EXIF),
    (r"(WebP|AVIF)/(.*, )?\d\d % of it", "Booth refuses", _WHOLE),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One file, seen by both.

    Attributes:
        name: the file's.
        verdict: ``same``, ``differs``, ``both refuse``, ``Booth refuses`` or ``Chromium refuses``.
        detail: how far they are apart, or what Booth says.
        reason: why a difference is right so, where that is known.

    """

    name: str
    verdict: str
    detail: str = ""
    reason: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether they differ, and nobody says why."""
        return self.verdict not in {"same", "both refuse"} and self.reason is None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser: the machine's own, or else Playwright's."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        with playwright.chromium.launch(executable_path=path, args=list(SWITCHES)) as browser:
            yield browser


def compare(
    files: Iterable[File], browser: Browser, service: Client | None = None
) -> Iterator[Comparison]:
    """Show each file to both.

    Args:
        files: as ``generated_files`` makes them.
        browser: a running Chromium.
        service: asked for its answers, too, where given.

    """
    with browser.new_page() as page:
        for file in files:
            yield _explained(_compared(file, page, service))


def _compared(file: File, page: Page, service: Client | None) -> Comparison:
    shown = _drawn(page, file.data)
    try:
        seen = decode(file.data, WANTED).pixels
    except BadRequest as refusal:
        verdict = "Booth refuses" if shown else "both refuse"
        return Comparison(file.name, verdict, str(refusal))
    if not shown:
        return Comparison(file.name, "Chromium refuses")
    detail = _apart(seen, decode(shown, WANTED).pixels)
    if not detail and service:
        detail = _answers_apart(service, file.data, shown)
    return Comparison(file.name, "differs" if detail else "same", detail)


def _drawn(page: Page, data: bytes) -> bytes | None:
    """What Chromium shows, as a PNG; None where it shows nothing."""
    encoded = page.evaluate(_DRAW, base64.b64encode(data).decode())
    if encoded is None:
        return None
    file = io.BytesIO()  # without anything that Chromium writes beside the pixels
    Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB").save(file, "PNG")
    return file.getvalue()


def _apart(seen: NDArray[np.uint8], shown: NDArray[np.uint8]) -> str:
    levels = np.abs(seen.astype(np.int16) - shown)
    if levels.mean() <= _MEAN and np.percentile(levels, 99) <= _WORST:
        return ""
    return f"{levels.mean():.1f} levels on average, {np.percentile(levels, 99):.0f} at 99 %"


def _answers_apart(service: Client, data: bytes, shown: bytes) -> str:
    first, second = (_first(service, photo) for photo in (data, shown))
    if abs(first.confidence - second.confidence) <= _CONFIDENCE:
        return ""
    return f"{first.label} {first.confidence:.2f}, not {second.label} {second.confidence:.2f}"


_CONFIDENCE = 0.1  # of a photograph of 150 x 100 pixels, which a JPEG's decoder may blur more


def _first(service: Client, photo: bytes) -> Prediction:
    return service.classify(photo, top_k=1).predictions[0]


def _explained(comparison: Comparison) -> Comparison:
    for pattern, verdict, reason in KNOWN:
        if verdict == comparison.verdict and re.fullmatch(pattern, comparison.name):
            return Comparison(comparison.name, comparison.verdict, comparison.detail, reason)
    return comparison


def main() -> int:
    """Compare all, print what differs, and count."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chromium")
    parser.add_argument("--only", default="", help="files whose names begin with this")
    parser.add_argument("--url", help="of a service whose answers are compared, too")
    arguments = parser.parse_args()
    files = [file for file in generated_files() if file.name.startswith(arguments.only)]
    service = Client(arguments.url) if arguments.url else None
    with chromium() as browser:
        found = list(compare(files, browser, service))
    counts: dict[str, int] = {}
    for comparison in found:
        counts[comparison.verdict] = counts.get(comparison.verdict, 0) + 1
        if comparison.verdict != "same":
            print(f"{comparison.name}: {comparison.verdict}. {comparison.detail}")
            print(f"    {comparison.reason or ('' if not comparison.is_fault else 'UNEXPLAINED')}")
    print(f"{len(found)} files: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return any(comparison.is_fault for comparison in found)


if __name__ == "__main__":
    raise SystemExit(main())
