"""The networks of the process that makes label maps."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from booth_client.errors import InvalidParameter
from service.engine import map_worker
from service.engine.label_map import Grid, label_map
from service.engine.map_process import MapTask
from service.engine.map_worker import Network
from service.photo.messages import read, receive, send
from service.photo.worker import READY
from tests.service.tiled import SIZE, STRIDE, tiled_task, write_tiled

SOON_S = 30.0


def test_a_photograph_of_the_network_s_own_size_has_the_cells_of_a_plain_run(
    tmp_path: Path,
) -> None:
    content = write_tiled(tmp_path / "tiled.onnx").read_bytes()
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    plain = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    maps, probabilities = plain.run(["maps", "probabilities"], {"photo": pixels[np.newaxis]})
    network = Network(content, SIZE, STRIDE)
    assert (network(pixels) == maps[0]).all()
    cells = label_map(network, network.head, pixels, Grid(SIZE, SIZE, STRIDE, STRIDE), 3)
    assert cells
    assert cells.probabilities == pytest.approx(probabilities[0], abs=1e-6)
    colours = pixels.reshape(2, STRIDE, 2, STRIDE, 3).mean((1, 3))
    logits = (0.05 * colours + [0.5, 0, -0.5]) / 2
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    expected = np.sort(powers / powers.sum(-1, keepdims=True))[..., ::-1]
    assert cells.confidences == pytest.approx(expected, abs=1e-4)


def test_a_network_runs_over_other_sizes(tmp_path: Path) -> None:
    network = Network(write_tiled(tmp_path / "tiled.onnx").read_bytes(), SIZE, STRIDE)
    assert network(np.zeros((24, 40, 3), np.uint8)).shape == (3, 3, 5)


def test_one_that_takes_its_own_size_alone_is_refused(tmp_path: Path) -> None:
    content = write_tiled(tmp_path / "fixed.onnx", fixed=True).read_bytes()
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(content, SIZE, STRIDE)


def test_one_without_a_classifier_of_its_maps_is_refused(tiny: Path) -> None:
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(tiny.read_bytes(), SIZE, STRIDE)


def answers(tasks: list[MapTask]) -> list[dict[str, Any]]:
    """What the process' own loop, here in this one, tells of each; it ends when nobody is there."""
    ours, theirs = socket.socketpair()
    told: list[dict[str, Any]] = []

    def ask() -> None:
        with ours:
            assert read(ours, 1, time.monotonic() + SOON_S) == READY
            for task in tasks:
                send(ours, task.fields(), task.photo)
                told.append(receive(ours, 1 << 24, time.monotonic() + SOON_S)[0])

    asking = threading.Thread(target=ask)
    asking.start()
    with theirs:
        map_worker.serve(theirs)
    asking.join(SOON_S)
    return told


def test_each_task_gets_its_answer_and_the_end_is_the_other_sides(
    tmp_path: Path, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its alarm would be taken for that of the test's own time limit.
    monkeypatch.setattr(map_worker, "ending_after", lambda _seconds: contextlib.nullcontext())
    before = signal.getsignal(signal.SIGUSR1)
    good = tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])
    try:
        made, text, replaced, gone, late, again = answers(
            [
                good,
                replace(good, photo=b"some text"),
                replace(good, modified=good.modified - 1),
                replace(good, path=str(tmp_path / "none.onnx")),
                replace(good, deadline=time.monotonic()),
                good,
            ]
        )
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (made["width"], made["height"], made["shape"]) == (451, 300, [2, 3, 2])
    assert text["error"] == "UnsupportedFormat"
    assert replaced == gone == {"replaced": True}
    assert late == {"stopped": True}
    assert again["shape"] == made["shape"]
