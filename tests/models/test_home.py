from __future__ import annotations

import sys
from pathlib import Path

import pytest

from models.home import model_home


def test_the_folder_that_was_chosen_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTH_MODEL_DIR", "~/here")

    assert model_home() == Path.home() / "here"


@pytest.mark.parametrize("unset", [None, ""])
@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders are Linux's")
def test_else_it_is_in_the_platforms_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unset: str | None
) -> None:
    monkeypatch.delenv("BOOTH_MODEL_DIR", raising=False)
    if unset is not None:
        monkeypatch.setenv("BOOTH_MODEL_DIR", unset)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_home() == tmp_path / "booth/models"

    monkeypatch.delenv("XDG_DATA_HOME")
    assert model_home() == Path.home() / ".local/share/booth/models"
