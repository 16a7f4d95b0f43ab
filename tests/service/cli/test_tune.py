"""`booth tune` from the outside: what it prints, keeps and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import booth
from service.fleet.identity import read_model_file
from service.fleet.tuning import find

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("BOOTH_MODEL_DIR", str(tmp_path))
    monkeypatch.setenv("BOOTH_PROVIDERS", "cpu")
    return lambda *arguments: CliRunner().invoke(booth, ["tune", str(tiny), *map(str, arguments)])


def test_it_prints_a_table_and_keeps_what_it_took(
    run: Callable[..., Result], tiny: Path, tmp_path: Path
) -> None:
    result = run("--p99", "2s")
    assert result.exit_code == 0, result.output
    kept = find(read_model_file(tiny), tmp_path, ["cpu"])
    assert kept
    assert f"Taken for a p99 of 2000 ms: {kept}." in result.output
    assert "slots  threads  batch      run    per s      p99  throughput" in result.output
    assert result.output.count(" <\n") == 1
    assert "a run of n takes" in result.output


def test_json_holds_all_choices(run: Callable[..., Result]) -> None:
    result = run("--p99", "2s", "--json")
    content = json.loads(result.stdout)
    taken = content["taken"]
    assert taken["predicted_throughput"] >= 0.97 * max(
        choice["throughput"] for choice in content["choices"]
    )
    assert len(content["choices"]) >= 6


def test_the_plot_is_a_png(run: Callable[..., Result], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra train brings it")
    file = tmp_path / "plot.png"
    assert run("--p99", "2s", "--plot", file).exit_code == 0
    assert file.read_bytes().startswith(PNG)


def test_a_plot_without_matplotlib_is_refused_at_once(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.lab.reliability.find_spec", lambda _name: None)
    result = run("--plot", tmp_path / "plot.png")
    assert result.exit_code == 1
    assert "pip install '.[train]'" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--p99", "soon"], "'soon' is no latency; write 50ms or 0.05s."),
        (["--p99", "0ms"], "'0ms' is no latency"),
        (["--p99", "0.000001ms"], "No choice meets a p99 of 0 ms here"),
        (["--photo", __file__], "This is text, which is not decoded here"),
    ],
)
def test_what_can_not_be_done_is_told_in_a_sentence(
    run: Callable[..., Result], tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert sentence in " ".join(result.output.split())
    assert not (tmp_path / "tuning").exists()


def test_an_unknown_model_is_told() -> None:
    result = CliRunner().invoke(booth, ["tune", "efficientnet_lite9"])
    assert result.exit_code == 1
    assert "There is no model" in result.output
