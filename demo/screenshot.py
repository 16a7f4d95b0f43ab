"""``python -m demo.screenshot``: photograph a running service's page, for the documentation."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import click
from PIL import Image

from booth_client import DEFAULT_URL

WIDTH, HEIGHT = 1280, 800
PREVIEW = 1200, 630  # as those who show links want it
MOST_BYTES = 80_000


@click.command()
@click.option("--url", default=DEFAULT_URL, show_default=True, help="Where the page is.")
@click.option("--at", default="#sample=bridge", show_default=True, help="What of it to show.")
@click.option("--dark", is_flag=True, help="As one sees it who prefers dark pages.")
@click.option("--preview", is_flag=True, help="The JPEG that links to the page show.")
@click.argument("out", required=False, type=click.Path(path_type=Path))
def main(url: str, at: str, dark: bool, preview: bool, out: Path | None) -> None:
    """Write a PNG of the page, once it has its answer, to OUT."""
    out = out or Path("demo/assets/preview.jpg" if preview else "docs/page.png")
    size = PREVIEW if preview else (WIDTH, HEIGHT)
    taken = _photograph(f"{url}/{at}", size, dark=dark, whole=not preview)
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    if preview:
        out.write_bytes(_packed(picture))
    else:
        # 256 colours, dithered, are enough for a page with one photograph, at half of the bytes.
        colours = picture.quantize(256)
        picture.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(
            out, optimize=True
        )
    click.echo(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def _packed(picture: Image.Image) -> bytes:
    """A JPEG as good as it can be within the bytes that a preview may have."""
    for quality in range(85, 30, -5):
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=quality, optimize=True, progressive=True)
        if packed.tell() <= MOST_BYTES:
            break
    return packed.getvalue()


def _photograph(url: str, size: tuple[int, int], *, dark: bool, whole: bool) -> bytes:
    from playwright.sync_api import ViewportSize, sync_playwright

    view = ViewportSize(width=size[0], height=size[1])
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        ) as browser,
        browser.new_page(viewport=view, color_scheme="dark" if dark else "light") as page,
    ):
        page.goto(url)
        page.wait_for_selector("#view")  # what stands there while the page is prepared has none
        page.wait_for_load_state("networkidle")  # Gradio's frame comes last
        page.wait_for_function("!document.querySelector('#view [aria-busy=true]')")
        page.mouse.move(0, 0)
        page.wait_for_timeout(1000)
        return page.screenshot(full_page=whole, animations="disabled")


if __name__ == "__main__":
    main(prog_name="python -m demo.screenshot")
