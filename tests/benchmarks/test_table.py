from __future__ import annotations

from benchmarks.runs import Probe
from benchmarks.table import Row, markdown
from tests.benchmarks.figures import run


def test_shares_are_of_what_the_machine_could_do_in_the_same_round() -> None:
    slow, fast = Probe(100, 200, 50), Probe(200, 400, 100)
    row = Row("Booth", [run(90), run(180), run(90)], [slow, fast, fast], [1.0, 2.0, 3.0])
    assert row.cells()[2:6] == ["90", "0.90", "0.45", "1.80"]


def test_an_open_loop_has_no_shares() -> None:
    row = Row("Booth", [run(90, rate=90)], [Probe(1, 1, 1)], [1.0])
    assert row.cells()[3:6] == ["", "", ""]


def test_the_markdown_is_padded() -> None:
    assert markdown(["a", "b", "c"], [["long", "", "1"]]).splitlines() == [
        "| a    | b | c |",
        "|------|---|--:|",
        "| long |   | 1 |",
    ]
