"""Checkpoints as Python 2 and PyTorch 0.2 wrote them, which is how MIT's Places365 ones are."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch._utils import _rebuild_tensor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C
FORMAT = 1001


class _Storage:
    """Stands for a tensor's numbers, which follow after the pickle."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


# The pickler that is written in Python: the one in C lets nobody change how strings are written.
_PurePickler: Any = pickle._Pickler


class _Pickler(_PurePickler):  # type: ignore[misc]
    """Protocol 2, where every string is one of bytes."""

    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(_PurePickler.dispatch)

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2)
        self.storages: list[torch.Tensor] = []

    def save_str(self, text: str) -> None:
        letters = text.encode("latin1")
        self.write(b"U" + bytes([len(letters)]) + letters)
        self.memoize(text)

    dispatch[str] = save_str

    def persistent_id(self, value: object) -> Any:
        if not isinstance(value, _Storage):
            return None
        self.storages.append(value.tensor)
        key = str(len(self.storages) - 1)
        return "storage", torch.cuda.FloatStorage, key, "cuda:0", value.tensor.numel(), None

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, torch.Tensor):
            arguments = (_Storage(value), 0, tuple(value.shape), value.stride())
            return _rebuild_tensor, arguments
        return NotImplemented


def save(checkpoint: object, path: Path) -> None:
    """Write the old format: four pickles, the storages' keys, then their numbers."""
    file = io.BytesIO()
    for head in (MAGIC, FORMAT, {"protocol_version": FORMAT, "little_endian": True}):
        pickle.dump(head, file, protocol=2)
    pickler = _Pickler(file)
    pickler.dump(checkpoint)
    pickle.dump([str(i) for i in range(len(pickler.storages))], file, protocol=2)
    for tensor in pickler.storages:
        file.write(tensor.numel().to_bytes(8, "little"))
        file.write(tensor.contiguous().numpy().tobytes())
    path.write_bytes(file.getvalue())
