from __future__ import annotations

import csv
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import pytest

from export.cli.published import PublishedModel
from export.cli.verify import verify
from models.shelf import ZOO
from models.sources import SOURCES
from service.fleet.identity import read_card
from tests.export.cli.invoking import refused, run

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import Card

LITE0 = SOURCES["efficientnet_lite0"]


def _dataset(shared: Path, folder: Path, count: int, *, shift: int = 0) -> Path:
    """Some of ImageNet's photographs, evenly spread, with their labels or those of others."""
    with (shared / "photos/imagenet_1000.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))[:: 1000 // count][:count]
    table = folder / "some.csv"
    with table.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["file", "index"])
        writer.writerows([row["file"], (int(row["index"]) + shift) % 1000] for row in rows)
    table.with_suffix(".tar").symlink_to(shared / "photos/imagenet_1000.tar")
    return table


@pytest.mark.xdist_group("published")  # one worker traces the network for all of these
@pytest.mark.usefixtures("traced_once")
def test_verify_agrees_with_the_publisher_on_real_photographs(
    home: Path, weights: Path, publisher: Any, shared: Path, tmp_path: Path
) -> None:
    publisher.files[LITE0.filename] = weights.read_bytes()
    data = _dataset(shared, tmp_path, 60)

    result = run(verify, "efficientnet_lite0", "--data", data, "--mirror", publisher.url)

    assert result.exit_code == 0, result.output
    assert "measured on 60 photographs" in result.stdout
    assert "top-1 agrees with the published figure." in result.stdout
    assert not (home / "efficientnet_lite0.onnx").exists()


def test_verify_fails_where_the_labels_are_others(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _dataset(shared, tmp_path, 20, shift=500)
    monkeypatch.setattr(PublishedModel, "export", _shipped)

    result = run(verify, "efficientnet_lite0", "--data", data)

    assert result.exit_code == 1
    assert "top-1                    75.1%      0.0%     29.5%" in result.stdout
    assert "top-1 is lower than published by more than chance allows." in result.stdout


def _shipped(_model: PublishedModel, target: Path, _precision: str) -> Card:
    """Take the model that ships with Booth in place of making one."""
    copyfile(ZOO / "efficientnet_lite0.onnx", target)
    return read_card(target)


@pytest.mark.usefixtures("home")
def test_verify_needs_a_figure_where_the_publisher_states_none(tmp_path: Path) -> None:
    result = run(verify, "resnet18_places365", "--data", tmp_path)

    assert "say with --top1 what to compare with." in refused(result)


def test_verify_says_what_is_wrong_with_the_photographs(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("file\na.jpg\n")

    sentence = refused(run(verify, "efficientnet_lite0", "--data", data))

    assert "data.csv needs a column `file` and one of: index" in sentence
