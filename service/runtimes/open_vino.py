"""OpenVINO: on x86 CPUs it runs an int8 network in less time than ONNX Runtime does."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.home import cache_home
from service.runtimes.base import Parallelism, Photos

__all__ = ["OpenVino", "is_installed"]


def is_installed() -> bool:
    """Whether the package is there."""
    return find_spec("openvino") is not None


class OpenVino:
    """One network in OpenVINO, compiled for each batch size by itself.

    Shapes that are known when it is compiled save a tenth of a run's time. A batch of another size
    runs as several of those that are compiled.

    Args:
        path: the ``.onnx`` file.
        parallelism: how the cores are shared.

    """

    provider = "openvino"

    def __init__(self, path: Path, parallelism: Parallelism) -> None:
        self._network = _probabilities_of(_core().read_model(str(path)))
        self._parallelism = parallelism
        self._compiling = threading.Lock()
        self._sizes: dict[int, _Compiled] = {}
        self._compile(1)
        self._alone = self._sizes[1]
        if parallelism.sets_alone_apart:
            self._alone = self._compiled(1, streams=1, threads=parallelism.threads_alone)

    def prepare(self, batch_size: int) -> None:
        """Compile it for this batch size; from now on such batches run in one piece."""
        self._compile(batch_size)
        if batch_size == 1:
            self._alone.warm_up()

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        compiled = self._sizes.get(len(photos))
        if compiled:
            return compiled.run(photos)
        return np.concatenate([self._sizes[len(part)].run(part) for part in self._parts(photos)])

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return self._alone.run(photos) if len(photos) == 1 else self.run(photos)

    def _parts(self, photos: Photos) -> Iterator[Photos]:
        while len(photos):
            size = max(size for size in self._sizes if size <= len(photos))
            yield photos[:size]
            photos = photos[size:]

    def _compile(self, batch_size: int) -> None:
        with self._compiling:
            if batch_size not in self._sizes:
                streams, threads = self._parallelism.slots, self._parallelism.threads
                compiled = self._compiled(batch_size, streams, threads * streams)
                compiled.warm_up()
                # A new table: `_parts` of another thread may be going through the old one.
                self._sizes = {**self._sizes, batch_size: compiled}

    def _compiled(self, batch_size: int, streams: int, threads: int) -> _Compiled:
        network = self._network.clone()
        _, *shape = network.input(0).get_partial_shape()
        network.reshape([batch_size, *shape])
        settings = {
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(threads),
            # Decoders and the event loop run on the same cores: pinned threads would wait for them.
            "ENABLE_CPU_PINNING": "NO",
            # Or it would round a float32 network to bfloat16 where the CPU can.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        return _Compiled(_core().compile_model(network, "CPU", settings))


class _Compiled:
    """A network for one batch size, with a request to run it for each thread that does so."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: deque[Any] = deque()

    def run(self, photos: Photos) -> NDArray[np.float32]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        request.get_input_tensor().data[:] = photos
        request.infer()
        probabilities: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        self._idle.append(request)
        return probabilities

    def warm_up(self) -> None:
        shape = tuple(self._compiled.input(0).get_shape())
        self.run(np.zeros(shape, np.uint8))


def _probabilities_of(network: Any) -> Any:
    """The network without the outputs that nobody asks for here."""
    import openvino

    result = network.output("probabilities").node
    return openvino.Model([result], network.get_parameters(), network.get_friendly_name())


@cache
def _core() -> Any:
    """OpenVINO itself; it keeps what it has compiled on disk, for the next start."""
    import openvino

    core = openvino.Core()
    folder = cache_home() / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return core  # a read-only system compiles at each start
    if os.access(folder, os.W_OK):
        core.set_property({"CACHE_DIR": str(folder)})
    return core
