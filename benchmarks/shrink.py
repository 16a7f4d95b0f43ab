"""What it changes in the answers that the page shrinks photographs before it sends them.

    python -m benchmarks.shrink [--photographs 1000] [--megapixels 6] [--rows build/shrink.csv]

Photographs of objects and of scenes are enlarged bicubically to a camera's size and saved as a
camera does, at JPEG quality 90. Chromium shrinks each with the page's own module. The service's
engine answers for the whole file and for the shrunk one, with both models that ship. Prints how
often the first labels agree, and how far apart the confidences of the whole file's first label are.

The comparisons are kept in a file, and a later run goes on from there: delete it to begin anew.
"""

from __future__ import annotations

import argparse
import base64
import csv
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from pathlib import Path

from playwright.sync_api import Page, Route

from benchmarks.chromium import chromium
from benchmarks.photographs import enlarged, read_photographs
from benchmarks.systems import ROOT
from benchmarks.table import markdown
from booth_client.wire import Prediction
from service.engine.classifier import Classifier
from service.fleet.local import local_classifier

__all__ = [
    "Comparison",
    "Shrunk",
    "compare",
    "keep",
    "kept_comparisons",
    "main",
    "shrink",
    "shrinking_page",
    "summary",
]

MODELS = ("efficientnet_lite0", "places365")
SOURCES = {
    "objects": ROOT.parent / "shared/photos/imagenet_1000.tar",
    "scenes": ROOT.parent / "shared/scenes/miniplaces_val.tar",
}
HEADINGS = (
    *("photographs", "model", "number", "same first label", "difference of its confidence"),
    *("kB before", "kB sent", "ms in the browser"),
)
_MODULES = ROOT / "demo/assets/js"
_ORIGIN = "http://page.invalid"
_ALL_LABELS = 1000

_SHRINK = """async (data) => {
  const { shrink, SIDE } = await import("/shrink.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const start = performance.now();
  const { blob } = await shrink(new File([bytes], "photo"), SIDE);
  const ms = performance.now() - start;
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
  return { data: url.split(",")[1], side: SIDE, ms };
}"""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What the page sends in place of a photograph.

    Attributes:
        photo: the file.
        side: pixels that the page wants of the shorter side.
        ms: that the browser took.

    """

    photo: bytes
    side: int
    ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model's answers for one photograph, whole and shrunk.

    Attributes:
        source: "objects" or "scenes".
        name: the photograph's.
        model: which answered.
        is_same: whether the first labels agree.
        difference: of the confidences of the whole file's first label.
        before: bytes of the whole file.
        after: bytes of what the page sends.
        ms: that the browser took.

    """

    source: str
    name: str
    model: str
    is_same: bool
    difference: float
    before: int
    after: int
    ms: float


@contextmanager
def shrinking_page() -> Iterator[Page]:
    """A blank page in Chromium that can load the page's modules."""
    with chromium() as browser, browser.new_page() as page:
        page.route(f"{_ORIGIN}/**", _answer)
        page.goto(_ORIGIN)
        yield page


def shrink(page: Page, photo: bytes) -> Shrunk:
    """Have the page's module shrink a photograph."""
    result = page.evaluate(_SHRINK, base64.b64encode(photo).decode())
    return Shrunk(base64.b64decode(result["data"]), result["side"], result["ms"])


def compare(
    source: str, name: str, photo: bytes, page: Page, classifiers: Mapping[str, Classifier]
) -> list[Comparison]:
    """Have a photograph answered whole and shrunk, by each model."""
    shrunk = shrink(page, photo)
    return [
        Comparison(
            source,
            name,
            model,
            *_apart(classifier, photo, shrunk.photo),
            before=len(photo),
            after=len(shrunk.photo),
            ms=shrunk.ms,
        )
        for model, classifier in classifiers.items()
    ]


def _apart(classifier: Classifier, whole: bytes, shrunk: bytes) -> tuple[bool, float]:
    """Whether the first labels are the same, and the difference of the first one's confidence."""
    first, *_ = _predictions(classifier, whole)
    answered = _predictions(classifier, shrunk)
    confidence = next(one.confidence for one in answered if one.index == first.index)
    return answered[0].index == first.index, abs(first.confidence - confidence)


def summary(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """A row of the table for each source and model, in order of appearance."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for one in comparisons:
        groups.setdefault((one.source, one.model), []).append(one)
    return [[*key, *_figures(group)] for key, group in groups.items()]


def _figures(group: Sequence[Comparison]) -> list[str]:
    return [
        f"{len(group)}",
        f"{statistics.fmean(one.is_same for one in group):.1%}",
        f"{statistics.fmean(one.difference for one in group):.4f}",
        f"{statistics.fmean(one.before for one in group) / 1e3:.0f}",
        f"{statistics.fmean(one.after for one in group) / 1e3:.0f}",
        f"{statistics.median(one.ms for one in group):.0f}",
    ]


def _predictions(classifier: Classifier, photo: bytes) -> Sequence[Prediction]:
    (ticket,) = classifier.submit([photo], top_k=_ALL_LABELS)
    return ticket.wait().predictions


def _answer(route: Route) -> None:
    """The modules, and for every other address an empty page."""
    path = _MODULES / route.request.url.removeprefix(f"{_ORIGIN}/")
    if path.suffix == ".js" and path.is_file():
        route.fulfill(path=path, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html>", content_type="text/html")


def _todo(most: int, done: Sequence[Comparison]) -> Iterator[tuple[str, str, bytes]]:
    """Source, name and file of the photographs not compared yet, from each source in turn."""
    names = {(one.source, one.name) for one in done}
    found = [
        [(source, *one) for one in read_photographs(tar, most).items()]
        for source, tar in SOURCES.items()
    ]
    for turn in zip_longest(*found):
        yield from (one for one in turn if one and one[:2] not in names)


def kept_comparisons(rows: Path) -> list[Comparison]:
    """The comparisons of earlier runs."""
    if not rows.exists():
        return []
    with rows.open(encoding="utf-8", newline="") as file:
        return [_comparison(row) for row in csv.DictReader(file)]


def _comparison(row: dict[str, str]) -> Comparison:
    return Comparison(
        row["source"],
        row["name"],
        row["model"],
        row["is_same"] == "True",
        float(row["difference"]),
        int(row["before"]),
        int(row["after"]),
        float(row["ms"]),
    )


def keep(rows: Path, new: Sequence[Comparison]) -> None:
    """Add comparisons to the file of them."""
    rows.parent.mkdir(parents=True, exist_ok=True)
    is_new = not rows.exists()
    with rows.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Comparison)])
        if is_new:
            writer.writeheader()
        writer.writerows(asdict(one) for one in new)


def main() -> int:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shrink")
    parser.add_argument("--photographs", type=int, default=1000, help="of each source")
    parser.add_argument("--megapixels", type=float, default=6, help="that they are enlarged to")
    parser.add_argument("--rows", type=Path, default=ROOT / "build/shrink.csv", help="kept in")
    parser.add_argument("--seconds", type=float, default=math.inf, help="after which to stop")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    done = kept_comparisons(arguments.rows)
    with ExitStack() as stack:
        page = stack.enter_context(shrinking_page())
        classifiers = {name: stack.enter_context(local_classifier(name)) for name in MODELS}
        for source, name, photo in _todo(arguments.photographs, done):
            if time.monotonic() > end:
                break
            large = enlarged(photo, arguments.megapixels)
            new = compare(source, name, large, page, classifiers)
            keep(arguments.rows, new)
            done += new
    print(markdown(HEADINGS, summary(done)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
