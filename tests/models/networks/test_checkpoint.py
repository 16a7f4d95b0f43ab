from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.networks.checkpoint import CheckpointError, Weights, find_weights, load_network
from tests.export.checkpoints import random_network, save_as_mit, save_as_torchvision
from tests.models.networks.conftest import State, Tiny, made

Save = Callable[..., Path]
CLASSES = 7
PIXELS = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))


def loaded(path: Path, classes: int = 3, **options: Any) -> Weights:
    weights = find_weights("tiny", classes, path, **options)
    weights.load()
    return weights


def answers_as(weights: Weights, module: Tiny) -> bool:
    return torch.allclose(weights.network(PIXELS)[0], module(PIXELS), atol=1e-6)


def trained() -> tuple[Tiny, State, State]:
    """A network, its weights, and those of another that is its average."""
    module = made()
    return module, module.state_dict(), made(seed=1).state_dict()


def test_the_network_is_taken_rather_than_its_average(saved: Save) -> None:
    module, state, average = trained()
    averaged = {f"module.{name}": value for name, value in average.items()}
    path = saved({"model": state, "model_ema": averaged | {"n_averaged": torch.tensor(9)}})

    weights = loaded(path)

    assert weights.notes == ("Taking 'model', and leaving 'model_ema' (--use names another)",)
    assert answers_as(weights, module)
    for use in ("ema", "EMA", "model_ema"):
        assert answers_as(loaded(path, use=use), made(seed=1))
    assert answers_as(loaded(path, use="model"), module)


def test_an_average_alone_is_taken(saved: Save) -> None:
    module, state, _ = trained()
    weights = loaded(saved({"state_dict_ema": state}))
    assert answers_as(weights, module)
    assert weights.notes == ()


def test_which_of_several_networks_is_asked_for(saved: Save) -> None:
    module, state, other = trained()
    path = saved({"best": other, "last": state})
    with pytest.raises(
        CheckpointError, match=r"several networks, 'best', 'last'; name one with --use\.$"
    ):
        loaded(path)
    assert answers_as(loaded(path, use="last"), module)
    with pytest.raises(CheckpointError, match=r"no network called 'first', but 'best', 'last'\.$"):
        loaded(path, use="first")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_become_single(dtype: torch.dtype, saved: Save) -> None:
    module = made().to(dtype)
    weights = loaded(saved(module.state_dict()))
    assert {value.dtype for value in weights.network.parameters()} == {torch.float32}
    assert answers_as(weights, module.float())


def test_a_network_that_was_trained_channels_last_comes_back_in_plain_order(saved: Save) -> None:
    weight = torch.rand(4, 3, 1, 1).to(memory_format=torch.channels_last)
    weights = loaded(saved(made().state_dict() | {"conv1.weight": weight}))
    read = weights.network.module.state_dict()["conv1.weight"]
    assert read.is_contiguous()
    assert torch.equal(read, weight)


def test_a_head_of_ones_own_is_built_and_told(saved: Save) -> None:
    module = made(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)))
    path = saved({"model_state_dict": module.state_dict()})

    weights = loaded(path)

    assert weights.notes == (
        "Building the head Linear 4-5, ReLU, Linear 5-3 (--activation names another)",
    )
    assert answers_as(weights, module)
    assert weights.network(PIXELS)[1].shape == (5, 5)
    assert not weights.network.training
    assert not any(value.requires_grad for value in weights.network.parameters())
    assert not answers_as(loaded(path, activation="tanh"), module)


def test_dropout_before_the_classifier_is_worth_no_word(saved: Save) -> None:
    module = made(nn.Sequential(nn.Dropout(), nn.Linear(4, 3)))
    weights = loaded(saved(module.state_dict()))
    assert answers_as(weights, module)
    assert weights.notes == ()


def test_a_classifier_without_biases_has_none(saved: Save) -> None:
    module = made(nn.Linear(4, 3, bias=False))
    assert answers_as(loaded(saved(module.state_dict())), module)


@pytest.mark.parametrize("inner", [(), (nn.Linear(4, 6), nn.ReLU())])
def test_one_output_is_the_second_labels(inner: tuple[nn.Module, ...], saved: Save) -> None:
    head = nn.Sequential(*inner, nn.Linear(6, 1)) if inner else nn.Linear(4, 1)
    module = made(head)
    path = saved(module.state_dict())

    weights = loaded(path, classes=2)

    yes = module(PIXELS).sigmoid()
    expected = torch.cat([1 - yes, yes], dim=1)
    torch.testing.assert_close(weights.network(PIXELS)[0].softmax(1), expected)
    assert weights.notes[-1] == "Reading the one output as the second label's (sigmoid)"
    with pytest.raises(
        CheckpointError,
        match=r"tells 2 classes apart by one output, and 3 labels were given; give two labels",
    ):
        loaded(path, classes=3)


@pytest.mark.parametrize("labels", [1, 2, 4, 1000])
def test_a_wrong_number_of_labels_is_told(labels: int, saved: Save) -> None:
    with pytest.raises(
        CheckpointError,
        match=f"^weights.pth tells 3 classes apart, and {labels} labels were given; give one label",
    ):
        loaded(saved(made().state_dict()), classes=labels)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conv1.weight": torch.zeros(4, 3, 3, 3)}, "its conv1.weight has the shape (4, 3, 3, 3)"),
        ({"conv2.weight": torch.zeros(4)}, "is no tiny: it has the unknown conv2.weight."),
        ({"fc.weight": torch.zeros(3, 8)}, "has a head that Booth can't build: a layer for 8"),
        ({"fc.2.weight": torch.zeros(3)}, "has a head that Booth can't build: 2 with weight"),
        ({"bn1.bias": torch.tensor([0, 1, 2, torch.nan])}, "has NaN or infinity in bn1.bias"),
        ({"fc.weight": torch.full((3, 4), torch.inf)}, "has NaN or infinity in fc.weight"),
        ({"conv1.weight": torch.zeros(4, 3, 1, 1, dtype=torch.int8)}, "is quantised: its conv1"),
        ({"fc.weight": torch.zeros(3, 4, dtype=torch.int8)}, "is quantised: its weight"),
        ({"module.fc.bias": torch.zeros(3)}, "has two weights for fc.bias; save one"),
    ],
    ids=str,
)  # fmt: skip
def test_weights_that_can_not_be_used_are_told(change: State, sentence: str, saved: Save) -> None:
    with pytest.raises(CheckpointError) as fault:
        loaded(saved(made().state_dict() | change))
    assert sentence in str(fault.value)


def test_a_network_without_its_head_is_told(saved: Save) -> None:
    state = made().state_dict()
    body = {name: value for name, value in state.items() if not name.startswith("fc.")}
    with pytest.raises(CheckpointError, match=r"is no tiny: it lacks fc\.weight and 1 more\.$"):
        loaded(saved(body))


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {"state_dict": {"w": 1.0}}, None])
def test_a_file_without_tensors_is_told(content: object, saved: Save) -> None:
    with pytest.raises(CheckpointError, match="holds no state dict; give a file that"):
        loaded(saved(content))


def test_an_optimisers_file_is_told(saved: Save) -> None:
    state = torch.optim.SGD(made().parameters(), lr=0.1).state_dict()
    with pytest.raises(CheckpointError, match="holds an optimiser's state and no weights; give"):
        loaded(saved({"optimizer": state}))


@pytest.mark.parametrize(
    ("wrap", "place"),
    [(lambda net: net, ""), (lambda net: {"epoch": 3, "model": net}, '["model"]')],
)
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_whole_network_is_named_with_the_lines_that_save_it_rightly(
    wrap: Callable[[nn.Module], Any], place: str, is_zip: bool, saved: Save
) -> None:
    path = saved(wrap(made()), _use_new_zipfile_serialization=is_zip)
    with pytest.raises(CheckpointError) as fault:
        loaded(path)
    start, _, lines = str(fault.value).rpartition(": ")
    assert start.startswith(
        "weights.pth holds a whole network (tests.models.networks.conftest.Tiny), which would run"
    )
    assert lines == (
        f'model = torch.load("weights.pth", weights_only=False){place}; '
        'torch.save(model.state_dict(), "weights.pth").'
    )


def test_a_tensor_that_is_larger_than_its_file_is_told(saved: Save) -> None:
    path = saved(made().state_dict() | {"fc.weight": torch.zeros(1).expand(3, 4)})
    assert not find_weights("tiny", 3, path).is_new
    data = path.read_bytes()
    place = data.index(b"K\x03K\x04")
    path.write_bytes(data[:place] + b"K\x03K\x40" + data[place + 4 :])
    with pytest.raises(CheckpointError, match="a layer for 64 numbers, where there are 4"):
        loaded(path)


@pytest.mark.parametrize("architecture", ["resnet18", "wideresnet18", "densenet121"])
@pytest.mark.parametrize("save", [save_as_torchvision, save_as_mit])
def test_published_layouts_give_back_the_weights(
    architecture: str, save: Callable[..., None], checkpoint: Path
) -> None:
    trained_network = random_network(architecture, CLASSES, 32)
    save(trained_network, checkpoint)

    network, is_new = load_network(architecture, CLASSES, checkpoint)

    assert not is_new
    expected = trained_network.module.state_dict()
    for name, value in network.module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, expected[name]), name


def test_another_network_is_told(checkpoint: Path) -> None:
    save_as_torchvision(random_network("resnet18", CLASSES, 32), checkpoint)
    with pytest.raises(
        CheckpointError,
        match=r"^weights.pth is no alexnet: it lacks features\.0\.weight and 15 more, and it has "
        r"the unknown conv1\.weight and 101 more\.$",
    ):
        find_weights("alexnet", CLASSES, checkpoint)


def test_a_deeper_network_is_not_taken_for_a_shallow_one(saved: Save) -> None:
    deeper = random_network("resnet18", CLASSES, 32).module.state_dict()
    deeper |= {"layer1.2.conv1.weight": torch.zeros(64, 64, 3, 3)}
    with pytest.raises(
        CheckpointError, match=r"is no resnet18: it has the unknown layer1\.2\.conv1\.weight\.$"
    ):
        find_weights("resnet18", CLASSES, saved(deeper))


def test_a_network_comes_with_the_checkpoints_classifier_where_the_classes_are_its_own(
    checkpoint: Path,
) -> None:
    trained_network = random_network("resnet18", CLASSES, 32)
    save_as_torchvision(trained_network, checkpoint)

    network, is_new = load_network("resnet18", CLASSES, checkpoint)

    assert not is_new
    assert torch.equal(network.classifier.weight, trained_network.classifier.weight)
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())


@pytest.mark.parametrize("architecture", ["resnet18", "alexnet", "efficientnet_lite0"])
def test_for_other_classes_a_network_comes_with_a_new_classifier(
    architecture: str, checkpoint: Path
) -> None:
    trained_network = random_network(architecture, CLASSES, 64)
    save_as_torchvision(trained_network, checkpoint)

    network, is_new = load_network(architecture, 3, checkpoint)

    assert is_new
    assert network.classifier.weight.shape == (3, trained_network.classifier.in_features)
    assert not network.classifier.weight.any()
    expected, found = trained_network.module.state_dict(), network.module.state_dict()
    kept = [name for name in expected if expected[name].shape == found[name].shape]
    assert len(kept) == len(expected) - 2
    assert all(torch.equal(found[name], expected[name]) for name in kept)


def test_a_new_classifier_needs_the_networks_other_layers(checkpoint: Path) -> None:
    save_as_torchvision(random_network("resnet18", CLASSES, 32), checkpoint)
    with pytest.raises(CheckpointError, match=r"^weights\.pth is no alexnet: it lacks features"):
        load_network("alexnet", 3, checkpoint)
