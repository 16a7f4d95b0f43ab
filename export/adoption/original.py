"""The file to adopt: read once, with what lies beside it, and refused where it is none.

Nothing outside the file's own folder is read, and nothing before its size is known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import onnx
import onnxruntime as ort
from onnx import TensorProto
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model
from onnx.inliner import inline_local_functions

from export.adoption.walk import all_tensors, graphs_of
from models.card import METADATA_KEY
from models.errors import UserError
from service.runtimes.base import in_a_line

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["MOST_BYTES", "AdoptionError", "Original", "read_original", "runnable"]

MOST_BYTES = 2_000_000_000
"""Of a network: protobuf, which ONNX files are made of, ends at 2 GiB."""

_OLDEST_OPSET = 7  # until then, arithmetic said by an attribute how shapes are matched

_OTHERS = (
    (0, b"PK\x03\x04", "a PyTorch checkpoint or another ZIP archive"),
    (0, b"\x89HDF", "an HDF5 file, as Keras saves them"),
    (0, b"\x80\x02", "a pickle"),
    (0, b"\x80\x04", "a pickle"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (4, b"ORTM", "in ONNX Runtime's own format"),
    (8, b'{"', "a safetensors file"),
    (0, b"version https://git-lfs", "the pointer that Git LFS leaves in place of a file"),
    (0, b"<", "a page of HTML or XML"),
)


class AdoptionError(UserError):
    """A file can't become a model file of Booth's; the sentence says why, or what is missing."""


@dataclass(frozen=True, slots=True)
class Original:
    """A network as another program wrote it.

    Attributes:
        path: Where it lies.
        model: Its graph with all weights, its local functions written out, and no initializer
            among its inputs.
        sha256: Of the file, in hexadecimal; of its external data too, where it has any.
        metadata: What its maker wrote into it.

    """

    path: Path
    model: ModelProto = field(repr=False)
    sha256: str
    metadata: dict[str, str] = field(repr=False)

    @property
    def maker(self) -> str:
        """The program that wrote it, such as "pytorch 2.13.0"."""
        made_by = (self.model.producer_name, self.model.producer_version)
        return " ".join(filter(None, made_by)) or "an unnamed program"


def read_original(path: Path) -> Original:
    """Read an ONNX file, with its external data.

    Raises:
        AdoptionError: It is no ONNX file, or too large, or a part of it is missing.

    """
    content = _content(path)
    model = _parsed(path, content)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY in metadata:
        raise AdoptionError(f"{path.name} is a model file of Booth's already: serve it as it is.")
    digest = hashlib.sha256(content)
    for file in _external_files(path, model, len(content)):
        digest.update(file.read_bytes())
    _load_external(path, model)
    _check_opset(path, model)
    if model.functions:
        model = inline_local_functions(model)
    _drop_overridable(model)
    return Original(path, model, digest.hexdigest(), metadata)


def runnable(original: Original) -> ort.InferenceSession:
    """The file as it is, opened by ONNX Runtime.

    Raises:
        AdoptionError: ONNX Runtime can't run it.

    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(original.path), options, providers=["CPUExecutionProvider"])
    except Exception as cause:
        raise AdoptionError(_why_not(original, cause)) from cause


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise AdoptionError(f"There is no file {path}.")
        if path.stat().st_size > MOST_BYTES:
            raise _too_large(path, path.stat().st_size)
        return path.read_bytes()
    except OSError as cause:
        raise AdoptionError(f"{path} can't be read: {cause.strerror}.") from cause


def _parsed(path: Path, content: bytes) -> ModelProto:
    for place, magic, what in _OTHERS:
        if content[place:].startswith(magic):
            raise AdoptionError(
                f"{path.name} is {what}, not ONNX: export the network to ONNX where it was made, "
                "and adopt that file."
            )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as cause:  # protobuf's own kind, which has no types
        raise _no_onnx(path) from cause
    if not (model.graph.node and model.graph.output):
        raise _no_onnx(path)
    return model


def _no_onnx(path: Path) -> AdoptionError:
    return AdoptionError(f"{path.name} is no ONNX file, or one that is cut short or damaged.")


def _too_large(path: Path, size: int) -> AdoptionError:
    return AdoptionError(
        f"{path.name} has {size / 1e9:.1f} GB of weights, and a model file can hold "
        f"{MOST_BYTES / 1e9:.0f} GB at most."
    )


def _external_files(path: Path, model: ModelProto, size: int) -> list[Path]:
    """The files that hold weights of this one, each once.

    Raises:
        AdoptionError: One lies elsewhere, is missing or too short, or all are too large.

    """
    found: dict[Path, None] = {}
    for tensor in all_tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            found[_external_file(path, tensor)] = None
    total = size + sum(file.stat().st_size for file in found)
    if total > MOST_BYTES:
        raise _too_large(path, total)
    return list(found)


def _external_file(path: Path, tensor: TensorProto) -> Path:
    info = _external_info(path, tensor)
    pure = PurePosixPath(info.location.replace("\\", "/"))
    inside = path.parent / pure
    if pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0] or inside.is_symlink():
        raise AdoptionError(
            f"{path.name} has weights at {info.location[:80]!r}, outside its own folder; they have "
            "to lie beside it."
        )
    if not inside.is_file():
        raise AdoptionError(
            f"{path.name} has its weights in {info.location[:80]!r}, which is not beside it: copy "
            "it there too."
        )
    if (info.offset or 0) + (info.length or 0) > inside.stat().st_size:
        raise AdoptionError(f"{inside.name} is cut short: {path.name} has weights beyond its end.")
    return inside


def _load_external(path: Path, model: ModelProto) -> None:
    try:
        load_external_data_for_model(model, str(path.parent))
    except Exception as cause:  # onnx has its own rules on links, and tells by several errors
        raise AdoptionError(
            f"The weights beside {path.name} can't be read: {in_a_line(cause).rstrip('.')}."
        ) from cause


def _external_info(path: Path, tensor: TensorProto) -> ExternalDataInfo:
    try:
        info = ExternalDataInfo(tensor)
    except ValueError as cause:
        raise _no_onnx(path) from cause
    if not info.location or PurePosixPath(info.location) == PurePosixPath():
        raise _no_onnx(path)
    return info


def _check_opset(path: Path, model: ModelProto) -> None:
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
    if opset is not None and opset < _OLDEST_OPSET:
        raise AdoptionError(
            f"{path.name} is written in version {opset} of ONNX's operators, and Booth reads from "
            f"{_OLDEST_OPSET} on; export it anew, or convert it with `onnx.version_converter`."
        )


def _drop_overridable(model: ModelProto) -> None:
    """Take initializers out of the inputs, where they stand for whoever would replace them."""
    for graph in graphs_of(model.graph):
        constants = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in constants]
        del graph.input[:]
        graph.input.extend(inputs)


def _why_not(original: Original, cause: Exception) -> str:
    said = in_a_line(cause)
    domains = {node.domain for graph in graphs_of(original.model.graph) for node in graph.node}
    foreign = sorted(domains - {"", "ai.onnx", "ai.onnx.ml"})
    kinds = {
        f"{node.domain}.{node.op_type}"
        for graph in graphs_of(original.model.graph)
        for node in graph.node
        if node.domain in foreign
    }
    if foreign and any(node.rpartition(".")[2] in said for node in kinds):
        return (
            f"{original.path.name} needs operators that ONNX Runtime does not have: "
            f"{', '.join(sorted(kinds)[:3])}; export it without them."
        )
    return f"{original.path.name} can't be run by ONNX Runtime: {said.rstrip('.')}."
