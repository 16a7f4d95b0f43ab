"""The numbers of a tensor as they lie in a file, and the tensor that is a view of them.

Nothing is copied until a tensor is read: a file that tells of more than it holds takes no memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["DTYPES", "Storage", "TensorView"]

_MOST_DIMENSIONS = 16
_LARGEST = 2**63

DTYPES = {
    "BFloat16": torch.bfloat16,
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "Int": torch.int32,
    "Long": torch.int64,
    "Short": torch.int16,
}
"""By the names of torch's storages, without the word Storage."""

_TYPED = {str(dtype): dtype for dtype in DTYPES.values()} | {
    str(dtype): dtype for dtype in (torch.float8_e4m3fn, torch.float8_e5m2)
}


@dataclass(eq=False)
class Storage:
    """A row of numbers in a file.

    Attributes:
        dtype: Of the numbers; None if it is unknown, or each tensor tells it.
        data: Their bytes; None until they are found.
        is_big_endian: Whether the first byte of a number is its largest.

    """

    dtype: torch.dtype | None
    data: memoryview | None = None
    is_big_endian: bool = False

    def of_type(self, dtype: str) -> Storage:
        """The same bytes as numbers of another type, such as ``torch.uint8``."""
        return Storage(_TYPED.get(dtype), self.data, self.is_big_endian)

    def part(self, start: int, count: int) -> Storage:
        """So many of its numbers; for files that were written before torch 0.4."""
        if self.data is None or self.dtype is None or min(start, count) < 0:
            raise ValueError("a storage's part lies outside of it")
        size = self.dtype.itemsize
        return Storage(
            self.dtype, self.data[start * size : (start + count) * size], self.is_big_endian
        )

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        if self.data is None or self.dtype is None:
            return 0
        return len(self.data) // self.dtype.itemsize

    def numbers(self) -> torch.Tensor:
        """The numbers in a row, without a copy where the file's order of bytes is this machine's.

        Raises:
            ValueError: It holds none.

        """
        if self.data is None or self.dtype is None or not self.count:
            raise ValueError("a storage has no numbers")
        data = self.data[: self.count * self.dtype.itemsize]
        if not self.is_big_endian or self.dtype.itemsize == 1:
            return torch.frombuffer(data, dtype=self.dtype)
        each = torch.frombuffer(data, dtype=torch.uint8).view(self.count, self.dtype.itemsize)
        return each.flip(1).contiguous().view(-1).view(self.dtype)


@dataclass(eq=False)
class TensorView:
    """A tensor in a file that has not been read yet.

    Attributes:
        storage: Where its numbers lie.
        offset: The first of them.
        shape: Its sizes.
        stride: From number to number, for each dimension.

    Raises:
        ValueError: There is no such tensor.

    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what a file may tell that is no tensor."""
        dimensions = len(self.shape)
        if dimensions > _MOST_DIMENSIONS or dimensions != len(self.stride):
            raise ValueError("a tensor has no such dimensions")
        numbers = (self.offset, *self.shape, *self.stride)
        if not all(type(one) is int and 0 <= one < _LARGEST for one in numbers):
            raise ValueError("a tensor has no such shape")
        if not isinstance(self.storage, Storage):
            raise TypeError("a tensor has no numbers")

    @classmethod
    def contiguous(cls, storage: Storage, shape: Sequence[Any]) -> TensorView:
        """The tensor that fills a storage."""
        stride = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
        return cls(storage, 0, tuple(shape), tuple(stride))

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def is_floating_point(self) -> bool:
        """Whether it holds weights, rather than counts."""
        return self.storage.dtype is not None and self.storage.dtype.is_floating_point

    def read(self) -> torch.Tensor:
        """Copy its numbers out of the file, in plain order, float ones as float32.

        The strides of a network trained channels-last would keep torch from tracing it.

        Raises:
            ValueError: Its file does not hold them.

        """
        dtype = self.storage.dtype or torch.float32
        target = torch.float32 if dtype.is_floating_point else dtype
        if not self.size:
            return torch.empty(self.shape, dtype=target)
        pairs = zip(self.shape, self.stride, strict=True)
        last = self.offset + sum((size - 1) * step for size, step in pairs)
        if last >= self.storage.count:
            raise ValueError("a tensor has more numbers than its file holds")
        view = self.storage.numbers().as_strided(self.shape, self.stride, self.offset)
        return view.to(target, memory_format=torch.contiguous_format, copy=True)
