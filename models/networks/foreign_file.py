"""What a file is that is no checkpoint of PyTorch's: a sentence that names it, and what helps."""

from __future__ import annotations

import json
import mmap
import zipfile
from pathlib import Path

__all__ = ["describe"]

_ADOPT = "make an ONNX file of the network there, and give that to `booth adopt`"
_HEADS = (
    (b"\x89HDF\r\n\x1a\n", f"an HDF5 file, as Keras saves networks; {_ADOPT}"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file that it stands for; fetch that with `git lfs pull`",
    ),
    (b"\x93NUMPY", "an array of NumPy; give a checkpoint as torch.save wrote it"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"BZh", "compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (b"(\xb5/\xfd", "compressed with Zstandard; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
)
_WEB_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
# The fields that an ONNX file can go on with after its version.
_ONNX_FIELDS = b"\x12\x1a\x22\x28\x32\x3a\x42"
_TAR_MAGIC = slice(257, 262)


def describe(path: Path, data: mmap.mmap) -> str | None:
    """The sentence that refuses a file of another kind; None where it may be a checkpoint.

    Args:
        path: Of the file; a sentence begins with its name.
        data: The whole of it.

    """
    what = _by_head(path, data) or _by_content(path, data)
    return f"{path.name} is {what}." if what else None


def _by_head(path: Path, data: mmap.mmap) -> str | None:
    head = data[:512]
    tests = (
        *((head.startswith(magic), what) for magic, what in _HEADS),
        (
            head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB_PAGES),
            "a web page, not the file that it leads to; download the file itself",
        ),
        (head[4:8] == b"TFL3", f"a network of TensorFlow Lite; {_ADOPT}"),
        (
            _is_onnx(head),
            f"an ONNX model; take it with `booth adopt {path.name} --labels FILE`",
        ),
        (path.suffix == ".pb" or ".data-" in path.name, f"a file of TensorFlow; {_ADOPT}"),
        (
            head[_TAR_MAGIC] == b"ustar",
            "a tar archive; unpack it, and give the checkpoint in it as torch.save wrote it",
        ),
    )
    return next((what for is_one, what in tests if is_one), None)


def _is_onnx(head: bytes) -> bool:
    """Whether a message of Protocol Buffers begins as ONNX's do: with a small version."""
    return head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in _ONNX_FIELDS


def _by_content(path: Path, data: mmap.mmap) -> str | None:
    if data[:4] == b"PK\x03\x04":
        return _zip(path)
    if data[:1] in (b"{", b"["):
        return _json(data)
    return None


def _json(data: mmap.mmap) -> str:
    try:
        content = json.loads(data[:])
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and "weight_map" in content:
        return (
            "the index of weights that lie in several files, the shards; load them in PyTorch, "
            'and save one file with torch.save(model.state_dict(), "weights.pth")'
        )
    return "JSON, which holds no weights; give the checkpoint that lies beside it"


def _zip(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None  # cut short, most likely: damaged, whatever it was
    inner = {name.partition("/")[2] for name in names} | set(names)
    tests = (
        (
            "constants.pkl" in inner or any(name.startswith("code/") for name in inner),
            f"a TorchScript archive; {_save_with('torch.jit.load', path, 'state_dict()')}",
        ),
        (
            bool(inner & {"archive_format", "serialized_exported_program.json"}),
            f"a program of torch.export; {_save_with('torch.export.load', path, 'state_dict')}",
        ),
        ("model.weights.h5" in inner, f"a network of Keras; {_ADOPT}"),
        (any(name.endswith("data.pkl") for name in names), None),
        (
            bool(names) and all(name.endswith(".npy") for name in names),
            "an archive of NumPy's arrays; give a checkpoint as torch.save wrote it",
        ),
        (True, "a zip of something else; unpack it, and give the checkpoint that is in it"),
    )
    return next(what for is_one, what in tests if is_one)


def _save_with(load: str, path: Path, state: str) -> str:
    return (
        "save its weights with these two lines, and give weights.pth: "
        f'model = {load}("{path.name}"); torch.save(model.{state}, "weights.pth")'
    )
