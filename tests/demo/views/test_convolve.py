"""The view Convolve: its numbers are PyTorch's, and what is seen follows what a visitor sets."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import Page, ViewportSize, expect
from torch.nn import functional

from tests.demo.visitor import go_to, sample, seeing_no_fault, shifts, watch_shifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"

MODULE = """const { assets } = document.querySelector("#booth").dataset;
const module = (name) => import(`${document.baseURI}${assets}/js/views/convolve/${name}.js`);
const {
  convolve, relu, pool, chained, difference, toeplitz, multiplied,
} = await module("convolution");
const told = ({ width, height, values }) => ({ width, height, values: [...values] });"""
# Everything for one plane and one set of settings, by the page's own functions.
RUN = f"""async ([plane, kernel, second, stride, padding]) => {{
  {MODULE}
  const output = convolve(plane, kernel, {{ stride, padding }});
  const matrix = toeplitz(kernel.size, plane, {{ stride, padding }});
  const twice = convolve(convolve(plane, kernel), second);
  return {{
    output: told(output),
    relu: told(relu(output)),
    max: told(pool(output, "max")),
    mean: told(pool(output, "mean")),
    product: told(multiplied(matrix, kernel, plane)),
    matrix: {{ rows: matrix.rows, columns: matrix.columns, at: [...matrix.weightAt] }},
    five: chained(kernel, second),
    twice: told(twice),
    difference: told(difference(twice, convolve(plane, chained(kernel, second)))),
  }};
}}"""
PIXELS = f"""async ([name, size, pixels, square]) => {{
  {MODULE}
  const {{ planes, shape }} = await module("pixels");
  const blob = await (await fetch(`page/samples/${{name}}.jpg`)).blob();
  const picture = await createImageBitmap(blob);
  const wanted = square ? {{ width: size, height: size }} : shape(picture, size);
  return planes(picture, wanted, pixels, {{ square }}).map(told);
}}"""
# How wide the page is with each part of the view.
WIDTHS = """() => [...document.querySelectorAll("[name=show]")].map((one) => {
  one.click();
  return document.documentElement.scrollWidth;
})"""
# From now on, the frames that the view asks for.
COUNT_FRAMES = """() => {
  window.frames_ = 0;
  const { requestAnimationFrame: usual } = window;
  window.requestAnimationFrame = (does) => {
    if (new Error().stack.includes("/convolve")) window.frames_ += 1;
    return usual(does);
  };
}"""


@contextlib.contextmanager
def convolve(
    browser: Browser, site: str, address: str = "sample=tracks", **options: Any
) -> Iterator[Page]:
    """The view, opened at an address; fails if a script of it does."""
    with browser.new_page(**options) as shown, seeing_no_fault(shown):
        watch_shifts(shown)
        shown.goto(f"{site}/convolve#{address}")
        expect(shown.locator("#view figcaption").first).to_contain_text(TIMES)
        if "sample" in address:
            expect(shown.locator(".wipe canvas")).to_be_visible()
        yield shown


def typeset(text: str) -> str:
    """As the page writes it: with signs for times and minus."""
    return text.replace(" x ", f" {TIMES} ").replace("-", MINUS)


def tensor(plane: dict[str, Any]) -> torch.Tensor:
    values = torch.tensor(plane["values"], dtype=torch.float64)
    shaped: torch.Tensor = values.reshape(1, 1, plane["height"], plane["width"])
    return shaped


def applied(
    pixels: torch.Tensor, kernel: dict[str, Any], stride: int = 1, padding: int = 0
) -> torch.Tensor:
    size = kernel["size"]
    weights = torch.tensor(kernel["weights"], dtype=torch.float64).reshape(1, 1, size, size)
    found = functional.conv2d(pixels, weights, stride=stride, padding=padding)
    scaled: torch.Tensor = found / kernel["divisor"] + kernel["bias"]
    return scaled


def kernel_of(numbers: list[float], divisor: float = 1, bias: float = 0) -> dict[str, Any]:
    return {"size": 3, "weights": numbers, "divisor": divisor, "bias": bias}


def close(plane: dict[str, Any], expected: torch.Tensor) -> None:
    assert tensor(plane).shape == expected.shape
    torch.testing.assert_close(tensor(plane), expected, rtol=0, atol=1e-9)


def test_the_numbers_are_those_of_pytorch(browser: Browser, site: str) -> None:
    settings = "size=24&stride=2&padding=zero&activation=relu&pooling=max&at=4_7"
    with convolve(browser, site, settings) as page:
        expect(page.locator(".none")).to_contain_text("A test card stands in until")
        expect(page.locator(".wipe")).to_have_count(0)
        torch.manual_seed(21)
        for stride, padding, width, height in ((1, 0, 9, 8), (2, 1, 13, 9), (3, 1, 8, 11)):
            pixels = torch.randint(0, 256, (height * width,)).tolist()
            plane = {"width": width, "height": height, "values": pixels}
            first = kernel_of(torch.randint(-9, 10, (9,)).tolist(), 4, 7)
            second = kernel_of(torch.randint(-9, 10, (9,)).tolist(), 2, -3)
            found = page.evaluate(RUN, [plane, first, second, stride, padding])
            check(found, tensor(plane), first, second, stride=stride, padding=padding)
        sample(page, "tracks").click()
        expect(page.locator(".wipe canvas")).to_be_visible()
        expect_the_sums_of_the_photo(page)
        assert shifts(page) <= 0.02


def check(
    found: dict[str, Any],
    pixels: torch.Tensor,
    first: dict[str, Any],
    second: dict[str, Any],
    **geometry: int,
) -> None:
    output = applied(pixels, first, **geometry)
    close(found["output"], output)
    close(found["relu"], output.relu())
    close(found["max"], functional.max_pool2d(output, 2))
    close(found["mean"], functional.avg_pool2d(output, 2))
    close(found["product"], output)
    check_matrix(found["matrix"], first, pixels, **geometry)
    twice = applied(applied(pixels, first), second)
    close(found["twice"], twice)
    assert found["five"]["size"] == 5
    close(found["twice"], applied(pixels, found["five"]))
    close(found["difference"], torch.zeros_like(twice))


def check_matrix(
    found: dict[str, Any], kernel: dict[str, Any], pixels: torch.Tensor, stride: int, padding: int
) -> None:
    """Its columns are what the convolution makes of each pixel alone."""
    rows, columns = found["rows"], found["columns"]
    at = torch.tensor(found["at"]).reshape(rows, columns)
    weights = torch.tensor([*kernel["weights"], 0], dtype=torch.float64)
    single = torch.eye(columns, dtype=torch.float64).reshape(columns, 1, *pixels.shape[2:])
    plain = {**kernel, "divisor": 1, "bias": 0}
    expected = applied(single, plain, stride, padding).reshape(columns, rows).T
    assert torch.equal(weights[at], expected)


def expect_the_sums_of_the_photo(page: Page) -> None:
    [grey] = page.evaluate(PIXELS, ["tracks", 24, "grey", False])
    colours = [tensor(one) for one in page.evaluate(PIXELS, ["tracks", 24, "colour", False])]
    mixed = sum(by * one for by, one in zip((0.299, 0.587, 0.114), colours, strict=True))
    torch.testing.assert_close(tensor(grey), mixed, rtol=0, atol=0.51)
    sobel = kernel_of([-1, 0, 1, -2, 0, 2, -1, 0, 1])
    total = int(applied(tensor(grey), sobel, 2, 1)[0, 0, 4, 7])
    expect(page.locator("#equation")).to_have_text(typeset(f"sum = {total}, ReLU: {max(0, total)}"))
    products = page.locator(".products span b").all_inner_texts()
    assert sum(int(one.replace(MINUS, "-")) for one in products) == total
    formula = page.locator(".formula")
    expect(formula).to_contain_text(typeset("Width ⌊(24 + 2 x 1 - 3) ÷ 2⌋ + 1 = 12"))
    expect(formula).to_contain_text(typeset("Height ⌊(18 + 2 x 1 - 3) ÷ 2⌋ + 1 = 9"))
    pooled = page.locator("[data-map=pooled] figcaption")
    expect(pooled).to_have_text(typeset("Max pooling 6 x 4"))


def test_the_window_slides_and_the_kernel_is_the_visitors_own(browser: Browser, site: str) -> None:
    with convolve(browser, site, "sample=tracks&size=8&speed=6") as page:
        where = page.locator(".sum .where")
        step = page.get_by_role("button", name="Step")
        step.click()
        expect(where).to_contain_text("Row 1, column 1:")
        step.click()
        expect(where).to_contain_text("Row 1, column 2:")
        page.get_by_role("button", name="Play").click()
        expect(where).to_contain_text("Row 6, column 6:")
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        page.evaluate(COUNT_FRAMES)
        walk(page)
        assert page.evaluate("window.frames_") == 0  # nothing runs while nothing plays
        set_kernel(page)
        page.reload()
        kernel = page.get_by_role("group", name="The kernel", exact=True)
        expect(kernel.get_by_label("middle centre")).to_have_value("-2.5")
        go_to(page, "Play")
        assert page.evaluate("location.hash") == "#sample=tracks"


def walk(page: Page) -> None:
    where = page.locator(".sum .where")
    page.get_by_role("application", name="The input").focus()
    for key, place in (
        ("ArrowUp", "Row 5, column 6:"),
        ("Home", "Row 5, column 1:"),
        ("ArrowLeft", "Row 5, column 1:"),
        ("Control+Home", "Row 1, column 1:"),
        ("PageDown", "Row 6, column 1:"),
    ):
        page.keyboard.press(key)
        expect(where).to_contain_text(place)
    box = page.locator("[data-map=output] canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2 + 4, box["y"] + box["height"] / 2 + 4)
    expect(where).to_contain_text("Row 4, column 4:")
    expect(page).to_have_url(re.compile("at=3_3"))


def set_kernel(page: Page) -> None:
    """By its name, by typing, by keys and by dragging."""
    kernel = page.get_by_role("group", name="The kernel", exact=True)
    name, divisor = kernel.get_by_role("combobox"), kernel.get_by_label("divisor")
    name.select_option("Blur (mean)")
    expect(divisor).to_have_value("9")
    expect(page).to_have_url(re.compile("kernel=blur"))
    middle, right = kernel.get_by_label("middle centre"), kernel.get_by_label("middle right")
    middle.fill("-2.5")
    expect(name).to_have_value("own")
    middle.press("ArrowRight")
    expect(right).to_be_focused()
    right.press("ArrowUp")
    expect(right).to_have_value("2")
    corner = kernel.get_by_label("top left")
    box = corner.bounding_box()
    assert box
    page.mouse.move(box["x"] + 9, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 9, box["y"] + 3)  # three steps of nine pixels
    page.mouse.up()
    expect(corner).to_have_value("4")
    divisor.fill("0")  # can't be used, and isn't kept
    kernel.get_by_label("bias").fill("3")
    expect(divisor).to_have_value("9")
    equation = re.compile(rf"^sum {MINUS}?[\d.]+ ÷ 9 \+ 3 = {MINUS}?[\d.]+$")
    expect(page.locator("#equation")).to_have_text(equation)
    expect(page).to_have_url(re.compile("kernel=4_1_1_1_-2.5_2_1_1_1_9_3"))


def test_two_are_one_of_five_and_all_rows_of_the_matrix_share_nine(
    browser: Browser, site: str
) -> None:
    address = "sample=tracks&size=20&show=stack&kernel=blur&second=laplacian"
    with convolve(browser, site, address, has_touch=True) as page:
        expect_one_of_five(page)
        page.get_by_label("Shared weights").check(force=True)
        told = page.locator(".formula")
        expect(told).to_contain_text(typeset("36 x 16 = 576 weights"))
        expect(told).to_contain_text("432 zeros")  # 9 in each of 16 rows are none
        convolution = told.locator("p").nth(1)
        expect(convolution).to_have_text("Convolution 9: each row has the same nine, shifted")
        matrix = page.locator("[data-map=matrix] canvas").bounding_box()
        assert matrix
        page.mouse.move(matrix["x"] + matrix["width"] / 2, matrix["y"] + matrix["height"] - 6)
        expect(page.locator(".sum .where")).to_contain_text("Row 4, column 4:")
        choose(page, "Padding", "zero")
        expect(told).to_contain_text(typeset("36 x 36 = 1,296 weights"))
        expect(told).to_contain_text("1,040 zeros")
        expect(convolution).to_contain_text(typeset("at the border some lie outside"))
        expect(convolution).to_contain_text(typeset("256 of 36 x 9"))
        for width, height in ((390, 844), (844, 390)):
            page.set_viewport_size(ViewportSize(width=width, height=height))
            assert page.evaluate(WIDTHS) == [width] * 3


def choose(page: Page, group: str, name: str) -> None:
    page.get_by_role("group", name=group).get_by_label(name).check(force=True)


def expect_one_of_five(page: Page) -> None:
    difference = page.locator(".formula p").nth(2)
    expect(difference).to_have_text("Difference 0 at all 176 places")  # 16 x 11
    expect(page.locator(".formula")).to_contain_text(typeset("2 x 9 = 18 against 25"))
    edge, beside, middle = "0 1 1 1 0", "1 -2 -1 -2 1", "1 -1 0 -1 1"
    five = f"{edge} {beside} {middle} {beside} {edge}"
    expect(page.locator(".twentyfive span")).to_have_text(typeset(five).split())
    expect(page.locator(".five .equation")).to_have_text("÷ 9 + 0")
    captions = page.locator("#view figcaption:visible")
    twice, once = (one.split()[-1] for one in captions.all_inner_texts()[1:3])
    assert twice == once
    expect(captions.last).to_have_text("Difference 0")
    expect(page.locator(".formula")).to_contain_text(typeset("20 x 15, then 18 x 13, then 16 x 11"))
    choose(page, "Padding", "zero")
    expect(difference).to_contain_text("0 inside, up to")
    choose(page, "Padding", "none")
    page.get_by_label("The kernel: by name").select_option("Vertical edges (Sobel)")
    choose(page, "Activation", "ReLU")
    expect(difference).to_contain_text(typeset("with ReLU between, no 5 x 5 does the same"))
