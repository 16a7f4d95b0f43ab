"""What another network thinks of the photographs, once for all epochs.

It sees the whole photograph, of which the student's crop is a part. Asking it about every crop
(Beyer et al. 2022) would cost as much as the training.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from models.errors import UserError

__all__ = ["BadTeacher", "teacher_probabilities"]

_BATCH = 32
_USUAL_SIDE = 224  # in pixels; networks that take any side were mostly trained at this one


class BadTeacher(UserError):
    """The file is no teacher; the sentence says what one is."""


def teacher_probabilities(
    path: Path,
    photos: NDArray[np.uint8],
    classes: int,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float16]:
    """The teacher's probabilities, N x K.

    Args:
        path: An ONNX file with the input ``photo`` (uint8, N x S x S x 3; where it takes any S,
            224) and the output ``probabilities`` or ``logits`` (N x K), as every model file of
            Booth has them.
        photos: N x S' x S' x 3, uint8.
        classes: K.
        progress: Called with the number of photographs done.

    Raises:
        BadTeacher: The file has other inputs or outputs.

    """
    session, side, output = _open(path, classes)
    answers = np.empty((len(photos), classes), np.float16)
    for start in range(0, len(photos), _BATCH):
        batch = photos[start : start + _BATCH]
        (answer,) = session.run([output], {"photo": _resized(batch, side)})
        answers[start : start + len(batch)] = _softmax(answer) if output == "logits" else answer
        if progress:
            progress(len(batch))
    return answers


def _open(path: Path, classes: int) -> tuple[Any, int, str]:
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 (ONNX Runtime's errors have no common class)
        raise BadTeacher(f"{path.name} is no ONNX file; give a model file as teacher.") from None
    outputs = {one.name: one.shape for one in session.get_outputs()}
    output = next((name for name in ("probabilities", "logits") if name in outputs), None)
    side = next((_side(one) for one in session.get_inputs() if one.name == "photo"), None)
    if output is None or side is None:
        raise BadTeacher(
            f"{path.name} can't teach: it needs an input `photo` (uint8, N x S x S x 3) and an "
            "output `probabilities` or `logits`."
        )
    if outputs[output][-1] != classes:
        raise BadTeacher(
            f"{path.name} tells {outputs[output][-1]} classes apart, and there are {classes} "
            "labels; the teacher must know the same ones in the same order."
        )
    return session, side, output


def _side(photo: Any) -> int | None:
    """S of an input uint8, N x S x S x 3; None of any other."""
    match photo.type, photo.shape:
        case "tensor(uint8)", [_, int(height), int(width), 3] if height == width:
            return height
        case "tensor(uint8)", [_, str(), str(), 3]:
            return _USUAL_SIDE
    return None


def _resized(photos: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if photos.shape[1] == side:
        return photos
    sides, filtered = (side, side), Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(one).resize(sides, filtered)) for one in photos])


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
