"""The default model makes sense of the page's sample photographs.

The categories stand here because somebody looked at the photographs: each is one that a person
could give.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from demo.samples import FOLDER, SAMPLES, Sample
from service.cli.options import DEFAULT_MODEL
from service.engine.classifier import Classifier
from service.fleet.local import local_classifier

SCENES = {
    "coffee.jpg": ("indoor", {"coffee_shop"}),
    "bridge.jpg": ("outdoor", {"bridge"}),
    "windmill.jpg": ("outdoor", {"windmill"}),
    "aqueduct.jpg": ("outdoor", {"aqueduct", "viaduct"}),
    "tracks.jpg": ("outdoor", {"railroad_track"}),
    "mountain.jpg": ("outdoor", {"mountain", "mountain_path", "mountain_snowy", "valley"}),
}


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with local_classifier(DEFAULT_MODEL) as made:
        yield made


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.file)
def test_a_sample_gets_clearly_a_scene_that_a_person_could_give(
    sample: Sample, classifier: Classifier
) -> None:
    kind, scenes = SCENES[sample.file]
    answer = classifier.classify((FOLDER / sample.file).read_bytes(), top_k=5)
    first = answer.predictions[0]
    assert first.category in scenes
    assert first.confidence > 0.5
    assert answer.environment
    assert answer.environment.kind == kind


@pytest.mark.xdist_group("page")
@pytest.mark.parametrize("place", ["samples", "thumbnails"])
def test_samples_are_sent_and_nothing_beside_them(orphan: str, place: str) -> None:
    for one in SAMPLES:
        sent = httpx.get(f"{orphan}/page/{place}/{one.file}")
        assert (sent.status_code, sent.headers["content-type"]) == (200, "image/jpeg")
        assert sent.headers["cache-control"] == "public, max-age=86400"
    assert httpx.get(f"{orphan}/page/{place}/README.md").status_code == 404


@pytest.mark.xdist_group("page")
def test_a_thumbnail_is_a_small_square(orphan: str) -> None:
    sizes = [len(httpx.get(f"{orphan}/page/thumbnails/{one.file}").content) for one in SAMPLES]
    assert sum(sizes) < 50_000
    with Image.open(io.BytesIO(httpx.get(f"{orphan}/page/thumbnails/coffee.jpg").content)) as one:
        assert one.size == (128, 128)
