"""One ONNX Runtime session over one model file: providers, threads, checks, warm-up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ValidationError

from models.card import METADATA_KEY, Card
from service.errors import ModelError

__all__ = ["PROVIDERS", "Session", "batch_size_classes", "choose_providers", "read_card"]

# Fastest first; the short names are what BOOTH_PROVIDERS takes.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def choose_providers(wanted: Sequence[str] = ()) -> list[str]:
    """Execution providers to try, in order: those wanted, or all that are installed.

    Raises:
        ModelError: a wanted provider is unknown or not installed.

    """
    installed = ort.get_available_providers()
    for name in wanted:
        if PROVIDERS.get(name) not in installed:
            known = ", ".join(short for short, full in PROVIDERS.items() if full in installed)
            raise ModelError(f"The provider {name!r} is not installed here; there is: {known}.")
    chosen = [PROVIDERS[name] for name in wanted or PROVIDERS if PROVIDERS[name] in installed]
    return list(dict.fromkeys([*chosen, PROVIDERS["cpu"]]))


def batch_size_classes(max_batch_size: int) -> list[int]:
    """1, 2, 4, ... up to and including ``max_batch_size``."""
    powers = [1 << bit for bit in range(max_batch_size.bit_length())]
    return sorted({*powers, max_batch_size})


def read_card(path: Path) -> Card:
    """The card of a model file, without preparing the file to run.

    Raises:
        ModelError: the file is missing, damaged, or carries no valid card.

    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _card_of(_open(path, options, [PROVIDERS["cpu"]]), path)


class Session:
    """A model that is loaded and can run. Safe to call from several threads at once.

    On CPUs it may hold the network twice: many runs at a time are fastest with a thread each, but
    a run that is alone is fastest with all cores, its threads spinning between two operators.

    Args:
        path: the ``.onnx`` file.
        providers: short names as in ``PROVIDERS``, in the order to try; empty for all installed.
        threads: CPU threads of a run in company; 0 lets ONNX Runtime take all cores.
        threads_alone: CPU threads of a run that is alone; 0 for the same network and threads.

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
    ) -> None:
        chosen = choose_providers(providers)
        self._session = _open(path, _options(threads), chosen)
        self.path = path
        self.card = _card_of(self._session, path)
        _check_contract(self._session, self.card)
        self._alone = self._session
        if self.provider == "cpu" and threads_alone > threads > 0:
            self._alone = _open(path, _options(threads_alone, spin=True), chosen)

    @property
    def provider(self) -> str:
        """Short name of the execution provider that runs the graph."""
        active = self._session.get_providers()[0]
        return next(short for short, full in PROVIDERS.items() if full == active)

    def run(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs (N x S x S x 3, RGB)."""
        (probabilities,) = self._session.run(["probabilities"], {"photo": photos})
        return probabilities  # type: ignore[no-any-return]

    def run_alone(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
        (probabilities,) = self._alone.run(["probabilities"], {"photo": photos})
        return probabilities  # type: ignore[no-any-return]

    def warm_up(self, batch_sizes: Iterable[int]) -> None:
        """Run each batch size once, so that no client pays for first-time allocations."""
        side = self.card.input.size
        for size in batch_sizes:
            self.run(np.zeros((size, side, side, 3), np.uint8))
        self.run_alone(np.zeros((1, side, side, 3), np.uint8))


def _options(threads: int, *, spin: bool = False) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return options


def _open(path: Path, options: ort.SessionOptions, providers: list[str]) -> ort.InferenceSession:
    options.log_severity_level = 3
    if not path.is_file():
        raise ModelError(f"There is no model file {path}.")
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as cause:
        raise ModelError(
            f"{path.name} is no ONNX file that can run here; export it again with `booth export`."
        ) from cause


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
