"""The view Classify as its visitors meet it: a real browser, a real service, the shipped models."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from demo.samples import FOLDER as SAMPLES
from models.shelf import ZOO
from service.fleet.identity import read_card
from tests.demo.visitor import (
    answer,
    choose,
    expect_labels,
    hand_over,
    problem,
    sample,
    seeing_no_fault,
    shifts,
    stage,
    watch_shifts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FloatRect, Locator, Page, Route

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


def test_a_models_card_is_fetched_once_however_late_it_comes(browser: Browser, site: str) -> None:
    with browser.new_page() as page, seeing_no_fault(page):
        waiting: list[Route] = []
        page.route(re.compile(r"/models/\w+$"), lambda route: waiting.append(route))  # noqa: PLW0108
        page.goto(site)
        expect(page.get_by_label("Model", exact=True)).to_be_enabled()
        sample(page, "bridge").click()
        expect_labels(page, re.compile("^Bridge"))
        expect(page.locator(".use")).to_be_visible()  # by then the cards have been asked for again
        asked = [route.request.url for route in waiting]
        for route in waiting:
            route.continue_()
        expect(page.get_by_text(re.compile("^About .* version"))).to_have_count(2)
    assert len(set(asked)) == len(asked) == 2


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_dropped_or_pasted_gets_five_labels(page: Page, kind: str) -> None:
    hand_over(page, kind, (SAMPLES / "bridge.jpg").read_bytes())
    expect_labels(page, re.compile(r"^Bridge\s*\d\d\s%$"))
    expect(answer(page)).to_contain_text("Type of environment: outdoor")


def test_a_chosen_photo_gets_five_labels_the_time_it_took_and_stays_in_view(page: Page) -> None:
    choose(page, (SAMPLES / "tracks.jpg").read_bytes())
    expect_labels(page, re.compile(r"^Railroad track.*%$"))
    expect(answer(page)).to_contain_text(re.compile(r"[\d.]+\sms to answer · [\d.]+\skB sent"))
    expect(page.get_by_alt_text("Your photograph")).to_be_visible()


def test_every_sample_gets_five_labels_and_is_marked_as_chosen(page: Page) -> None:
    samples = page.get_by_role("button", name="Sample: ")
    expect(samples).to_have_count(6)
    for one in samples.all():
        expect(one).to_have_attribute("aria-pressed", "false")
        before = answer(page).inner_text()
        one.click()
        expect(answer(page)).not_to_have_text(before, use_inner_text=True)
        is_close_up = one.get_attribute("data-sample") == "coffee"  # unlike a photo of a scene
        expect_labels(page, re.compile(r"[a-z]$" if is_close_up else r"%$"))
        expect(one).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-sample][aria-pressed=true]")).to_have_count(1)


@pytest.mark.parametrize(
    ("file", "name", "says"),
    [
        (b"Dear diary,", "diary.txt", "JPEG, PNG, WebP"),
        (b"", "empty.jpg", "empty"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "phone.heic", "JPEG"),
    ],
    ids=["text", "empty", "heic"],
)
def test_what_is_no_photo_is_answered_in_the_service_s_words(
    page: Page, file: bytes, name: str, says: str
) -> None:
    choose(page, file, name)
    expect(problem(page)).to_contain_text("That file is no photograph")
    expect(problem(page)).to_contain_text(says)
    expect(problem(page).get_by_role("button")).to_have_count(0)
    expect(stage(page)).to_contain_text(name)


def test_a_broken_photo_is_named_and_the_next_one_is_answered(
    page: Page, photos: dict[str, bytes]
) -> None:
    choose(page, photos["coffee"][:300])
    expect(problem(page)).to_contain_text("That file is no photograph")
    expect(page.get_by_text("photo.jpg")).to_be_visible()
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    expect(problem(page)).to_be_hidden()


def test_of_two_photos_in_a_row_the_last_one_s_answer_stays(
    page: Page, photos: dict[str, bytes]
) -> None:
    hand_over(page, "drop", photos["chelsea"])
    hand_over(page, "drop", photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    page.wait_for_load_state("networkidle")
    expect_labels(page, re.compile("^Coffee shop"))


def test_another_model_is_asked_about_the_same_photo(page: Page) -> None:
    sample(page, "coffee").click()
    expect_labels(page, re.compile("^Coffee shop"))
    page.get_by_label("Model", exact=True).select_option(label="EfficientNet-Lite0")
    expect_labels(page, re.compile("^Espresso"))
    expect(answer(page)).not_to_contain_text("environment")
    assert page.evaluate("location.hash") == "#sample=coffee&model=efficientnet_lite0"


def test_scenes_and_objects_stand_side_by_side_or_one_below_the_other(page: Page) -> None:
    sample(page, "bridge").click()
    expect_labels(page, re.compile("^Bridge"))
    scene, objects = (page.get_by_role("region", name=name) for name in ("Scene", "Objects"))
    expect(scene.get_by_role("heading")).to_have_text(re.compile(r"^9\d\s% Bridge$"))
    expect(objects.get_by_role("heading")).to_have_text(re.compile(r"^\d\d\s% Suspension bridge$"))
    expect(scene).to_contain_text("Of answers that say")
    expect(objects).to_contain_text("percentages are off by 14 points on average")
    left, right = _box(scene), _box(objects)
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    page.set_viewport_size({"width": 390, "height": 844})
    above, below = _box(scene), _box(objects)
    assert above["x"] == below["x"]
    assert above["y"] + above["height"] <= below["y"]
    objects.get_by_role("button").last.click()
    expect(stage(page)).to_be_in_viewport(ratio=0.99)  # while its last label is lit


def known_bins() -> tuple[list[float], list[float]]:
    """What the scene model's card says: confidences, and shares of them that are right.

    Of the bins that hold enough photographs to say anything.
    """
    calibration = read_card(ZOO / "places365.onnx").calibration
    assert calibration
    known = [one for one in calibration.bins_after if one.photographs >= 30]
    return [one.confidence or 0 for one in known], [one.right or 0 for one in known]


def test_a_percentage_in_the_last_bin_is_read_as_all_of_it(page: Page) -> None:
    sample(page, "tracks").click()
    expect_labels(page, re.compile("^Railroad"))
    share = round(100 * known_bins()[1][-1])
    expect(page.get_by_role("region", name="Scene")).to_contain_text(
        re.compile(rf"Of answers that say 93\s% or more, {share}\s% are right")
    )


def test_a_percentage_between_two_bins_is_read_between_them(page: Page) -> None:
    between = 0
    scene = page.get_by_role("region", name="Scene")
    for name, first in (("tracks", "Railroad"), ("aqueduct", "Aqueduct"), ("mountain", "Valley")):
        sample(page, name).click()
        expect_labels(page, re.compile(f"^{first}"))
        said = scene.get_by_text("Of answers that say").inner_text()
        found = re.search(r"about (\d+)\s%, (\d+)\s% are right", said)
        if found:
            between += 1
            confidence, right = (int(number) / 100 for number in found.groups())
            # Both are rounded, and between bins the right ones rise by up to two for one.
            assert right == pytest.approx(np.interp(confidence, *known_bins()), abs=0.016)
    assert between


@pytest.mark.parametrize("way", ["hover", "focus", "tap"])
def test_a_label_lights_what_led_to_it(tracks: Tracks, way: str) -> None:
    tracks.light(7, way)
    inside, outside = tracks.shade(7)
    assert inside < 0.35
    assert outside > 0.75
    assert tracks.fragment == ("sample=tracks&label=7" if way == "tap" else "sample=tracks")


def test_the_first_label_is_lit_by_itself_and_quietly(tracks: Tracks) -> None:
    inside, outside = tracks.shade(1)
    assert inside < 0.25
    assert 0.3 < outside < 0.55


def test_the_part_that_the_network_saw_is_framed(tracks: Tracks) -> None:
    frame = tracks.page.locator(".overlay .frame")
    expect(frame).not_to_have_class(re.compile("drawn"))  # the scenes' network sees the whole photo
    tracks.light(6, "hover")
    expect(frame).to_have_class(re.compile("drawn"))
    view = tracks.answers["efficientnet_lite0"]["view"]
    share = _box(frame)["width"] / _box(tracks.page.locator(".overlay"))["width"]
    assert share == pytest.approx(view["box"][2] / view["width"], abs=0.01)
    expect(answer(tracks.page)).to_contain_text("The network saw the part inside the frame.")


def test_the_address_keeps_the_label_that_was_chosen(tracks: Tracks) -> None:
    button = tracks.button(3)
    button.click()
    tracks.page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert tracks.fragment == "sample=tracks&label=3"
    button.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert tracks.fragment == "sample=tracks"


def test_the_lines_to_copy_give_the_answer_that_is_seen(tracks: Tracks) -> None:
    seen = tracks.page.locator("#view .labels button > span").all_inner_texts()
    labels = [one.rstrip("†") for one in seen]
    curl = subprocess.run(["sh", "-c", tracks.lines("curl")], check=True, capture_output=True)
    assert [one["label"] for one in _predictions(curl.stdout.decode())] == labels
    python = [sys.executable, "-c", tracks.lines("Python")]
    said = subprocess.run(python, check=True, capture_output=True, encoding="utf-8").stdout
    assert [line.partition(" ")[2] for line in said.splitlines()] == labels
    script = tracks.lines("JavaScript").replace("console.log(confidence, label)", "all.push(label)")
    assert (
        tracks.page.evaluate(f"async () => {{ const all = []; {script}\nreturn all; }}") == labels
    )


def test_copying_says_so_and_the_link_opens_this_answer(tracks: Tracks) -> None:
    tracks.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tracks.button(2).click()
    line = tracks.lines("curl")
    for name, copied in (("Copy", line), ("Copy link", tracks.page.url)):
        button = tracks.page.get_by_role("button", name=name, exact=True)
        button.click()
        expect(tracks.page.get_by_role("button", name="Copied").last).to_be_visible()
        assert tracks.page.evaluate("navigator.clipboard.readText()") == copied


def test_what_no_label_fits_is_said(page: Page, noise: bytes) -> None:
    choose(page, noise)
    scene = page.get_by_role("region", name="Scene")
    expect(scene.get_by_role("heading")).to_have_text("Nothing I know")
    expect(scene).to_contain_text("unlike the photos that it learned from")
    expect(scene.get_by_role("button")).to_have_count(5)
    expect(scene).not_to_contain_text(re.compile(r"\d\s*%"))  # none was measured on such photos
    expect(scene).not_to_contain_text("are right")
    bars = "rows => rows.map(row => getComputedStyle(row, '::before').width)"
    assert scene.locator("button i").evaluate_all(bars) == ["0px"] * 5


@pytest.fixture
def noise() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue()


def test_a_scene_s_attributes_are_told(page: Page) -> None:
    def add(route: Route) -> None:
        response = route.fetch()
        scores = [{"attribute": name, "score": 0.9} for name in ("natural light", "open area")]
        route.fulfill(response=response, json=response.json() | {"attributes": scores})

    page.route("**/classify?model=places365*", add)
    sample(page, "coffee").click()
    scene = page.get_by_role("region", name="Scene")
    expect(scene).to_contain_text("natural light · open area")


def test_a_model_that_can_t_say_where_it_looked_answers_all_the_same(page: Page) -> None:
    refused = {"type": "/problems/invalid-parameter", "detail": "no maps", "status": 422}
    page.route("**/classify?*explain*", lambda route: route.fulfill(status=422, json=refused))
    sample(page, "coffee").click()
    expect_labels(page, re.compile("^Coffee shop"))
    expect(page.locator(".overlay canvas")).to_have_count(0)


def test_it_is_told_how_much_of_a_photo_is_sent(page: Page, photos: dict[str, bytes]) -> None:
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    network.send("Network.emulateNetworkConditions", slow)
    choose(page, photos["coffee"])
    expect(stage(page).locator(".sending")).to_have_text(re.compile(r"^Sending \d+\s%$"))
    expect(answer(page)).to_contain_text(re.compile(r"Sending \d+\s%"))
    expect_labels(page, re.compile("^Coffee shop"))
    expect(stage(page).locator(".sending")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_when_an_answer_comes(browser: Browser, site: str, width: int) -> None:
    with browser.new_page(viewport={"width": width, "height": 1400}) as page:
        watch_shifts(page)
        page.goto(f"{site}/#sample=tracks&label=2")
        expect_labels(page, re.compile("^Railroad track"))
        expect(page.get_by_text("About EfficientNet-Lite0")).to_be_visible()
        assert shifts(page) < 0.001


@dataclass(frozen=True)
class Tracks:
    """The page with both models' answers about the sample of the railroad."""

    page: Page
    answers: dict[str, Any]

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("location.hash.slice(1)"))

    def button(self, number: int) -> Locator:
        return self.page.locator(f"[data-label='{number}']")

    def light(self, number: int, way: str) -> None:
        button = self.button(number)
        if way == "hover":
            button.hover()
        elif way == "tap":
            button.tap()
        else:
            self.button(number - 1).focus()
            self.page.keyboard.press("Tab")

    def shade(self, number: int) -> tuple[float, float]:
        """How dark the photo is where the label's map is at its most, and at its least."""
        model = ["places365", "efficientnet_lite0"][(number - 1) // 5]
        got = self.answers[model]
        region = got["predictions"][(number - 1) % 5]["region"]
        inside, outside = self.page.evaluate(SHADE, [got["view"], region["map"]])
        return inside, outside

    def lines(self, language: str) -> str:
        if not self.page.locator("#lines").is_visible():
            self.page.get_by_text("Use this").click()
        self.page.get_by_role("tab", name=language).click()
        return self.page.locator("#lines").inner_text()


# The canvas' opacity in the cell where a map is largest, and where it is smallest.
SHADE = """([{ width, height, box: [x, y, w, h] }, map]) => {
  const canvas = document.querySelector(".overlay canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const pixels = copy.getContext("2d", { willReadFrequently: true });
  pixels.drawImage(canvas, 0, 0);
  const values = map.flat();
  return [Math.max(...values), Math.min(...values)].map((value) => {
    const at = values.indexOf(value);
    const px = x + ((at % map[0].length) + 0.5) * w / map[0].length;
    const py = y + (Math.floor(at / map[0].length) + 0.5) * h / map.length;
    const [cx, cy] = [px / width * canvas.width, py / height * canvas.height].map(Math.floor);
    return pixels.getImageData(cx, cy, 1, 1).data[3] / 255;
  });
}"""


@pytest.fixture
def tracks(browser: Browser, site: str) -> Iterator[Tracks]:
    photo = (SAMPLES / "tracks.jpg").read_bytes()
    answers = {
        name: httpx.post(f"{site}/classify?model={name}&explain=region", content=photo).json()
        for name in ("places365", "efficientnet_lite0")
    }
    # Without motion the light is there at once.
    with (
        browser.new_page(has_touch=True, reduced_motion="reduce") as page,
        seeing_no_fault(page),
    ):
        page.goto(f"{site}/#sample=tracks")
        expect_labels(page, re.compile("^Railroad track"))
        yield Tracks(page, answers)


def _predictions(text: str) -> list[dict[str, Any]]:
    """Of several answers, one after the other."""
    found: list[dict[str, Any]] = []
    while text := text.strip():
        got, end = json.JSONDecoder().raw_decode(text)
        found += got["predictions"]
        text = text[end:]
    return found


def _box(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box
    return box
