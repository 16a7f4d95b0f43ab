"""Which model a file holds: read and hashed once, its card parsed, its contract checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import Any

import onnxruntime as ort
from pydantic import ValidationError

from models.card import METADATA_KEY, Card
from models.errors import ModelError
from service.runtimes.base import ModelFile
from service.runtimes.onnx_runtime import open_unprepared

__all__ = ["answers_identity", "read_card", "read_model_file"]


def read_model_file(path: Path) -> ModelFile:
    """A model file that keeps the contract of model files, ready to be opened.

    Raises:
        ModelError: the file is missing, damaged, carries no valid card, or its network has another
            input or output than the card says.

    """
    content, modified = _read(path)
    session = _unprepared(content, path)
    card = _card_of(session, path)
    _check_contract(session, card)
    return ModelFile(
        path, content, hashlib.sha256(content).hexdigest(), modified, card, _maps(session)
    )


def read_card(path: Path) -> Card:
    """The card of a model file, whose network may be anything.

    Raises:
        ModelError: the file is missing, damaged, or carries no valid card.

    """
    content, _ = _read(path)
    return _card_of(_unprepared(content, path), path)


def answers_identity(file: ModelFile, provider: str) -> bytes:
    """SHA-256 of all that answers depend on but the photograph: the file, the provider, this Booth.

    The file holds its card, so its name and version count. It is the same on every replica and
    after a restart. 32 bytes.
    """
    return hashlib.sha256(f"{file.sha256} {provider} {version('booth')}".encode()).digest()


def _read(path: Path) -> tuple[bytes, float]:
    """A file's bytes, and when it was written, in seconds since 1970."""
    try:
        if path.is_fifo() or path.is_char_device():  # which may never end
            raise ModelError(f"The model file {path} can't be read: it is a pipe or a device.")
        with path.open("rb") as file:
            # Of the open file: the path may lead to another one by now.
            return file.read(), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        raise ModelError(f"There is no model file {path}.") from None
    except OSError as cause:
        raise ModelError(f"The model file {path} can't be read: {cause.strerror}.") from cause


def _unprepared(content: bytes, path: Path) -> ort.InferenceSession:
    try:
        return open_unprepared(content)
    except Exception as cause:
        raise ModelError(
            f"{path.name} is no ONNX file that can run here; make it with `booth export`, or with "
            "`booth adopt` where another program wrote the network."
        ) from cause


def _card_of(session: ort.InferenceSession, path: Path) -> Card:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path.name} carries no card, as a model file of Booth's does; "
            f"`booth adopt {quote(str(path))} --labels LABELS` makes one of it."
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
    outputs = _outputs(_named(session.get_outputs(), "probabilities", card))
    if outputs != len(card.labels):
        raise ModelError(
            f"{card.name} has {outputs} outputs but its card names {len(card.labels)} labels; "
            "they must be as many."
        )


def _maps(session: ort.InferenceSession) -> tuple[int, int, int] | None:
    """C, h and w of the output ``maps``, where there is one that says so."""
    for output in session.get_outputs():
        if output.name == "maps" and all(isinstance(side, int) for side in output.shape[1:]):
            _, channels, height, width = (*output.shape, *(0,) * 4)[:4]
            return channels, height, width
    return None


def _outputs(probabilities: Any) -> int | str:
    """K, of an output N x K, where the file says it."""
    last = probabilities.shape[-1] if probabilities.shape else None
    return last if isinstance(last, int) else "an unknown number of"


def _named(values: Iterable[Any], name: str, card: Card) -> Any:
    for value in values:
        if value.name == name:
            return value
    raise ModelError(f"{card.name} has no tensor {name!r}; export it again with `booth export`.")
