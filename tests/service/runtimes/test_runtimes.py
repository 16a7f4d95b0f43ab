"""Every runtime says the same of the same photographs, in whatever batches they come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import zoo
from models.errors import ModelError
from service.photo.decode import decode
from service.runtimes import session as module
from service.runtimes.base import Parallelism, Runtime
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino, is_installed
from service.runtimes.session import Session, choose_providers, read_card

LITE0 = Path(zoo.__file__).with_name("efficientnet_lite0.onnx")
TWO_SLOTS = Parallelism(slots=2, threads=1, threads_alone=2)

needs_openvino = pytest.mark.skipif(not is_installed(), reason="openvino is not installed")


@pytest.fixture(scope="module", params=[OnnxRuntime, pytest.param(OpenVino, marks=needs_openvino)])
def lite0(request: pytest.FixtureRequest) -> Runtime:
    make: Callable[[Path, Parallelism], Runtime] = request.param
    return make(LITE0, TWO_SLOTS)


@pytest.fixture(scope="module")
def squares(photos: dict[str, bytes]) -> NDArray[np.uint8]:
    wanted = read_card(LITE0).input
    return np.stack([decode(photo, wanted).pixels for photo in photos.values()])


def test_a_photograph_alone_and_one_in_a_batch_get_the_same_answer(
    lite0: Runtime, squares: NDArray[np.uint8]
) -> None:
    lite0.prepare(4)
    lite0.wait_until_prepared()
    singly = np.concatenate([lite0.run(square[None]) for square in squares])
    for together in (lite0.run(squares), lite0.run(squares[:4]), lite0.run(squares[:3])):
        np.testing.assert_allclose(together, singly[: len(together)], atol=0.002)
    np.testing.assert_allclose(lite0.run_alone(squares[:1]), singly[:1], atol=0.002)


def test_each_thread_gets_the_answers_of_its_own_photographs(
    lite0: Runtime, squares: NDArray[np.uint8]
) -> None:
    singly = [lite0.run(square[None])[0] for square in squares]
    turns = list(range(len(squares))) * 8
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: lite0.run(squares[i : i + 1])[0], turns))
    for turn, answer in zip(turns, answers, strict=True):
        np.testing.assert_allclose(answer, singly[turn], atol=1e-5)


@needs_openvino
def test_openvino_says_what_onnx_runtime_says_to_a_rounding_of_int8(
    squares: NDArray[np.uint8],
) -> None:
    ours, theirs = (Session(LITE0, providers=[name]).run(squares) for name in ("openvino", "cpu"))
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()
    assert np.abs(ours - theirs).max() < 0.1


@needs_openvino
def test_openvino_is_taken_where_it_is_installed(tiny: Path) -> None:
    assert "openvino" in choose_providers()
    assert Session(tiny).provider == "openvino"


@needs_openvino
def test_what_openvino_can_t_run_onnx_runtime_does_and_the_log_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(module, "OpenVino", refuse)
    with caplog.at_level(logging.WARNING):
        assert Session(tiny, providers=["openvino"]).provider == "cpu"
    assert "OpenVINO can't run tiny.onnx; ONNX Runtime does." in caplog.messages


@needs_openvino
def test_what_can_t_be_compiled_beside_serving_is_logged_and_the_rest_answers(
    squares: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = OpenVino(LITE0, Parallelism(threads=1))
    runtime.wait_until_prepared()

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(runtime, "_compiled", refuse)
    runtime.prepare(4)
    with pytest.raises(RuntimeError, match="no memory"):
        runtime.wait_until_prepared()
    assert "OpenVINO can't compile all it should; what it has runs." in caplog.messages
    assert len(runtime.run(squares)) == len(squares)


def test_without_openvino_it_is_not_offered(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.runtimes.open_vino.find_spec", lambda _: None)
    assert Session(tiny).provider == "cpu"
    with pytest.raises(ModelError, match="'openvino' is not installed here"):
        choose_providers(["openvino"])
