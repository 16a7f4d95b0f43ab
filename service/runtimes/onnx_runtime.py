"""ONNX Runtime on CPUs; and how it opens a file, wherever that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.runtimes.base import Parallelism, Photos

__all__ = ["PROVIDERS", "OnnxRuntime", "installed", "open_session", "open_unprepared"]

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
    return _open(path, options, {"cpu": {}})


def open_session(
    path: Path, providers: Mapping[str, Mapping[str, str]], threads: int, *, spin: bool = False
) -> ort.InferenceSession:
    """A session that runs.

    Args:
        path: the ``.onnx`` file.
        providers: keys of ``PROVIDERS`` in the order to try, each with its options.
        threads: CPU threads of a run; 0 for all cores.
        spin: whether these threads wait busily between two operators.

    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return _open(path, options, providers)


class OnnxRuntime:
    """One network in ONNX Runtime, on CPUs.

    It may hold the network twice: many runs at a time are fastest with a thread each, but a run
    that is alone is fastest with all cores, its threads spinning between two operators.

    Args:
        path: the ``.onnx`` file.
        parallelism: how the cores are shared.

    """

    provider = "cpu"

    def __init__(self, path: Path, parallelism: Parallelism) -> None:
        self._session = open_session(path, {"cpu": {}}, parallelism.threads)
        self._side = self._session.get_inputs()[0].shape[1]
        self._alone = self._session
        if parallelism.sets_alone_apart:
            self._alone = open_session(path, {"cpu": {}}, parallelism.threads_alone, spin=True)

    def prepare(self, batch_size: int) -> None:
        """Let it allocate what this size needs."""
        photos = np.zeros((batch_size, self._side, self._side, 3), np.uint8)
        self.run(photos)
        if batch_size == 1:
            self.run_alone(photos)

    def wait_until_prepared(self) -> None:
        """Nothing is left to be done."""

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        return _probabilities(self._session, photos)

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return _probabilities(self._alone, photos)


def _probabilities(session: ort.InferenceSession, photos: Photos) -> NDArray[np.float32]:
    (probabilities,) = session.run(["probabilities"], {"photo": np.asarray(photos)})
    return probabilities  # type: ignore[no-any-return]


def _open(
    path: Path, options: ort.SessionOptions, providers: Mapping[str, Mapping[str, str]]
) -> ort.InferenceSession:
    options.log_severity_level = 3
    entries = [(PROVIDERS[name], dict(its)) for name, its in providers.items()]
    # With its own fallback it would try the next provider without that one's options, and replace
    # the session after a run that failed.
    return ort.InferenceSession(str(path), options, entries, enable_fallback=0)
