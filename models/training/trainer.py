"""Training: steps of gradient descent, logged, measured and saved on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_

from models.networks import Network
from models.normalisation import Normalisation
from models.training.augment import augmented, cut_mixed, normalised
from models.training.curves import Entry, append, draw, read
from models.training.degrade import coarsened, recompressed
from models.training.examples import Batch, Examples
from models.training.folding import fold_batch_norms
from models.training.loss import mixed_losses
from models.training.measure import accuracy
from models.training.plan import Plan
from models.training.state import TrainingState

__all__ = ["CHECKPOINT", "CURVES", "LOG", "Trainer"]

CHECKPOINT, LOG, CURVES = "last.pt", "log.csv", "curves.png"
_LARGEST_GRADIENT = 5.0
_DRAW_S = 30  # curves take as long as several steps of a small training


class Timer:
    """Is due once in so many seconds; ``passed`` is how long ago it was due before."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last, self.passed = seconds, time.monotonic(), seconds

    def due(self) -> bool:
        """Whether it is time again."""
        now = time.monotonic()
        if now - self.last < self.seconds:
            return False
        self.last, self.passed = now, now - self.last
        return True


class Trainer:
    """One plan, run over some photographs; what it makes lies in one folder.

    Args:
        plan: What to do.
        make: Gives the network with the weights to start from (see `TrainingState.create`).
        train: What to learn from.
        validation: What to measure on.
        normalisation: How the network wants its pixels.
        folder: For ``last.pt``, ``log.csv`` and ``curves.png``. A checkpoint that lies there is
            gone on from.
        on_entry: Called with each new line of the log.

    """

    def __init__(
        self,
        plan: Plan,
        make: Callable[[], Network],
        *,
        train: Examples,
        validation: Examples,
        normalisation: Normalisation,
        folder: Path,
        on_entry: Callable[[Entry], None],
    ) -> None:
        self.plan, self.train, self.validation = plan, train, validation
        self.normalisation, self.folder, self.on_entry = normalisation, folder, on_entry
        folder.mkdir(parents=True, exist_ok=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(plan.seed)
        self.state = TrainingState.create(lambda: make().to(self.device), plan)
        if (folder / CHECKPOINT).exists():
            self.state.restore(folder / CHECKPOINT)
        self.forward = fold_batch_norms(self.state.network, plan.dropout).train()
        self.order = train.epoch(plan.seed, self.state.position.epoch)
        self.stopped = False
        self.measured = self._tenth()
        self.losses: list[float] = []
        self.shown = 0

    @property
    def is_over(self) -> bool:
        """Whether the plan is done."""
        return self.state.position.progress >= 1

    def stop(self) -> None:
        """End after the step that is under way; for a signal handler."""
        self.stopped = True

    def run(self, *, log_s: float = 30, save_s: float = 600) -> None:
        """Train to the end of the plan, or until `stop`; the checkpoint is written either way.

        Args:
            log_s: Time between two lines of the log, in seconds.
            save_s: Time between two checkpoints, in seconds.

        """
        log, save, curves = Timer(log_s), Timer(save_s), Timer(_DRAW_S)
        while not (self.is_over or self.stopped):
            self._step()
            if log.due():
                self._log(log.passed)
            if save.due():
                self.state.save(self.folder / CHECKPOINT)
            if self._tenth() > self.measured:
                self._measure()
            if curves.due():
                self._draw()
        self.state.save(self.folder / CHECKPOINT)
        self._log(time.monotonic() - log.last)
        self._draw()

    def _step(self) -> None:
        start = time.monotonic()
        batch = self._next_batch()
        position = self.state.position
        for group in self.state.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(position.progress)
        side = self.plan.side_at(position.progress)
        photos = augmented(batch.photos, side, self.plan.smallest_area, self.plan.colour)
        mixed = cut_mixed(photos, self.plan.cutmix_at(position.progress))
        with self._precision():
            logits = self.forward(normalised(mixed.photos, self.normalisation))
        loss = mixed_losses(logits, batch[1:], mixed.partners, mixed.shares).mean()
        self.state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(self.state.network.parameters(), _LARGEST_GRADIENT)
        self.state.optimizer.step()
        self.state.update_average(self.plan.average, position.seen // self.plan.batch)
        self.losses.append(loss.item())
        self._advance(time.monotonic() - start)

    def _precision(self) -> AbstractContextManager[object]:
        """Bfloat16 where the machine computes in it; an older CPU would emulate it."""
        capabilities: Mapping[str, bool] = getattr(
            torch.cpu, "get_capabilities", dict
        )()  # an older torch does not tell
        able = self.device.type == "cuda" or capabilities.get("avx512_bf16", False)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(able))

    def _next_batch(self) -> Batch:
        """The next photographs of the epoch; a last incomplete batch is left out."""
        position, size = self.state.position, min(self.plan.batch, len(self.order))
        if position.place + size > len(self.order):
            position.epoch, position.place = position.epoch + 1, 0
            self.order = self.train.epoch(self.plan.seed, position.epoch)
        batch = self.train.batch(self.order[position.place : position.place + size])
        photos = coarsened(recompressed(batch.photos, self.plan.recompressed), self.plan.coarsened)
        batch = batch._replace(photos=photos)
        position.place += size
        position.seen += size
        self.shown += size
        return Batch(*(part.to(self.device) for part in batch))

    def _advance(self, seconds: float) -> None:
        """Move progress on by the time that the step took (Li et al. 2020), or by what was seen."""
        position = self.state.position
        if self.plan.minutes is None:
            position.progress = min(position.seen / (self.plan.epochs * len(self.order)), 1)
        else:
            position.progress = min(position.progress + seconds / (60 * self.plan.minutes), 1)

    def _log(self, seconds: float) -> None:
        if not self.losses:
            return
        progress = self.state.position.progress
        self._append(
            self._entry(
                loss=round(sum(self.losses) / len(self.losses), 4),
                rate=float(f"{self.plan.rate_at(progress):.3g}"),
                side=self.plan.side_at(progress),
                speed=round(self.shown / max(seconds, 1e-9), 1),
            )
        )
        self.losses.clear()
        self.shown = 0

    def _tenth(self) -> int:
        """How many tenths of the way are done; the network is measured after each."""
        return int(self.state.position.progress * 10)

    def _measure(self) -> None:
        self.measured = self._tenth()
        found = accuracy(self.state.average, self.validation, self.plan.size, self.normalisation)
        self._append(self._entry(top1=round(found.top1, 4), top5=round(found.top5, 4)))

    def _entry(self, **found: float) -> Entry:
        position = self.state.position
        epoch = position.seen / len(self.order)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Entry(now, round(position.progress, 4), round(epoch, 3), **found)  # type: ignore[arg-type]

    def _append(self, entry: Entry) -> None:
        append(entry, self.folder / LOG)
        self.on_entry(entry)

    def _draw(self) -> None:
        if (self.folder / LOG).exists():
            draw(read(self.folder / LOG), self.folder / CURVES)
