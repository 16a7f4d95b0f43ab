"""The loop of the process that looks into networks: each task gets its answer."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from booth_client.errors import InternalError
from service.inspection import worker
from service.inspection.label_map_task import MapTask
from service.inspection.process import _refusal
from service.photo.messages import read, receive, send
from service.photo.worker import READY
from tests.service.tiled import about, tiled_task, write_tiled

SOON_S = 30.0


def answers(tasks: list[MapTask]) -> list[dict[str, Any]]:
    """What the process' own loop, here in this one, tells of each; it ends when nobody is there."""
    ours, theirs = socket.socketpair()
    told: list[dict[str, Any]] = []

    def ask() -> None:
        with ours:
            assert read(ours, 1, time.monotonic() + SOON_S) == READY
            for task in tasks:
                what = {"what": task.what, "asked": task.asked()}
                send(ours, {**task.subject.fields(), **what}, task.subject.photos[0])
                told.append(receive(ours, 1 << 24, time.monotonic() + SOON_S)[0])

    asking = threading.Thread(target=ask)
    asking.start()
    with theirs:
        worker.serve(theirs)
    asking.join(SOON_S)
    return told


def test_each_task_gets_its_answer_and_the_end_is_the_other_sides(
    tmp_path: Path, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its alarm would be taken for that of the test's own time limit.
    monkeypatch.setattr(worker, "ending_after", lambda _seconds: contextlib.nullcontext())
    before = signal.getsignal(signal.SIGUSR1)
    good = tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])
    try:
        made, text, replaced, gone, late, again = answers(
            [
                good,
                about(good, photos=(b"some text",)),
                about(good, modified=good.subject.modified - 1),
                about(good, path=str(tmp_path / "none.onnx")),
                about(good, deadline=time.monotonic()),
                good,
            ]
        )
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (made["width"], made["height"], made["shape"]) == (451, 300, [2, 3, 2])
    assert text["error"] == "UnsupportedFormat"
    assert replaced["replaced"]
    assert gone["replaced"]
    assert late["stopped"]
    assert again["shape"] == made["shape"]


def test_too_little_memory_is_told_and_a_fault_of_ours_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compute(raised: Exception) -> dict[str, Any]:
        def fails(_job: object) -> NoReturn:
            raise raised

        monkeypatch.setitem(worker._COMPUTE, "test", fails)
        return worker._answer(cast("Any", None), "test")[0]

    assert "too little memory" in compute(MemoryError())["detail"]
    assert "too little memory" in compute(RuntimeException("bad allocation"))["detail"]
    told = compute(ValueError("not enough image data"))
    assert "error" not in told
    assert told["failed"].endswith("ValueError: not enough image data\n")
    failure = _refusal(told)
    assert isinstance(failure, InternalError)
    assert "not enough image data" in str(failure)
