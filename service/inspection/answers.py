"""What a network says of a photograph, without being asked: it comes last for the cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.finer import FinerConfidences
from service.inspection.task import MULTIPLY_ADDS_PER_S, Computed, Job, Task
from service.runtimes.onnx_runtime import open_session

__all__ = ["AnswerTask", "compute"]

_OUTPUT = "probabilities"


@dataclass(frozen=True, slots=True)
class AnswerTask(Task[NDArray[np.float32]]):
    """The K probabilities of one photograph, as an answer is made of them."""

    what: ClassVar[str] = "answer"
    most_bytes: ClassVar[int] = 1 << 24

    def asked(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def read(self, fields: dict[str, Any], body: bytes) -> NDArray[np.float32]:
        """The probabilities."""
        answer = np.frombuffer(body, np.float32, len(self.subject.card.labels))
        if not np.isfinite(answer).all():
            raise ValueError(answer)
        left, top, right, bottom = map(float, fields["seen"])
        return FinerConfidences(self.subject.card)(answer, (left, top, right, bottom))

    def work_s(self) -> float:
        """A plain run."""
        card = self.subject.card
        return self.subject.decode_s(card.input.size) + card.multiply_adds / MULTIPLY_ADDS_PER_S

    def run_bytes(self) -> int:
        """Of the decoded photograph and a run."""
        subject, size = self.subject, self.subject.card.input.size
        return subject.decode_bytes(size) + subject.map_bytes(size**2)


def compute(job: Job) -> Computed:
    """Run the network once."""
    session = job.networks.get(AnswerTask.what, job.model, _open)
    job.stop_if_unwanted()
    decoded = job.decoded(job.photos[0])
    job.stop_if_unwanted()
    (rows,) = session.run([_OUTPUT], {"photo": decoded.pixels[np.newaxis]})
    return {"seen": decoded.seen.box}, rows[0].tobytes()


def _open(content: bytes) -> Any:
    # One thread: what it is compared with needs the other cores.
    return open_session(content, {"cpu": {}}, 1)
