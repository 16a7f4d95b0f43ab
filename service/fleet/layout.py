"""How each model is laid out over the cores: as set by hand, as tuned, or as suits the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.fleet import tuning
from service.fleet.tuning import Tuning
from service.machine import cores
from service.runtimes.base import Layout, ModelFile
from service.runtimes.registry import choose
from service.settings import Settings

__all__ = ["GPU_MAX_BATCH_SIZE", "GPU_SLOTS", "Layouts"]

# What a model takes on a GPU unless it is set: batches that occupy it, and two of them, so that one
# is gathered and copied while the other runs.
GPU_MAX_BATCH_SIZE = 32
GPU_SLOTS = 2

CPU_MAX_BATCH_SIZE: int = Settings.model_fields["max_batch_size"].default

BY_HAND = frozenset({"slots", "threads", "max_batch_size"})


@dataclass(frozen=True, slots=True)
class Layouts:
    """Decides the layout of a model.

    Attributes:
        providers: execution providers to try; empty for all installed.
        slots: runs of a model at the same time; 0 for as many as suit what runs it.
        threads: CPU threads of each; 0 shares the cores among the slots.
        max_batch_size: photographs of the largest batch; 0 for as many as suit what runs it.
        tunings: the folder of models, beside which tunings are kept; None where none counts.

    """

    providers: Sequence[str] = ()
    slots: int = 0
    threads: int = 0
    max_batch_size: int = 0
    tunings: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Layouts:
        """As set; what was tuned counts only where nothing of it is set by hand."""
        given = BY_HAND & settings.model_fields_set
        return cls(
            settings.providers,
            settings.slots,
            settings.threads,
            settings.max_batch_size if "max_batch_size" in given else 0,
            None if given else settings.model_dir,
        )

    def tuning_of(self, file: ModelFile) -> Tuning | None:
        """What was measured of this file here, if it counts."""
        return tuning.find(file, self.tunings, self.providers) if self.tunings else None

    def decide(self, tuned: Tuning | None = None) -> Layout:
        """As tuned; else as set, or as suits what runs it.

        Raises:
            ModelError: a wanted provider is unknown or not installed.

        """
        if tuned:
            return Layout(tuned.slots, tuned.threads, cores(), tuned.max_batch_size)
        on_gpu = choose(self.providers)[0].on_gpu
        slots = self.slots or (GPU_SLOTS if on_gpu else cores())
        return Layout(
            slots,
            self.threads or max(1, cores() // slots),
            cores(),
            self.max_batch_size or (GPU_MAX_BATCH_SIZE if on_gpu else CPU_MAX_BATCH_SIZE),
        )

    def largest_batch_size(self) -> int:
        """Photographs of the largest batch that any model may run.

        Raises:
            ModelError: a wanted provider is unknown or not installed.

        """
        tuned = tuning.largest_batch_size(self.tunings) if self.tunings else 0
        return max(self.decide().max_batch_size, tuned)
