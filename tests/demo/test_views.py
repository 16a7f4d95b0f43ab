"""The fragments of the page, without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from booth_client import errors
from booth_client.wire import (
    Accuracy,
    Answer,
    Bin,
    Calibration,
    Card,
    Environment,
    Input,
    Label,
    Measurement,
    Prediction,
    PredictionWithBasis,
    Timing,
    Weights,
)
from demo import views
from demo.samples import FOLDER, SAMPLES

SCENE = Answer(
    model="places",
    version="1",
    predictions=[
        Prediction("Indoor booth", "booth/indoor", 61, 0.72),
        Prediction("<b>Phone</b> booth", 'phone"booth', 260, 0.041),
    ],
    environment=Environment("indoor", 0.99),
    timing_ms=Timing(1.4, 0.2, 2.9, 4.8),
)
CARD = Card(
    name="places",
    title="Places <365>",
    architecture="resnet18",
    parameters=11_689_512,
    multiply_adds=1_814_000_000,
    precision="int8",
    input=Input(size=224, resize=256),
    labels=(
        Label(name="Indoor booth", category="booth/indoor", kind="indoor"),
        Label(name="Harbor", category="harbor", kind="outdoor"),
    ),
    weights=Weights(origin="MIT", sha256="0" * 64, licence="CC-BY-4.0"),
    published=Accuracy(dataset="Places365", top1=0.5474, top5=0.8508),
    measured=(
        Measurement(dataset="MiniPlaces", top1=0.6, photographs=4850, calibration_error=0.02),
    ),
)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.72, "72"),
        (0.041, "4.1"),
        (0.0996, "10.0"),
        (0.994, "99"),
        (0.997, "99.7"),
        (1.0, "100.0"),
        (0.0, "0.0"),
    ],
)
def test_percentages_round_no_doubt_away(share: float, text: str) -> None:
    assert views.percent(share) == f"{text}&#8239;%"


def test_an_answer_shows_labels_environment_and_time() -> None:
    html = views.answer(SCENE)
    assert "<b>72&#8239;%</b> Indoor booth" in html
    assert "Type of environment: <b>indoor</b>" in html
    assert html.count("<li ") == 2
    assert "--share:0.7200" in html
    assert "4.8&#8239;ms" in html


@pytest.mark.parametrize("place", [0, 1])
def test_a_distilled_label_bears_a_mark_that_is_explained_once(place: int) -> None:
    taught = [
        PredictionWithBasis(one.label, one.category, one.index, one.confidence, "labelled")
        for one in SCENE.predictions
    ]
    plain = replace(SCENE, predictions=list(taught))
    taught[place] = replace(taught[place], basis="distilled")
    html = views.answer(replace(SCENE, predictions=list(taught)))
    # The first label stands in large type and again in the list.
    assert html.count('aria-label="(distilled)"') == 2 - place
    assert html.count('<p class="reason">') == 1
    for without in (plain, SCENE):
        assert "†" not in views.answer(without)


def test_labels_can_t_bring_markup_into_the_page() -> None:
    html = views.answer(SCENE)
    assert "<b>Phone" not in html
    assert "&lt;b&gt;Phone&lt;/b&gt; booth" in html
    assert 'title="phone&quot;booth"' in html


def test_objects_have_no_environment() -> None:
    cup = Answer("objects", "1", SCENE.predictions, None, SCENE.timing_ms)
    assert "environment" not in views.answer(cup)


@pytest.mark.parametrize(
    ("error", "heading", "again"),
    [
        (errors.BadImage("it is empty"), "That file is no photograph", False),
        (errors.TooLarge("send less"), "That photograph is too large", False),
        (errors.Overloaded("the queue is full"), "Many photographs are waiting", True),
        (errors.ServiceUnreachable("nobody there"), "Booth is away", True),
        (errors.InternalError("our fault"), "That did not work", True),
    ],
)
def test_a_problem_has_a_heading_and_again_only_where_it_helps(
    error: errors.BoothError, heading: str, again: bool
) -> None:
    html = views.problem(error)
    assert heading in html
    assert ("Try again" in html) is again
    assert f"<p>{error.detail[0].upper()}{error.detail[1:]}.</p>" in html


def test_facts_tell_size_licence_and_accuracy_as_measured() -> None:
    html = views.facts(CARD)
    assert "About Places &lt;365&gt;, version 1" in html
    assert "11.7 million parameters, 1.81 billion multiply-adds" in html
    assert "MIT (CC-BY-4.0)" in html
    assert "54.7% top-1, 85.1% top-5 on Places365" in html
    assert "60.0% top-1 on MiniPlaces, 4,850 photographs" in html


def test_facts_tell_what_was_learned_from_a_teacher_and_how_honest_confidences_are() -> None:
    booth, harbor = CARD.labels
    bins = (Bin(photographs=4000, confidence=0.6, right=0.6),)
    calibration = Calibration(
        temperature=1.2,
        fitted_on="one half",
        fitted_photographs=900,
        measured_on="the other half",
        measured_photographs=4000,
        error_before=0.054,
        error_after=0.018,
        bins_before=bins,
        bins_after=bins,
    )
    labels = (booth, replace(harbor, basis="distilled"))
    html = views.facts(replace(CARD, labels=labels, calibration=calibration))
    assert "2, scenes; 1 of them learned from another network&#x27;s answers alone" in html
    assert "off by 1.8% on average, 5.4% before scaling, on the other half, 4,000 photo" in html
    assert "learned" not in views.facts(CARD)


def test_links_lead_to_where_the_service_is() -> None:
    assert 'href="metrics"' in views.footer("")
    assert 'href="https://booth.test/docs"' in views.footer("https://booth.test/")


def test_every_sample_is_there_small_and_named_with_its_terms() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.glob("*.jpg")} == {one.file for one in SAMPLES}
    for one in SAMPLES:
        assert f"| `{one.file}` | {one.shows} | {one.author} |" in readme
        assert f"| {one.licence} |" in readme
        assert (FOLDER / one.file).stat().st_size < 100_000
        assert f"{one.shows}, {one.author} ({one.licence})" in views.footer("")
