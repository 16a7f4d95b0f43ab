from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from export.pipeline import InvalidCard
from export.training.config import RunFolderError
from models.training.plan import Plan
from tests.export.training.configs import config

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_that_no_card_takes_is_refused(corners: Path, tmp_path: Path) -> None:
    config(corners, tmp_path / "run").check()
    with pytest.raises(InvalidCard, match=r"^The name can't be 'My Model': "):
        config(corners, tmp_path / "run", name="My Model").check()


def test_what_is_made_may_not_lie_among_the_photographs(corners: Path) -> None:
    with pytest.raises(RunFolderError, match=r"give an --out or --run elsewhere\.$"):
        config(corners, corners / "deep" / "run").check()


def test_the_model_sees_whole_photographs_as_the_source_normalises_them(
    corners: Path, tmp_path: Path
) -> None:
    made = config(corners, tmp_path / "run")
    found = made.export_config(made.labels, 64)
    assert (found.input.size, found.input.resize, found.input.keep_aspect) == (64, 64, False)
    assert found.normalisation == made.source.normalisation
    assert (found.name, found.title, found.licence) == ("my", "Mine", "CC0-1.0")


def test_what_a_checkpoint_depends_on_is_recorded_and_the_rest_is_not(
    corners: Path, tmp_path: Path
) -> None:
    made = config(corners, tmp_path / "run")
    recorded = made.recorded()
    assert json.loads(json.dumps(recorded)) == recorded
    assert recorded["data"] == str(corners)
    assert recorded["plan"] != replace(made, plan=Plan(size=64)).recorded()["plan"]
    again = replace(made, data=corners / ".." / "corners", out=tmp_path / "x.onnx", title="Other")
    assert again.recorded() == recorded
