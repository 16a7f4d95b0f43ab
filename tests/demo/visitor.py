"""What a visitor does on the page, and what there is to see then."""

from __future__ import annotations

import base64
import re

from playwright.sync_api import FilePayload, Locator, Page, expect

HAND_OVER = """([kind, name, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  document.dispatchEvent(kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""


def answer(page: Page) -> Locator:
    return page.locator("#answer").get_by_role("status")


def choose(page: Page, photo: bytes, name: str = "photo.jpg") -> None:
    file = FilePayload(name=name, mimeType="", buffer=photo)
    page.locator("input[type=file]").set_input_files(files=[file])


def hand_over(page: Page, kind: str, photo: bytes) -> None:
    page.evaluate(HAND_OVER, [kind, "photo.jpg", base64.b64encode(photo).decode()])


def expect_labels(page: Page, first: str | re.Pattern[str]) -> None:
    rows = answer(page).get_by_role("listitem")
    expect(rows).to_have_count(5)
    expect(rows.first).to_have_text(first)
