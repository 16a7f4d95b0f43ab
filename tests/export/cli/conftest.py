"""A folder of models of the test's own, and downloads that give up soon."""

from __future__ import annotations

import copy
import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import export.cli.published
from export.fetch.download import RetryPolicy
from export.fetch.weights import fetch_weights

if TYPE_CHECKING:
    from onnx import ModelProto

    from models.networks import Network

HASTY = RetryPolicy(attempts=2, backoff_s=0, connect_s=2, read_s=2)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BOOTH_MODEL_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("BOOTH_WEIGHTS_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasty = partial(fetch_weights, retry=HASTY)
    monkeypatch.setattr(export.cli.published, "fetch_weights", hasty)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def traces() -> dict[str, ModelProto]:
    """Graphs by the weights and the size that they were traced with."""
    return {}


@pytest.fixture
def traced_once(traces: dict[str, ModelProto], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same network is traced once: that takes longer than all else that these tests do."""
    from export.graph.trace import trace_network

    def trace(network: Network, size: int) -> ModelProto:
        digest = hashlib.sha256(str(size).encode())
        for name, value in network.module.state_dict().items():
            digest.update(name.encode() + value.numpy().tobytes())
        key = digest.hexdigest()
        if key not in traces:
            traces[key] = trace_network(network, size)
        return copy.deepcopy(traces[key])

    monkeypatch.setattr("export.pipeline.trace_network", trace)
