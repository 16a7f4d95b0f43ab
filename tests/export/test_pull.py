from __future__ import annotations

import csv
import hashlib
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner, Result

import export.pull
from export.download import Patience
from export.fetch import fetch_weights, sha256_of
from export.pull import pull, verify
from models.labels import sun_attributes
from models.networks.compat import torchvision_models
from models.shelf import ZOO
from models.sources import SOURCES
from service.cli.local import local_classifier
from service.fleet.identity import read_card

if TYPE_CHECKING:
    from click import Command

    from models.card import Card

LITE0 = SOURCES["efficientnet_lite0"]
PHOTOS = Path(__file__).parents[1] / "photos"
HASTY = Patience(attempts=2, backoff_s=0, connect_s=2, read_s=2)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BOOTH_MODEL_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("BOOTH_WEIGHTS_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasty = partial(fetch_weights, patience=HASTY)
    monkeypatch.setattr(export.pull, "fetch_weights", hasty)
    return tmp_path / "home"


def _run(command: Command, *words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def _refused(result: Result) -> str:
    """The one sentence in which a command says what was wrong."""
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    return result.stderr


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


def test_a_pulled_model_lies_in_the_model_home_and_knows_a_cup_of_coffee(
    home: Path, weights: Path, publisher: Any, photos: dict[str, bytes]
) -> None:
    publisher.files[LITE0.filename] = weights.read_bytes()
    publisher.script.append(publisher.breaks_off(10_000_000))

    result = _run(pull, "efficientnet_lite0", "--mirror", publisher.url, "--photos", PHOTOS)

    assert result.exit_code == 0, result.output
    assert f"{home / 'efficientnet_lite0.onnx'}: EfficientNet-Lite0, int8, 5." in result.stdout
    assert publisher.requests[1]["range"] == "bytes=10000000-"
    with local_classifier("efficientnet_lite0") as classifier:
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
    result = _run(pull, "wideresnet18_places365", *words)

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

    plain = _run(pull, "efficientnet_lite0", "--weights", weights)
    assert "--force replaces it." in _refused(plain)

    words = ("--force", "--weights", tmp_path / "damaged.pth")
    assert "give the right file" in _refused(_run(pull, "efficientnet_lite0", *words))
    assert model.read_bytes() == b"precious"


def test_verify_agrees_with_the_publisher_on_real_photographs(
    home: Path, weights: Path, publisher: Any, shared: Path, tmp_path: Path
) -> None:
    publisher.files[LITE0.filename] = weights.read_bytes()
    data = _dataset(shared, tmp_path, 60)

    result = _run(verify, "efficientnet_lite0", "--data", data, "--mirror", publisher.url)

    assert result.exit_code == 0, result.output
    assert "measured on 60 photographs" in result.stdout
    assert "top-1 agrees with the published figure." in result.stdout
    assert not (home / "efficientnet_lite0.onnx").exists()


def test_verify_fails_where_the_labels_are_others(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _dataset(shared, tmp_path, 20, shift=500)
    monkeypatch.setattr(export.pull, "_make", _shipped)

    result = _run(verify, "efficientnet_lite0", "--data", data)

    assert result.exit_code == 1
    assert "top-1                    75.1%      0.0%     29.5%" in result.stdout
    assert "top-1 is lower than published by more than chance allows." in result.stdout


def _shipped(_order: object, target: Path, *_: object) -> Card:
    """Take the model that ships with Booth in place of making one."""
    copyfile(ZOO / "efficientnet_lite0.onnx", target)
    return read_card(target)


@pytest.mark.usefixtures("home")
def test_verify_needs_a_figure_where_the_publisher_states_none(tmp_path: Path) -> None:
    result = _run(verify, "resnet18_places365", "--data", tmp_path)

    assert "say with --top1 what to compare with." in _refused(result)


def test_verify_says_what_is_wrong_with_the_photographs(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("file\na.jpg\n")

    sentence = _refused(_run(verify, "efficientnet_lite0", "--data", data))

    assert "data.csv needs a column `file` and one of: index" in sentence


def test_without_a_network_the_host_and_the_other_way_are_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{taken.getsockname()[1]}"
        sentence = _refused(_run(pull, "resnet18", "--mirror", mirror))

    assert "127.0.0.1 could not be reached" in sentence
    assert sentence.endswith("pass it with --weights FILE.\n")
    assert not (home / "resnet18.onnx").exists()


def test_wrong_bytes_never_become_a_model(
    home: Path, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files["resnet18-f37072fd.pth"] = b"something else"
    monkeypatch.setenv("BOOTH_WEIGHTS_URL", publisher.url)

    assert "where f37072fd was expected; they were deleted" in _refused(_run(pull, "resnet18"))
    assert list(home.rglob("*.*")) == []


def test_a_file_that_is_no_checkpoint_never_becomes_a_model(home: Path, publisher: Any) -> None:
    publisher.files["alexnet_places365.pth.tar"] = b"no hash is published, so it is read"

    result = _run(pull, "alexnet_places365", "--mirror", publisher.url)

    assert result.exit_code == 1
    assert result.stderr.endswith("\n")
    assert "Error: alexnet_places365.pth.tar is no checkpoint" in result.stderr
    assert not (home / "alexnet_places365.onnx").exists()


@pytest.mark.usefixtures("home")
def test_a_file_of_ones_own_must_be_the_published_one_or_have_the_hash_one_gives(
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"mine")
    found = hashlib.sha256(b"mine").hexdigest()

    sentence = _refused(_run(pull, "resnet18", "--weights", mine))
    assert f"mine.pth has SHA-256 {found}, where f37072fd was expected" in sentence

    result = _run(pull, "resnet18", "--weights", mine, "--sha256", found[:10].upper())
    assert "mine.pth is no checkpoint" in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "hint"), [("resnet81", "did you mean resnet18?"), ("zzz", "there are efficientnet")]
)
def test_an_unknown_name_is_told_with_the_nearest_known(name: str, hint: str) -> None:
    assert hint in _refused(_run(pull, name))


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from export.pull import pull; pull()"

    done = subprocess.run(
        [sys.executable, "-c", program, "resnet18", "--weights", __file__],
        capture_output=True,
        text=True,
        check=False,
        env={"BOOTH_MODEL_DIR": str(tmp_path)},
    )

    assert done.returncode == 1
    assert done.stderr == (
        "Error: This command needs torch: install Booth with its extra `export`: "
        "`pip install '.[export]'` in its folder.\n"
    )
