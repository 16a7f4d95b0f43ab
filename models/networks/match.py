"""Which of a checkpoint's tensors are the network's, whatever they are called and lie in.

A training wraps its network, keeps averages of it, and saves optimisers, losses and metrics beside
it. The body of a network is found by its own names, complete, behind any prefix; what is left may
be its head, or what no answer depends on. Anything else makes it another network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from models.networks.network import Network
from models.networks.pickled import Foreign
from models.networks.storage import TensorView

__all__ = ["AVERAGES", "Contents", "Match", "closest", "find_matches", "survey"]

Views: TypeAlias = dict[str, TensorView]

AVERAGES = {"ema", "swa", "average", "averaged", "shadow", "teacher"}
"""What trainings call the moving average of a network's weights."""

# Wrappers of DistributedDataParallel, torch.compile and their like, around all or a part.
_WRAPPER = re.compile(
    r"(^|\.)((module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+"
)
# DenseNet's layers were called norm.1 and conv.2 until torch 0.3.
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")
# Counted since torch 0.4, used in training alone.
_COUNTER = "num_batches_tracked"
_PROFILED = ("total_ops", "total_params")
_MEASURES = re.compile(r"loss|criteri|metric|accuracy|auroc|confmat|(^|[._])(acc|f1)([._]|$)")
_OPTIMIZERS = {"param_groups", ".param_groups"}
_DEEPEST, _LONGEST_LIST = 6, 16


@dataclass
class Contents:
    """What a survey of a checkpoint came upon.

    Attributes:
        groups: Each dictionary of tensors, by its path in the file.
        networks: The path and class of each whole network in it, which only its code can load.
        has_optimizer: Whether an optimiser's state is in it.

    """

    groups: dict[tuple[str, ...], Views] = field(default_factory=dict)
    networks: dict[tuple[str, ...], str] = field(default_factory=dict)
    has_optimizer: bool = False


def survey(content: Any) -> Contents:
    """Find the dictionaries of tensors in what `read_content` gave, by the names of today's torch.

    Raises:
        ValueError: Two weights have the same name.

    """
    found, seen = Contents(), set[int]()
    _survey(content, (), found, seen)
    return found


def _survey(value: Any, path: tuple[str, ...], found: Contents, seen: set[int]) -> None:
    if id(value) in seen or len(path) > _DEEPEST:
        return
    seen.add(id(value))
    if isinstance(value, Foreign) and _is_network(value):
        found.networks[path] = value.name
        return
    entries = _entries(value)
    if not entries.keys().isdisjoint(_OPTIMIZERS):
        found.has_optimizer = True
        return
    tensors = {name: view for name, view in entries.items() if isinstance(view, TensorView)}
    if tensors:
        found.groups[path] = _with_todays_names(tensors)
    for name, inner in entries.items():
        _survey(inner, (*path, name), found, seen)


def _is_network(value: Foreign) -> bool:
    return isinstance(value.state, dict) and "_modules" in value.state


def _entries(value: Any) -> dict[str, Any]:
    if isinstance(value, Foreign):
        return _entries(value.entries) or _attributes(value.state)
    if isinstance(value, (list, tuple)):
        value = {str(place): item for place, item in enumerate(value[:_LONGEST_LIST])}
    if not isinstance(value, dict):
        return {}
    return {name: inner for name, inner in value.items() if isinstance(name, str)}


def _attributes(state: Any) -> dict[str, Any]:
    """An object's, marked as such by a dot."""
    return {f".{name}": inner for name, inner in _entries(state).items()}


def _with_todays_names(tensors: Views) -> Views:
    renamed: Views = {}
    for name, view in tensors.items():
        today = _DENSE_LAYER.sub(r"\1\2.", _WRAPPER.sub(r"\1", name))
        if today in renamed:
            raise ValueError(today)
        renamed[today] = view
    return renamed


@dataclass(frozen=True)
class Match:
    """A network that is complete but for its head.

    Attributes:
        label: Where it lies, such as ``model_ema`` or ``state_dict: net``.
        body: Its weights by the network's own names.
        head: What belongs to its head, by the names there.
        unknown: Names of what is neither, and can't be left out.

    """

    label: str
    body: Views
    head: Views
    unknown: tuple[str, ...]

    @property
    def words(self) -> set[str]:
        """What it may be called by."""
        return set(re.split(r"[._: ]+", self.label.lower())) | {self.label}

    @property
    def is_average(self) -> bool:
        """Whether it is the moving average of another one's weights."""
        return bool(self.words & AVERAGES)


def find_matches(network: Network, contents: Contents) -> list[Match]:
    """All places where the network's body lies whole."""
    return [
        match
        for path, group in contents.groups.items()
        for match in _matches_in(group, path, network)
    ]


def _matches_in(group: Views, path: tuple[str, ...], network: Network) -> Iterator[Match]:
    found: dict[str, tuple[Views, set[str]]] = {}
    for names in _spellings(network):
        for prefix in _prefixes(group, next(iter(names))):
            there = {spelled for spelled in names if prefix + spelled in group}
            if all(spelled.endswith(_COUNTER) for spelled in names.keys() - there):
                body = {names[spelled]: group[prefix + spelled] for spelled in there}
                found[prefix] = body, {prefix + spelled for spelled in there}
    for prefix, (body, used) in found.items():
        others = [other for other in found if other != prefix and not prefix.startswith(other)]
        # Beside a network at the top level, an inner one is all that its prefix holds.
        is_inner = any(prefix.startswith(other) for other in found.keys() - {prefix})
        rest = {
            name: view
            for name, view in group.items()
            if name not in used
            and (not is_inner or name.startswith(prefix))
            and not any(name.startswith(other) for other in others)
            and not _is_inert(name, view)
        }
        head, unknown = _split(rest, prefix, network.head)
        yield Match(_label(path, prefix), body, head, unknown)


def _spellings(network: Network) -> Iterator[dict[str, str]]:
    """How the body's weights may be called: as they are, or by the numbers of ``children()``."""
    body = [name for name in network.module.state_dict() if not name.startswith(f"{network.head}.")]
    yield {name: name for name in body}
    numbers = {name: str(at) for at, (name, _) in enumerate(network.module.named_children())}
    yield {_numbered(name, numbers): name for name in body}


def _numbered(name: str, numbers: Mapping[str, str]) -> str:
    child, _, rest = name.partition(".")
    return f"{numbers[child]}.{rest}"


def _prefixes(group: Views, anchor: str) -> list[str]:
    """What stands before a name, wherever it is the end of another."""
    return [
        name.removesuffix(anchor) for name in group if name == anchor or name.endswith(f".{anchor}")
    ]


def _is_inert(name: str, view: TensorView) -> bool:
    """Whether no answer depends on it: counts, and what belongs to a loss or a measure."""
    return (
        not (view.is_floating_point or name.endswith((".weight", ".bias")))
        or name.endswith(_PROFILED)
        or _MEASURES.search(name.lower()) is not None
    )


def _split(rest: Views, prefix: str, head: str) -> tuple[Views, tuple[str, ...]]:
    """The head's weights, and the names of what is left then.

    A head has its own name, or it is all that is left: then a training put it beside the body.
    """
    own = {
        name.removeprefix(f"{prefix}{head}."): view
        for name, view in rest.items()
        if name.startswith(f"{prefix}{head}.")
    }
    if own:
        return own, tuple(name for name in rest if not name.startswith(f"{prefix}{head}."))
    common = _common_prefix(list(rest))
    return {name.removeprefix(common): view for name, view in rest.items()}, ()


def _common_prefix(names: list[str]) -> str:
    parts = [name.split(".")[:-1] for name in names]
    common = []
    for segments in zip(*parts, strict=False):
        if len(set(segments)) > 1:
            break
        common.append(segments[0])
    return "".join(f"{segment}." for segment in common)


def _label(path: tuple[str, ...], prefix: str) -> str:
    names = [name.lstrip(".") for name in path]
    return ": ".join(filter(None, (".".join(names), prefix.rstrip(".")))) or "top level"


def closest(network: Network, contents: Contents) -> tuple[list[str], list[str]]:
    """What the group that is most like the network lacks, and what it has that is unknown."""
    wanted = [name for name in network.module.state_dict() if not name.endswith(_COUNTER)]
    return min(
        (_difference(group, wanted) for group in contents.groups.values()),
        key=lambda difference: (len(difference[0]), -len(difference[1])),
    )


def _difference(group: Views, wanted: list[str]) -> tuple[list[str], list[str]]:
    counted = Counter(prefix for name in wanted for prefix in _prefixes(group, name))
    prefix = counted.most_common(1)[0][0] if counted else ""
    missing = [name for name in wanted if prefix + name not in group]
    known = {prefix + name for name in wanted}
    unknown = [
        name for name, view in group.items() if name not in known and not _is_inert(name, view)
    ]
    return missing, unknown
