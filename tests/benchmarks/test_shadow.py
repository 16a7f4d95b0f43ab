"""What shadows cost is told relative to none, window by window on one service."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load import Plan
from benchmarks.shadow import KEY, SECOND, Measured, Service, rows, second_version, worse
from service.fleet.identity import read_card
from tests.servers import serving_inside
from tests.service.conftest import tiny_card, write_tiny


def measured(answers: int, *latencies_ms: float, compared: int = 0) -> Measured:
    return Measured(2.0, answers, [*latencies_ms], compared, dropped=1)


def test_a_share_is_told_relative_to_none() -> None:
    found = {
        ("1 clients", "0"): measured(100, 10, 20),
        ("1 clients", "0.1"): measured(50, 11, 22, compared=7),
    }
    assert list(rows(found)) == [
        ["1 clients", "0.1", "2.000", "1.100", "1.100", "2", "7", "1"],
    ]
    assert worse(found)


@pytest.mark.parametrize(
    ("share", "answers", "latency_ms", "is_worse"),
    [
        ("0.1", 95, 21, False),
        ("0.1", 100, 22, True),
        ("0.1", 90, 20, True),
        ("1", 50, 40, False),
        ("0 again", 50, 40, False),
    ],
)
def test_a_tenth_is_too_much_for_few(
    share: str, answers: int, latency_ms: float, is_worse: bool
) -> None:
    found = {
        ("8 clients", "0"): measured(100, 10, 20),
        ("8 clients", share): measured(answers, 10, latency_ms),
    }
    assert worse(found) == is_worse


def test_two_versions_of_a_model_are_measured(tmp_path: Path, photos: dict[str, bytes]) -> None:
    tiny = write_tiny(tmp_path / "tiny.onnx", tiny_card())
    second = second_version(tiny, tmp_path / "second.onnx")
    assert read_card(second).version == SECOND
    with serving_inside(models=f"{tiny},{second}", management_keys=KEY) as inside:
        service, into = Service(inside.url, "tiny", [photos["coffee"]]), Measured()
        for share in (0.0, 1.0):
            service.measure(Plan(1, seconds=0.1, warm_up_s=0.05), share, into)
    assert into.answers > 0
    assert into.seconds == pytest.approx(0.2)
    assert all(one > 0 for one in into.times)
