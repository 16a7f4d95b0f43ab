"""One cure for one quirk: torchvision beside a torch that its compiled part does not fit."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from torch import library

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["torchvision_models"]

# Declared by torchvision's compiled part. Its Python part registers shape rules for them at import
# and fails where they are unknown; no network that Booth exports uses either.
_MISSING_OPERATORS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


@cache
def torchvision_models() -> Any:
    """Import ``torchvision.models``, declaring the operators it misses if the plain import fails.

    Raises:
        ImportError: torchvision is not installed.

    """
    return _import_models().models


def _import_models() -> ModuleType:
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        for name, schema in _MISSING_OPERATORS.items():
            library.define(name, schema)
        return importlib.import_module("torchvision")
