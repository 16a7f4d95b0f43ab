from __future__ import annotations

import sys
from pathlib import Path

import pytest

from models.home import cache_folder, default_model_folder

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="XDG folders are Linux's")


@LINUX
def test_models_lie_in_the_users_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_model_folder() == tmp_path / "booth/models"

    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_model_folder() == Path.home() / ".local/share/booth/models"


@LINUX
def test_what_only_saves_time_lies_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "booth"

    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/booth"


def test_settings_are_read_elsewhere_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    before = default_model_folder()
    monkeypatch.setenv("BOOTH_MODEL_DIR", str(tmp_path / "chosen"))
    assert default_model_folder() == before
    assert not any(tmp_path.iterdir())
