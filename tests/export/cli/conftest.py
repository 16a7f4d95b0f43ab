"""A folder of models of the test's own, and downloads that give up soon."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import export.cli.published
from export.fetch.download import RetryPolicy
from export.fetch.weights import fetch_weights

HASTY = RetryPolicy(attempts=2, backoff_s=0, connect_s=2, read_s=2)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BOOTH_MODEL_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("BOOTH_WEIGHTS_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasty = partial(fetch_weights, retry=HASTY)
    monkeypatch.setattr(export.cli.published, "fetch_weights", hasty)
    return tmp_path / "home"
