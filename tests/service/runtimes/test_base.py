"""Every runtime says the same of the same photographs, in whatever batches they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import zoo
from service.fleet.identity import read_card, read_model_file
from service.photo.decode import decode
from service.runtimes.base import Layout, ModelFile, Runtime
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino, is_installed

LITE0 = Path(zoo.__file__).with_name("efficientnet_lite0.onnx")
TWO_SLOTS = Layout(slots=2, threads=1, threads_alone=2)

needs_openvino = pytest.mark.skipif(not is_installed(), reason="openvino is not installed")


@pytest.fixture(scope="module", params=[OnnxRuntime, pytest.param(OpenVino, marks=needs_openvino)])
def lite0(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    make: Callable[[ModelFile, Layout], Runtime] = request.param
    runtime = make(read_model_file(LITE0), TWO_SLOTS)
    yield runtime
    runtime.close()


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


def test_one_alone_is_set_apart_only_where_it_gets_more_threads() -> None:
    assert Layout(threads=1, threads_alone=2).sets_alone_apart
    assert not Layout(threads=2, threads_alone=2).sets_alone_apart
    assert not Layout(threads=0, threads_alone=2).sets_alone_apart
    assert not Layout(threads=1).sets_alone_apart


def test_a_file_says_which_it_is_without_its_bytes(tiny: Path) -> None:
    file = read_model_file(tiny)
    assert "content=b" not in repr(file)
    assert file.sha256 in repr(file)
