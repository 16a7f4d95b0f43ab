from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from models.networks.head import ACTIVATIONS, UnknownHead, read_head
from models.networks.storage import Storage, TensorView


def views_of(module: nn.Module) -> dict[str, TensorView]:
    return {
        name: TensorView.contiguous(
            Storage(value.dtype, memoryview(bytearray(value.numpy().tobytes()))), value.shape
        )
        for name, value in module.state_dict().items()
    }


def rebuilt(module: nn.Module, activation: str | None = None) -> nn.Sequential:
    head = read_head(views_of(module), 4, activation)
    state = {name: view.read() for name, view in head.weights.items()}
    absent = head.layers.state_dict().keys() - state.keys()  # the biases of layers without one
    state |= {name: torch.zeros_like(head.layers.state_dict()[name]) for name in absent}
    head.layers.load_state_dict(state)
    return head.layers.eval()


def with_statistics(module: nn.Module) -> nn.Module:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm1d):
            assert norm.running_mean is not None
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.weight)
    return module.eval()


@pytest.mark.parametrize(
    "head",
    [
        nn.Linear(4, 3),
        nn.Sequential(nn.Linear(4, 3)),
        nn.Sequential(nn.Dropout(), nn.Linear(4, 3)),
        nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(4, 3)),
        nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)),
        nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)),
        nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)),
        nn.Sequential(nn.Dropout(), nn.Linear(4, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)),
        nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)),
        nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 3)),
        nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3)),
        nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)),
        nn.Sequential(
            *(nn.Linear(4, 6), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)),
        ),
        nn.Sequential(
            nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout()), nn.Linear(5, 3)
        ),
        nn.Sequential(
            nn.Linear(4, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3))
        ),
        nn.Sequential(
            OrderedDict(fc1=nn.Linear(4, 5), relu=nn.ReLU(), drop=nn.Dropout(), fc2=nn.Linear(5, 3))
        ),
        nn.Sequential(
            OrderedDict(a=nn.Linear(4, 5), bn=nn.BatchNorm1d(5), relu=nn.ReLU(), z=nn.Linear(5, 3))
        ),
        nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False)),
    ],
    ids=lambda head: ",".join(type(layer).__name__ for layer in head.children()) or "Linear",
)  # fmt: skip
def test_a_head_answers_as_the_one_that_was_saved(head: nn.Module) -> None:
    with_statistics(head)
    pixels = torch.randn(20, 4)
    torch.testing.assert_close(rebuilt(head)(pixels), head(pixels))


@pytest.mark.parametrize(("name", "kind"), ACTIVATIONS.items())
def test_an_activation_is_the_one_that_is_told(name: str, kind: type[nn.Module]) -> None:
    head = nn.Sequential(nn.Linear(4, 5), kind(), nn.Linear(5, 3))
    pixels = torch.randn(20, 4)
    torch.testing.assert_close(rebuilt(head, name)(pixels), head(pixels))


def test_it_says_what_it_is_and_whether_it_guessed() -> None:
    views = views_of(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)))
    assert str(read_head(views, 4)) == "Linear 4-5, ReLU, Linear 5-3"
    assert read_head(views, 4).is_guessed
    assert not read_head(views, 4, "relu").is_guessed
    assert not read_head(views_of(nn.Sequential(nn.Dropout(), nn.Linear(4, 3))), 4).is_guessed


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 3)), "1 with bias, weight"),
        (nn.Sequential(nn.Linear(4, 5), nn.PReLU(), nn.Linear(5, 3)), "1 with weight"),
        (nn.Conv2d(4, 3, 1), "it with bias, weight"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), "it with bias$"),
        (nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)), "no linear layer at its end"),
        (nn.Linear(8, 3), "a layer for 8 numbers, where there are 4"),
        (nn.Sequential(nn.Linear(4, 5), nn.Linear(6, 3)), "1 for 6 numbers, where there are 5"),
        (nn.MultiheadAttention(4, 1), "it with in_proj_bias, in_proj_weight"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_another_kind_of_layer_is_named(head: nn.Module, what: str) -> None:
    with pytest.raises(UnknownHead, match=f"^{what}"):
        read_head(views_of(head), 4)
