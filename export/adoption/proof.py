"""The proof of an adoption: on real photographs, the model file answers as the original does.

The original runs as it is, one photograph at a time, on what numpy alone made of the photographs.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from export.adoption.original import AdoptionError
from export.adoption.walk import attribute, makers
from export.proof.agreement import agreement
from service.runtimes.base import Layout, ModelFile, in_a_line
from service.runtimes.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import ModelProto

    from export.adoption.original import Original
    from export.adoption.preprocessing import Preprocessing
    from models.card import Card, Parity

__all__ = ["LARGEST_DIFFERENCE", "answers_of", "check_served", "compare", "run_original"]

LARGEST_DIFFERENCE = {"fp32": 1e-4, "fp16": 0.01, "int8": 0.02}
"""How far a probability may be off, as a share of how far the photographs' answers differ.

The operators are the original's, but a batch is computed in another order than a photograph alone,
and where activations are rounded coarsely that shows.
"""

# Of the largest probability: what adding up in another order leaves.
_ROUNDING = 1e-6

_BATCH = 3  # no usual batch: what has one written into its graph does not pass


def run_original(
    original: Original, session: ort.InferenceSession, wanted: Preprocessing, photos: Any
) -> dict[str, NDArray[Any]]:
    """What the original puts out for each photograph, by the names of its outputs.

    Outputs that are dictionaries are given by the name of the value that these were made of.

    Raises:
        AdoptionError: It can't run, or answers otherwise when asked again.

    """
    pixels = wanted(photos)
    rows = [_run(original, session, wanted, row) for row in pixels]
    again = _run(original, session, wanted, pixels[0])
    found = {}
    for name in rows[0]:
        if any(np.shape(row[name]) != np.shape(rows[0][name]) for row in rows):
            continue
        if rows[0][name].dtype.kind == "f" and not _alike(rows[0][name], again[name]):
            raise AdoptionError(
                f"{original.path.name} answers the same photograph differently when asked again: "
                "export it in evaluation mode, where nothing is random."
            )
        found[name] = np.concatenate([row[name] for row in rows])
    return found


def answers_of(model: ModelProto, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A model file's probabilities for squares N x S x S x 3, in batches and one of them alone.

    Raises:
        Exception: Whatever ONNX Runtime finds wrong with it.

    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    parts = [photos[:1], *(photos[i : i + _BATCH] for i in range(1, len(photos), _BATCH))]
    return np.concatenate([session.run(["probabilities"], {"photo": part})[0] for part in parts])


def compare(found: NDArray[Any], expected: NDArray[Any], precision: str) -> Parity:
    """How closely a model file answers as the original.

    Raises:
        AdoptionError: By more than `LARGEST_DIFFERENCE`.

    """
    if found.shape != expected.shape:
        raise AdoptionError(f"its answers are {found.shape}, where {expected.shape} were expected")
    change = np.abs(found - expected)
    spread = float(np.ptp(expected, axis=0).max())
    # Of untrained networks, whose answers hardly differ, a tenth of a thousandth proves nothing.
    allowed = LARGEST_DIFFERENCE[precision] * spread + _ROUNDING * expected.max(1, keepdims=True)
    # Written so that what is no number fails too.
    if not (change <= allowed).all():
        raise AdoptionError(f"its probabilities are off by up to {change.max():.2g}")
    return agreement(found, expected, "the original ONNX file")


def check_served(model: ModelProto, card: Card, out: Path) -> None:
    """Try what the service tries before it serves a model.

    Raises:
        ModelError: It would refuse it.

    """
    content = model.SerializeToString()
    file = ModelFile(out, content, sha256(content).hexdigest(), 0, card)
    session = Session(file, providers=["cpu"], layout=Layout())
    try:
        session.warm_up([1, _BATCH])
    finally:
        session.close()


def _run(
    original: Original, session: ort.InferenceSession, wanted: Preprocessing, row: NDArray[Any]
) -> Mapping[str, NDArray[Any]]:
    batch = np.repeat(row[None], wanted.photo.batch or 1, 0)
    try:
        values = session.run(None, {wanted.photo.name: batch})
    except Exception as cause:
        raise AdoptionError(
            f"{original.path.name} can't be run by ONNX Runtime on a photograph: "
            f"{in_a_line(cause).rstrip('.')}."
        ) from cause
    names = [value.name for value in session.get_outputs()]
    made = makers(original.model.graph)
    found = {}
    for name, value in zip(names, values, strict=True):
        if isinstance(value, list) and name in made and made[name].op_type == "ZipMap":
            keys = _keys(made[name])
            array = np.array([[each[key] for key in keys] for each in value], np.float32)
            found[made[name].input[0]] = array[:1]
        elif isinstance(value, np.ndarray) and value.ndim:
            found[name] = value[:1]
    return found


def _keys(zipmap: Any) -> list[Any]:
    texts: Any = attribute(zipmap, "classlabels_strings")
    if texts:
        return [text.decode() for text in texts]
    numbers: Any = attribute(zipmap, "classlabels_int64s")
    return list(numbers)


def _alike(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return bool(np.allclose(first, second, rtol=1e-3, atol=1e-4, equal_nan=True))
