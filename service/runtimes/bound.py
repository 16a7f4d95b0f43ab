"""A session of ONNX Runtime that runs out of buffers that live as long as it does.

A device wants its input in its own memory. `run` of ONNX Runtime allocates there and copies out of
whatever memory the photographs lie in; here photographs are written into memory that stays locked
in its place, from where a GPU fetches them at the full speed of its bus, into memory of its own
that stays bound (https://onnxruntime.ai/docs/performance/tune-performance/iobinding.html).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.card import ANSWER
from service.runtimes.base import Photos
from service.runtimes.onnx_runtime import stoppable_runs

__all__ = ["BoundRuntime", "Buffers"]

log = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"


class BoundRuntime:
    """One network, with buffers for each batch size that it was prepared for.

    A GPU chooses its kernels for each shape anew, which takes long: a batch of another size is
    filled up to the next one that is prepared, and one that is larger than all runs in parts.

    Args:
        session: the network; nobody else runs it.
        provider: short name of what runs it.
        device: where that wants its input, as ONNX Runtime names it: ``"cuda"`` or ``"cpu"``.
        slots: runs at the same time for which buffers are made beforehand.

    """

    def __init__(
        self, session: ort.InferenceSession, provider: str, device: str, slots: int = 1
    ) -> None:
        self._session = session
        self._provider = provider
        self._device = device
        self._slots = slots
        self._options = stoppable_runs()
        self._preparing = threading.Lock()
        self._idle: dict[int, deque[Buffers]] = {}
        self.prepare(1)

    @property
    def provider(self) -> str:
        """The provider that runs the graph."""
        return self._provider

    def prepare(self, batch_size: int) -> None:
        """Make buffers for this batch size, and run it in each of them."""
        with self._preparing:
            if batch_size not in self._idle:
                idle = deque(self._buffers(batch_size) for _ in range(self._slots))
                for buffers in idle:
                    buffers.run([])
                # A new table: another thread may be going through the old one.
                self._idle = {**self._idle, batch_size: idle}

    def wait_until_prepared(self) -> None:
        """Nothing is left to be done."""

    def close(self) -> None:
        """Stop its runs; it has no threads of its own."""
        self._options.terminate = True

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (S x S x 3, RGB), together or each for itself."""
        parts = [self._run_part(part) for part in _parts(photos, max(self._idle))]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``: the CPU's cores are not what runs compete for here."""
        return self.run(photos)

    def _run_part(self, photos: Photos) -> NDArray[np.float32]:
        size = min(size for size in self._idle if size >= len(photos))
        idle = self._idle[size]
        try:
            buffers = idle.pop()
        except IndexError:
            buffers = self._buffers(size)
        try:
            return buffers.run(photos)
        finally:
            idle.append(buffers)

    def _buffers(self, size: int) -> Buffers:
        return Buffers(self._session, size, self._device, self._options)


def _parts(photos: Photos, largest: int) -> Iterator[Photos]:
    for start in range(0, len(photos), largest):
        yield photos[start : start + largest]


class Buffers:
    """Input and output of a run of one size. One thread at a time.

    Args:
        session: the network.
        size: photographs of a run.
        device: where the session wants its input: ``"cuda"`` or ``"cpu"``.
        options: of its runs.

    """

    def __init__(
        self,
        session: ort.InferenceSession,
        size: int,
        device: str,
        options: ort.RunOptions | None = None,
    ) -> None:
        photo, answer = session.get_inputs()[0], _answer_of(session)
        self._session = session
        self._options = options
        self._photos, self._input = _input_buffers((size, *photo.shape[1:]), device)
        self._answers = np.empty((size, answer.shape[1]), np.float32)
        self._output = ort.OrtValue.ortvalue_from_numpy(self._answers)
        self._binding = session.io_binding()
        # An input that lies elsewhere than on the device would be copied now, once and for all.
        self._binding.bind_ortvalue_input(photo.name, self._input)
        self._binding.bind_ortvalue_output(answer.name, self._output)

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs, as many as there is room for at most."""
        self.copy(photos)
        return self.compute()[: len(photos)].copy()

    def copy(self, photos: Photos) -> None:
        """Bring the photographs to the device; what lies behind them stays from runs before."""
        for row, photo in zip(self._photos, photos, strict=False):
            row[...] = photo
        if self._input.device_name() != "cpu":
            self._input.update_inplace(self._photos)

    def compute(self) -> NDArray[np.float32]:
        """Run the network over what was copied; the next run writes over the answer."""
        self._session.run_with_iobinding(self._binding, self._options)
        return self._answers


def _answer_of(session: ort.InferenceSession) -> Any:
    outputs = {output.name: output for output in session.get_outputs()}
    return outputs.get(ANSWER) or outputs["probabilities"]


def _input_buffers(shape: tuple[int, ...], device: str) -> tuple[NDArray[np.uint8], ort.OrtValue]:
    """An array to write to, and what is bound; on a CPU they are the same memory."""
    photos = _page_locked(shape) if device != "cpu" else np.zeros(shape, np.uint8)
    if device == "cpu":
        return photos, ort.OrtValue.ortvalue_from_numpy(photos)
    return photos, ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, device)


def _page_locked(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array that the system leaves where it is; an ordinary one where none is to be had."""
    memory = _page_locked_memory()
    if memory is None:
        return np.zeros(shape, np.uint8)
    value = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, memory_info=memory)
    photos: NDArray[np.uint8] = value.numpy()  # the same memory, and keeps it
    photos[...] = 0
    return photos


@cache
def _page_locked_memory() -> Any:
    """CUDA's allocator of memory that CPU and GPU both reach; None where there is none.

    ONNX Runtime lends it once its library of CUDA is registered as one that brings devices.
    """
    try:
        if not _cuda_devices():
            library = Path(ort.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so"
            ort.register_execution_provider_library(CUDA, str(library))
        kind = ort.OrtDeviceMemoryType.HOST_ACCESSIBLE
        return next(device.memory_info(kind) for device in _cuda_devices())
    except Exception:
        log.info("Without page-locked memory, copies to the GPU take longer.", exc_info=True)
        return None


def _cuda_devices() -> list[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == CUDA]
