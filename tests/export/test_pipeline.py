"""Published layouts, without the published files: weights of our own, saved as publishers do."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from starlette.testclient import TestClient
from torch import nn

from export.photographs import shipped_photographs
from export.pipeline import ExportConfig, Exporter, InvalidCard, export_model, write_card
from export.proof.parity import LARGEST_DIFFERENCE, ParityError
from models.card import Input, Label, Measurement
from models.labels import label_set, sun_attributes
from models.networks import Network, build
from models.networks.checkpoint import CheckpointError
from models.networks.compat import torchvision_models
from models.sources import SOURCES
from service.fleet.identity import read_card
from service.run.app import create_app, create_state
from service.settings import read_settings
from tests.export.checkpoints import (
    IMAGENET,
    random_network,
    save_as_mit,
    save_as_torchvision,
    shallow_resnet18,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from export.pipeline import Precision
    from models.card import Card

pytestmark = pytest.mark.xdist_group("pipeline")  # one worker makes what its tests share

# Convolutions need not see 224 pixels a side to be proven; AlexNet's hidden layers do.
PUBLISHED = {
    "resnet18": (save_as_torchvision, "imagenet", 64),
    "resnet18_places365": (save_as_mit, "places365", 64),
    "alexnet_places365": (save_as_mit, "places365", 224),
    "densenet161_places365": (save_as_mit, "places365", 64),
}


def config(architecture: str = "resnet18", labels: int = 7, size: int = 64) -> ExportConfig:
    return ExportConfig(
        name="mine",
        title="Mine",
        architecture=architecture,
        labels=tuple(Label(name=f"Label {i}", category=str(i)) for i in range(labels)),
        input=Input(size=size, resize=size),
        normalisation=IMAGENET,
        origin="a test",
        licence="Apache-2.0",
    )


@pytest.fixture(scope="module", autouse=True)
def _shallow() -> Iterator[None]:
    """Layouts of fewer layers, or with fewer numbers; tests/models/networks counts all of them."""
    with shallow_resnet18() as patch:
        models = torchvision_models()
        patch.setattr(models, "densenet161", partial(models.DenseNet, 16, (2, 2, 2, 2), 32))
        patch.setattr(models, "alexnet", _narrow_alexnet)
        yield


def _narrow_alexnet(num_classes: int) -> nn.Module:
    """AlexNet with a sixteenth of its hidden layers' features."""
    module: nn.Module = torchvision_models().AlexNet(num_classes)
    module.classifier = nn.Sequential(
        *(nn.Dropout(), nn.Linear(256 * 6 * 6, 256), nn.ReLU()),
        *(nn.Dropout(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, num_classes)),
    )
    return module


# The tests of a network share their worker, so that it is made and loaded once.
@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PUBLISHED],
)
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exporter]:
    source = SOURCES[request.param]
    save, labels, size = PUBLISHED[request.param]
    weights = tmp_path_factory.mktemp("weights") / source.filename
    save(random_network(source.architecture, len(label_set(labels)), size), weights)
    smaller = replace(ExportConfig.from_source(source), input=Input(size=size, resize=size))
    yield Exporter.load(smaller, weights)
    weights.unlink()


@pytest.fixture
def made(network: Exporter, tmp_path: Path) -> Iterator[Callable[[Precision], tuple[Path, Card]]]:
    path = tmp_path / f"{network.config.name}.onnx"
    yield lambda precision: (path, network.write(path, precision=precision))
    path.unlink()


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_published_layout_is_exported_proven_and_served(
    precision: Precision, made: Callable[[Precision], tuple[Path, Card]], photos: dict[str, bytes]
) -> None:
    path, card = made(precision)
    assert card.parity
    if precision == "fp32":
        assert card.parity.largest_difference < 1e-4
        assert card.parity.top1_agreement == 1
    elif precision == "fp16":
        assert 0 < card.parity.largest_difference < 0.1
        assert card.parity.top1_agreement >= 0.9
    else:
        # By chance it would be 0.003. Random weights amplify rounding, the more so the deeper.
        assert card.parity.top1_agreement >= 0.3
        assert 0 < card.parity.mean_difference < 0.3
    answers = _answers_over_http(path, photos)
    assert len({answer["predictions"][0]["index"] for answer in answers}) > 1
    assert all(answer["model"] == card.name for answer in answers)
    is_scene = card.name.endswith("places365")
    assert all(("environment" in answer) >= is_scene for answer in answers)


def _answers_over_http(path: Path, photos: dict[str, bytes]) -> list[dict[str, Any]]:
    settings = {"BOOTH_MODELS": str(path), "BOOTH_DEMO": "off", "BOOTH_MAX_BATCH_SIZE": "1"}
    with TestClient(create_app(create_state(read_settings(settings)))) as client:
        _wait_until_ready(client)
        answers = [client.post("/classify", content=photo) for photo in photos.values()]
    assert [answer.status_code for answer in answers] == [200] * len(photos)
    return [answer.json() for answer in answers]


def _wait_until_ready(client: TestClient) -> None:
    deadline = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline, client.get("/readyz").text
        time.sleep(0.02)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    weights = tmp_path_factory.mktemp("weights") / "mine.pth"
    save_as_torchvision(random_network("resnet18", 7, 64), weights)
    return Exporter.load(config(), weights)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    weights = tmp_path_factory.mktemp("weights") / "mine.pth"
    save_as_torchvision(random_network("resnet18", 7, 64), weights)
    return Exporter.load(config(), weights)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_same_weights_give_the_same_bytes(
    precision: Precision, resnet: Exporter, again: Exporter, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.onnx", tmp_path / "other.onnx"
    resnet.write(one, precision=precision)
    again.write(other, precision=precision)
    assert one.read_bytes() == other.read_bytes()


def test_the_card_in_the_file_tells_what_it_is(resnet: Exporter, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    card = resnet.write(path, precision="int8")
    assert read_card(path) == card
    assert (card.name, card.architecture, card.precision) == ("mine", "resnet18", "int8")
    assert card.parameters == 4_909_383
    assert card.weights.sha256 == resnet.sha256
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_another_card_changes_nothing_else(resnet: Exporter, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    card = resnet.write(path)
    before = onnx.load(path).graph
    measured = Measurement(dataset="d", top1=0.5, top5=1, photographs=2, calibration_error=0.1)
    described = card.model_copy(update={"measured": (measured,)})

    write_card(path, described)

    assert read_card(path) == described
    assert onnx.load(path).graph == before


def test_attributes_become_an_output(resnet: Exporter, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(len(sun_attributes()), 512))
    np.save(tmp_path / "w.npy", matrix.astype(np.float32))
    path = tmp_path / "mine.onnx"

    card = resnet.write(path, attributes=tmp_path / "w.npy")

    assert card.attributes == sun_attributes()
    square = shipped_photographs(resnet.config.input).proof[:3]
    session = onnxruntime.InferenceSession(path)
    features, attributes = session.run(["features", "attributes"], {"photo": square})
    assert np.allclose(attributes, features @ matrix.T, atol=1e-3)


def test_a_file_that_answers_otherwise_is_not_written(
    resnet: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LARGEST_DIFFERENCE, "fp32", 0.0)
    with pytest.raises(ParityError):
        resnet.write(tmp_path / "mine.onnx")
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_is_left(resnet: Exporter, tmp_path: Path) -> None:
    taken = tmp_path / "mine.onnx"
    taken.mkdir()
    with pytest.raises(OSError, match=r"mine\.onnx"):
        resnet.write(taken)
    assert list(tmp_path.iterdir()) == [taken]


def test_a_bad_name_is_refused_before_the_work(tmp_path: Path) -> None:
    bad = replace(config(), name="My Model")
    with pytest.raises(InvalidCard, match=r"^The name can't be 'My Model': "):
        export_model(bad, tmp_path / "not-even-there.pth", tmp_path / "out.onnx")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "mine.pth"
    save_as_torchvision(random_network("resnet18", 7, 64), weights)
    with pytest.raises(CheckpointError, match="is no alexnet"):
        export_model(config("alexnet"), weights, tmp_path / "out.onnx")


def test_a_network_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "mine.pth"
    save_as_torchvision(random_network("resnet18", 7, 64), weights)
    built: list[str] = []

    def counting(architecture: str, classes: int) -> Network:
        built.append(architecture)
        return build(architecture, classes)

    monkeypatch.setattr("models.networks.checkpoint.build", counting)
    export_model(config(), weights, tmp_path / "out.onnx")

    assert built == ["resnet18"]
