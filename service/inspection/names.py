"""The names of layers, after those that the graph's maker gave to weights and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Names", "common_start"]


class Names:
    """Gives each layer a name of its own, after the file's."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, values: Iterable[str], kind: str) -> str:
        """The name of a layer: that of the first value with a readable one, or its kind."""
        stems = filter(None, map(_stem, values))
        name = next(stems, kind.replace(" ", "-"))
        unique, number = name, 2
        while unique in self._given:
            unique, number = f"{name}-{number}", number + 1
        self._given.add(unique)
        return unique


_ENDS = re.compile(
    r"(\.(exact|integers|pooled|real|weight|kernel|quantized)"
    r"|_(output_0|quantized|DequantizeLinear_Output|QuantizeLinear_Output)"
    r"|[/.](Conv|Conv2D|MatMul|Gemm|ReadVariableOp|BiasAdd|depthwise|separable_conv2d)"
    r"|:0)+$"
)
_READABLE = re.compile(r"[A-Za-z0-9][\w./-]*")


def _stem(value: str) -> str:
    """A value's name without what says nothing; empty where it isn't readable."""
    stem = _ENDS.sub("", value.strip("/"))
    if not _READABLE.fullmatch(stem) or stem.isdigit():
        return ""
    parts = stem.split("/")
    # PyTorch's exporter writes the whole path of each module around the last once more.
    kept = [
        part
        for at, part in enumerate(parts)
        if not any(later == part or later.startswith(f"{part}.") for later in parts[at + 1 :])
    ]
    return ".".join(kept)


def common_start(names: Sequence[str]) -> str:
    """The parts, up to a dot, with which all of some names begin."""
    if len(names) < 2:  # noqa: PLR2004
        return ""
    prefix = ""
    for parts in zip(*(name.split(".")[:-1] for name in names), strict=False):
        if len(set(parts)) > 1:
            break
        prefix += f"{parts[0]}."
    return prefix
