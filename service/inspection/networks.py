"""The networks that are open in the process that looks into them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

__all__ = ["ModelVersion", "Networks", "ReplacedError"]

_KEPT = 4  # of all kinds: the page shows scenes and objects side by side
_KEPT_BYTES = 400_000_000
_TIMES = 2  # what a network holds, in sizes of its file

Network = TypeVar("Network")


class ReplacedError(Exception):
    """The model file is another one by now."""


class ModelVersion(NamedTuple):
    """A model file: its path, and when it was written."""

    path: str
    modified: float

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ReplacedError: it is another one by now.

        """
        try:
            with Path(self.path).open("rb") as file:
                if os.fstat(file.fileno()).st_mtime != self.modified:
                    raise ReplacedError
                return file.read()
        except OSError:
            raise ReplacedError from None


class Networks:
    """Those that were used last, opened."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    @property
    def kept_bytes(self) -> int:
        """About what they hold."""
        return sum(size for _, size in self._kept.values())

    def get(
        self, kind: Hashable, model: ModelVersion, open_network: Callable[[bytes], Network]
    ) -> Network:
        """One of a model file, opened where it isn't yet.

        Args:
            kind: what else it depends on.
            model: the file.
            open_network: opens it, of the file's bytes.

        Raises:
            ReplacedError: the file is another one by now.

        """
        key = kind, model
        if key not in self._kept:
            content = model.read()
            self._kept[key] = open_network(content), _TIMES * len(content)
            while len(self._kept) > _KEPT or (len(self._kept) > 1 and self._is_too_much()):
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        network: Network = self._kept[key][0]
        return network

    def _is_too_much(self) -> bool:
        return self.kept_bytes > _KEPT_BYTES
