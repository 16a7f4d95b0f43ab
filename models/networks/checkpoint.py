"""A checkpoint's file -> a network's weights, and nothing else.

A checkpoint is a pickle, and a pickle may run code: `models.networks.pickled` runs none. What a
training saves beside the weights is left where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from models.networks import Network, build
from models.networks.head import UnknownHead, read_head
from models.networks.match import AVERAGES, Contents, Match, closest, find_matches, survey
from models.networks.storage import TensorView
from models.networks.tensor_file import CheckpointError, read_content

__all__ = ["CheckpointError", "Weights", "find_weights", "load_network"]

# Counted since torch 0.4, used in training alone.
_COUNTER = "num_batches_tracked"
_TWO = 2  # classes, which one output can tell apart


@dataclass(frozen=True)
class Weights:
    """A network, and where its weights lie.

    Attributes:
        network: In evaluation mode; its weights have shapes, and no values until `load`.
        is_new: Whether the classifier's weights become zeros, to be learned.
        notes: What was chosen or taken for granted, a line each.

    """

    network: Network
    is_new: bool
    notes: tuple[str, ...]
    _path: Path
    _views: dict[str, TensorView]

    def load(self) -> None:
        """Read the weights into the network.

        Raises:
            CheckpointError: The file is cut short, or the training that wrote it went astray.

        """
        wanted = self.network.module.state_dict()
        state = {name: self._read(name, view) for name, view in self._views.items()}
        state = {name: _for_classes(value, wanted[name]) for name, value in state.items()}
        absent = {name: torch.zeros(wanted[name].shape) for name in wanted if name not in state}
        counters = {name: torch.tensor(0) for name in absent if name.endswith(_COUNTER)}
        self.network.module.load_state_dict(absent | counters | state, assign=True)

    def _read(self, name: str, view: TensorView) -> torch.Tensor:
        try:
            tensor = view.read()
        except (ValueError, RuntimeError):
            raise CheckpointError(
                f"{self._path.name} is damaged: the numbers of {name} are not in it; "
                "give the file as it was saved."
            ) from None
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(
                f"{self._path.name} has NaN or infinity in {name}: the training went astray; "
                "give an earlier checkpoint."
            )
        return tensor


def _for_classes(value: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """One output as two: softmax(0, z) is (1 - p, p) where p is the sigmoid of z."""
    if value.shape == wanted.shape:
        return value
    return torch.cat([torch.zeros_like(value), value])


def load_network(architecture: str, classes: int, path: Path) -> tuple[Network, bool]:
    """Build a network with a checkpoint's weights, and say whether its classifier is new.

    Where the checkpoint tells another number of classes apart, the classifier's weights are zeros,
    to be learned.

    Args:
        architecture: One of `models.networks.ARCHITECTURES`.
        classes: K, the number of outputs.
        path: As `find_weights` takes it.

    Raises:
        CheckpointError: The file is no checkpoint, wants to run code, or is of another network.

    """
    weights = find_weights(architecture, classes, path, takes_other_classes=True)
    weights.load()
    return weights.network, weights.is_new


def find_weights(
    architecture: str,
    classes: int,
    path: Path,
    *,
    use: str | None = None,
    activation: str | None = None,
    takes_other_classes: bool = False,
) -> Weights:
    """Find a network's weights in a checkpoint.

    Args:
        architecture: One of `models.networks.ARCHITECTURES`.
        classes: K, the number of labels.
        path: The file, as `models.networks.tensor_file.read_content` takes it.
        use: Which of several networks in it: ``ema`` for the moving average, or the name of one.
        activation: One of `models.networks.head.ACTIVATIONS`, between the linear layers of a head
            of one's own; None takes the usual one.
        takes_other_classes: Whether the classifier becomes new for another number of classes.

    Raises:
        CheckpointError: The file is no checkpoint, wants to run code, or is of another network, or
            of another number of classes.

    """
    return _Finder(architecture, classes, path).find(use, activation, takes_other_classes)


@dataclass(frozen=True)
class _Finder:
    """Finds the weights of one network in one file; see `find_weights`."""

    architecture: str
    classes: int
    path: Path

    def find(self, use: str | None, activation: str | None, takes_other_classes: bool) -> Weights:
        network, contents = build(self.architecture, self.classes), self._contents()
        matches = find_matches(network, contents)
        if not matches:
            raise self._without_match(network, contents)
        match = self._chosen(matches, use)
        self._check_body(network, match)
        views, notes = self._with_head(network, match, activation)
        views, is_new, note = self._with_classes(network, views, takes_other_classes)
        notes = (*_note_of_choice(match, matches), *notes, *note)
        return Weights(network, is_new, notes, self.path, views)

    def _contents(self) -> Contents:
        try:
            return survey(read_content(self.path))
        except ValueError as name:
            raise CheckpointError(
                f"{self.path.name} has two weights for {name}; save one network alone."
            ) from None

    def _without_match(self, network: Network, contents: Contents) -> CheckpointError:
        if contents.networks:
            return self._whole_network(*next(iter(contents.networks.items())))
        if contents.groups:
            return self._another(*closest(network, contents))
        what = "an optimiser's state and no weights" if contents.has_optimizer else "no state dict"
        return CheckpointError(
            f"{self.path.name} holds {what}; give a file that torch.save(model.state_dict(), ...) "
            "wrote: names with their tensors."
        )

    def _whole_network(self, path: tuple[str, ...], kind: str) -> CheckpointError:
        place = "".join(name if name.startswith(".") else f'["{name}"]' for name in path)
        return CheckpointError(
            f"{self.path.name} holds a whole network ({kind}), which would run code to load; where "
            "you trust it, save its weights with these two lines, and give weights.pth: "
            f'model = torch.load("{self.path.name}", weights_only=False){place}; '
            'torch.save(model.state_dict(), "weights.pth").'
        )

    def _another(self, missing: list[str], unknown: list[str]) -> CheckpointError:
        faults = [
            f"it {verb} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
            for verb, names in (("lacks", missing), ("has the unknown", unknown))
            if names
        ]
        return CheckpointError(
            f"{self.path.name} is no {self.architecture}: {', and '.join(faults)}."
        )

    def _chosen(self, matches: list[Match], use: str | None) -> Match:
        found = _wanted(matches, use)
        if len(found) == 1:
            return found[0]
        names = ", ".join(sorted(repr(match.label) for match in matches))
        if not found:
            raise CheckpointError(f"{self.path.name} has no network called {use!r}, but {names}.")
        raise CheckpointError(
            f"{self.path.name} holds several networks, {names}; name one with --use."
        )

    def _check_body(self, network: Network, match: Match) -> None:
        if match.unknown:
            raise self._another([], list(match.unknown))
        if not match.head:
            head = [name for name in network.module.state_dict() if name.startswith(network.head)]
            raise self._another(head, [])
        wanted = network.module.state_dict()
        for name, view in match.body.items():
            if not name.endswith(_COUNTER):
                self._check_view(name, view, wanted[name])

    def _check_view(self, name: str, view: TensorView, wanted: torch.Tensor) -> None:
        self._check_number_type(name, view)
        if view.shape != wanted.shape:
            raise CheckpointError(
                f"{self.path.name} is no {self.architecture}: its {name} has the shape "
                f"{view.shape}, where {tuple(wanted.shape)} belongs."
            )

    def _check_number_type(self, name: str, view: TensorView) -> None:
        if not view.is_floating_point:
            raise CheckpointError(
                f"{self.path.name} is quantised: its {name} holds no floating-point numbers; "
                "give the network that it was made of."
            )

    def _with_head(
        self, network: Network, match: Match, activation: str | None
    ) -> tuple[dict[str, TensorView], tuple[str, ...]]:
        """The views of all weights; a head of one's own takes the place of the usual one."""
        features = next(
            layer.in_features for layer in network.head_layers if isinstance(layer, nn.Linear)
        )
        for name, view in match.head.items():
            self._check_number_type(name, view)
        if _has_usual_head(network, match):
            return _all_views(network, match.body, match.head), ()
        try:
            with torch.device("meta"):
                head = read_head(match.head, features, activation)
        except UnknownHead as layer:
            raise CheckpointError(
                f"{self.path.name} has a head that Booth can't build: {layer}; a head of linear "
                "layers and batch norms can be built, and `booth adopt` takes an ONNX file."
            ) from None
        network.replace_head(head.layers.eval().requires_grad_(requires_grad=False))
        note = f"Building the head {head}" + (" (--activation names another)" * head.is_guessed)
        notes = (note,) if len(head.layers) > 1 else ()
        return _all_views(network, match.body, head.weights), notes

    def _with_classes(
        self, network: Network, views: dict[str, TensorView], takes_other_classes: bool
    ) -> tuple[dict[str, TensorView], bool, tuple[str, ...]]:
        names = _classifier_names(network)
        outputs = views[names[0]].shape[0]
        if outputs == self.classes:
            return views, False, ()
        if outputs == 1 and self.classes == _TWO:
            network.resize_classifier(self.classes)
            return views, False, ("Reading the one output as the second label's (sigmoid)",)
        if not takes_other_classes:
            raise self._wrong_classes(outputs)
        network.resize_classifier(self.classes)
        return {name: view for name, view in views.items() if name not in names}, True, ()

    def _wrong_classes(self, outputs: int) -> CheckpointError:
        told = f"{outputs} classes apart" if outputs > 1 else "2 classes apart by one output"
        needed = "one label for each class" if outputs > 1 else "two labels, of no and of yes"
        return CheckpointError(
            f"{self.path.name} tells {told}, and {self.classes} labels were given; give {needed}."
        )


def _wanted(matches: list[Match], use: str | None) -> list[Match]:
    """Those that a name may mean; without one, the network itself rather than its average."""
    if use is not None:
        exact = [match for match in matches if match.label == use]
        matches = exact or [match for match in matches if use.lower() in match.words]
        if use.lower() in AVERAGES:
            return matches
    return [match for match in matches if not match.is_average] or matches


def _note_of_choice(taken: Match, matches: list[Match]) -> tuple[str, ...]:
    left = ", ".join(repr(match.label) for match in matches if match is not taken)
    return (f"Taking {taken.label!r}, and leaving {left} (--use names another)",) if left else ()


def _has_usual_head(network: Network, match: Match) -> bool:
    """Whether the head's layers are those of the architecture, but for the number of classes."""
    start = f"{network.head}."
    usual = {
        name.removeprefix(start): value.shape
        for name, value in network.module.state_dict().items()
        if name.startswith(start)
    }
    classifier = {name.removeprefix(start) for name in _classifier_names(network)}
    return set(usual) == set(match.head) and all(
        match.head[name].shape[name in classifier :] == shape[name in classifier :]
        for name, shape in usual.items()
    )


def _all_views(
    network: Network, body: dict[str, TensorView], head: dict[str, TensorView]
) -> dict[str, TensorView]:
    return body | {f"{network.head}.{name}": view for name, view in head.items()}


def _classifier_names(network: Network) -> tuple[str, str]:
    """What a state dict calls the classifier's weight and bias."""
    names = {id(value): name for name, value in network.module.named_parameters()}
    return names[id(network.classifier.weight)], names[id(network.classifier.bias)]
