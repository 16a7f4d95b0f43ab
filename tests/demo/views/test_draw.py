"""Draw: digits by mouse, keys, examples and address, read by the LeNet-5 that ships."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.demo.visitor import Questions, seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("page")

# The strokes of each digit, on a board of 100 by 100.
DIGITS = {
    0: "50,20 38,24 31,38 30,55 35,72 46,81 58,79 67,66 70,48 66,31 58,22 49,20",
    1: "53,18 52,40 51,60 50,82",
    2: "33,33 37,23 48,18 60,22 64,33 58,46 46,60 35,73 30,81 45,80 58,80 71,79",
    3: "34,24 45,18 58,19 65,28 60,41 48,47 61,50 69,61 64,75 50,82 36,78 31,72",
    4: "38,18 35,33 32,50 48,51 66,50 | 64,20 62,42 60,62 58,84",
    5: "66,18 52,18 39,19 37,32 35,45 48,42 61,46 68,57 65,71 54,81 41,81 32,75",
    6: "60,17 48,25 38,40 32,58 36,74 48,82 61,77 66,65 58,55 46,55 36,64",
    7: "30,20 44,19 57,19 69,19 62,36 55,53 49,68 44,83",
    8: "62,25 50,18 39,25 41,37 53,47 64,58 65,72 53,81 40,78 34,66 43,53 57,40 63,27",
    9: "65,30 55,19 42,20 35,31 40,43 52,45 63,37 66,29 64,46 61,64 58,83",
}
# (places of the centre of mass, width and height of the ink) of what the network sees.
SEEN = """() => {
  const canvas = document.querySelector(".seen canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
  let [sum, x, y, columns, rows] = [0, 0, 0, new Set(), new Set()];
  for (let place = 0; place < 784; place += 1) {
    const ink = data[4 * place];
    sum += ink;
    x += ink * (place % 28 + 0.5);
    y += ink * (Math.floor(place / 28) + 0.5);
    if (ink > 127) columns.add(place % 28), rows.add(Math.floor(place / 28));
  }
  return [x / sum, y / sum, columns.size, rows.size];
}"""


# Of the middle of each unit of F6, which are 28 in a row.
REDS = """() => {
  const canvas = document.querySelector("[aria-label=F6] canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const place = (unit) => (Math.floor(unit / 28) * 14 + 6) * canvas.width + (unit % 28) * 14 + 6;
  return Array.from({ length: 84 }, (_, unit) => data[4 * place(unit)]);
}"""


@pytest.fixture
def draw(browser: Browser, site: str) -> Iterator[Page]:
    """The view, with an empty board."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/draw")
        expect(shown.get_by_role("button", name="A plain 0")).to_be_visible()
        yield shown


def answer(page: Page) -> Locator:
    return page.locator("#view .first")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def drag(page: Page, strokes: str) -> None:
    place = page.locator("canvas.board").bounding_box()
    assert place
    for stroke in strokes.split(" | "):
        for number, point in enumerate(stroke.split()):
            x, y = (float(one) / 100 for one in point.split(","))
            page.mouse.move(place["x"] + x * place["width"], place["y"] + y * place["height"])
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def test_ten_drawn_digits_are_read(draw: Page) -> None:
    questions = Questions(draw)
    for digit, strokes in DIGITS.items():
        drag(draw, strokes)
        expect(answer(draw)).to_have_text(re.compile(rf"^{digit} "))
        expect(draw.locator(".outputs .most span")).to_have_text(str(digit))
        press(draw, "Clear")
        expect(answer(draw)).to_have_text("Draw a digit")
    assert questions.most <= 2  # one for the label, one for the maps
    assert questions.last_size() == (28, 28)


def test_a_drawing_is_centred_unless_the_visitor_shifts_it(draw: Page) -> None:
    drag(draw, "10,10 10,25 10,40")
    x, y, wide, high = draw.evaluate(SEEN)
    assert (x, y) == (pytest.approx(14, abs=0.1), pytest.approx(14, abs=0.1))
    assert (wide, high) == (2, 20)
    draw.get_by_label("Fit and centre it").uncheck()
    x, y, _, high = draw.evaluate(SEEN)
    assert (x, y) == (pytest.approx(2.8, abs=0.1), pytest.approx(7, abs=0.1))
    assert high == 10
    press(draw, "Shift right")
    assert draw.evaluate(SEEN)[0] == pytest.approx(4.8, abs=0.1)
    press(draw, "Turn right")
    assert draw.evaluate(SEEN)[2] > wide
    assert "free=1" in draw.url


def test_the_address_and_undo_bring_a_drawing_back(draw: Page) -> None:
    press(draw, "A 4 in noise")
    expect(answer(draw)).to_have_text(re.compile("^4 "))
    press(draw, "Thicker")
    seen = draw.evaluate(SEEN)
    assert "noise=3&pen=114" in draw.url

    draw.goto("about:blank")
    draw.go_back()

    expect(answer(draw)).to_have_text(re.compile("^4 "))
    assert draw.evaluate(SEEN) == seen
    press(draw, "A plain 7")
    expect(answer(draw)).to_have_text(re.compile("^7 "))
    press(draw, "Undo")
    expect(answer(draw)).to_have_text(re.compile("^4 "))
    assert draw.evaluate(SEEN) == seen


def test_the_maps_show_the_numbers_of_the_api(draw: Page) -> None:
    with draw.expect_response("**/activations?*") as answered:
        press(draw, "A plain 2")
    layers = answered.value.json()["layers"]
    expect(draw.locator(".inside")).to_have_attribute("data-state", "answer")
    shapes = [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (1, 1, 120), (1, 1, 84)]
    assert [tuple(one["shape"]) for one in layers[:6]] == shapes
    reds = draw.evaluate(REDS)
    for unit in layers[5]["units"]:
        # -1 is the paper's red, 255; 1 the ink's, 35.
        wanted = 255 - (unit["map"][0][0] + 1) / 2 * (255 - 35)
        assert reds[unit["unit"]] == pytest.approx(wanted, abs=1.5)


def test_trying_one_question_again_asks_the_other_too(draw: Page) -> None:
    asked = re.compile(r"/(classify|activations)\?")
    label, maps = draw.locator(".answer"), draw.locator(".inside")
    for tried in (label, maps):
        draw.route(asked, lambda route: route.abort())
        press(draw, "A plain 7")
        for place in (label, maps):
            expect(place.get_by_role("button", name="Try again")).to_be_visible()
        expect(maps.get_by_role("heading", name="S2")).to_be_hidden()  # it would be written over
        draw.unroute(asked)
        tried.get_by_role("button", name="Try again").click()
        for place in (label, maps):
            expect(place).to_have_attribute("data-state", "answer")
        expect(maps.get_by_role("heading", name="S2")).to_be_visible()


def test_the_keyboard_draws_a_1(draw: Page) -> None:
    board = draw.locator("canvas.board")
    board.press("Space")
    for _ in range(16):
        board.press("ArrowDown")
    board.press("Space")
    expect(answer(draw)).to_have_text(re.compile("^1 "))
    board.press("Backspace")
    expect(answer(draw)).to_have_text("Draw a digit")
