"""The folder of a run; `tests.export.cli.test_train` trains to the end, as a user does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from export.training.config import RunFolderError
from export.training.run import TrainingRun
from models.networks.checkpoint import load_network
from models.training.plan import Plan
from tests.export.training.configs import config

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE = "efficientnet_lite0"


def test_a_run_begins_with_a_fitted_classifier_and_is_not_begun_again(
    corners: Path, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    asked = config(corners, folder, weights=weights)

    run = TrainingRun.prepare(asked)

    assert not run.trainer.is_over
    assert json.loads((folder / "settings.json").read_text())["plan"]["size"] == 32
    network, is_new = load_network(ARCHITECTURE, 5, folder / "start.pth")
    assert not is_new
    assert network.classifier.weight.any()
    written = (folder / "start.pth").stat().st_mtime_ns
    TrainingRun.prepare(asked)
    assert (folder / "start.pth").stat().st_mtime_ns == written


def test_other_settings_begin_anew_until_there_is_a_checkpoint(
    corners: Path, weights: Path, tmp_path: Path
) -> None:
    asked = config(corners, tmp_path / "run", weights=weights)
    run = TrainingRun.prepare(asked)
    other = replace(asked, plan=Plan(size=32, seed=1))
    written = (asked.folder / "start.pth").stat().st_mtime_ns
    TrainingRun.prepare(other)
    assert (asked.folder / "start.pth").stat().st_mtime_ns > written

    run.trainer.state.save(asked.folder / "last.pt")
    with pytest.raises(RunFolderError, match=r"holds a run with another plan: give the same one"):
        TrainingRun.prepare(asked)
