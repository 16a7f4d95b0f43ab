"""OpenVINO: its answers, and what it can't compile beside serving."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import zoo
from service.fleet.identity import read_model_file
from service.photo.decode import decode
from service.runtimes import open_vino
from service.runtimes.base import Layout
from service.runtimes.open_vino import OpenVino, is_installed
from service.runtimes.session import Session
from tests.service.conftest import MakeBroken

LITE0 = Path(zoo.__file__).with_name("efficientnet_lite0.onnx")

pytestmark = pytest.mark.skipif(not is_installed(), reason="openvino is not installed")


def compilers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("booth-compile")]


@pytest.fixture(scope="module")
def squares(photos: dict[str, bytes]) -> NDArray[np.uint8]:
    wanted = read_model_file(LITE0).card.input
    return np.stack([decode(photo, wanted).pixels for photo in photos.values()])


def test_it_says_what_onnx_runtime_says_to_a_rounding_of_int8(squares: NDArray[np.uint8]) -> None:
    file = read_model_file(LITE0)
    ours, theirs = (Session(file, providers=[name]) for name in ("openvino", "cpu"))
    assert (ours.provider, theirs.provider) == ("openvino", "cpu")
    mine, other = ours.run(squares), theirs.run(squares)
    assert (mine.argmax(axis=1) == other.argmax(axis=1)).all()
    assert np.abs(mine - other)[:, :-1].max() < 0.1
    # Behind the probabilities stands the familiarity, a score of about 10.
    assert mine[:, -1] == pytest.approx(other[:, -1], rel=0.03)
    ours.close()


def test_what_can_t_be_compiled_beside_serving_is_logged_and_the_rest_answers(
    squares: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = OpenVino(read_model_file(LITE0), Layout(threads=1))
    runtime.wait_until_prepared()

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(runtime, "_compiled", refuse)
    runtime.prepare(4)
    with pytest.raises(RuntimeError, match="no memory"):
        runtime.wait_until_prepared()
    assert "OpenVINO can't compile all it should; what it has runs." in caplog.messages
    assert len(runtime.run(squares)) == len(squares)
    runtime.close()


@pytest.mark.parametrize("how", ["runs one at a time", "answers once a batch"])
def test_a_network_that_can_t_take_batches_runs_one_at_a_time(
    make_broken: MakeBroken, how: str
) -> None:
    runtime = OpenVino(read_model_file(make_broken(how)), Layout(threads=1))
    runtime.prepare(4)
    with pytest.raises(RuntimeError):
        runtime.wait_until_prepared()
    photos = np.stack([np.full((8, 8, 3), colour, np.uint8) for colour in np.eye(3) * 255] * 2)
    assert runtime.run(photos).argmax(axis=1).tolist() == [0, 1, 2] * 2
    runtime.close()


def test_closing_it_ends_its_thread_and_compiles_no_more(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = compilers()
    runtime = OpenVino(read_model_file(tiny), Layout(threads=1))
    runtime.wait_until_prepared()
    begun, gate, compiled = threading.Event(), threading.Event(), []

    def slowly(batch_size: int) -> None:
        begun.set()
        assert gate.wait(10)
        compiled.append(batch_size)

    monkeypatch.setattr(runtime, "_compile", slowly)
    runtime.prepare(4)
    runtime.prepare(16)
    assert begun.wait(10)
    closing = threading.Thread(target=runtime.close)
    closing.start()
    with pytest.raises(CancelledError):
        runtime._compiling[-1].result(10)
    gate.set()
    closing.join(10)
    assert compiled == [4]
    assert set(compilers()) <= set(before)
    assert runtime.run(np.zeros((2, 8, 8, 3), np.uint8)).shape == (2, 3)


def test_without_the_package_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_vino, "find_spec", lambda _name: None)
    assert not is_installed()


def test_a_loop_is_left_to_a_runtime_that_can_stop_it(make_broken: MakeBroken) -> None:
    file = read_model_file(make_broken("never ends on white"))
    with pytest.raises(RuntimeError, match="could not be stopped"):
        OpenVino(file, Layout(threads=1))
    assert Session(file).provider == "cpu"
