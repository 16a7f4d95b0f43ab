"""A file of tensors -> what it holds, in each of the formats in which PyTorch's weights are saved.

The file is mapped, not read: its tensors stay in it until one is wanted.
"""

from __future__ import annotations

import io
import json
import mmap
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import torch

from models.errors import UserError
from models.networks.foreign_file import describe
from models.networks.pickled import (
    MOST_OPERATIONS,
    HostilePickle,
    read_pickle,
)
from models.networks.storage import DTYPES, Storage, TensorView

__all__ = ["CheckpointError", "read_content"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGE_OPERATIONS = 100  # that a single storage takes, and more
_SHARD = re.compile(r"-\d{5}-of-(\d{5})\.")
_SAFE_DTYPES = {
    "BF16": torch.bfloat16,
    "BOOL": torch.bool,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "U8": torch.uint8,
}


# What a damaged file comes to, in the parsers of its formats.
_DAMAGE = (
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


class CheckpointError(UserError):
    """The weights can't be used; the sentence says why, and what could."""


def read_content(path: Path) -> Any:
    """What a checkpoint holds: its `TensorView`s, plain values, and `Foreign` for all the rest.

    Args:
        path: The file: as ``torch.save`` writes it today or did before torch 1.6, a pickle of
            tensors, or safetensors.

    Raises:
        CheckpointError: It is none of these, or damaged, or wants to run code.

    """
    data = _mapped(path)
    what = describe(path, data)
    if what:
        raise CheckpointError(what)
    shards = _SHARD.search(path.name)
    if shards:
        raise CheckpointError(
            f"{path.name} is one of {int(shards[1])} shards, each with a part of the weights; "
            "save them as one file: with torch.save, or by save_model(..., max_shard_size=...)."
        )
    try:
        return _read(path, data)
    except HostilePickle as name:
        raise CheckpointError(
            f"{path.name} is refused, since it was made to run code: it asks for {name}; "
            "give a checkpoint from somebody you trust."
        ) from None
    except _DAMAGE:
        _refuse_as_damaged(path)


def _mapped(path: Path) -> mmap.mmap:
    if not path.stat().st_size:
        raise CheckpointError(f"{path.name} is empty; give the file as it was saved.")
    with path.open("rb") as file:
        # Private to this process; torch wants memory that it may write to.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _refuse_as_damaged(path: Path) -> NoReturn:
    raise CheckpointError(
        f"{path.name} is no checkpoint of PyTorch, or a damaged one; give the file as it was saved."
    ) from None


def _read(path: Path, data: mmap.mmap) -> Any:
    if data[:4] == b"PK\x03\x04":
        return _read_zip(path, data)
    if data[8:9] == b"{":
        return _read_safetensors(data)
    return _read_pickles(data)


def _read_zip(path: Path, data: mmap.mmap) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
    # Compressed entries, or some that overlap: what they hold could be far more than the file.
    if sum(entry.file_size for entry in entries.values()) > len(data):
        raise CheckpointError(
            f"{path.name} is a zip that was compressed afterwards; give the file as it was saved."
        )
    folder = PurePosixPath(next(name for name in entries if name.endswith("data.pkl"))).parent
    zipped = _Zipped(data, entries, folder)
    return read_pickle(io.BytesIO(zipped.entry("data.pkl")), zipped.storage)


@dataclass(frozen=True)
class _Zipped:
    """The zip that ``torch.save`` writes since torch 1.6: a pickle, and a file for each storage."""

    data: mmap.mmap
    entries: dict[str, zipfile.ZipInfo]
    folder: PurePosixPath

    def entry(self, name: str) -> memoryview:
        entry = self.entries[str(self.folder / name)]
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError("a compressed entry")
        # The central directory doesn't tell how long the entry's own header is.
        name_length, extra_length = struct.unpack_from("<HH", self.data, entry.header_offset + 26)
        start = entry.header_offset + 30 + name_length + extra_length
        if start + entry.file_size > len(self.data):
            raise ValueError("an entry ends behind the file")
        return memoryview(self.data)[start : start + entry.file_size]

    def storage(self, identity: tuple[Any, ...]) -> Storage:
        _, kind, key = identity[:3]
        return Storage(_dtype(kind), self.entry(f"data/{key}"), self._is_big_endian)

    @property
    def _is_big_endian(self) -> bool:
        has_order = str(self.folder / "byteorder") in self.entries
        return has_order and bytes(self.entry("byteorder")) == b"big"


def _dtype(kind: Any) -> torch.dtype | None:
    """Of a storage by its class, such as ``torch.cuda.FloatStorage``."""
    return DTYPES.get(kind.name.rpartition(".")[2].removesuffix("Storage"))


def _read_safetensors(data: mmap.mmap) -> dict[str, Any]:
    (length,) = struct.unpack_from("<Q", data)
    start = 8 + length
    if start > len(data):
        raise ValueError("the head ends behind the file")
    head: dict[str, Any] = json.loads(data[8:start])
    body = memoryview(data)[start:]
    return {
        name: _safe_tensor(entry, body) for name, entry in head.items() if name != "__metadata__"
    }


def _safe_tensor(entry: dict[str, Any], body: memoryview) -> TensorView:
    first, end = entry["data_offsets"]
    if not 0 <= first <= end <= len(body):
        raise ValueError("a tensor lies outside of the file")
    storage = Storage(_SAFE_DTYPES.get(entry["dtype"]), body[first:end])
    return TensorView.contiguous(storage, entry["shape"])


def _read_pickles(data: mmap.mmap) -> Any:
    """What torch wrote before 1.6, or one pickle of another program's making."""
    calls = {"torch.storage._load_from_bytes": _from_bytes}
    first = read_pickle(data, _no_storage, calls)
    if first != _LEGACY_MAGIC:
        return first
    data.seek(0)
    return _Legacy(data).read()


def _no_storage(_: tuple[Any, ...]) -> NoReturn:
    raise ValueError("a tensor where none can be")


def _from_bytes(arguments: tuple[Any, ...]) -> Any:
    """A storage as ``pickle.dump`` writes it: a file of torch's older format within the pickle."""
    return _Legacy(io.BytesIO(arguments[0]), most_operations=_STORAGE_OPERATIONS).read()


class _Legacy:
    """The older format: pickles of a head, of the content and of the keys; then the numbers."""

    def __init__(
        self, file: mmap.mmap | io.BytesIO, most_operations: int = MOST_OPERATIONS
    ) -> None:
        self._file, self._most = file, most_operations
        self._storages: dict[str, Storage] = {}

    def read(self) -> Any:
        """Read the content.

        Twice, since a part of a storage can be cut out only where its numbers have been found.
        """
        for _ in ("magic number", "version", "system"):
            self._pickle(_no_storage)
        start = self._file.tell()
        self._pickle(self._named_storage)
        self._find_numbers(self._pickle(_no_storage))
        self._file.seek(start)
        return self._pickle(self._found_storage)

    def _pickle(self, load_storage: Callable[[tuple[Any, ...]], Any]) -> Any:
        return read_pickle(self._file, load_storage, most_operations=self._most)

    def _named_storage(self, identity: tuple[Any, ...]) -> Any:
        if identity[0] == "module":  # a whole network's class, with its source code
            return identity[1]
        _, kind, key = identity[:3]
        return self._storages.setdefault(key, Storage(_dtype(kind)))

    def _find_numbers(self, keys: list[str]) -> None:
        whole = self._whole()
        position = self._file.tell()
        for key in keys:
            storage = self._storages[key]
            if storage.dtype is None:
                raise ValueError("numbers of an unknown type")
            (count,) = struct.unpack_from("<q", whole, position)
            end = position + 8 + count * storage.dtype.itemsize
            if not position + 8 <= end <= len(whole):
                raise ValueError("a storage ends behind the file")
            storage.data = whole[position + 8 : end]
            position = end

    def _whole(self) -> memoryview:
        return (
            self._file.getbuffer() if isinstance(self._file, io.BytesIO) else memoryview(self._file)
        )

    def _found_storage(self, identity: tuple[Any, ...]) -> Any:
        found, view = self._named_storage(identity), identity[5:6]
        if not isinstance(found, Storage) or view in ((), (None,)):
            return found
        _, first, count = view[0]
        return found.part(first, count)
