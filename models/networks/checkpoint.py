"""A checkpoint's file -> a network's weights, and nothing else.

A checkpoint is a pickle, and a pickle may run code. Only torch's restricted unpickler is used: it
knows tensors, plain values and the containers between them, in the zip format of today and in
the older one, and refuses the rest. Names that bear the marks of an old torch are put right.
"""

from __future__ import annotations

import re
import warnings
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch

from models.errors import UserError
from models.networks import Network, build

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CheckpointError", "load_network", "load_weights", "read_state"]

State = dict[str, torch.Tensor]

# A wrapper for several GPUs, around the whole network or (AlexNet, VGG) around its features.
_WRAPPER = re.compile(r"(^|\.)module\.")
# DenseNet's layers were called norm.1 and conv.2 until torch 0.3.
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")
# Counted since torch 0.4, used in training alone.
_COUNTER = "num_batches_tracked"


class CheckpointError(UserError):
    """The weights can't be used; the sentence says why, and what could."""


def load_network(architecture: str, classes: int, path: Path) -> tuple[Network, bool]:
    """Build a network with a checkpoint's weights, and say whether its classifier is new.

    Where the checkpoint tells another number of classes apart, the classifier's weights are zeros,
    to be learned.

    Args:
        architecture: One of `models.networks.ARCHITECTURES`.
        classes: K, the number of outputs.
        path: As `load_weights` takes it.

    Raises:
        CheckpointError: The file is no checkpoint, wants to run code, or is of another network.

    """
    network, state = build(architecture, classes), read_state(path)
    weight, bias = _classifier_names(network)
    is_new = bias in state and state[bias].numel() != classes
    if is_new:
        features = network.classifier.in_features
        state |= {weight: torch.zeros(classes, features), bias: torch.zeros(classes)}
    _load_state(network, state, architecture, path)
    return network, is_new


def load_weights(network: Network, architecture: str, path: Path) -> None:
    """Load a checkpoint into a network built by `models.networks.build`.

    Args:
        network: Takes the weights.
        architecture: Its name, for messages.
        path: The file: a state dict, or a dictionary that holds one as ``state_dict``.

    Raises:
        CheckpointError: The file is no checkpoint, wants to run code, or is of another network.

    """
    _load_state(network, read_state(path), architecture, path)


def _load_state(network: Network, state: State, architecture: str, path: Path) -> None:
    wanted = network.module.state_dict()
    _check_names(state, wanted, architecture, path)
    _check_classes(state, network, path)
    _check_shapes(state, wanted, architecture, path)
    counters = {name: torch.tensor(0) for name in wanted if name.endswith(_COUNTER)}
    network.module.load_state_dict(counters | state, assign=True)


def read_state(path: Path) -> State:
    """Read a checkpoint's tensors, float ones as float32, under the names of today's torch.

    Raises:
        CheckpointError: The file is no checkpoint, or wants to run code.

    """
    state = _load(path)
    for key in ("state_dict", "model"):
        state = state.get(key, state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(map(_is_entry, state.items())) or not state:
        raise CheckpointError(f"{path.name} holds no state dict: names with their tensors.")
    return {_today(name): _single(tensor) for name, tensor in state.items()}


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # The encoding is honoured here, whatever torch warns of.
            warnings.filterwarnings("ignore", message="pickle_load_args", category=UserWarning)
            # Python 2's strings are bytes; latin1 takes every byte for a letter.
            return torch.load(path, map_location="cpu", weights_only=True, encoding="latin1")
    except UnpicklingError as refusal:
        named = re.search(r"GLOBAL (\S+)", str(refusal))
        if named is None:
            raise _damaged(path) from None
        raise CheckpointError(
            f"{path.name} is refused, since loading it could run code: it asks for {named[1]}; "
            "give a file that holds a state dict of tensors and nothing else."
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise _damaged(path) from None


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is no checkpoint of PyTorch, or a damaged one; give the file as it was saved."
    )


def _is_entry(entry: tuple[Any, Any]) -> bool:
    return isinstance(entry[0], str) and isinstance(entry[1], torch.Tensor)


def _today(name: str) -> str:
    return _DENSE_LAYER.sub(r"\1\2.", _WRAPPER.sub(r"\1", name))


def _single(tensor: torch.Tensor) -> torch.Tensor:
    # Cloned, since the strides of a network trained channels-last keep torch from tracing it.
    tensor = tensor.clone(memory_format=torch.contiguous_format)
    return tensor.float() if tensor.is_floating_point() else tensor


def _check_names(state: State, wanted: State, architecture: str, path: Path) -> None:
    missing = [name for name in wanted if name not in state and not name.endswith(_COUNTER)]
    unexpected = [name for name in state if name not in wanted]
    faults = [
        f"it {verb} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for verb, names in (("lacks", missing), ("has the unknown", unexpected))
        if names
    ]
    if faults:
        raise CheckpointError(f"{path.name} is no {architecture}: {', and '.join(faults)}.")


def _classifier_names(network: Network) -> tuple[str, str]:
    """What a state dict calls the classifier's weight and bias."""
    names = {id(value): name for name, value in network.module.named_parameters()}
    return names[id(network.classifier.weight)], names[id(network.classifier.bias)]


def _check_classes(state: State, network: Network, path: Path) -> None:
    weight, _ = _classifier_names(network)
    found, labels = len(state[weight]), network.classifier.out_features
    if found != labels:
        raise CheckpointError(
            f"{path.name} tells {found} classes apart, and {labels} labels were given; "
            "give one label for each class."
        )


def _check_shapes(state: State, wanted: State, architecture: str, path: Path) -> None:
    for name, value in wanted.items():
        if name in state and state[name].shape != value.shape:
            raise CheckpointError(
                f"{path.name} is no {architecture}: its {name} has the shape "
                f"{tuple(state[name].shape)}, where {tuple(value.shape)} belongs."
            )
