from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import export
from export.cli.options import weights_options
from tests.export.cli.invoking import run


@click.command()
@weights_options
def options(**given: object) -> None:
    """Print the options."""
    click.echo(given)


def test_the_address_of_a_mirror_is_a_setting_that_the_option_overrides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOTH_WEIGHTS_URL", "https://mirror.test")
    assert "'mirror': 'https://mirror.test'" in run(options).stdout
    found = run(options, "--mirror", "https://other.test").stdout
    assert "'mirror': 'https://other.test'" in found


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = run(options, "--weights", tmp_path / "none.pth")
    assert result.exit_code == 2
    assert "none.pth" in result.stderr


def test_one_place_reads_the_environment() -> None:
    folder = Path(export.__path__[0])
    reading = re.compile(r"\benviron\b|getenv|envvar=")
    files = [path for path in folder.rglob("*.py") if reading.search(path.read_text())]
    assert [path.relative_to(folder).as_posix() for path in files] == ["cli/options.py"]
