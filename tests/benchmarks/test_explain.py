"""What is compared: every kind in every round, each with the plain answer of its own round."""

from __future__ import annotations

from typing import Any

from benchmarks import explain
from benchmarks.explain import WARM_UP, measure, rows


def test_a_kind_is_shown_relative_to_the_plain_answer_of_its_round() -> None:
    taken = {"plain": [0.010, 0.020, 0.040], "region": [0.011, 0.022, 0.060]}
    assert rows(taken) == [["plain", "20.00 ms", "1.000"], ["region", "22.00 ms", "1.100"]]


def test_each_round_asks_in_every_way_and_the_order_turns() -> None:
    asked: list[tuple[str, bytes]] = []

    class Noted:
        def seconds(self, query: str, photo: bytes) -> float:
            asked.append((query, photo))
            return len(asked)

    service: Any = Noted()
    ways = {"plain": (service, ""), "region": (service, "&explain=region")}
    taken = measure(ways, "places365", [b"0", b"1"], 2)
    assert [len(seconds) for seconds in taken.values()] == [2, 2]
    assert len(asked) == 2 * (2 + WARM_UP)
    plain, explained = "model=places365", "model=places365&explain=region"
    assert asked[-4:] == [(plain, b"0"), (explained, b"0"), (explained, b"1"), (plain, b"1")]
    assert explain.KINDS["region"] == "&explain=region"
