"""Reads layers and filters from the files of the models that are loaded.

For a thread beside the event loop, a ``Reader``'s. What was read of the last models is kept. A
large file is mapped, so that little of it is read.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from booth_client.errors import InvalidParameter, Overloaded
from service.inspection.filters import Filters, filters_of
from service.inspection.graph import Graph
from service.inspection.layers import Layer, layers_of

__all__ = ["Reader", "filters_in", "layers_in"]

_KEPT = 16  # models, whose layers are some tens of kilobytes each
_KEPT_GRAPHS = 2  # the page shows scenes and objects side by side
_MOST_KEPT_BYTES = 1 << 25  # of a file whose graph is kept, and so its weights
_MOST_WAITING = 64
_MOST_OF_CLIENT = 48  # which may be a lecture hall's, behind one address

_T = TypeVar("_T")


class Reader:
    """Has one thing read at a time, on a thread: many together would keep the event loop waiting.

    For one event loop.
    """

    def __init__(self) -> None:
        # It ends with the interpreter: those named "booth-" have to be gone before.
        self._thread = ThreadPoolExecutor(1, "reading")
        self._waiting: Counter[str] = Counter()

    async def read(self, client: str, work: Callable[[], _T]) -> _T:
        """What ``work`` returns, or raises.

        Args:
            client: who asks.
            work: to be done on the thread.

        Raises:
            Overloaded: too many wait.

        """
        self._refuse_if_full(client)
        self._waiting[client] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= Counter([client])

    def _refuse_if_full(self, client: str) -> None:
        if self._waiting.total() < _MOST_WAITING and self._waiting[client] < _MOST_OF_CLIENT:
            return
        raise Overloaded(
            "Too many requests for layers and filters wait already; try again later.",
            retry_after_s=1,
        )


@lru_cache(maxsize=_KEPT)
def layers_in(path: Path, modified: float) -> tuple[Layer, ...]:
    """The layers of a model.

    Args:
        path: of its file.
        modified: when that was written, as it was when the model was loaded.

    Raises:
        InvalidParameter: the network has operators whose layers can't be told.
        Overloaded: the file was replaced.

    """
    return tuple(layers_of(_graph(path, modified)))


def filters_in(path: Path, modified: float, layer: Layer, units: Sequence[int]) -> Filters:
    """The filters of some of a layer's units; arguments and errors as with ``layers_in``."""
    try:
        return filters_of(_graph(path, modified), layer, units)
    except ValueError:
        raise InvalidParameter(
            f"The weights of {layer.name} are stored in a form that can't be read here; "
            "ask for another layer."
        ) from None


def _graph(path: Path, modified: float) -> Graph:
    try:
        if path.stat().st_size <= _MOST_KEPT_BYTES:
            return _kept_graph(path, modified)
        with _opened(path, modified) as file:
            return Graph(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except OSError:
        raise _replaced() from None
    except (ValueError, IndexError):
        raise InvalidParameter(
            "This model's network has operators whose layers can't be told; ask another model."
        ) from None


@lru_cache(maxsize=_KEPT_GRAPHS)
def _kept_graph(path: Path, modified: float) -> Graph:
    with _opened(path, modified) as file:
        return Graph(file.read())


def _opened(path: Path, modified: float) -> BinaryIO:
    file = path.open("rb")
    if os.fstat(file.fileno()).st_mtime == modified:
        return file
    file.close()
    raise _replaced()


def _replaced() -> Overloaded:
    return Overloaded(
        "The model's file was replaced since it was loaded, and its layers are read from the file; "
        "try again when the new one is loaded.",
        retry_after_s=5,
    )
