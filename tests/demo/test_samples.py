"""The default model makes sense of the page's sample photographs.

The categories stand here because somebody looked at the photographs: each is one that a person
could give.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.samples import FOLDER, SAMPLES, Sample
from service.cli.options import DEFAULT_MODEL
from service.engine.classifier import Classifier
from service.fleet.local import local_classifier

SCENES = {
    "coffee.jpg": ("indoor", {"coffee_shop"}),
    "bridge.jpg": ("outdoor", {"bridge"}),
    "kitchen.jpg": ("indoor", {"kitchen"}),
    "aqueduct.jpg": ("outdoor", {"aqueduct", "viaduct"}),
    "tracks.jpg": ("outdoor", {"railroad_track"}),
    "mountain.jpg": ("outdoor", {"mountain", "mountain_path", "mountain_snowy", "valley"}),
}


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with local_classifier(DEFAULT_MODEL) as made:
        yield made


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.file)
def test_a_sample_gets_a_scene_that_a_person_could_give(
    sample: Sample, classifier: Classifier
) -> None:
    kind, scenes = SCENES[sample.file]
    answer = classifier.classify((FOLDER / sample.file).read_bytes(), top_k=5)
    assert scenes & {one.category for one in answer.predictions}
    assert answer.environment
    assert answer.environment.kind == kind
