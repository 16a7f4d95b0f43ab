"""One model file, loaded into the runtime that suits the machine."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BoothError, InternalError, ShuttingDown
from models.card import Card
from models.errors import ModelError
from service.machine import give_back_memory
from service.runtimes.base import Layout, ModelFile, Photos, Runtime, in_a_line
from service.runtimes.explaining import Explainer, ManyOutputs, open_explainer
from service.runtimes.registry import PROVIDERS, Provider, choose

__all__ = ["Session", "batch_size_classes"]

log = logging.getLogger(__name__)

ROUNDING = 0.01  # that float16 may leave in a sum of a thousand probabilities


def batch_size_classes(max_batch_size: int) -> list[int]:
    """1, 2, 4, ... up to and including ``max_batch_size``."""
    powers = [1 << bit for bit in range(max_batch_size.bit_length())]
    return sorted({*powers, max_batch_size})


class Session:
    """A model that is loaded and can run. Safe to call from several threads at once.

    Args:
        file: the model file; it is not kept.
        providers: names of execution providers, in the order to try; empty for all installed.
        layout: how it is laid out over the cores; see there for what is left out.

    Raises:
        ModelError: the file can't be used; the sentence says why.

    """

    def __init__(
        self, file: ModelFile, *, providers: Sequence[str] = (), layout: Layout | None = None
    ) -> None:
        chosen = choose(providers)
        self.card = file.card
        self.wanted_provider = chosen[0].name
        self._name = file.path.name
        layout = layout or Layout()
        self._open_runtime: Runtime | None = _open(file, chosen, layout)
        self._provider = self._open_runtime.provider
        opener = next(one for one in PROVIDERS if one.name == self._provider)
        self._explaining = _Explaining(file, opener, layout)

    @property
    def provider(self) -> str:
        """Name of the execution provider that runs the graph."""
        return self._provider

    @property
    def _runtime(self) -> Runtime:
        if self._open_runtime is None:
            raise RuntimeError("The session is closed.")
        return self._open_runtime

    @property
    def leaves_cores_free(self) -> bool:
        """Whether the network runs elsewhere than on the CPU's cores."""
        return any(one.on_gpu for one in PROVIDERS if one.name == self.provider)

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (S x S x 3, RGB), together or each for itself."""
        return self._runtime.run(photos)

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return self._runtime.run_alone(photos)

    def explainer(self) -> Future[Explainer]:
        """What explains answers; begun to be loaded, on a thread of its own, when first asked for.

        The future's error is a BoothError, for who asked.
        """
        return self._explaining.explainer()

    def warm_up(self, batch_sizes: Iterable[int], *, wait: bool = True) -> None:
        """Run each batch size once, so that no client pays for first-time allocations.

        Args:
            batch_sizes: those to expect.
            wait: until they are at their best; else it is enough that they run.

        Raises:
            ModelError: the network can't run, or does not give N x K numbers.

        """
        try:
            for size in batch_sizes:
                self._runtime.prepare(size)
                self._try(size)
            self._check_sense()
            if wait:
                self._runtime.wait_until_prepared()
        except ModelError:
            raise
        except Exception as cause:
            log.warning("%s failed on %s: %s", self._name, self.provider, in_a_line(cause))
            raise ModelError(
                f"{self._name} can't run here: its first photographs failed; "
                "export it again with `booth export`, or see the log before."
            ) from cause

    def close(self) -> None:
        """End its threads and let go of the network; what runs now is stopped, if it can be."""
        runtime, self._open_runtime = self._open_runtime, None
        self._explaining.close()
        if runtime:
            runtime.close()

    def _try(self, size: int) -> None:
        """Run ``size`` black photographs.

        Raises:
            ValueError: the answer is not one row of K for each.

        """
        side, wanted = self.card.input.size, (size, self.card.answer_size)
        found = self.run(np.zeros((size, side, side, 3), np.uint8)).shape
        if found != wanted:
            raise ValueError(f"The output is {found}, where {wanted} was to be.")

    def _check_sense(self) -> None:
        """Run a black photograph and one of noise.

        Raises:
            ModelError: the answers are no probabilities, or the same for both.

        """
        side, labels = self.card.input.size, len(self.card.labels)
        noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        black, other = self.run(np.zeros_like(noise))[0], self.run(noise)[0]
        for row in (black[:labels], other[:labels]):
            if not (np.isfinite(row).all() and row.min() >= 0 and abs(row.sum() - 1) < ROUNDING):
                raise ModelError(
                    f"The answers of {self._name} are no probabilities, which are from 0 to 1 and "
                    "sum to 1: its weights are damaged, or its graph ends without a softmax."
                )
        if (black == other).all():
            raise ModelError(
                f"{self._name} answers the same whatever the photograph: its weights are damaged."
            )


class _Explaining:
    """Loads the explainer of a model file when it is first asked for, from the file itself."""

    def __init__(self, file: ModelFile, provider: Provider, layout: Layout) -> None:
        self._path: Path = file.path
        self._sha256: str = file.sha256
        self._modified: float = file.modified
        self._card: Card = file.card
        self._provider = provider
        self._layout = layout
        self._changing = threading.Lock()
        self._loading: Future[Explainer] | None = None
        self._closed = False

    def explainer(self) -> Future[Explainer]:
        """The explainer, loaded or being loaded; begun anew where that failed before."""
        with self._changing:
            loading = self._loading
            if loading is None or (loading.done() and loading.exception()):
                loading = self._loading = Future()
                loading.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._load, args=(loading,), name="booth-explain", daemon=True
                ).start()
        return loading

    def close(self) -> None:
        """Let go of it, also if it is being loaded now."""
        with self._changing:
            self._closed = True
            loading = self._loading
        if loading:
            loading.add_done_callback(_close_loaded)

    def _load(self, loading: Future[Explainer]) -> None:
        try:
            explainer = open_explainer(self._file(), self._open)
            give_back_memory()  # as much as stays was needed for the time of loading alone
            loading.set_result(explainer)
        except BoothError as error:
            loading.set_exception(error)
        except Exception as cause:
            log.exception("%s can't be loaded to explain", self._path.name)
            failure = InternalError(f"{self._card.name} can't explain its answers now; try again.")
            failure.__cause__ = cause
            loading.set_exception(failure)

    def _open(self, file: ModelFile, outputs: Sequence[str]) -> ManyOutputs:
        if self._closed:
            raise ShuttingDown("This model is being unloaded; try again.")
        return self._provider.open_outputs(file, self._layout, outputs)

    def _file(self) -> ModelFile:
        """The model file, which was not kept, read again.

        Raises:
            InternalError: it is another one by now.

        """
        content = self._path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self._sha256:
            raise InternalError(
                f"The file of {self._card.name} has changed since it was loaded; try again soon."
            )
        return ModelFile(self._path, content, self._sha256, self._modified, self._card)


def _close_loaded(loading: Future[Explainer]) -> None:
    if not loading.exception():
        loading.result().close()


def _open(file: ModelFile, chosen: Sequence[Provider], layout: Layout) -> Runtime:
    """The file in the first of the chosen providers that can run it."""
    for provider in chosen:
        try:
            return provider.open(file, layout)
        except Exception as cause:  # noqa: BLE001 (told, and the next one is tried)
            log.warning("%s can't run %s: %s", provider.name, file.path.name, in_a_line(cause))
    raise ModelError(
        f"{file.path.name} can't run here; export it again with `booth export`, "
        "or see the log before."
    )
