"""A process that looks into networks for another, which may stop it at any moment.

    python -m service.inspection.worker SOCKET MEMORY_BYTES

SOCKET is a file descriptor. It does one computation after the other until the other side is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from booth_client.errors import BadRequest, TooManyPixels
from models.card import Input
from service.inspection import activations, answers, label_map_task, layer_features, occlusion
from service.inspection.networks import ModelVersion, Networks, ReplacedError
from service.inspection.task import Computed, Job, StoppedError
from service.photo.messages import receive, send
from service.photo.worker import READY, ending_after, limit_memory

__all__ = ["main", "serve"]

_COMPUTE: dict[str, Callable[[Job], Computed]] = {
    activations.ActivationsTask.what: activations.compute,
    answers.AnswerTask.what: answers.compute,
    label_map_task.MapTask.what: label_map_task.compute,
    layer_features.LayerFeaturesTask.what: layer_features.compute,
    occlusion.OcclusionTask.what: occlusion.compute,
}

_NICENESS = 19  # whatever serves comes first
_GRACE_S = 6.0  # after the deadline, in case that nobody is left to end this process
_MOST_DETAIL = 2000  # characters of a refusal: a message's fields are bounded
# Its memory is limited: that is where allocating and starting a thread fail.
_TOO_LITTLE_MEMORY = (MemoryError, RuntimeError, Fail, RuntimeException)

_SIGNAL = signal.SIGUSR1


class _Stop:
    """Whether what is being computed is still wanted."""

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
    """Compute until the other side is gone."""
    stop, networks = _Stop(), Networks()
    try:
        connection.sendall(READY)
        while True:
            # A question may be long: it names hundreds of layers, or thousands of units.
            fields, photos = receive(connection, sys.maxsize, most_json=sys.maxsize)
            with ending_after(fields["seconds"] + _GRACE_S):
                told, body = _answer(_job(fields, photos, networks, stop), fields["what"])
            stop.is_set = False
            send(connection, {**told, "kept_bytes": networks.kept_bytes}, body)
    except OSError:
        return


def _job(fields: dict[str, Any], photos: bytearray, networks: Networks, stop: _Stop) -> Job:
    deadline = time.monotonic() + fields["seconds"]
    return Job(
        asked=fields["asked"],
        photos=list(_parts(memoryview(photos), fields["sizes"])),
        model=ModelVersion(fields["path"], fields["modified"]),
        wanted=Input(**fields["input"]),
        max_pixels=fields["max_pixels"],
        formats=tuple(fields["formats"]),
        networks=networks,
        is_wanted=lambda: not stop.is_set and time.monotonic() < deadline,
    )


def _parts(whole: memoryview, sizes: Sequence[int]) -> Iterator[memoryview]:
    at = 0
    for size in sizes:
        yield whole[at : at + size]
        at += size


def _answer(job: Job, what: str) -> Computed:
    try:
        return _COMPUTE[what](job)
    except BadRequest as error:
        return {"error": type(error).__name__, "detail": error.detail[:_MOST_DETAIL]}, b""
    except ReplacedError:
        return {"replaced": True}, b""
    except StoppedError:
        return {"stopped": True}, b""
    except _TOO_LITTLE_MEMORY:
        detail = "There is too little memory here for this; ask for less, or another model."
        return {"error": TooManyPixels.__name__, "detail": detail}, b""
    except Exception:  # noqa: BLE001 (our own fault, which the other side has to tell)
        return {"failed": traceback.format_exc()[-_MOST_DETAIL:]}, b""


if __name__ == "__main__":
    main()
