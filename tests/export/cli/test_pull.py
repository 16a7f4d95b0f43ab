from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from export.cli.pull import pull
from export.fetch.weights import sha256_of
from models.labels import sun_attributes
from models.networks.compat import torchvision_models
from models.sources import SOURCES
from service.fleet.identity import read_card
from service.fleet.local import local_classifier
from tests.conftest import ROOT
from tests.export.cli.invoking import refused, run

LITE0 = SOURCES["efficientnet_lite0"]
PHOTOS = ROOT / "export/photos"


@pytest.mark.xdist_group("published")  # one worker traces the network for all of these
@pytest.mark.usefixtures("traced_once")
def test_a_pulled_model_lies_in_the_model_home_and_knows_a_cup_of_coffee(
    home: Path, weights: Path, publisher: Any, photos: dict[str, bytes]
) -> None:
    publisher.files[LITE0.filename] = weights.read_bytes()
    publisher.script.append(publisher.breaks_off(10_000_000))

    result = run(pull, "efficientnet_lite0", "--mirror", publisher.url, "--photos", PHOTOS)

    assert result.exit_code == 0, result.output
    assert f"{home / 'efficientnet_lite0.onnx'}: EfficientNet-Lite0, int8, 5." in result.stdout
    assert publisher.requests[1]["range"] == "bytes=10000000-"
    with local_classifier(str(home / "efficientnet_lite0.onnx")) as classifier:
        card, answer = classifier.card, classifier.classify(photos["coffee"])
    assert answer.predictions[0].label == "Espresso"
    assert card.precision == "int8"
    assert card.weights.sha256 == LITE0.sha256
    assert card.parity is not None
    assert card.published == LITE0.published


def test_the_attributes_of_the_places_demo_come_with_its_network(
    home: Path, publisher: Any, shared: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = torchvision_models().resnet18(num_classes=365)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "weights")
    matrix = shared / "scenes/W_sceneattribute_wideresnet18.npy"
    publisher.files["wideresnet18_places365.pth.tar"] = (tmp_path / "weights").read_bytes()
    publisher.files[matrix.name] = matrix.read_bytes()

    words = ("--precision", "fp32", "--photos", PHOTOS, "--mirror", publisher.url)
    result = run(pull, "wideresnet18_places365", *words)

    assert result.exit_code == 0, result.output
    path = home / "wideresnet18_places365.onnx"
    session = onnxruntime.InferenceSession(path)
    square = np.zeros((1, 224, 224, 3), np.uint8)
    features, found = session.run(["features", "attributes"], {"photo": square})
    np.testing.assert_allclose(found, features @ np.load(matrix).T, rtol=1e-3, atol=1e-4)
    assert read_card(path).attributes == sun_attributes()
    assert read_card(path).weights.sha256 == sha256_of(tmp_path / "weights")


def test_a_model_that_is_there_stays_without_force_and_until_there_is_a_better(
    home: Path, weights: Path, tmp_path: Path
) -> None:
    home.mkdir()
    model = home / "efficientnet_lite0.onnx"
    model.write_bytes(b"precious")
    (tmp_path / "damaged.pth").write_bytes(weights.read_bytes()[:1000])

    plain = run(pull, "efficientnet_lite0", "--weights", weights)
    assert "--force replaces it." in refused(plain)

    words = ("--force", "--weights", tmp_path / "damaged.pth")
    assert "give the right file" in refused(run(pull, "efficientnet_lite0", *words))
    assert model.read_bytes() == b"precious"


def test_without_a_network_the_host_and_the_other_way_are_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{taken.getsockname()[1]}"
        sentence = refused(run(pull, "resnet18", "--mirror", mirror))

    assert "127.0.0.1 could not be reached" in sentence
    assert sentence.endswith("pass it with --weights FILE.")
    assert not (home / "resnet18.onnx").exists()


def test_wrong_bytes_never_become_a_model(
    home: Path, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files["resnet18-f37072fd.pth"] = b"something else"
    monkeypatch.setenv("BOOTH_WEIGHTS_URL", publisher.url)

    assert "where f37072fd was expected; they were deleted" in refused(run(pull, "resnet18"))
    assert list(home.rglob("*.*")) == []


def test_a_file_that_is_no_checkpoint_never_becomes_a_model(home: Path, publisher: Any) -> None:
    publisher.files["alexnet_places365.pth.tar"] = b"no hash is published, so it is read"

    result = run(pull, "alexnet_places365", "--mirror", publisher.url)

    assert refused(result).startswith("alexnet_places365.pth.tar is no checkpoint")
    assert not (home / "alexnet_places365.onnx").exists()
