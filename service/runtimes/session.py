"""One model file, checked and loaded into the runtime that suits the machine."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ValidationError

from models.card import METADATA_KEY, Card
from models.errors import ModelError
from service.runtimes import gpu, onnx_runtime, open_vino
from service.runtimes.base import Parallelism, Photos, Runtime
from service.runtimes.gpu import open_on_gpu
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino

__all__ = [
    "PROVIDERS",
    "Session",
    "batch_size_classes",
    "choose_providers",
    "prefers_gpu",
    "read_card",
]

log = logging.getLogger(__name__)

# What BOOTH_PROVIDERS takes, fastest first.
PROVIDERS = ("tensorrt", "cuda", "openvino", "cpu")


def choose_providers(wanted: Sequence[str] = ()) -> list[str]:
    """Execution providers to try, in order: those wanted, or all that are installed; then the CPU.

    Raises:
        ModelError: a wanted provider is unknown or not installed.

    """
    there = _installed()
    for name in wanted:
        if name not in there:
            known = ", ".join(one for one in PROVIDERS if one in there)
            raise ModelError(f"The provider {name!r} is not installed here; there is: {known}.")
    chosen = [name for name in wanted or PROVIDERS if name in there]
    return list(dict.fromkeys([*chosen, "cpu"]))


def prefers_gpu(wanted: Sequence[str] = ()) -> bool:
    """Whether the first of those wanted, or of all, that is installed runs on a GPU."""
    there = _installed()
    return next((name for name in wanted or PROVIDERS if name in there), "cpu") in gpu.PROVIDERS


def _installed() -> set[str]:
    return {*onnx_runtime.installed(), *(["openvino"] if open_vino.is_installed() else [])}


def batch_size_classes(max_batch_size: int) -> list[int]:
    """1, 2, 4, ... up to and including ``max_batch_size``."""
    powers = [1 << bit for bit in range(max_batch_size.bit_length())]
    return sorted({*powers, max_batch_size})


def read_card(path: Path) -> Card:
    """The card of a model file, without preparing the file to run.

    Raises:
        ModelError: the file is missing, damaged, or carries no valid card.

    """
    return _card_of(_unprepared(path), path)


class Session:
    """A model that is loaded and can run. Safe to call from several threads at once.

    Args:
        path: the ``.onnx`` file.
        providers: names as in ``PROVIDERS``, in the order to try; empty for all installed.
        threads: CPU threads of a run in company; 0 for all cores.
        threads_alone: CPU threads of a run that is alone; 0 for the same network and threads.
        slots: runs that may go on at the same time, without waiting for each other.
        max_batch_size: the largest batch to prepare a GPU for; larger ones run in parts there.

    Raises:
        ModelError: the file can't be used; the sentence says why.

    """

    def __init__(
        self,
        path: Path,
        *,
        providers: Sequence[str] = (),
        threads: int = 0,
        threads_alone: int = 0,
        slots: int = 1,
        max_batch_size: int = gpu.MAX_BATCH_SIZE,
    ) -> None:
        chosen = choose_providers(providers)
        unprepared = _unprepared(path)
        self.path = path
        self.card = _card_of(unprepared, path)
        _check_contract(unprepared, self.card)
        parallelism = Parallelism(slots, threads, threads_alone)
        self._runtime = _runtime(path, self.card, chosen, parallelism, max_batch_size)

    @property
    def provider(self) -> str:
        """Name of the execution provider that runs the graph."""
        return self._runtime.provider

    @property
    def leaves_cores_free(self) -> bool:
        """Whether the network runs elsewhere than on the CPU's cores."""
        return self.provider in gpu.PROVIDERS

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (S x S x 3, RGB), together or each for itself."""
        return self._runtime.run(photos)

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        return self._runtime.run_alone(photos)

    def warm_up(self, batch_sizes: Iterable[int], *, wait: bool = True) -> None:
        """Run each batch size once, so that no client pays for first-time allocations.

        Args:
            batch_sizes: those to expect.
            wait: until they are at their best; else it is enough that they run.

        """
        for size in batch_sizes:
            self._runtime.prepare(size)
        if wait:
            self._runtime.wait_until_prepared()


def _runtime(
    path: Path, card: Card, chosen: Sequence[str], parallelism: Parallelism, max_batch_size: int
) -> Runtime:
    """The first of the chosen providers that can run the file."""
    for name in chosen:
        runtime: Runtime | None = None
        if name in gpu.PROVIDERS:
            runtime = open_on_gpu(path, card, name, parallelism, max_batch_size)
        elif name == "openvino":
            runtime = _openvino(path, parallelism)
        if runtime:
            return runtime
    try:
        return OnnxRuntime(path, parallelism)
    except Exception as cause:
        raise _cannot_run(path) from cause


def _openvino(path: Path, parallelism: Parallelism) -> OpenVino | None:
    try:
        return OpenVino(path, parallelism)
    except Exception:
        log.warning("OpenVINO can't run %s; ONNX Runtime does.", path.name, exc_info=True)
        return None


def _unprepared(path: Path) -> ort.InferenceSession:
    if not path.is_file():
        raise ModelError(f"There is no model file {path}.")
    try:
        return onnx_runtime.open_unprepared(path)
    except Exception as cause:
        raise _cannot_run(path) from cause


def _cannot_run(path: Path) -> ModelError:
    return ModelError(
        f"{path.name} is no ONNX file that can run here; export it again with `booth export`."
    )


def _card_of(session: ort.InferenceSession, path: Path) -> Card:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path.name} carries no card; make the file with `booth export`, which writes one."
        )
    try:
        return Card.from_json(text)
    except ValidationError as cause:
        first = cause.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise ModelError(
            f"The card of {path.name} is not valid: {where}: {first['msg']}."
        ) from cause


def _check_contract(session: ort.InferenceSession, card: Card) -> None:
    photo = _named(session.get_inputs(), "photo", card)
    side = card.input.size
    if photo.type != "tensor(uint8)" or list(photo.shape[1:]) != [side, side, 3]:
        raise ModelError(
            f"The input of {card.name} is {photo.type} {photo.shape}; "
            f"its card asks for uint8 N x {side} x {side} x 3."
        )
    outputs = _named(session.get_outputs(), "probabilities", card).shape[-1]
    if outputs != len(card.labels):
        raise ModelError(
            f"{card.name} has {outputs} outputs but its card names {len(card.labels)} labels; "
            "they must be as many."
        )


def _named(values: Iterable[Any], name: str, card: Card) -> Any:
    for value in values:
        if value.name == name:
            return value
    raise ModelError(f"{card.name} has no tensor {name!r}; export it again with `booth export`.")
