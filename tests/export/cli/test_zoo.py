from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

from export.cli.zoo import make
from export.fetch.weights import sha256_of
from export.photographs import shipped_photographs
from export.pipeline import ExportConfig
from export.proof.parity import torch_probabilities
from models.labels import label_set
from models.networks.checkpoint import load_network
from models.shelf import ZOO
from models.sources import SOURCES
from service.fleet.identity import read_card
from service.photo.decode import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

LITE0 = SOURCES["efficientnet_lite0"]
FILE = ZOO / "efficientnet_lite0.onnx"


def answers(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(FILE)
    found: NDArray[np.float32] = session.run(["probabilities"], {"photo": photos})[0]
    return found


def test_the_shipped_files_card_says_what_was_measured() -> None:
    card = read_card(FILE)
    assert (card.name, card.precision, card.weights.licence) == (
        "efficientnet_lite0",
        "int8",
        "Apache-2.0",
    )
    assert (card.parameters, card.multiply_adds) == (4_652_008, 385_187_552)
    assert card.labels == label_set("imagenet")
    (measured,) = card.measured
    assert measured.photographs == 1000
    assert measured.top1 == pytest.approx(0.856, abs=0.005)
    assert card.parity
    assert card.parity.photographs == 1000
    assert card.parity.top1_agreement > 0.97


def test_the_shipped_file_answers_as_the_published_weights(weights: Path) -> None:
    card, config = read_card(FILE), ExportConfig.from_source(LITE0)
    assert card.weights.sha256 == LITE0.sha256 == sha256_of(weights)
    network, _ = load_network("efficientnet_lite0", 1000, weights)
    photos = shipped_photographs(card.input).proof

    expected = torch_probabilities(network, config.normalisation, 1, photos)

    found = answers(photos)
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.85
    assert np.abs(found - expected).max() < 0.25


@pytest.mark.xdist_group("published")  # one worker traces the network for all of these
@pytest.mark.usefixtures("traced_once")
def test_the_shipped_file_can_be_made_again(
    weights: Path, photos: dict[str, bytes], tmp_path: Path
) -> None:
    for category, name in (("n02124075", "chelsea"), ("n07920052", "coffee")):
        (tmp_path / "data" / category).mkdir(parents=True)
        (tmp_path / "data" / category / f"{name}.jpg").write_bytes(photos[name])
    out = tmp_path / "again.onnx"

    result = CliRunner().invoke(
        make, [str(tmp_path / "data"), f"--weights={weights}", f"--out={out}"]
    )

    assert result.exit_code == 0, result.output
    card, known = read_card(out), read_card(FILE)
    assert card.measured[0].photographs == 2
    assert card.measured[0].dataset == "data"
    apart = {"measured": None, "parity": None, "familiarity": None}
    assert card.model_copy(update=apart) == known.model_copy(update=apart)
    squares = np.stack([decode(photo, card.input).pixels for photo in photos.values()])
    again = onnxruntime.InferenceSession(out).run(["probabilities"], {"photo": squares})[0]
    # Ranges are observed in float32, which another processor may round otherwise.
    assert np.abs(again - answers(squares)).max() < 0.1


@pytest.fixture(scope="module")
def imagenet(shared: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A hundred of the thousand photographs, and the indices of their classes."""
    from service.lab.dataset import read_dataset

    labelled = read_dataset(shared / "photos" / "imagenet_1000.csv", label_set("imagenet"))
    some = [one for number, one in enumerate(labelled) if number % 10 == 0]
    squares = np.stack([decode(one.photo, LITE0.input).pixels for one in some])
    return squares, np.array([next(iter(one.targets)) for one in some])


def test_the_shipped_file_knows_imagenets_objects(
    imagenet: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> None:
    squares, truth = imagenet
    assert (answers(squares).argmax(1) == truth).mean() > 0.8
