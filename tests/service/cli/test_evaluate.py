"""`booth evaluate`: how good a model is."""

from __future__ import annotations

import json
from pathlib import Path

from tests.service.cli.running import booth


def test_evaluate_shows_groups_and_reliability_and_draws_it(
    tiny: Path, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    (tmp_path / "coffee.jpg").write_bytes(photos["coffee"])
    (tmp_path / "set.csv").write_text("file,category,shot\ncoffee.jpg,red,close\n")
    plot = tmp_path / "plot.png"
    options = ("--by", "shot", "--reliability", "--reliability-plot", plot, "--model", tiny)
    shown = booth("evaluate", tmp_path / "set.csv", *options).stdout.decode()
    assert "\nclose            1  100.00%  100.00%\nall              1" in shown
    assert "\nconfidence  photographs  mean confidence   right\n0-7%" in shown
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_the_accuracies(tmp_path: Path, photos: dict[str, bytes]) -> None:
    (tmp_path / "n07920052").mkdir()
    (tmp_path / "n07920052" / "coffee.jpg").write_bytes(photos["coffee"])
    evaluate = ["evaluate", tmp_path, "--model", "efficientnet_lite0"]
    evaluation = json.loads(booth(*evaluate, "--json").stdout)
    assert (evaluation["top1"], evaluation["photographs"]) == (1.0, 1)
    assert b"top-1              100.00%" in booth(*evaluate).stdout
