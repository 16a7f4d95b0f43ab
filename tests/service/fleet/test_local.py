"""A classifier without a server."""

from __future__ import annotations

from pathlib import Path

from service.fleet.local import local_classifier
from tests.service.cli.running import PHOTOS
from tests.service.conftest import own_threads


def test_the_classifier_of_a_command_ends_its_threads(tiny: Path) -> None:
    before = own_threads()
    with local_classifier(str(tiny)) as classifier:
        assert own_threads() - before
        assert classifier.classify((PHOTOS / "coffee.jpg").read_bytes(), top_k=1).model == "tiny"
    assert own_threads() <= before


def test_a_file_s_own_path_is_a_model_too(tiny: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.onnx"
    moved.write_bytes(tiny.read_bytes())
    with local_classifier(str(moved)) as classifier:
        assert classifier.card.name == "tiny"
