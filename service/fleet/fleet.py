"""The models that are loaded now, by name and version."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from booth_client.errors import UnknownModel, UnknownVersion
from models.card import Card
from models.errors import ModelError
from service.engine.admission import Backlog
from service.engine.batcher import Observer
from service.engine.cache import file_identity
from service.engine.classifier import Classifier, Limits, cores
from service.fleet.tuning import Tuning
from service.runtimes.session import Session, choose_providers

__all__ = ["Fleet", "LoadedModel"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that answers, and since when (seconds since 1970).

    ``identity`` is that of what gives the answers: another file has another one;
    ``wanted_provider`` is the execution provider that should run it, and may not be able to.
    """

    classifier: Classifier
    modified: float
    identity: bytes
    wanted_provider: str
    since: float = field(default_factory=time.time)

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.classifier.card

    @property
    def fell_back(self) -> bool:
        """Whether another execution provider runs it than the one that should."""
        return self.classifier.session.provider != self.wanted_provider

    @property
    def path(self) -> Path:
        """The file it was loaded from."""
        return self.classifier.session.path


class Fleet:
    """Loads and unloads models while others serve.

    Reading is lock-free: a change builds a new table and swaps it in, so whoever has found a
    classifier keeps it, and an unloaded one answers what it accepted before it ends.

    Args:
        decoders: threads that decode, shared by all models.
        limits: what each model takes on.
        providers: execution providers to try; see ``service.runtimes.session.PROVIDERS``.
        threads: CPU threads of one run.
        threads_alone: CPU threads of a run that is alone.
        observe: gives the observer of a model, by its name.
        identify: read each file once more for an identity that outlives the process; else it is
            random.
        tuned: what has been measured of a model file, to be taken instead of ``threads`` and of the
            slots and the batch size in ``limits``; None where nothing has.

    """

    def __init__(
        self,
        decoders: Executor,
        limits: Limits | None = None,
        *,
        providers: Sequence[str] = (),
        threads: int = 0,
        threads_alone: int = 0,
        observe: Callable[[str], Observer] | None = None,
        identify: bool = False,
        tuned: Callable[[Path], Tuning | None] = lambda _path: None,
    ) -> None:
        self._decoders = decoders
        self._limits = limits or Limits()
        self._backlog = Backlog(cores())
        self._providers = providers
        self._threads = threads
        self._threads_alone = threads_alone
        self._observe = observe
        self._identify = identify
        self._tuned = tuned
        self._changing = threading.Lock()
        self._table: dict[str, dict[str, LoadedModel]] = {}

    def load(self, path: Path) -> LoadedModel:
        """Load a file, warm it up, then let it answer; its predecessor of that version ends.

        Blocks for as long as that takes: call it on a thread of its own.

        Raises:
            ModelError: the file can't be used; whatever was loaded stays.

        """
        with self._changing:
            try:
                modified = path.stat().st_mtime
            except OSError:
                raise ModelError(f"There is no model file {path}.") from None
            tuning = self._tuned(path)
            limits, threads = self._laid_out(tuning)
            session = Session(
                path,
                providers=self._providers,
                threads=threads,
                threads_alone=self._threads_alone,
                slots=limits.slots,
                max_batch_size=limits.max_batch_size,
            )
            observer = self._observe(session.card.name) if self._observe else None
            identity = _identity(session, modified) if self._identify else _unlike_any()
            run = tuning.run if tuning else None
            classifier = Classifier(
                session, self._decoders, limits, observer, self._backlog, run=run
            )
            wanted = choose_providers(self._providers)[0]
            loaded = LoadedModel(classifier, modified, identity, wanted)
            before = self._swap(loaded)
        _tell_layout(loaded, threads, tuning)
        if loaded.fell_back:
            fallback = "%s runs on %s, since %s could not be used; see the lines before."
            log.warning(fallback, loaded.card.name, session.provider, wanted)
        if before:
            before.classifier.close()
        return loaded

    def _laid_out(self, tuning: Tuning | None) -> tuple[Limits, int]:
        """What a model takes on, and the threads of its runs, as measured or as set."""
        if tuning is None:
            return self._limits, self._threads
        slots, size = tuning.slots, tuning.max_batch_size
        return replace(self._limits, slots=slots, max_batch_size=size), tuning.threads

    def unload(self, name: str, version: str | None = None) -> None:
        """Take a model away, or one version of it; what it accepted is still answered.

        Raises:
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        with self._changing:
            gone = [self.get(name, version)] if version else self._versions(name)
            table = {n: dict(versions) for n, versions in self._table.items()}
            for loaded in gone:
                del table[name][loaded.card.version]
            self._table = {n: versions for n, versions in table.items() if versions}
        for loaded in gone:
            loaded.classifier.close()

    def refresh(self, paths: Iterable[Path]) -> None:
        """Load the files that are new or changed, unload those that are not among ``paths``.

        Raises:
            ModelError: a file can't be used; the others have been seen to.

        """
        wanted = list(paths)
        before = {loaded.path: loaded for loaded in self.loaded()}
        failed: dict[Path, str] = {}
        for path in wanted:
            try:
                self._refresh_one(path, before.get(path))
            except ModelError as error:
                failed[path] = str(error)
        for path, loaded in before.items():
            if path not in wanted:
                self.unload(loaded.card.name, loaded.card.version)
        answering = {loaded.path for loaded in self.loaded()}
        for path in wanted:
            if path not in answering and path not in failed:
                failed[path] = f"{path.name} has the name and version of another file; serve one."
        if failed:
            raise ModelError(" ".join(failed.values()))

    def _refresh_one(self, path: Path, before: LoadedModel | None) -> None:
        if before and path.exists() and path.stat().st_mtime == before.modified:
            return
        now = self.load(path)
        if before and (before.card.name, before.card.version) != (now.card.name, now.card.version):
            self.unload(before.card.name, before.card.version)

    def get(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model of that name (the first loaded if none), newest if no version is asked for.

        Raises:
            UnknownModel, UnknownVersion: it isn't loaded; the sentence names what is.

        """
        versions = self._versions(name)
        if version is None:
            return versions[-1]
        for loaded in versions:
            if loaded.card.version == version:
                return loaded
        known = ", ".join(loaded.card.version for loaded in versions)
        raise UnknownVersion(f"{versions[0].card.name} is served in version {known} only.")

    def loaded(self) -> list[LoadedModel]:
        """All that is loaded, in the order of loading."""
        return [loaded for versions in self._table.values() for loaded in versions.values()]

    def not_ready(self) -> str | None:
        """Why not every model can be relied on right now, in a sentence; None if all can."""
        return next(filter(None, (loaded.classifier.not_ready() for loaded in self.loaded())), None)

    def close(self) -> None:
        """Answer what was accepted, then end every model."""
        for loaded in self.loaded():
            loaded.classifier.close()
        self._table = {}

    def _versions(self, name: str | None) -> list[LoadedModel]:
        table = self._table
        versions = next(iter(table.values()), None) if name is None else table.get(name)
        if versions is None:
            raise UnknownModel(_unknown(name, table))
        return list(versions.values())

    def _swap(self, loaded: LoadedModel) -> LoadedModel | None:
        versions = dict(self._table.get(loaded.card.name, {}))
        before = versions.pop(loaded.card.version, None)
        versions[loaded.card.version] = loaded
        self._table = {**self._table, loaded.card.name: versions}
        return before


def _tell_layout(loaded: LoadedModel, threads: int, tuning: Tuning | None) -> None:
    limits, run = loaded.classifier.limits, loaded.classifier.cost.run
    log.info(
        "%s: slots %d, threads %d, batches of up to %d, %s; a run of n takes %.2f + %.2f n ms",
        loaded.card.name,
        limits.slots,
        threads,
        limits.max_batch_size,
        f"as `booth tune` found on {tuning.measured}" if tuning else "by the settings",
        run.base_s * 1e3,
        run.per_photo_s * 1e3,
    )


def _identity(session: Session, modified: float) -> bytes:
    """The file's, unless it was replaced since it was ``modified``: then nobody knows it."""
    try:
        identity = file_identity(session.path, session.provider)
        return identity if session.path.stat().st_mtime == modified else _unlike_any()
    except OSError:
        return _unlike_any()


def _unlike_any() -> bytes:
    return secrets.token_bytes(32)


def _unknown(name: str | None, table: dict[str, dict[str, LoadedModel]]) -> str:
    if name is None or not table:
        return "No model is loaded yet; ask /readyz when one is."
    close = get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(table)}."
    # The name is the client's: cut, so that an absurd one does not fill the answer.
    return f"There is no model {name[:64]!r}; {hint}"
