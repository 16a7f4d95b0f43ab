"""ONNX Runtime, as a rule on CPUs; and how it opens a file, wherever that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.runtimes.base import Layout, ModelFile, Photos

__all__ = [
    "EXECUTION_PROVIDERS",
    "OnnxRuntime",
    "is_installed",
    "open_session",
    "open_unprepared",
    "stoppable_runs",
]

# Its own names, by those of Booth.
EXECUTION_PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_ON_CPUS: Mapping[str, Mapping[str, str]] = {"cpu": {}}


def is_installed(provider: str) -> bool:
    """Whether this build of ONNX Runtime has the provider, a key of ``EXECUTION_PROVIDERS``."""
    return EXECUTION_PROVIDERS[provider] in ort.get_available_providers()


def open_unprepared(content: bytes) -> ort.InferenceSession:
    """A session to ask about a file, not to run it: nothing in its graph is optimised."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _open(content, options, {"cpu": {}})


def open_session(
    content: bytes,
    providers: Mapping[str, Mapping[str, str]],
    threads: int,
    *,
    spin: bool = False,
) -> ort.InferenceSession:
    """A session that runs.

    Args:
        content: the bytes of an ``.onnx`` file.
        providers: keys of ``EXECUTION_PROVIDERS`` in the order to try, each with its options.
        threads: CPU threads of a run; 0 for all cores.
        spin: whether these threads wait busily between two operators.

    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return _open(content, options, providers)


def stoppable_runs() -> ort.RunOptions:
    """Options of runs that all fail, those that go on now too, once ``terminate`` is set."""
    options = ort.RunOptions()
    # What it would write is raised as well.
    options.log_severity_level = 4
    return options


class OnnxRuntime:
    """One network in ONNX Runtime, on CPUs unless told otherwise.

    It may hold the network twice: many runs at a time are fastest with a thread each, but a run
    that is alone is fastest with all cores, its threads spinning between two operators.

    Args:
        file: the model file.
        layout: how the cores are shared.
        outputs: those that are wanted; if none, the card's answer.
        providers: as in ``open_session``.

    """

    provider = "cpu"

    def __init__(
        self,
        file: ModelFile,
        layout: Layout,
        outputs: Sequence[str] = (),
        providers: Mapping[str, Mapping[str, str]] = _ON_CPUS,
    ) -> None:
        self._session = open_session(file.content, providers, layout.threads)
        self._options = stoppable_runs()
        self._side = file.card.input.size
        self._outputs = list(outputs) or [file.card.answer_output]
        self._alone = self._session
        if layout.sets_alone_apart:
            self._alone = open_session(file.content, providers, layout.threads_alone, spin=True)

    def prepare(self, batch_size: int) -> None:
        """Let it allocate what a photograph alone needs; in company the first run does."""
        if batch_size == 1:
            self.run_alone(np.zeros((1, self._side, self._side, 3), np.uint8))

    def wait_until_prepared(self) -> None:
        """Nothing is left to be done."""

    def close(self) -> None:
        """Stop its runs; its threads end with it."""
        self._options.terminate = True

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        return self.run_all(photos)[0]

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return self.run_all(photos, alone=True)[0]

    def run_all(self, photos: Photos, *, alone: bool = False) -> Sequence[NDArray[np.float32]]:
        """The outputs that are wanted, each N x ...; ``alone`` as in ``run_alone``."""
        session = self._alone if alone else self._session
        inputs = {"photo": np.asarray(photos)}
        return session.run(self._outputs, inputs, self._options)  # type: ignore[no-any-return]


def _open(
    content: bytes, options: ort.SessionOptions, providers: Mapping[str, Mapping[str, str]]
) -> ort.InferenceSession:
    options.log_severity_level = 3
    entries = [(EXECUTION_PROVIDERS[name], dict(its)) for name, its in providers.items()]
    # With its own fallback it would try the next provider without that one's options, and replace
    # the session after a run that failed.
    session = ort.InferenceSession(content, options, entries, enable_fallback=0)
    # Or the file would stay in memory for as long as the session; it is there for that fallback.
    session._model_bytes = None  # noqa: SLF001
    return session
