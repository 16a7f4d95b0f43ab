"""A session runs a file in the first runtime that can, and says in a sentence where none can."""

from __future__ import annotations

import logging
import weakref
from pathlib import Path

import numpy as np
import pytest

from booth_client.errors import InternalError, ShuttingDown
from models.errors import ModelError
from service.fleet.identity import read_model_file
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino, is_installed
from service.runtimes.session import Session, batch_size_classes
from tests.service.conftest import MakeBroken
from tests.service.mapped import write_mapped

needs_openvino = pytest.mark.skipif(not is_installed(), reason="openvino is not installed")


def refuse(*_: object, **__: object) -> None:
    raise RuntimeError("no memory")


def test_any_batch_size_runs_and_each_row_is_its_photographs(tiny: Path) -> None:
    session = Session(read_model_file(tiny), providers=["cpu"])
    photos = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    together = session.run(photos)
    assert together.shape == (5, 3)
    alone = np.concatenate([session.run(photo[None]) for photo in photos])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert session.provider == session.wanted_provider == "cpu"
    assert not session.leaves_cores_free


@needs_openvino
def test_openvino_is_taken_where_it_is_installed(tiny: Path) -> None:
    session = Session(read_model_file(tiny))
    assert session.provider == "openvino"
    session.close()


@needs_openvino
def test_what_a_provider_can_t_run_the_next_one_does_and_the_log_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(OpenVino, "__init__", refuse)
    with caplog.at_level(logging.WARNING):
        session = Session(read_model_file(tiny), providers=["openvino"])
    assert (session.provider, session.wanted_provider) == ("cpu", "openvino")
    assert caplog.messages == ["openvino can't run tiny.onnx: RuntimeError: no memory"]


def test_what_no_provider_can_run_is_told_in_a_sentence(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(OnnxRuntime, "__init__", refuse)
    with pytest.raises(ModelError, match=r"tiny\.onnx can't run here; export it again"):
        Session(read_model_file(tiny), providers=["cpu"])
    assert caplog.messages == ["cpu can't run tiny.onnx: RuntimeError: no memory"]


@pytest.mark.parametrize("how", ["never runs", "runs one at a time", "answers once a batch"])
def test_a_network_that_fails_when_it_is_warmed_up_is_told_in_a_sentence(
    make_broken: MakeBroken, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    session = Session(read_model_file(make_broken(how)), providers=["cpu"])
    with pytest.raises(ModelError, match=r"tiny\.onnx can't run here: its first photographs fail"):
        session.warm_up([1, 2])
    (line,) = caplog.messages
    assert line.startswith("tiny.onnx failed on cpu: ")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("limit", "classes"), [(1, [1]), (2, [1, 2]), (32, [1, 2, 4, 8, 16, 32]), (6, [1, 2, 4, 6])]
)
def test_batch_size_classes_are_powers_of_two_and_the_limit(limit: int, classes: list[int]) -> None:
    assert batch_size_classes(limit) == classes


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("says NaN", "are no probabilities"),
        ("has no softmax", "are no probabilities"),
        ("says always the same", "answers the same whatever the photograph"),
    ],
)
def test_a_network_that_makes_no_sense_is_refused(
    make_broken: MakeBroken, how: str, sentence: str
) -> None:
    session = Session(read_model_file(make_broken(how)), providers=["cpu"])
    with pytest.raises(ModelError, match=sentence):
        session.warm_up([1, 2])


def test_a_closed_session_lets_go_of_its_network(tiny: Path) -> None:
    session = Session(read_model_file(tiny))
    network = weakref.ref(session._runtime)
    session.close()
    assert network() is None
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.run(np.zeros((1, 8, 8, 3), np.uint8))


def test_what_explains_is_loaded_once_when_it_is_asked_for(tmp_path: Path) -> None:
    session = Session(read_model_file(write_mapped(tmp_path / "mapped.onnx")), providers=["cpu"])
    explainer = session.explainer().result(10)
    assert session.explainer().result(10) is explainer
    photos = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    plain = session.run(photos)
    assert [one.answer.tolist() for one in explainer.run(photos)] == plain.tolist()
    session.close()


def test_a_file_that_has_changed_explains_nothing_until_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_mapped(tmp_path / "mapped.onnx")
    content = path.read_bytes()
    session = Session(read_model_file(path), providers=["cpu"])
    path.write_bytes(content + b"\x08\x00")
    with pytest.raises(InternalError, match="has changed since it was loaded"):
        session.explainer().result(10)
    path.unlink()
    with pytest.raises(InternalError, match="can't explain its answers now"):
        session.explainer().result(10)
    assert "can't be loaded to explain" in caplog.text
    path.write_bytes(content)
    assert session.explainer().result(10).run(np.zeros((1, 8, 8, 3), np.uint8))
    session.close()


def test_a_session_that_is_closed_explains_nothing(tmp_path: Path) -> None:
    session = Session(read_model_file(write_mapped(tmp_path / "mapped.onnx")), providers=["cpu"])
    explainer = session.explainer().result(10)
    session.close()
    with pytest.raises(AssertionError):
        explainer.run(np.zeros((1, 8, 8, 3), np.uint8))
    late = Session(read_model_file(write_mapped(tmp_path / "mapped.onnx")), providers=["cpu"])
    late.close()
    with pytest.raises(ShuttingDown):
        late.explainer().result(10)
