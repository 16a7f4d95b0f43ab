from __future__ import annotations

from typing import Self

import click
import pytest

from export.cli.output import echo_step, echo_summary, progress_bar
from models.shelf import ZOO
from service.fleet.identity import read_card


def test_what_was_made_is_told_in_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    path = ZOO / "efficientnet_lite0.onnx"
    echo_summary(read_card(path), path)
    size, work, proof = capsys.readouterr().out.splitlines()
    assert size.endswith("efficientnet_lite0.onnx: EfficientNet-Lite0, int8, 5.1 MB")
    assert work == "4.65 million parameters, 385 million multiply-adds, 1000 labels"
    assert proof.startswith("Against the PyTorch network in float32, on 1000 photographs: the same")


def test_a_small_network_is_told_by_its_full_counts(capsys: pytest.CaptureFixture[str]) -> None:
    path = ZOO / "lenet5.onnx"
    echo_summary(read_card(path), path)
    assert "61,706 parameters, 416,520 multiply-adds, 10 labels" in capsys.readouterr().out


def test_steps_are_told_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    echo_step("Tracing the network")
    assert capsys.readouterr() == ("", "Tracing the network ...\n")


def test_a_bar_moves_to_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[int] = []

    class Bar:
        length: int | None = 1

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was drawn."""

        def update(self, steps: int) -> None:
            moved.append(steps)

    bar = Bar()
    monkeypatch.setattr(click, "progressbar", lambda **_: bar)
    with progress_bar("Fetching") as progress:
        progress(10, 40)
        progress(40, 40)
    assert (moved, bar.length) == ([10, 30], 40)
