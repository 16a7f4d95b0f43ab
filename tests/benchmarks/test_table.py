from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.load import Figures, Plan
from benchmarks.plot import draw
from benchmarks.runs import Probe, Run, one_by_one
from benchmarks.table import Row, markdown


def run(throughput: float, rate: float | None = None, batch: int = 1) -> Run:
    figures = Figures(throughput, 100, 0, 1.0, 2.0, 3.0, 4.0, 50.0, [])
    return Run("32 clients", Plan(32, rate, batch=batch), figures, 5.0, 200.0)


def test_shares_are_of_what_the_machine_could_do_in_the_same_round() -> None:
    slow, fast = Probe(100, 200, 50), Probe(200, 400, 100)
    row = Row("Booth", [run(90), run(180), run(90)], [slow, fast, fast], [1.0, 2.0, 3.0])
    assert row.cells()[2:6] == ["90", "0.90", "0.45", "1.80"]


def test_a_probe_around_a_system_is_the_mean_of_both() -> None:
    assert Probe.mean(Probe(100, 200, 50), Probe(200, 300, 70)) == Probe(150, 250, 60)


def test_an_open_loop_has_no_shares() -> None:
    row = Row("Booth", [run(90, rate=90)], [Probe(1, 1, 1)], [1.0])
    assert row.cells()[3:6] == ["", "", ""]


def test_a_request_of_several_photographs_counts_them_all() -> None:
    assert run(3, batch=32).rate == 96
    assert one_by_one(['{"results": [1, 2]}', None], 2) == ["1", "2", None, None]


def test_the_markdown_is_padded() -> None:
    assert markdown(["a", "b", "c"], [["long", "", "1"]]).splitlines() == [
        "| a    | b | c |",
        "|------|---|--:|",
        "| long |   | 1 |",
    ]


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    probe = [Probe(1, 1, 1)]
    rows = [Row("Booth", [run(90)], probe, [1.0]), Row("Booth", [run(90, rate=90)], probe, [1.0])]
    draw(rows, tmp_path / "latency.png")
    with Image.open(tmp_path / "latency.png") as image:
        assert image.width > image.height > 500
