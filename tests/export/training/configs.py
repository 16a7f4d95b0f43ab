"""Trainings that are not begun: what is asked of them, on photographs that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.training.config import TrainingConfig
from export.training.dataset import labels_from_categories
from models.sources import SOURCES
from models.training.plan import Plan


def config(data: Path, folder: Path, **changes: Any) -> TrainingConfig:
    usual: dict[str, Any] = {
        "data": data,
        "validation": None,
        "tests": (),
        "labels": labels_from_categories(data),
        "teacher": None,
        "source": SOURCES["efficientnet_lite0"],
        "weights": None,
        "mirror": None,
        "plan": Plan(size=32),
        "stored_side": 32,
        "folder": folder,
        "out": folder / "my.onnx",
        "precision": "int8",
        "name": "my",
        "version": "2",
        "title": "Mine",
        "origin": "a test",
        "licence": "CC0-1.0",
    }
    return TrainingConfig(**usual | changes)
