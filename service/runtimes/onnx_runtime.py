"""ONNX Runtime: on CPUs, and with its CUDA and TensorRT providers on NVIDIA's GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.runtimes.base import Parallelism

__all__ = ["PROVIDERS", "OnnxRuntime", "installed", "open_unprepared"]

# Fastest first.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def installed() -> list[str]:
    """Short names of the providers that this build of ONNX Runtime has."""
    available = ort.get_available_providers()
    return [short for short, full in PROVIDERS.items() if full in available]


def open_unprepared(path: Path) -> ort.InferenceSession:
    """A session to ask about a file, not to run it: nothing in its graph is optimised."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _open(path, options, ["cpu"])


class OnnxRuntime:
    """One network in ONNX Runtime.

    On CPUs it may hold the network twice: many runs at a time are fastest with a thread each, but
    a run that is alone is fastest with all cores, its threads spinning between two operators.

    Args:
        path: the ``.onnx`` file.
        providers: keys of ``PROVIDERS``, in the order to try.
        parallelism: how the cores are shared.

    """

    def __init__(self, path: Path, providers: Sequence[str], parallelism: Parallelism) -> None:
        self._session = _open(path, _options(parallelism.threads), providers)
        self._side = self._session.get_inputs()[0].shape[1]
        self._alone = self._session
        if self.provider == "cpu" and parallelism.sets_alone_apart:
            self._alone = _open(path, _options(parallelism.threads_alone, spin=True), providers)

    @property
    def provider(self) -> str:
        """The provider that runs the graph."""
        active = self._session.get_providers()[0]
        return next(short for short, full in PROVIDERS.items() if full == active)

    def prepare(self, batch_size: int) -> None:
        """Let it allocate what this size needs."""
        photos = np.zeros((batch_size, self._side, self._side, 3), np.uint8)
        self.run(photos)
        if batch_size == 1:
            self.run_alone(photos)

    def run(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        (probabilities,) = self._session.run(["probabilities"], {"photo": photos})
        return probabilities  # type: ignore[no-any-return]

    def run_alone(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        (probabilities,) = self._alone.run(["probabilities"], {"photo": photos})
        return probabilities  # type: ignore[no-any-return]


def _options(threads: int, *, spin: bool = False) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return options


def _open(
    path: Path, options: ort.SessionOptions, providers: Sequence[str]
) -> ort.InferenceSession:
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, [PROVIDERS[name] for name in providers])
