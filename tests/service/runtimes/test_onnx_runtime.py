"""ONNX Runtime on CPUs, and how it opens a file."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.fleet.identity import read_model_file
from service.runtimes import onnx_runtime
from service.runtimes.base import Layout
from service.runtimes.onnx_runtime import OnnxRuntime, is_installed, open_unprepared
from tests.service.conftest import MakeBroken
from tests.waiting import SOON_S


def test_what_its_build_has_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_installed("cpu")
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert is_installed("cuda")
    assert not is_installed("tensorrt")


def test_a_session_does_not_keep_the_file_in_memory(tiny: Path) -> None:
    content = tiny.read_bytes()
    before = sys.getrefcount(content)
    session = open_unprepared(content)
    assert sys.getrefcount(content) == before
    assert session.get_inputs()[0].name == "photo"


@pytest.mark.parametrize(
    ("layout", "threads"),
    [
        (Layout(slots=2, threads=1, threads_alone=2), [1, 2]),
        (Layout(threads=2, threads_alone=2), [2]),
        (Layout(threads=0, threads_alone=2), [0]),
    ],
)
def test_the_network_is_held_twice_only_where_one_alone_has_more_threads(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, threads: list[int]
) -> None:
    opened: list[int] = []

    def noting(content: bytes, providers: object, count: int, **spin: bool) -> ort.InferenceSession:
        del providers, spin
        opened.append(count)
        return open_unprepared(content)

    monkeypatch.setattr(onnx_runtime, "open_session", noting)
    OnnxRuntime(read_model_file(tiny), layout)
    assert opened == threads


def test_closing_it_stops_a_run_that_never_ends(make_broken: MakeBroken) -> None:
    runtime = OnnxRuntime(read_model_file(make_broken("never ends")), Layout(threads=1))
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(runtime.run, np.zeros((1, 8, 8, 3), np.uint8))
        with pytest.raises(TimeoutError):
            running.result(0.1)
        runtime.close()
        assert "terminate" in str(running.exception(SOON_S))
