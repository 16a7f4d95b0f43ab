"""OpenVINO: on x86 CPUs it runs an int8 network in less time than ONNX Runtime does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.home import cache_folder
from service.runtimes.base import Layout, ModelFile, Photos

__all__ = ["OpenVino", "is_installed", "open_outputs"]

log = logging.getLogger(__name__)


def is_installed() -> bool:
    """Whether the package is there."""
    return find_spec("openvino") is not None


def open_outputs(file: ModelFile, layout: Layout, outputs: Sequence[str]) -> OpenVino:
    """A network for several outputs, compiled once: what is asked for rarely takes little memory.

    Its runs follow one another, each with the threads of one that is alone.

    Raises:
        Exception: whatever keeps it from running.

    """
    threads = max(layout.threads, layout.threads_alone)
    return OpenVino(file, Layout(threads=threads), outputs)


# Operators with a network of their own inside.
WITH_BODIES = frozenset({"Loop", "TensorIterator", "If"})

# A batch size is compiled for if it is so many times the next smaller one: each takes 20 MB, and
# from one photograph to two a run's time hardly falls for each.
_GROWTH = 4


class OpenVino:
    """One network in OpenVINO, compiled for each batch size by itself.

    Shapes that are known when it is compiled save a tenth of a run's time. A batch of another size
    runs as several of those that are compiled. It takes photographs as soon as it is compiled for
    one at a time; the rest is compiled meanwhile.

    Args:
        file: the model file.
        layout: how the cores are shared.
        outputs: those that are wanted; if none, the card's answer.

    """

    provider = "openvino"

    def __init__(self, file: ModelFile, layout: Layout, outputs: Sequence[str] = ()) -> None:
        outputs = outputs or (file.card.answer_output,)
        self._network = _with_outputs(_core().read_model(file.content), outputs)
        _refuse_loops(self._network)
        _, *shape = self._network.input(0).get_partial_shape()
        self._shape = [side.get_length() for side in shape]
        self._layout = layout
        self._sizes = {1: _Copies(self._compiled(1))}
        self._alone = self._sizes[1]
        self._compiler = ThreadPoolExecutor(1, thread_name_prefix="booth-compile")
        self._compiling: list[Future[None]] = []
        self._begin(self._complete_singles)

    def prepare(self, batch_size: int) -> None:
        """Compile it for this batch size, if that is worth the memory: soon, on another thread."""
        self._begin(partial(self._compile, batch_size))

    def wait_until_prepared(self) -> None:
        """Wait until all is compiled that was to be.

        Raises:
            RuntimeError: OpenVINO can't compile it; other batch sizes run.

        """
        for compiling in self._compiling:
            compiling.result()

    def close(self) -> None:
        """Compile no more, and end the thread that did."""
        self._compiler.shutdown(cancel_futures=True)

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        return self.run_all(photos)[0]

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return self.run_all(photos, alone=True)[0]

    def run_all(self, photos: Photos, *, alone: bool = False) -> Sequence[NDArray[np.float32]]:
        """The outputs that are wanted, each N x ...; ``alone`` as in ``run_alone``."""
        if alone and len(photos) == 1:
            return self._alone.run(photos)
        compiled = self._sizes.get(len(photos))
        if compiled:
            return compiled.run(photos)
        parts = [self._sizes[len(part)].run(part) for part in self._parts(photos)]
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _parts(self, photos: Photos) -> Iterator[Photos]:
        while len(photos):
            size = max(size for size in self._sizes if size <= len(photos))
            yield photos[:size]
            photos = photos[size:]

    def _begin(self, compile_more: Callable[[], None]) -> None:
        self._compiling.append(self._compiler.submit(_telling_failure, compile_more))

    def _complete_singles(self) -> None:
        for _ in range(1, self._layout.slots):
            self._sizes[1].add(self._compiled(1))
        if self._layout.sets_alone_apart:
            self._alone = _Copies(self._compiled(1, alone=True))

    def _compile(self, batch_size: int) -> None:
        if batch_size < _GROWTH * max(self._sizes):
            return
        copies = _Copies(*(self._compiled(batch_size) for _ in range(self._layout.slots)))
        # A new table: `_parts` of another thread may be going through the old one.
        self._sizes = {**self._sizes, batch_size: copies}

    def _compiled(self, batch_size: int, *, alone: bool = False) -> Any:
        threads = self._layout.threads_alone if alone else self._layout.threads
        network = self._network.clone()
        network.reshape([batch_size, *self._shape])
        settings = {
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            # Decoders and the event loop run on the same cores: pinned threads would wait for them.
            "ENABLE_CPU_PINNING": "NO",
            # Or it would round a float32 network to bfloat16 where the CPU can.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = _core().compile_model(network, "CPU", settings)
        rows = compiled.output(0).shape[0]
        if rows != batch_size:
            raise RuntimeError(f"{batch_size} photographs have {rows} answers.")
        return compiled


def _telling_failure(compile_more: Callable[[], None]) -> None:
    """Say in the log what nobody may be waiting for."""
    try:
        compile_more()
    except Exception:
        log.exception("OpenVINO can't compile all it should; what it has runs.")
        raise


class _Copies:
    """A network for one batch size, once for each run that may go on at the same time.

    One that is compiled for several runs hands each to a thread of its own, and two cores among
    four threads that wait for each other were idle for a seventh of the time.
    """

    def __init__(self, *compiled: Any) -> None:
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for one in compiled:
            self.add(one)

    def add(self, compiled: Any) -> None:
        """Add a copy, once it has run."""
        request = compiled.create_infer_request()
        request.get_input_tensor().data[:] = 0
        request.infer()
        self._idle.put(request)

    def run(self, photos: Photos) -> Sequence[NDArray[np.float32]]:
        request = self._idle.get()
        try:
            request.get_input_tensor().data[:] = photos
            request.infer()
            return [output.data.copy() for output in request.output_tensors]
        finally:
            self._idle.put(request)


def _with_outputs(network: Any, names: Sequence[str]) -> Any:
    """The network without the outputs that nobody asks for here."""
    import openvino

    results = [network.output(name).node for name in names]
    return openvino.Model(results, network.get_parameters(), network.get_friendly_name())


def _refuse_loops(network: Any) -> None:
    """Leave loops to a runtime that can stop them: OpenVINO only stops between two operators.

    Raises:
        RuntimeError: the network has a loop, or a branch, in which one may be.

    """
    for operator in network.get_ops():
        if operator.get_type_name() in WITH_BODIES:
            raise RuntimeError("It has a loop or a branch, which could not be stopped.")


@cache
def _core() -> Any:
    """OpenVINO itself; it keeps what it has compiled on disk, for the next start."""
    import openvino

    core = openvino.Core()
    folder = cache_folder() / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return core  # a read-only system compiles at each start
    if os.access(folder, os.W_OK):
        core.set_property({"CACHE_DIR": str(folder)})
    return core
