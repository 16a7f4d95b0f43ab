"""A peer's environment is made once, and anew when its requirements change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import environments


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that make an environment, which are not run here: they need the network."""
    commands: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> None:
        assert check
        commands.append(command)
        (tmp_path / ".peers/plain").mkdir(parents=True, exist_ok=True)

    (tmp_path / "peers/plain").mkdir(parents=True)
    (tmp_path / "peers/plain/requirements.txt").write_text("pillow==12.0.0\n")
    monkeypatch.setattr(environments, "HERE", tmp_path)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / ".peers")
    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_the_second_time_nothing_is_made(made: list[list[str]], tmp_path: Path) -> None:
    python = environments.python_of("plain")
    assert python == tmp_path / ".peers/plain/bin/python"
    assert [command[1:3] for command in made] == [["-m", "venv"], ["-m", "pip"]]
    assert environments.python_of("plain") == python
    assert len(made) == 2


def test_with_other_requirements_it_is_made_anew(made: list[list[str]], tmp_path: Path) -> None:
    environments.python_of("plain")
    (tmp_path / "peers/plain/requirements.txt").write_text("pillow==12.1.0\n")
    environments.python_of("plain")
    assert len(made) == 4
