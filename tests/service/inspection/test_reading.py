"""Layers and filters of the files of loaded models."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from booth_client.errors import InvalidParameter, Overloaded
from service.inspection import reading
from service.inspection.reading import Reader, filters_in, layers_in
from tests.service.inspection.graphs import model, node, weights


def write(path: Path, kind: str = "Relu") -> tuple[Path, float]:
    nodes = [node("Conv", "pixels w", "c"), node(kind, "c", "probabilities")]
    path.write_bytes(model(nodes, w=weights(4, 3, 3, 3)))
    return path, path.stat().st_mtime


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx")
    (layer,) = found = layers_in(*file)
    assert layers_in(*file) is found
    filters = filters_in(*file, layer, [2])
    assert filters.kernels.shape == (1, 3, 3, 3)
    assert filters.kernels.dtype == np.float32
    assert filters.biases is None


def test_another_file_in_its_place_is_not_read(tmp_path: Path) -> None:
    path, modified = write(tmp_path / "a.onnx")
    with pytest.raises(Overloaded, match="replaced since it was loaded"):
        layers_in(path, modified - 1)
    with pytest.raises(Overloaded):
        layers_in(tmp_path / "none.onnx", modified)


def test_a_network_whose_operators_are_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    nodes = [node("NonZero", "pixels", "x"), node("Reshape", "pixels x", "probabilities")]
    path.write_bytes(model(nodes))
    with pytest.raises(InvalidParameter, match="whose layers can't be told"):
        layers_in(path, path.stat().st_mtime)


def test_the_filters_of_a_large_file_are_read_where_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.onnx")
    (layer,) = layers_in(*file)
    kept = filters_in(*file, layer, [2])
    monkeypatch.setattr(reading, "_MOST_KEPT_BYTES", 0)
    assert np.array_equal(filters_in(*file, layer, [2]).kernels, kept.kernels)
    with pytest.raises(Overloaded):
        filters_in(file[0], file[1] - 1, layer, [2])


def test_one_reads_at_a_time_and_no_client_keeps_the_others_out() -> None:
    reader, may_end, at_once = Reader(), threading.Event(), []
    reading_now = threading.Semaphore(1)

    def work() -> int:
        at_once.append(reading_now.acquire(blocking=False))
        may_end.wait(10)
        reading_now.release()
        return len(at_once)

    async def flood() -> list[int | BaseException]:
        many = [asyncio.ensure_future(reader.read("many", work)) for _ in range(60)]
        one = asyncio.ensure_future(reader.read("one", work))
        await asyncio.sleep(0)
        may_end.set()
        return await asyncio.gather(*many, one, return_exceptions=True)

    *many, one = asyncio.run(flood())
    refused = [each for each in many if isinstance(each, Overloaded)]
    assert (len(refused), one) == (12, 49)
    assert all(at_once)
