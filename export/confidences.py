"""The confidences of a model file, fitted on photographs that its network did not learn from.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: the answers of the very file are
looked at, so that its precision's own errors are scaled too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime

from models.card import Calibration
from models.training.temperature import fit_temperature, softmax
from service.lab.evaluation import calibration_error, reliability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from onnx import ModelProto

    from models.card import Bin
    from models.training.temperature import Floats

__all__ = ["Answers", "fit_calibration", "halves", "log_probabilities"]

_BATCH = 32
_TINY = 1e-12


class Answers(NamedTuple):
    """What a file says of N photographs, and what is right.

    Attributes:
        logits: N x K, up to a constant for each photograph, which softmax takes away again.
        labels: N x K truth values: the labels that are right for it.

    """

    logits: Floats
    labels: NDArray[np.bool_]

    def of(self, wanted: NDArray[np.intp]) -> Answers:
        """Those to some of the photographs, by their places."""
        return Answers(self.logits[wanted], self.labels[wanted])

    def top(self, count: int) -> float:
        """The share of photographs one of whose first ``count`` labels is right."""
        first = np.argsort(-self.logits, 1, kind="stable")[:, :count]
        return float(np.take_along_axis(self.labels, first, 1).any(1).mean())

    def bins(self, temperature: float) -> tuple[Bin, ...]:
        """How often first labels are right, by their confidence at that temperature."""
        probabilities = softmax(self.logits, temperature)
        first = probabilities.argmax(1)
        right = self.labels[np.arange(len(self.labels)), first]
        return reliability(probabilities.max(1), right)


def log_probabilities(model: ModelProto, squares: Iterable[NDArray[np.uint8]]) -> Floats:
    """The logarithms of a file's probabilities, N x K: logits but for a constant.

    Args:
        model: The file.
        squares: N photographs as the network takes them, S x S x 3 each; taken as they are needed.

    """
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = [
        session.run(["probabilities"], {"photo": np.stack(batch)})[0] for batch in _batches(squares)
    ]
    labels = session.get_outputs()[0].shape[1]
    probabilities = np.concatenate(rows) if rows else np.empty((0, labels))
    return np.asarray(np.log(np.maximum(probabilities, _TINY), dtype=np.float64))


def _batches(squares: Iterable[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.uint8]]]:
    batch: list[NDArray[np.uint8]] = []
    for square in squares:
        batch.append(square)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def halves(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places 0 to ``count`` - 1 in two random halves, always the same ones."""
    shuffled = np.random.default_rng(0).permutation(count)
    middle = (count + 1) // 2
    return shuffled[:middle], shuffled[middle:]


def fit_calibration(fit: Answers, check: Answers, name: str) -> Calibration:
    """Fit the temperature on some photographs, and see on others what it does.

    Args:
        fit: The file's answers to the first.
        check: Those to the others.
        name: Of the data that both are halves of.

    """
    temperature = fit_temperature(fit.logits, fit.labels)
    before, after = check.bins(1.0), check.bins(temperature)
    return Calibration(
        temperature=temperature,
        fitted_on=f"one half of {name}",
        fitted_photographs=len(fit.logits),
        measured_on=f"the other half of {name}",
        measured_photographs=len(check.logits),
        error_before=calibration_error(before),
        error_after=calibration_error(after),
        bins_before=before,
        bins_after=after,
    )
