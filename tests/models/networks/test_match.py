from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.networks import build
from models.networks.match import Contents, closest, find_matches, survey
from models.networks.tensor_file import read_content
from tests.models.networks.conftest import State, made

Save = Callable[..., Path]


def prefixed(prefix: str, state: State | None = None) -> State:
    return {f"{prefix}{name}": value for name, value in (state or made().state_dict()).items()}


@pytest.fixture
def surveyed(saved: Save) -> Callable[[Any], Contents]:
    return lambda content: survey(read_content(saved(content)))


Survey = Callable[[Any], Contents]


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (prefixed(""), "top level"),
        (prefixed("module."), "top level"),
        (prefixed("_orig_mod.module."), "top level"),
        (prefixed("module._orig_mod."), "top level"),
        (prefixed("model."), "model"),
        (prefixed("net._orig_mod.module.backbone."), "net.backbone"),
        (prefixed("_fsdp_wrapped_module._checkpoint_wrapped_module."), "top level"),
        *[
            ({name: prefixed("")}, name)
            for name in ("model_state_dict", "net", "weights", "params", "ema", "anything at all")
        ],
        ({"a": {"model": {"state_dict": prefixed("module.")}}}, "a.model.state_dict"),
        ([3, prefixed("")], "1"),
        ({"state_dict": prefixed("model.")}, "state_dict: model"),
    ],
    ids=str,
)  # fmt: skip
def test_a_network_is_found_in_any_wrapping(content: Any, label: str, surveyed: Survey) -> None:
    (match,) = find_matches(build("tiny", 3), surveyed(content))
    assert match.label == label
    assert (len(match.body), set(match.head), match.unknown) == (6, {"weight", "bias"}, ())


@pytest.mark.parametrize(
    ("label", "is_average"),
    [
        ("model_ema", True),
        ("ema", True),
        ("ema_state_dict", True),
        ("state_dict_ema", True),
        ("swa_model", True),
        ("average", True),
        ("shadow", True),
        ("teacher", True),
        ("model", False),
        ("schema", False),
        ("cinema", False),
    ],
)
def test_an_average_is_known_by_its_name(label: str, is_average: bool, surveyed: Survey) -> None:
    (match,) = find_matches(build("tiny", 3), surveyed({label: prefixed("")}))
    assert match.is_average == is_average


@pytest.mark.parametrize(
    "extra",
    [
        {"total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)},
        {"n_averaged": torch.tensor(3)},
        {"criterion.weight": torch.ones(3)},
        {"loss_fn.pos_weight": torch.ones(3)},
        {"train_metrics.confmat": torch.ones(3, 3)},
        {"val_acc.tp": torch.zeros(3, dtype=torch.int64)},
        {"val_f1.value": torch.zeros(3)},
        {"bn1.num_batches_tracked": torch.tensor(7)},
    ],
    ids=str,
)
@pytest.mark.parametrize("prefix", ["", "model."])
def test_what_no_answer_depends_on_is_left(prefix: str, extra: State, surveyed: Survey) -> None:
    (match,) = find_matches(build("tiny", 3), surveyed(prefixed(prefix) | extra))
    assert (set(match.head), match.unknown) == ({"weight", "bias"}, ())


@pytest.mark.parametrize(
    "extra",
    [
        {"attention.weight": torch.ones(4, 4)},
        {"temperature": torch.ones(1)},
        {"normalize.mean": torch.ones(3)},
        {"head.weight": torch.ones(2, 3), "head.bias": torch.ones(2)},
        {"conv2.weight": torch.ones(4, 4, 1, 1)},
    ],
    ids=str,
)
@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_what_an_answer_may_depend_on_is_unknown(
    prefix: str, extra: State, surveyed: Survey
) -> None:
    (match,) = find_matches(build("tiny", 3), surveyed(prefixed(prefix) | extra))
    assert match.unknown == tuple(extra)


@pytest.mark.parametrize("head", ["classifier.", "head.fc.", "net.1.", ""])
def test_a_head_may_stand_beside_the_body(head: str, surveyed: Survey) -> None:
    layers = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3))
    body = {name: value for name, value in made().state_dict().items() if name[:3] != "fc."}
    state = prefixed("body.", body) | prefixed(head, layers.state_dict())
    (match,) = find_matches(build("tiny", 3), surveyed(state))
    assert set(match.head) == {"0.weight", "0.bias", "1.weight", "1.bias"}


def test_children_may_be_numbered(surveyed: Survey) -> None:
    module = made()
    layers = nn.Sequential(*list(module.children())[:-1], nn.Flatten(), nn.Linear(4, 3))
    (match,) = find_matches(build("tiny", 3), surveyed(layers.state_dict()))
    assert torch.equal(match.body["conv1.weight"].read(), module.conv1.weight)
    assert torch.equal(match.head["bias"].read(), layers.state_dict()["5.bias"])


def test_several_in_one_dictionary_are_told_apart(surveyed: Survey) -> None:
    state = prefixed("model.") | prefixed("model_ema.module.", made(seed=1).state_dict())
    one, other = find_matches(build("tiny", 3), surveyed({"state_dict": state}))
    assert (one.label, one.is_average, one.unknown) == ("state_dict: model", False, ())
    assert (other.label, other.is_average, other.unknown) == ("state_dict: model_ema", True, ())
    assert not torch.equal(one.body["conv1.weight"].read(), other.body["conv1.weight"].read())


@pytest.mark.parametrize("inner", ["ema.", "net.ema."])
def test_an_average_within_its_network_is_told_apart(inner: str, surveyed: Survey) -> None:
    state = prefixed("") | prefixed(inner, made(seed=1).state_dict())
    one, other = find_matches(build("tiny", 3), surveyed(state))
    assert (one.label, one.is_average, one.unknown) == ("top level", False, ())
    assert (other.label, other.is_average, other.unknown) == (inner[:-1], True, ())


def test_whole_networks_and_optimisers_are_noted(surveyed: Survey) -> None:
    module = made()
    optimizer = torch.optim.Adam(module.parameters())
    sum(value.sum() for value in module.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    contents = surveyed({"net": module, "opt": optimizer.state_dict(), "optimizer": optimizer})
    assert contents.networks == {("net",): "tests.models.networks.conftest.Tiny"}
    assert contents.has_optimizer
    assert not contents.groups


def test_two_weights_of_one_name_are_refused(surveyed: Survey) -> None:
    with pytest.raises(ValueError, match=r"^conv1\.weight$"):
        surveyed(prefixed("") | prefixed("module."))


def test_shared_dictionaries_end_no_process(surveyed: Survey) -> None:
    inner: dict[str, Any] = {}
    for _ in range(50):
        inner = {str(number): inner for number in range(50)}
    assert not surveyed(inner).groups


def test_what_another_network_lacks_and_has_is_counted_behind_its_prefix(surveyed: Survey) -> None:
    state = prefixed("net.")
    del state["net.conv1.weight"]
    state["net.conv2.weight"] = torch.ones(1)
    assert closest(build("tiny", 3), surveyed({"net": state, "opt": {"x": torch.ones(1)}})) == (
        ["conv1.weight"],
        ["net.conv2.weight"],
    )
