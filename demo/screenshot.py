"""``python -m demo.screenshot``: photograph the page of a running service, for the README."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import click
from PIL import Image

from booth_client import DEFAULT_URL

WIDTH, HEIGHT = 1280, 800


@click.command()
@click.option("--url", default=DEFAULT_URL, show_default=True, help="Where the page is.")
@click.option("--sample", default="coffee.jpg", show_default=True, help="The photograph to show.")
@click.option("--dark", is_flag=True, help="As one sees it who prefers dark pages.")
@click.argument("out", default="docs/page.png", type=click.Path(path_type=Path))
def main(url: str, sample: str, dark: bool, out: Path) -> None:
    """Write a PNG of the page, with a sample answered, to OUT."""
    picture = Image.open(io.BytesIO(_photograph(url, sample, dark=dark))).convert("RGB")
    # 256 colours, dithered, are enough for a page with one photograph, at half of the bytes.
    colours = picture.quantize(256)
    picture.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)
    click.echo(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def _photograph(url: str, sample: str, *, dark: bool) -> bytes:
    from playwright.sync_api import ViewportSize, sync_playwright

    view = ViewportSize(width=WIDTH, height=HEIGHT)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        ) as browser,
        browser.new_page(viewport=view, color_scheme="dark" if dark else "light") as page,
    ):
        page.goto(url)
        page.locator(f"[data-sample$='/{sample}']").click()
        page.locator(".answer .timing").wait_for()
        page.mouse.move(0, 0)
        page.wait_for_timeout(1000)
        return page.screenshot(full_page=True, animations="disabled")


if __name__ == "__main__":
    main(prog_name="python -m demo.screenshot")
