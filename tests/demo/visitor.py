"""What a visitor does on the page, and what there is to see then."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, FilePayload, Locator, Page, expect

__all__ = [
    "answer",
    "choose",
    "expect_labels",
    "go_to",
    "hand_over",
    "is_ready",
    "problem",
    "sample",
    "seeing_no_fault",
    "shifts",
    "stage",
    "watch_shifts",
    "watch_writing",
    "written",
]

HAND_OVER = """([kind, files, text]) => {
  const transfer = new DataTransfer();
  if (text) transfer.setData("text/plain", text);
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  document.dispatchEvent(kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""

# Before the page is opened: sums up how far what is seen moves by itself.
WATCH_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


def answer(page: Page) -> Locator:
    """Where the view Classify shows its answer, or what went wrong."""
    return page.locator("#view .answer").first


def problem(page: Page) -> Locator:
    """What any view says when something went wrong; nothing is seen of it otherwise."""
    return page.locator("#view .problem").first


def stage(page: Page) -> Locator:
    """Where the photograph is seen."""
    return page.locator("#photo .stage")


def sample(page: Page, name: str) -> Locator:
    """The button of a sample photograph, by its file: ``"coffee"``."""
    return page.locator(f"[data-sample={name}]")


def go_to(page: Page, title: str) -> None:
    """Click a view's name in the bar, and wait until the view stands."""
    page.get_by_role("navigation", name="Views").get_by_role("link", name=title).click()
    expect(page.get_by_role("region", name=title, exact=True)).to_be_attached()


def is_ready(page: Page) -> None:
    """Wait until the view Classify knows its models."""
    expect(page.get_by_label("Model", exact=True)).to_be_enabled()


def choose(page: Page, photo: bytes, name: str = "photo.jpg") -> None:
    """Choose a file with the file chooser."""
    file = FilePayload(name=name, mimeType="", buffer=photo)
    page.locator("#photo input[type=file]").set_input_files(files=[file])


def hand_over(page: Page, kind: str, *photos: bytes, text: str = "") -> None:
    """Drop photographs, or paste them; or a text."""
    files = [[f"photo{n}.jpg", base64.b64encode(one).decode()] for n, one in enumerate(photos)]
    page.evaluate(HAND_OVER, [kind, files, text])


def expect_labels(page: Page, first: str | re.Pattern[str]) -> None:
    """Wait for five labels, the first of which says this: ``re.compile("^Coffee shop")``.

    Where two models answer, they are the scenes.
    """
    rows = answer(page).locator("ol.labels:not(.empty)").first.get_by_role("listitem")
    expect(rows).to_have_count(5)
    expect(rows.first).to_have_text(first)


@contextlib.contextmanager
def seeing_no_fault(page: Page) -> Iterator[None]:
    """Fails afterwards if a script failed or wrote an error, or if another host was asked.

    An answer of 400 and above, which browsers write to the console as well, is no such fault.
    """
    faults: list[str] = []
    asked: list[str] = []

    def hear(line: ConsoleMessage) -> None:
        if line.type in {"error", "warning"} and "Failed to load resource" not in line.text:
            faults.append(line.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield
    assert faults == []
    hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in {"blob", "data"}}
    assert hosts <= {urlsplit(page.url).netloc}


def watch_shifts(page: Page) -> None:
    """Begin to add up layout shifts; before the page is opened."""
    page.add_init_script(WATCH_SHIFTS)


def shifts(page: Page) -> float:
    """The sum of the layout shifts so far."""
    return float(page.evaluate("window.shifted"))


KEEP_WRITTEN = """() => {
  window.written = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    window.written.push(String(text));
    fillText.call(this, text, ...place);
  };
}"""


def watch_writing(page: Page) -> None:
    """Begin to keep what is written on canvases."""
    page.evaluate(KEEP_WRITTEN)


def written(page: Page) -> set[str]:
    """What was written on canvases since then."""
    return set(page.evaluate("window.written"))


# Browsers do not tell a body that is a Blob, so that it is kept where it is sent.
KEEP_SENT = """() => {
  window.sent = [];
  window.atOnce = window.mostAtOnce = 0;
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    window.sent.push(body);
    window.mostAtOnce = Math.max(window.mostAtOnce, ++window.atOnce);
    this.addEventListener("readystatechange", () => this.readyState === 4 && window.atOnce--);
    send.call(this, body);
  };
}"""
LAST_SIZE = """async () => {
  const { width, height } = await createImageBitmap(window.sent.at(-1));
  return [width, height];
}"""


class Questions:
    """The photographs that an open page asks of from now on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(KEEP_SENT)

    @property
    def most(self) -> int:
        """How many at once at most."""
        return int(self._page.evaluate("window.mostAtOnce"))

    def byte_counts(self) -> list[int]:
        """Bytes of each."""
        return list(self._page.evaluate("window.sent.map((one) => one.size)"))

    def last_size(self) -> tuple[int, int]:
        """Width and height of the last one."""
        width, height = self._page.evaluate(LAST_SIZE)
        return width, height
