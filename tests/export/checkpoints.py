"""Checkpoints in the layouts of their publishers, with weights of our own making.

The weights are drawn at random, their batch norms get the statistics of real photographs, and the
classifier is scaled, so that a network's answers differ from photograph to photograph.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import re
from collections import OrderedDict
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import nn
from torch._utils import _rebuild_tensor

from export.graph.trace import trace_network
from export.photographs import shipped_photographs
from models.card import Input
from models.networks import ARCHITECTURES, Network
from models.networks.compat import torchvision_models
from models.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onnx import ModelProto

IMAGENET = SOURCES["resnet18"].normalisation


@cache
def random_network(architecture: str, classes: int, size: int) -> Network:
    """A network whose answers differ from photograph to photograph."""
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture](classes)
    pixels = torch.from_numpy(
        IMAGENET(shipped_photographs(Input(size=size, resize=size)).calibration)
    )
    with torch.no_grad():
        _estimate_statistics(network, pixels)
        _spread(network.classifier, network.eval()(pixels)[0])
    return network


@cache
def random_traced(architecture: str, classes: int, size: int) -> ModelProto:
    """Its float graph; tests share it and must not change it."""
    return trace_network(random_network(architecture, classes, size), size)


@contextlib.contextmanager
def shallow_resnet18() -> Iterator[pytest.MonkeyPatch]:
    """ResNet-18's layout with one block a stage, which takes half as long to trace.

    tests/models/networks counts all of it.
    """
    models = torchvision_models()
    block = models.resnet.BasicBlock
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "resnet18", partial(models.ResNet, block, [1, 1, 1, 1]))
        random_network.cache_clear()
        yield patch
    random_network.cache_clear()


def _estimate_statistics(network: Network, pixels: torch.Tensor) -> None:
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # so that one pass is all it takes
        norm.reset_running_stats()
    if norms:
        network.train()(pixels)


def _spread(classifier: nn.Linear, logits: torch.Tensor) -> None:
    """Have each logit vary by 3 from photograph to photograph, around 0."""
    factor = 3 / logits.std(0)
    classifier.weight.mul_(factor[:, None])
    classifier.bias.sub_(logits.mean(0)).mul_(factor)


def save_as_torchvision(network: Network, path: Path) -> None:
    """A state dict, in the zip format of today."""
    torch.save(network.module.state_dict(), path)


def save_as_mit(network: Network, path: Path) -> None:
    """As MIT saved its Places365 networks: Python 2, PyTorch 0.2, several GPUs."""
    state = network.module.state_dict()
    only_features = any(name.startswith("classifier.1.") for name in state)
    named = [
        (_as_in_2017(name, only_features=only_features), tensor)
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    ]
    checkpoint = {"epoch": 90, "arch": "a", "state_dict": OrderedDict(named), "best_prec1": 55.2}
    save_as_python2(checkpoint, path)


def _as_in_2017(name: str, *, only_features: bool) -> str:
    if only_features:
        return name.replace("features.", "features.module.")
    return "module." + re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2.", name)


class _Storage:
    """Stands for a tensor's numbers, which follow after the pickle."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


# The pickler that is written in Python: the one in C lets nobody change how strings are written.
_PurePickler: Any = pickle._Pickler


class _Python2Pickler(_PurePickler):  # type: ignore[misc]
    """Protocol 2, where every string is one of bytes."""

    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(_PurePickler.dispatch)

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2)
        self.tensors: list[torch.Tensor] = []

    def save_str(self, text: str) -> None:
        letters = text.encode("latin1")
        self.write(b"U" + bytes([len(letters)]) + letters)
        self.memoize(text)

    dispatch[str] = save_str

    def persistent_id(self, value: object) -> Any:
        if not isinstance(value, _Storage):
            return None
        self.tensors.append(value.tensor)
        key = str(len(self.tensors) - 1)
        return "storage", torch.cuda.FloatStorage, key, "cuda:0", value.tensor.numel(), None

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, torch.Tensor):
            return _rebuild_tensor, (_Storage(value), 0, tuple(value.shape), value.stride())
        return NotImplemented


def save_as_python2(checkpoint: object, path: Path) -> None:
    """The old format: four pickles, the keys of the tensors, then their numbers."""
    file = io.BytesIO()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
        pickle.dump(head, file, protocol=2)
    pickler = _Python2Pickler(file)
    pickler.dump(checkpoint)
    pickle.dump([str(number) for number in range(len(pickler.tensors))], file, protocol=2)
    for tensor in pickler.tensors:
        file.write(tensor.numel().to_bytes(8, "little"))
        file.write(tensor.detach().contiguous().numpy().tobytes())
    path.write_bytes(file.getvalue())
