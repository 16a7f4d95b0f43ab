"""One service for the fronts that look inside a network: its process takes a while to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Inside, serving_inside
from tests.service.tiled import write_tiled


@pytest.fixture(scope="session")
def looking(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Inside]:
    """A service with a model whose units can be told by hand, and one that gives no features."""
    model = write_tiled(tmp_path_factory.mktemp("models") / "tiled.onnx")
    with serving_inside(models=f"{model},{tiny}", deadline_ms=60_000) as inside:
        yield inside
