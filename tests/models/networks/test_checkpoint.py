from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch

from models.networks import build
from models.networks.checkpoint import CheckpointError, load_network, load_weights, read_state
from tests.export.checkpoints import (
    random_network,
    save_as_mit,
    save_as_python2,
    save_as_torchvision,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLASSES = 7


class Bomb:
    """Runs a command where a careless loader unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: {"state_dict": {"w": b}}])
def test_a_checkpoint_that_wants_to_run_code_is_refused(
    is_zip: bool, wrap: Callable[[Bomb], Any], checkpoint: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "it-ran"
    torch.save(wrap(Bomb(marker)), checkpoint, _use_new_zipfile_serialization=is_zip)

    with pytest.raises(CheckpointError, match=r"refused.* it asks for posix\.system; give"):
        read_state(checkpoint)

    assert not marker.exists()
    torch.load(checkpoint, weights_only=False)
    assert marker.exists(), "the test's checkpoint should be dangerous"


def test_a_bare_pickle_that_wants_to_run_code_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    checkpoint.write_bytes(pickle.dumps(Bomb(marker), protocol=2))
    with pytest.raises(CheckpointError):
        read_state(checkpoint)
    assert not marker.exists()


def test_a_whole_model_is_refused(checkpoint: Path) -> None:
    torch.save(torch.nn.Linear(2, 3), checkpoint)
    with pytest.raises(CheckpointError, match=r"asks for torch\.nn\.modules\.linear\.Linear"):
        read_state(checkpoint)


@pytest.mark.parametrize(
    "content", [b"", b"<html>Not found</html>", b"PK\x03\x04" + bytes(100), b"\x80\x02."]
)
def test_what_is_no_checkpoint_is_told(content: bytes, checkpoint: Path) -> None:
    checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match="no checkpoint of PyTorch, or a damaged one"):
        read_state(checkpoint)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_truncated_checkpoint_is_told(is_zip: bool, checkpoint: Path) -> None:
    state = {"weight": torch.zeros(1000)}
    torch.save(state, checkpoint, _use_new_zipfile_serialization=is_zip)
    checkpoint.write_bytes(checkpoint.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="damaged"):
        read_state(checkpoint)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {"state_dict": {"w": 1.0}}])
def test_a_file_without_tensors_is_told(content: object, checkpoint: Path) -> None:
    torch.save(content, checkpoint)
    with pytest.raises(CheckpointError, match="holds no state dict"):
        read_state(checkpoint)


def test_half_precision_becomes_single(checkpoint: Path) -> None:
    torch.save({"weight": torch.ones(2, dtype=torch.float16), "count": torch.tensor(3)}, checkpoint)
    state = read_state(checkpoint)
    assert (state["weight"].dtype, state["count"].dtype) == (torch.float32, torch.int64)


def test_a_network_that_was_trained_channels_last_comes_back_in_plain_order(
    checkpoint: Path,
) -> None:
    weight = torch.rand(8, 1, 3, 3).to(memory_format=torch.channels_last)
    torch.save({"depthwise.weight": weight}, checkpoint)
    assert torch.load(checkpoint)["depthwise.weight"].stride() != (9, 9, 3, 1)

    read = read_state(checkpoint)["depthwise.weight"]

    assert read.stride() == (9, 9, 3, 1)
    assert torch.equal(read, weight)


def test_python_2_strings_that_are_no_text_are_read(checkpoint: Path) -> None:
    save_as_python2(
        {"note": "r\xe9sum\xe9", "state_dict": {"module.w": torch.arange(3.0)}}, checkpoint
    )
    assert read_state(checkpoint)["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("architecture", ["resnet18", "wideresnet18", "densenet121"])
@pytest.mark.parametrize("save", [save_as_torchvision, save_as_mit])
def test_published_layouts_give_back_the_weights(
    architecture: str, save: Callable[..., None], checkpoint: Path
) -> None:
    made = random_network(architecture, CLASSES, 32)
    save(made, checkpoint)
    network = build(architecture, CLASSES)

    load_weights(network, architecture, checkpoint)

    expected = made.module.state_dict()
    for name, value in network.module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, expected[name]), name


def test_another_network_is_told(checkpoint: Path) -> None:
    save_as_torchvision(random_network("resnet18", CLASSES, 32), checkpoint)
    with pytest.raises(
        CheckpointError,
        match=r"^weights.pth is no alexnet: it lacks features\.0\.weight and 15 more, and it has "
        r"the unknown conv1\.weight and 121 more\.$",
    ):
        load_weights(build("alexnet", CLASSES), "alexnet", checkpoint)


def test_a_wrong_number_of_labels_is_told(checkpoint: Path) -> None:
    save_as_torchvision(random_network("resnet18", CLASSES, 32), checkpoint)
    with pytest.raises(CheckpointError, match="tells 7 classes apart, and 365 labels were given"):
        load_weights(build("resnet18", 365), "resnet18", checkpoint)


def test_a_layer_of_another_shape_is_told(checkpoint: Path) -> None:
    state = random_network("resnet18", CLASSES, 32).module.state_dict()
    torch.save(state | {"conv1.weight": torch.zeros(64, 3, 3, 3)}, checkpoint)
    with pytest.raises(CheckpointError, match=r"its conv1\.weight has the shape \(64, 3, 3, 3\)"):
        load_weights(build("resnet18", CLASSES), "resnet18", checkpoint)


def test_a_network_comes_with_the_checkpoints_classifier_where_the_classes_are_its_own(
    checkpoint: Path,
) -> None:
    made = random_network("resnet18", CLASSES, 32)
    save_as_torchvision(made, checkpoint)

    network, is_new = load_network("resnet18", CLASSES, checkpoint)

    assert not is_new
    assert torch.equal(network.classifier.weight, made.classifier.weight)
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())


@pytest.mark.parametrize("architecture", ["resnet18", "alexnet", "efficientnet_lite0"])
def test_for_other_classes_a_network_comes_with_a_new_classifier(
    architecture: str, checkpoint: Path
) -> None:
    made = random_network(architecture, CLASSES, 64)
    save_as_torchvision(made, checkpoint)

    network, is_new = load_network(architecture, 3, checkpoint)

    assert is_new
    assert network.classifier.weight.shape == (3, made.classifier.in_features)
    assert not network.classifier.weight.any()
    expected, found = made.module.state_dict(), network.module.state_dict()
    kept = [name for name in expected if expected[name].shape == found[name].shape]
    assert len(kept) == len(expected) - 2
    assert all(torch.equal(found[name], expected[name]) for name in kept)


def test_a_new_classifier_needs_the_networks_other_layers(checkpoint: Path) -> None:
    save_as_torchvision(random_network("resnet18", CLASSES, 32), checkpoint)
    with pytest.raises(CheckpointError, match=r"^weights\.pth is no alexnet: it lacks features"):
        load_network("alexnet", 3, checkpoint)
