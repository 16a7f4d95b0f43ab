from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parity import Reference, WrongAnswers, require_right
from benchmarks.peers.work import Work
from benchmarks.processes import Tree
from benchmarks.runs import Bench
from benchmarks.systems import BOOTH, Server
from tests.benchmarks.conftest import serving


@pytest.fixture(scope="session")
def right(work: Work, photos: dict[str, bytes]) -> list[dict[str, Any]]:
    return [work.predict(photo) for photo in photos.values()]


def texts(answers: list[dict[str, Any]]) -> list[str | None]:
    return [json.dumps(answer) for answer in answers]


def changed(
    answers: list[dict[str, Any]], change: Callable[[list[dict[str, Any]]], object]
) -> list[str | None]:
    """The answers, with ``change`` done to the predictions of the first."""
    copies = json.loads(json.dumps(answers))
    change(copies[0]["predictions"])
    return texts(copies)


def test_the_peers_own_preprocessing_is_right(
    right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    require_right(texts(right), expected)


def test_a_wrong_first_label_fails(right: list[dict[str, Any]], expected: list[Reference]) -> None:
    answers = changed(right, lambda labels: labels[0].update(label="Toaster"))
    with pytest.raises(WrongAnswers, match="only 4 of 5 first labels"):
        require_right(answers, expected)


def test_one_wrong_label_of_many_photographs_is_a_rounding_that_may_happen(
    right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    wrong = changed(right, lambda labels: labels[0].update(label="Toaster"))
    require_right([*wrong, *texts(right) * 9], expected * 10)


def test_the_right_labels_in_the_wrong_order_fail(
    right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    answers = changed(right, lambda labels: labels.reverse())
    with pytest.raises(WrongAnswers, match="not the first 5 labels in order"):
        require_right(answers, expected)


def test_the_right_labels_with_each_others_confidences_fail(
    right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    def swap(labels: list[dict[str, Any]]) -> None:
        names = [one["label"] for one in labels]
        for one, name in zip(labels, reversed(names), strict=True):
            one["label"] = name

    with pytest.raises(WrongAnswers):
        require_right(changed(right, swap), expected)


def test_a_constant_answer_fails(right: list[dict[str, Any]], expected: list[Reference]) -> None:
    with pytest.raises(WrongAnswers, match="only 1 of 5 first labels"):
        require_right(texts([right[0]] * len(right)), expected)


def test_photographs_of_one_label_can_not_tell_and_fail(
    right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    with pytest.raises(WrongAnswers, match="a constant answer would pass"):
        require_right(texts([right[0]] * 3), [expected[0]] * 3)


def test_made_up_confidences_fail(right: list[dict[str, Any]], expected: list[Reference]) -> None:
    sure = [
        {"predictions": [{**one, "confidence": 1.0} for one in answer["predictions"]]}
        for answer in right
    ]
    with pytest.raises(WrongAnswers, match="confidences are off by"):
        require_right(texts(sure), expected)


def test_four_labels_are_not_five(right: list[dict[str, Any]], expected: list[Reference]) -> None:
    with pytest.raises(WrongAnswers, match="not the first 5 labels"):
        require_right(changed(right, lambda labels: labels.pop()), expected)


@pytest.mark.parametrize("text", ["", "null", "{}", '{"predictions": [{"label": "Tench"}]}'])
def test_what_is_no_answer_fails(
    text: str, right: list[dict[str, Any]], expected: list[Reference]
) -> None:
    with pytest.raises(WrongAnswers, match="this is no answer"):
        require_right([text, *texts(right)[1:]], expected)


@pytest.fixture
def bench(
    model: Path, photos: dict[str, bytes], expected: list[Reference], tmp_path: Path
) -> Bench:
    for name, photo in photos.items():
        (tmp_path / f"{name}.jpg").write_bytes(photo)
    return Bench(model, tmp_path, list(photos.values()), expected, seconds=1, warm_up_s=0.1)


def test_an_error_status_fails_even_with_the_right_body(
    bench: Bench, work: Work, process: Tree
) -> None:
    def answer(photo: bytes) -> tuple[int, bytes]:
        return 503, json.dumps(work.predict(photo)).encode()

    with serving(answer) as url, pytest.raises(WrongAnswers, match="no answer, or an error"):
        bench.check(Server(BOOTH, url, process, 0.0))


def test_a_server_that_mixes_up_answers_under_load_fails(
    bench: Bench, right: list[dict[str, Any]], process: Tree
) -> None:
    turns = count()

    def mix_up_after_the_check(photo: bytes) -> tuple[int, bytes]:
        number = bench.photos.index(photo) + (next(turns) >= len(right))
        return 200, json.dumps(right[number % len(right)]).encode()

    with serving(mix_up_after_the_check) as url:
        server = Server(BOOTH, url, process, 0.0)
        bench.check(server)
        with pytest.raises(WrongAnswers, match="first labels"):
            bench.put(server, "1 client", 1)
