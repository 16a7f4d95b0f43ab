"""Metrics: the numbers of /metrics, live, and the models' cards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import Page, expect

from demo.samples import FOLDER
from tests.demo.visitor import seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("page")

# Two readings of one service, 2 s apart: 8 photographs more, of which 6 took 2 to 4 ms.
BEFORE = """# TYPE booth_requests_total counter
booth_requests_total{model="m",outcome="ok"} 10.0
booth_images_total{model="m"} 10.0
booth_request_duration_seconds_bucket{le="0.002",model="m"} 10.0
booth_request_duration_seconds_bucket{le="0.004",model="m"} 10.0
booth_request_duration_seconds_bucket{le="+Inf",model="m"} 10.0
booth_labels_total{label="a/b\\"c",model="m"} 3.0
"""
AFTER = """booth_requests_total{model="m",outcome="ok"} 18.0
booth_images_total{model="m"} 18.0
booth_request_duration_seconds_bucket{le="0.002",model="m"} 12.0
booth_request_duration_seconds_bucket{le="0.004",model="m"} 18.0
booth_request_duration_seconds_bucket{le="+Inf",model="m"} 18.0
booth_labels_total{label="a/b\\"c",model="m"} 3.0
"""
READ = """async ([before, after]) => {
  const base = document.querySelector("#booth").dataset.assets;
  const place = `${document.baseURI}${base}/js/views/metrics/exposition.js`;
  const { Reading, quantiles, rate } = await import(place);
  const [one, two] = [new Reading(before, 0), new Reading(after, 2)];
  return {
    rate: rate(one, two, "booth_images_total"),
    restarted: rate(two, one, "booth_images_total"),
    quantiles: quantiles(one, two, "booth_request_duration_seconds", {}, [0.25, 0.5, 1]),
    nothing: quantiles(one, one, "booth_request_duration_seconds", {}, [0.5]),
    labels: [...two.by("booth_labels_total", "label")],
  };
}"""


@pytest.fixture
def metrics(browser: Browser, site: str) -> Iterator[Page]:
    """The view, opened."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/dashboard")
        yield shown


def test_readings_are_read_as_prometheus_reads_them(metrics: Page) -> None:
    read = metrics.evaluate(READ, [BEFORE, AFTER])
    assert read["rate"] == 4
    assert read["restarted"] == 0
    # Of the 8, 2 took up to 2 ms and 6 from there to 4 ms.
    assert read["quantiles"] == pytest.approx([0.002, 0.002 + 0.002 * 2 / 6, 0.004])
    assert read["nothing"] == [None]
    assert read["labels"] == [['a/b"c', 3]]


def test_what_is_answered_is_seen(metrics: Page, site: str) -> None:
    answered = metrics.locator(".tiles .card", has_text="Answered since the start").locator("dd")
    expect(answered).to_have_text(re.compile(r"^[\d,]+$"))
    before = int(answered.inner_text().replace(",", ""))
    for _ in range(3):
        httpx.post(f"{site}/classify", content=(FOLDER / "tracks.jpg").read_bytes())
    expect(answered).to_have_text(f"{before + 3:,}")
    expect(metrics.locator(".given")).to_contain_text("Railroad track")
    expect(metrics.get_by_role("row", name="network")).to_contain_text("ms")


def test_labels_are_told_by_their_names(metrics: Page, site: str) -> None:
    for _ in range(60):  # among the six that were given most
        photo = (FOLDER / "coffee.jpg").read_bytes()
        httpx.post(f"{site}/classify?model=efficientnet_lite0", content=photo).raise_for_status()
    expect(metrics.locator(".given")).to_contain_text("Espresso")
    expect(metrics.locator(".given")).not_to_contain_text("n07920052")


def test_the_models_are_told_with_their_cards(metrics: Page) -> None:
    card = metrics.locator(".cards .card", has_text="Scenes (Places365)")
    expect(card).to_contain_text("3.84 million parameters, 283 million multiply-adds a photo")
    expect(card).to_contain_text("365, scenes")
    expect(card).to_contain_text("Apache-2.0")
    small = metrics.locator(".cards .card", has_text="LeNet-5")
    expect(small).to_contain_text("61,706 parameters, 416,520 multiply-adds a photo")


def test_a_service_that_is_away_is_told_and_looked_for_again(metrics: Page) -> None:
    expect(metrics.locator(".given .labels, .given .none")).to_be_visible()
    metrics.route("**/metrics", lambda route: route.abort())
    expect(metrics.locator("#view > .problem")).to_contain_text("be reached")
    metrics.unroute("**/metrics")
    expect(metrics.locator("#view > .problem")).to_have_text("")
