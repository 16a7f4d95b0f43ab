"""The models that are loaded now, by name and version."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from booth_client.errors import UnknownModel, UnknownVersion
from models.card import Card
from models.errors import ModelError
from service.engine.admission import Backlog
from service.engine.batcher import Observer
from service.engine.classifier import Classifier, Limits
from service.fleet.identity import answers_identity, read_model_file
from service.fleet.layout import Layouts
from service.fleet.tuning import Tuning
from service.machine import cores
from service.runtimes.base import Layout, ModelFile, in_a_line
from service.runtimes.session import Session

__all__ = ["Fleet", "LoadedModel"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that answers, and since when (seconds since 1970).

    ``path`` is the file it was loaded from, which was ``modified`` then (seconds since 1970);
    ``identity`` is that of what gives the answers: another file has another one.
    """

    classifier: Classifier
    path: Path
    modified: float
    identity: bytes
    since: float = field(default_factory=time.time)

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.classifier.card

    @property
    def wanted_provider(self) -> str:
        """The execution provider that should run it, and may not be able to."""
        return self.classifier.session.wanted_provider

    @property
    def fell_back(self) -> bool:
        """Whether another execution provider runs it than the one that should."""
        return self.classifier.session.provider != self.wanted_provider

    @property
    def is_current(self) -> bool:
        """Whether its file is still as it was when it was read."""
        try:
            return self.path.stat().st_mtime == self.modified
        except OSError:
            return False

    def close(self) -> None:
        """Answer what was accepted, then end its threads."""
        self.classifier.close()
        self.classifier.session.close()


class Fleet:
    """Loads and unloads models while others serve.

    Reading is lock-free: a change builds a new table and swaps it in, so whoever has found a
    classifier keeps it, and an unloaded one answers what it accepted before it ends. The threads
    that decode, where models leave the cores free, are shared by all models and end with the fleet.

    Args:
        limits: what each model takes on; slots and batch size are as ``layouts`` decides.
        layouts: the layout of each model, and the execution providers to try.
        observe: gives the observer of a model, by its name.

    """

    def __init__(
        self,
        limits: Limits | None = None,
        layouts: Layouts | None = None,
        *,
        observe: Callable[[str], Observer] | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._layouts = layouts or Layouts()
        self._observe = observe
        self._decoders = ThreadPoolExecutor(cores(), thread_name_prefix="booth-decode")
        self._backlog = Backlog(cores())
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
                loaded = self._open(read_model_file(path))
            except ModelError:
                raise
            except Exception as cause:
                why = in_a_line(cause)
                raise ModelError(f"{path.name} can't be loaded here: {why}") from cause
            before = self._swap(loaded)
        if before:
            before.close()
        return loaded

    def _open(self, file: ModelFile) -> LoadedModel:
        tuning = self._layouts.tuning_of(file)
        layout = self._layouts.decide(tuning)
        session = Session(file, providers=self._layouts.providers, layout=layout)
        try:
            classifier = self._classifier(session, layout, tuning)
        except BaseException:
            session.close()
            raise
        identity = answers_identity(file, session.provider)
        loaded = LoadedModel(classifier, file.path, file.modified, identity)
        _log_layout(loaded, layout, tuning)
        return loaded

    def _classifier(self, session: Session, layout: Layout, tuning: Tuning | None) -> Classifier:
        return Classifier(
            session,
            self._decoders,
            replace(self._limits, slots=layout.slots, max_batch_size=layout.max_batch_size),
            self._observe(session.card.name) if self._observe else None,
            self._backlog,
            batch_cost=tuning.run if tuning else None,
        )

    def unload(self, name: str, version: str | None = None) -> None:
        """Take a model away, or one version of it; what it accepted is still answered.

        Raises:
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        with self._changing:
            gone = [self.get(name, version)] if version else self._versions(name)
            self._remove(gone)
        for loaded in gone:
            loaded.close()

    def refresh(self, paths: Iterable[Path]) -> None:
        """Load the files that are new or changed, unload those that are not among ``paths``.

        Raises:
            ModelError: a file can't be used, and what was loaded from it before stays; the others
                have been seen to.

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
                self._unload_this(loaded)
        answering = {loaded.path for loaded in self.loaded()}
        for path in wanted:
            if path not in answering and path not in failed:
                failed[path] = f"{path.name} has the name and version of another file; serve one."
        if failed:
            raise ModelError(" ".join(failed.values()))

    def _refresh_one(self, path: Path, before: LoadedModel | None) -> None:
        if before and before.is_current:
            return
        self.load(path)
        if before:
            self._unload_this(before)

    def _unload_this(self, loaded: LoadedModel) -> None:
        """Unload it, unless another file has taken its name and version, and so its place."""
        with self._changing:
            if loaded not in self.loaded():
                return
            self._remove([loaded])
        loaded.close()

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
        """Answer what was accepted, then end every model, and the threads that decode."""
        for loaded in self.loaded():
            loaded.close()
        self._table = {}
        self._decoders.shutdown()

    def _versions(self, name: str | None) -> list[LoadedModel]:
        table = self._table
        versions = next(iter(table.values()), None) if name is None else table.get(name)
        if versions is None:
            raise UnknownModel(_unknown(name, table))
        return list(versions.values())

    def _remove(self, gone: Iterable[LoadedModel]) -> None:
        table = {name: dict(versions) for name, versions in self._table.items()}
        for loaded in gone:
            del table[loaded.card.name][loaded.card.version]
        self._table = {name: versions for name, versions in table.items() if versions}

    def _swap(self, loaded: LoadedModel) -> LoadedModel | None:
        versions = dict(self._table.get(loaded.card.name, {}))
        before = versions.pop(loaded.card.version, None)
        versions[loaded.card.version] = loaded
        self._table = {**self._table, loaded.card.name: versions}
        return before


def _log_layout(loaded: LoadedModel, layout: Layout, tuning: Tuning | None) -> None:
    name, session, run = loaded.card.name, loaded.classifier.session, loaded.classifier.cost.batch
    log.info(
        "%s: slots %d, threads %d, batches of up to %d, %s; a run of n takes %.2f + %.2f n ms",
        name,
        layout.slots,
        layout.threads,
        layout.max_batch_size,
        f"as `booth tune` found on {tuning.measured}" if tuning else "by the settings",
        run.base_s * 1e3,
        run.per_photo_s * 1e3,
    )
    if loaded.fell_back:
        fallback = "%s runs on %s, since %s could not be used; see the lines before."
        log.warning(fallback, name, session.provider, loaded.wanted_provider)


def _unknown(name: str | None, table: dict[str, dict[str, LoadedModel]]) -> str:
    if name is None or not table:
        return "No model is loaded yet; ask /readyz when one is."
    close = get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(table)}."
    # The name is the client's: cut, so that an absurd one does not fill the answer.
    return f"There is no model {name[:64]!r}; {hint}"
