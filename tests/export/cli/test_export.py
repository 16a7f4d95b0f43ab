from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from export.cli.export import _config, _input, export
from models.card import Input
from service.fleet.identity import read_card
from tests.export.checkpoints import random_network, save_as_torchvision
from tests.export.cli.invoking import refused
from tests.export.cli.invoking import run as invoke

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, bytes]) -> Path:
    save_as_torchvision(random_network("resnet18", 7, 64), tmp_path / "my.pth")
    (tmp_path / "my.txt").write_text("".join(f"label {i}\n" for i in range(7)))
    (tmp_path / "photos").mkdir()
    for name in ("chelsea", "coffee", "rocket"):
        (tmp_path / "photos" / f"{name}.jpg").write_bytes(photos[name])
    return tmp_path


def run(folder: Path, **changes: str) -> Result:
    options = {
        "arch": "resnet18",
        "weights": str(folder / "my.pth"),
        "labels": str(folder / "my.txt"),
        "out": str(folder / "my.onnx"),
        "size": "64",
    } | changes
    return invoke(export, *(f"--{name}={value}" for name, value in options.items()))


def test_a_checkpoint_of_ones_own_becomes_a_model_file(folder: Path) -> None:
    result = run(folder, precision="int8", photos=str(folder / "photos"), licence="CC0-1.0")

    assert result.exit_code == 0, result.output
    card = read_card(folder / "my.onnx")
    assert (card.name, card.precision, card.weights.licence) == ("my", "int8", "CC0-1.0")
    assert (card.input.size, card.input.resize, card.input.interpolation) == (64, 73, "bilinear")
    assert [label.name for label in card.labels] == [f"label {i}" for i in range(7)]
    assert card.parity
    assert card.parity.photographs == 1
    size, work, proof = result.stdout.splitlines()
    assert size == f"{folder / 'my.onnx'}: my, int8, 11.3 MB"
    assert work == "11.2 million parameters, 148 million multiply-adds, 7 labels"
    assert proof.startswith("Against the PyTorch network in float32, on 1 photographs: the same ")
    assert f"largest change of a probability {card.parity.largest_difference:.2g}." in proof


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"arch": "resnet19"}, "Booth knows no architecture 'resnet19'; there are alexnet, "),
        ({"labels": "places365"}, "my.pth tells 7 classes apart, and 365 labels were given;"),
        ({"labels": "nowhere.txt"}, "nowhere.txt can't be read as labels; give imagenet, "),
        ({"name": "My Model"}, "The name can't be 'My Model': "),
        ({"resize": "32"}, "resize (32) must be at least size (64)"),
        ({"photos": "empty"}, "empty holds no readable photographs; at least 2 are needed"),
        ({"std": "0"}, "std"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    changes: dict[str, str], sentence: str, folder: Path
) -> None:
    (folder / "empty").mkdir()
    if "photos" in changes:
        changes = {"photos": str(folder / "empty")}
    result = run(folder, **changes)
    assert sentence in refused(result)
    assert not (folder / "my.onnx").exists()


def test_labels_that_stand_twice_are_told(folder: Path) -> None:
    (folder / "my.txt").write_text("cat\n" * 7)
    assert "the category 'cat' stands twice among the labels" in refused(run(folder))


def test_a_checkpoint_that_wants_to_run_code_is_refused(folder: Path) -> None:
    (folder / "my.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert "is refused, since it was made to run code" in refused(run(folder))


@pytest.mark.parametrize(
    ("arch", "mean", "interpolation", "size"),
    [("efficientnet_lite1", 127.0, "bicubic", 240), ("densenet161", 123.675, "bilinear", 224)],
)
def test_preprocessing_is_that_of_the_architectures_published_weights(
    folder: Path, arch: str, mean: float, interpolation: str, size: int
) -> None:
    unset = dict.fromkeys(
        ("name", "title", "size", "resize", "interpolation", "mean", "std", "use", "activation")
    )
    labels = str(folder / "my.txt")
    config = _config(
        folder / "my.onnx",
        arch=arch,
        labels=labels,
        version="2",
        squash=False,
        temperature=1.0,
        licence="CC0-1.0",
        **unset,
    )
    assert config.version == "2"
    assert config.normalisation.mean[0] == mean
    assert (config.input.interpolation, config.input.size) == (interpolation, size)
    assert config.input.resize == round(size * 8 / 7)


@pytest.mark.parametrize(
    ("squash", "resize", "expected"), [(True, None, 64), (True, 96, 96), (False, None, 73)]
)
def test_what_is_squashed_is_not_cropped_unless_asked_for(
    squash: bool, resize: int | None, expected: int
) -> None:
    """As `booth adopt` does it."""
    usual = Input(size=224, resize=256)
    found = _input(usual, size=64, resize=resize, squash=squash, interpolation=None)
    assert (found.size, found.resize, found.keep_aspect) == (64, expected, not squash)
