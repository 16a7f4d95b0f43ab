"""What `booth tune` found out about a model on this machine, kept beside the models."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from service.engine.cost import BatchCost
from service.machine import cores
from service.runtimes.base import ModelFile
from service.runtimes.registry import Provider, choose

__all__ = ["Tuning", "TuningKey", "find", "largest_batch_size", "save", "tuning_key"]

FOLDER = "tuning"


@dataclass(frozen=True, slots=True)
class TuningKey:
    """For what a tuning holds: this very file, on such a machine, under this runtime."""

    model_sha256: str
    cpu: str
    cores: int
    runtime: str

    @property
    def digest(self) -> str:
        """A name for the file that holds the tuning."""
        text = f"{self.model_sha256} {self.cpu} {self.cores} {self.runtime}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a model runs best here. ``p99_ms`` is what was asked for."""

    key: TuningKey
    model: str
    slots: int
    threads: int
    max_batch_size: int
    p99_ms: float
    predicted_p99_ms: float
    predicted_throughput: float
    run: BatchCost
    decode_s: float
    measured: dt.date

    def __str__(self) -> str:
        """The settings that it stands for."""
        return (
            f"BOOTH_SLOTS={self.slots} BOOTH_THREADS={self.threads} "
            f"BOOTH_MAX_BATCH_SIZE={self.max_batch_size}"
        )


_TUNING = TypeAdapter(Tuning)


def tuning_key(file: ModelFile, providers: Sequence[str] = ()) -> TuningKey:
    """For what a tuning of this model file would hold, here.

    Raises:
        ModelError: a wanted provider is unknown or not installed.

    """
    return TuningKey(file.sha256, _cpu(), cores(), _runtime(choose(providers)[0]))


def save(tuning: Tuning, models: Path) -> Path:
    """Keep a tuning in the folder of models; one for the same key is replaced.

    Raises:
        OSError: the folder can't be written to.

    """
    path = models / FOLDER / f"{tuning.key.digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(tuning, option=orjson.OPT_INDENT_2))
    return path


def find(file: ModelFile, models: Path, providers: Sequence[str] = ()) -> Tuning | None:
    """The tuning of a model file here, if there is one that can be read.

    Raises:
        ModelError: a wanted provider is unknown or not installed.

    """
    key = tuning_key(file, providers)
    tuning = _read(models / FOLDER / f"{key.digest}.json")
    return tuning if tuning and tuning.key == key else None


def largest_batch_size(models: Path) -> int:
    """Of all tunings there are; 0 if there is none."""
    found = map(_read, (models / FOLDER).glob("*.json"))
    return max((tuning.max_batch_size for tuning in found if tuning), default=0)


def _read(path: Path) -> Tuning | None:
    try:
        return _TUNING.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _cpu() -> str:
    """The CPU's model, as Linux names it; elsewhere the kind of machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _runtime(provider: Provider) -> str:
    """Name of the provider, and version of the package that brings it."""
    for package in provider.packages:
        with contextlib.suppress(PackageNotFoundError):
            return f"{provider.name} {version(package)}"
    return provider.name
