"""Runs out of buffers that stay: the same answers as ONNX Runtime gives without them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from models import zoo
from service.engine.classifier import Classifier, Limits
from service.fleet.identity import read_card, read_model_file
from service.photo.decode import decode
from service.runtimes import bound
from service.runtimes.bound import BoundRuntime
from service.runtimes.onnx_runtime import open_session
from service.runtimes.session import Session

LITE0 = Path(zoo.__file__).with_name("efficientnet_lite0.onnx")


class Counting:
    """A session that tells how large the batches are that it runs."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self.shapes: list[tuple[int, ...]] = []
        self.bindings = 0
        self.meeting: Barrier | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def io_binding(self) -> ort.IOBinding:
        self.bindings += 1
        return self._session.io_binding()

    def run_with_iobinding(self, binding: ort.IOBinding, options: ort.RunOptions) -> None:
        self._session.run_with_iobinding(binding, options)
        self.shapes.append(tuple(binding.get_outputs()[0].shape()))
        if self.meeting:
            self.meeting.wait(10)


@pytest.fixture(scope="module")
def squares(photos: dict[str, bytes]) -> NDArray[np.uint8]:
    wanted = read_card(LITE0).input
    return np.stack([decode(photo, wanted).pixels for photo in photos.values()])


@pytest.fixture(scope="module")
def lite0() -> ort.InferenceSession:
    return open_session(LITE0.read_bytes(), {"cpu": {}}, threads=1)


@pytest.fixture
def counting(lite0: ort.InferenceSession) -> Counting:
    return Counting(lite0)


def bind(session: Counting, *sizes: int, slots: int = 1) -> BoundRuntime:
    runtime = BoundRuntime(session, "cpu", "cpu", slots)
    for size in sizes:
        runtime.prepare(size)
    session.shapes.clear()
    return runtime


def plainly(session: ort.InferenceSession, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    answer: NDArray[np.float32] = session.run(["answer"], {"photo": photos})[0]
    return answer


def test_it_says_what_the_session_says(
    counting: Counting, lite0: ort.InferenceSession, squares: NDArray[np.uint8]
) -> None:
    runtime = bind(counting, 2, 4)
    for size in (1, 2, 4):
        photos = squares[:size]
        np.testing.assert_array_equal(runtime.run(photos), plainly(lite0, photos))
        np.testing.assert_array_equal(runtime.run(list(photos)), plainly(lite0, photos))
    np.testing.assert_array_equal(runtime.run_alone(squares[:1]), plainly(lite0, squares[:1]))


def test_a_batch_of_another_size_is_filled_up_and_a_larger_one_runs_in_parts(
    counting: Counting, lite0: ort.InferenceSession, squares: NDArray[np.uint8]
) -> None:
    runtime = bind(counting, 4)
    seven = np.concatenate([squares, squares])[:7]
    for size, ran in ((3, [4]), (5, [4, 1]), (7, [4, 4])):
        counting.shapes.clear()
        np.testing.assert_allclose(
            runtime.run(seven[:size]), plainly(lite0, seven[:size]), atol=1e-6
        )
        assert [shape[0] for shape in counting.shapes] == ran


def test_an_answer_stays_when_its_buffers_are_used_again(
    counting: Counting, squares: NDArray[np.uint8]
) -> None:
    runtime = bind(counting)
    first = runtime.run(squares[:1])
    kept = first.copy()
    runtime.run(squares[1:2])
    np.testing.assert_array_equal(first, kept)
    assert counting.bindings == 1


def test_runs_at_the_same_time_have_buffers_of_their_own(
    counting: Counting, lite0: ort.InferenceSession, squares: NDArray[np.uint8]
) -> None:
    runtime = bind(counting, slots=2)
    assert counting.bindings == 2
    expected = [plainly(lite0, square[None])[0] for square in squares]
    counting.meeting = Barrier(3)  # one more than there are slots
    turns = list(range(3)) * 4
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda turn: runtime.run(squares[turn : turn + 1])[0], turns))
    for turn, answer in zip(turns, answers, strict=True):
        np.testing.assert_array_equal(answer, expected[turn])
    assert counting.bindings == 3


def test_a_run_that_fails_gives_its_buffers_back(
    counting: Counting, squares: NDArray[np.uint8]
) -> None:
    runtime = bind(counting)
    with pytest.raises(ValueError, match="broadcast"):
        runtime.run([np.zeros((3, 3, 3), np.uint8)])
    assert runtime.run(squares[:1]).shape == (1, 1001)
    assert counting.bindings == 1


def test_a_size_is_prepared_once(counting: Counting) -> None:
    runtime = bind(counting, 2, slots=2)
    runtime.prepare(2)
    assert counting.shapes == []


def test_without_cuda_there_is_no_page_locked_memory_but_an_array_all_the_same() -> None:
    bound._page_locked_memory.cache_clear()
    assert not bound._page_locked((2, 4, 4, 3)).any()


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """CUDA's calls, answered out of the CPU's memory; gives the kinds of memory asked for."""
    asked: list[object] = []

    class Elsewhere(ort.OrtValue):  # type: ignore[misc]
        def device_name(self) -> str:
            return "cuda"

    class Device:
        ep_name = "CUDAExecutionProvider"

        def memory_info(self, kind: object) -> object:
            return kind

    def allocate(
        shape: list[int], kind: type, device: str = "cpu", *, memory_info: object = None
    ) -> ort.OrtValue:
        asked.append(memory_info or device)
        value = ort.OrtValue.ortvalue_from_numpy(np.ones(shape, kind))
        return value if memory_info else Elsewhere(value._get_c_value(), value._numpy_obj)

    monkeypatch.setattr(ort, "get_ep_devices", lambda: [Device()])
    monkeypatch.setattr(ort.OrtValue, "ortvalue_from_shape_and_type", allocate)
    bound._page_locked_memory.cache_clear()
    yield asked
    bound._page_locked_memory.cache_clear()


def test_photographs_go_through_page_locked_memory_to_the_device_before_each_run(
    cuda: list[object],
    counting: Counting,
    lite0: ort.InferenceSession,
    squares: NDArray[np.uint8],
) -> None:
    runtime = BoundRuntime(counting, "cuda", "cuda")
    assert cuda == [ort.OrtDeviceMemoryType.HOST_ACCESSIBLE, "cuda"]
    for square in squares:
        np.testing.assert_array_equal(runtime.run([square]), plainly(lite0, square[None]))
    assert len(cuda) == 2


class Bound(Session):
    """A model that runs out of buffers on the CPU, and is treated as one on a GPU."""

    leaves_cores_free = True

    def __init__(self, path: Path, slots: int) -> None:
        file = read_model_file(path)
        super().__init__(file)
        session = open_session(file.content, {"cpu": {}}, threads=1)
        self._open_runtime = BoundRuntime(session, "cpu", "cpu", slots)


def test_a_classifier_decodes_beside_it_and_answers_as_ever(
    photos: dict[str, bytes], decoders: ThreadPoolExecutor
) -> None:
    limits = Limits(slots=2, max_batch_size=4)
    classifier = Classifier(Bound(LITE0, slots=2), decoders, limits)
    plain = Classifier(Session(read_model_file(LITE0), providers=["cpu"]), decoders, Limits())
    many = [*photos.values()] * 4
    answers = [ticket.wait() for ticket in classifier.submit(many)]
    expected = [plain.classify(photo) for photo in photos.values()] * 4
    assert [one.predictions[0].index for one in answers] == [
        one.predictions[0].index for one in expected
    ]
    classifier.close()
    plain.close()
