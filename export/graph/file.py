"""A finished graph and its card, written as one file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import onnx

from models.card import METADATA_KEY, Card

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

__all__ = ["write_model"]


def write_model(model: ModelProto, card: Card, out: Path) -> None:
    """Write a model file; it appears whole, or not at all."""
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(model.SerializeToString(deterministic=True))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
