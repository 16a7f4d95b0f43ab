"""What the commands that need no server share."""

from __future__ import annotations

from pathlib import Path

from service.cli.local import local_classifier
from tests.service.cli.running import PHOTOS
from tests.service.conftest import own_threads


def test_the_classifier_of_a_command_ends_its_threads(tiny: Path) -> None:
    before = own_threads()
    with local_classifier(str(tiny)) as classifier:
        assert own_threads() - before
        assert classifier.classify((PHOTOS / "coffee.jpg").read_bytes(), top_k=1).model == "tiny"
    assert own_threads() <= before
