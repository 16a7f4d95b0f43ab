"""A process that makes label maps for another, which may stop it at any moment.

    python -m service.engine.map_worker SOCKET MEMORY_BYTES

SOCKET is a file descriptor. It makes one map after the other until the other side is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BadRequest, InvalidParameter, TooManyPixels
from service.engine.label_map import Asked, Cells, Grid, Head, label_map, plan
from service.photo.decode import decode_whole
from service.photo.messages import receive, send
from service.photo.worker import READY, ending_after, limit_memory
from service.runtimes.onnx_file import GraphParts, read_graph, with_free_sizes
from service.runtimes.onnx_runtime import open_session

__all__ = ["Network", "main", "serve"]

_NICENESS = 19  # whatever serves comes first
_KEPT = 2  # networks: the page shows scenes and objects side by side
_TOLERANCE = 0.1  # of a probability: in int8 the pooled features are rounded once more
_GRACE_S = 6.0  # after the deadline, in case that nobody is left to end this process

_SIGNAL = signal.SIGUSR1


class Network:
    """One model's network for photographs of any size, with its classifier.

    Args:
        content: of the model file.
        side: of its own input, in pixels.
        stride: pixels between two places of its maps.

    Raises:
        InvalidParameter: it runs at its own size alone, or its answer is not the average of what
            it says of each place.

    """

    def __init__(self, content: bytes, side: int, stride: int) -> None:
        free = with_free_sizes(content, "photo", {"probabilities", "maps"})
        self._session = open_session(free, {"cpu": {}}, threads=1)
        try:
            self.head = _head(content)
            self._check(side, stride)
        except InvalidParameter:
            raise
        except Exception:  # noqa: BLE001 (its runtime raises what it likes)
            raise _unsuitable() from None

    def __call__(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """The last maps (C x h x w) of pixels (H x W x 3)."""
        (maps,) = self._session.run(["maps"], {"photo": pixels[np.newaxis]})
        return maps[0]  # type: ignore[no-any-return]

    def _check(self, side: int, stride: int) -> None:
        rng = np.random.default_rng(0)
        own, larger = (
            rng.integers(0, 256, (1, side, side + more, 3), np.uint8) for more in (0, stride)
        )
        maps, probabilities = self._session.run(["maps", "probabilities"], {"photo": own})
        logits = self.head.logits(maps[0]).mean((0, 1))
        powers = np.exp(logits - logits.max())
        if abs(powers / powers.sum() - probabilities[0]).max() > _TOLERANCE:
            raise _unsuitable()
        if self(larger[0]).shape[1:] != (side // stride, side // stride + 1):
            raise _unsuitable()


def _unsuitable() -> InvalidParameter:
    return InvalidParameter(
        "This model's network can't be run over photographs of other sizes than its own; "
        "ask another one."
    )


def _head(content: bytes) -> Head:
    """The classifier, with the temperature in it.

    Raises:
        KeyError: the file has none.

    """
    graph = read_graph(content)
    weight = _real(graph, "classifier.weight")
    bias = _real(graph, "classifier.bias")
    temperature = _real(graph, "temperature") if "temperature" in graph.tensors else np.float32(1)
    return Head(weight / temperature, bias / temperature)


def _real(graph: GraphParts, name: str) -> NDArray[np.float32]:
    """A constant of any precision; where it is integers, each row has its scale."""
    values = graph.array(name).astype(np.float32)
    scale = f"{name}.scale"
    if scale in graph.tensors:
        values *= graph.array(scale).reshape(-1, *(1,) * (values.ndim - 1))
    return values


class _Networks:
    """Those that were used last, opened."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, float], Network] = OrderedDict()

    def get(self, path: str, modified: float, asked: Asked) -> Network | None:
        """That of a file; None where the file is another one by now."""
        key = path, modified
        if key not in self._kept:
            with Path(path).open("rb") as file:
                if os.fstat(file.fileno()).st_mtime != modified:
                    return None
                self._kept[key] = Network(file.read(), asked.size, asked.stride)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class _Stop:
    """Whether the map that is being made is still wanted."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(_SIGNAL, lambda *_: self.set())

    def set(self) -> None:
        """It is not."""
        self.is_set = True


def main() -> None:
    """Do as the command line says."""
    number, memory_bytes = sys.argv[1:]
    os.nice(_NICENESS)
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the other, who ends this one
        signal.signal(name, signal.SIG_IGN)
    limit_memory(int(memory_bytes))
    with socket.socket(fileno=int(number)) as connection:
        serve(connection)


def serve(connection: socket.socket) -> None:
    """Make maps until the other side is gone."""
    stop, networks = _Stop(), _Networks()
    try:
        connection.sendall(READY)
        while True:
            fields, photo = receive(connection, sys.maxsize)
            with ending_after(fields["seconds"] + _GRACE_S):
                answer = _answer(fields, photo, networks, stop)
            stop.is_set = False
            send(connection, *answer)
    except OSError:
        return


def _answer(
    fields: dict[str, Any], photo: bytearray, networks: _Networks, stop: _Stop
) -> tuple[dict[str, Any], bytes]:
    try:
        return _map(fields, photo, networks, stop)
    except BadRequest as error:
        return {"error": type(error).__name__, "detail": error.detail}, b""
    except OSError:  # of the model file: the connection's are raised elsewhere
        return {"replaced": True}, b""
    except Exception:  # noqa: BLE001 (its runtime raises what it likes)
        detail = "There is too little memory here for this label map; ask for a smaller scale."
        return {"error": TooManyPixels.__name__, "detail": detail}, b""


def _map(
    fields: dict[str, Any], photo: bytearray, networks: _Networks, stop: _Stop
) -> tuple[dict[str, Any], bytes]:
    deadline = time.monotonic() + fields["seconds"]
    asked, grid = Asked(*fields["asked"]), Grid(0, 0, 0, 0)
    network = networks.get(fields["path"], fields["modified"], asked)
    if network is None:
        return {"replaced": True}, b""
    start = time.perf_counter()

    def fit(width: int, height: int) -> tuple[int, int]:
        nonlocal grid
        grid = plan((width, height), asked)
        return grid.width, grid.height

    decoded = decode_whole(
        memoryview(photo),
        fit,
        fields["interpolation"],
        coarseness=fields["coarseness"],
        max_pixels=fields["max_pixels"],
        formats=fields["formats"],
    )
    between = time.perf_counter()
    cells = label_map(
        network,
        network.head,
        decoded.pixels,
        grid,
        asked.top_k,
        is_wanted=lambda: not stop.is_set and time.monotonic() < deadline,
    )
    if cells is None:
        return {"stopped": True}, b""
    times = {"decode_s": between - start, "inference_s": time.perf_counter() - between}
    size = {"width": decoded.seen.width, "height": decoded.seen.height}
    return {**size, **_shape(cells), **times}, b"".join(one.tobytes() for one in cells)


def _shape(cells: Cells) -> dict[str, Any]:
    return {"shape": cells.first.shape, "labels": len(cells.labels)}


if __name__ == "__main__":
    main()
