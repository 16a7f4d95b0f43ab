"""The models that are loaded now, by name and version."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from booth_client.errors import UnknownModel, UnknownVersion
from models.card import Card
from models.errors import ModelError
from service.engine.admission import Backlog
from service.engine.apart import Apart
from service.engine.batcher import Observer
from service.engine.classifier import Classifier, Limits
from service.fleet.attempt import GivenUp, Stops, attempt
from service.fleet.identity import answers_identity, read_model_file
from service.fleet.layout import Layouts
from service.fleet.model_limits import LimitsByModel
from service.fleet.tuning import Tuning
from service.fleet.withheld import Withheld
from service.machine import cores
from service.photo.apart import DecoderProcesses
from service.photo.header import PLAIN_BYTES
from service.runtimes.base import Layout, in_a_line
from service.runtimes.registry import choose
from service.runtimes.session import Session

__all__ = ["Double", "Fleet", "LoadedModel", "Wanted"]

log = logging.getLogger(__name__)

_COSTLY_BYTES = 700_000_000  # a photograph of 50 million pixels, whatever it is
_LEAST_BYTES = 200_000_000  # below that, a process decodes next to nothing
_DECODING_BYTES = 2_000_000_000

_MOST_SHOWN = 64  # characters of a name that a client gave

# Within which a model has to be read, compiled and warm; TensorRT tunes its engine for minutes.
LOADING_S = 120.0
LOADING_ON_GPU_S = 3600.0
# For who has found a model that is then unloaded to give it the photographs.
FOUND_S = 0.2
# Within which it then has to answer what it accepted.
UNLOADING_S = 60.0


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that answers, and since when (seconds since 1970).

    ``path`` is the file it was loaded from, which was ``modified`` then (seconds since 1970);
    ``identity`` is that of what gives the answers: another file has another one. ``maps`` are C,
    h and w of the network's last maps, where it gives them.
    """

    classifier: Classifier
    path: Path
    modified: float
    identity: bytes
    maps: tuple[int, int, int] | None = None
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

    @property
    def name_and_version(self) -> tuple[str, str]:
        """What it is asked for by; no two models of a fleet have the same."""
        return self.card.name, self.card.version

    def close(self, timeout_s: float | None = None) -> None:
        """Answer what was accepted, then end its threads.

        What runs on after so long (a minute if not said) is stopped, or left behind where the
        runtime can't stop it.
        """
        self.classifier.close(UNLOADING_S if timeout_s is None else timeout_s)
        self.classifier.session.close()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be served.

    Attributes:
        path: where it lies.
        former: the file whose model stays where this one can't be used, if it isn't the same.
        is_unusable: whether it is known that it can't be used, so that it need not be tried.

    """

    path: Path
    former: Path | None = None
    is_unusable: bool = False


class Double(ModelError):
    """A model file has the name and version of another one, which serves."""


class _WithheldModel(Exception):
    """It was unloaded on purpose, and nobody has asked for it again."""


class Fleet:
    """Loads and unloads models while others serve.

    Reading is lock-free: a change builds a new table and swaps it in, so whoever has found a
    classifier keeps it, and an unloaded one answers what it accepted before it ends. The threads
    that decode, where models leave the cores free, are shared by all models and end with the fleet.

    Args:
        limits: what each model takes on; slots and batch size are as ``layouts`` decides.
        layouts: the layout of each model, and the execution providers to try.
        own: the limits of models that have some of their own.
        observe: gives the observer of a model, by its name.
        decoding_bytes: memory for decoding, all photographs that are decoded at a time together.

    Attributes:
        withheld: what was unloaded, and so stays away when all is refreshed.

    """

    def __init__(
        self,
        limits: Limits | None = None,
        layouts: Layouts | None = None,
        own: LimitsByModel | None = None,
        *,
        observe: Callable[[str], Observer] | None = None,
        decoding_bytes: int = _DECODING_BYTES,
    ) -> None:
        self._limits = limits or Limits()
        self._layouts = layouts or Layouts()
        self._own = own or LimitsByModel()
        self._observe = observe
        self._decoders = ThreadPoolExecutor(cores(), thread_name_prefix="booth-decode")
        self._backlog = Backlog(cores())
        self._apart = _apart(decoding_bytes)
        self._changing = threading.Lock()
        self._table: dict[str, dict[str, LoadedModel]] = {}
        self._closed = False
        self.withheld = Withheld()

    def load(self, path: Path) -> LoadedModel:
        """Load a file, warm it up, then let it answer; its predecessor of that version ends.

        Blocks for as long as that takes: call it on a thread of its own.

        Raises:
            ModelError: the file can't be used; whatever was loaded stays.

        """
        with self._changing:
            new = self._opened(path)
            self.withheld = self.withheld.admitting(*new.name_and_version)
            before = self.loaded()
            gone = [one for one in before if one.name_and_version == new.name_and_version]
            kept = [new if one in gone else one for one in before]
            self._install(kept if gone else [*kept, new])
        _retire(gone)
        return new

    def _opened(self, path: Path, withheld: Withheld | None = None) -> LoadedModel:
        """A file's model, warm.

        Raises:
            ModelError: it can't be used, or the fleet was closed meanwhile.
            _WithheldModel: it is among those that are withheld.

        """
        admits = (withheld or Withheld()).admits
        try:
            opened = attempt(
                lambda stops: self._open(path, stops, admits), self._patience_s(), _drop
            )
        except (ModelError, _WithheldModel):
            raise
        except GivenUp:
            raise ModelError(
                f"{path.name} was not ready within {self._patience_s():g} s, which it has to be; "
                "does its graph have a loop without end?"
            ) from None
        except Exception as cause:
            why = in_a_line(cause)
            raise ModelError(f"{path.name} can't be loaded here: {why}") from cause
        if self._closed:
            _drop(opened)
            raise ModelError("The service has ended.")
        return opened

    def _patience_s(self) -> float:
        """Seconds that a model may take to load."""
        on_gpu = choose(self._layouts.providers)[0].on_gpu
        return LOADING_ON_GPU_S if on_gpu else LOADING_S

    def _open(self, path: Path, stops: Stops, admits: Callable[[str, str], bool]) -> LoadedModel:
        file = read_model_file(path)
        if not admits(file.card.name, file.card.version):
            raise _WithheldModel
        layouts = self._own.of(file.card).layouts(self._layouts)
        tuning = layouts.tuning_of(file)
        layout = layouts.decide(tuning)
        session = Session(file, providers=self._layouts.providers, layout=layout)
        stops.add(session.close)
        try:
            classifier = self._classifier(session, layout, tuning)
        except BaseException:
            session.close()
            raise
        identity = answers_identity(file, session.provider)
        loaded = LoadedModel(classifier, file.path, file.modified, identity, file.maps)
        _log_layout(loaded, layout, tuning)
        return loaded

    def _classifier(self, session: Session, layout: Layout, tuning: Tuning | None) -> Classifier:
        limits = self._own.of(session.card).limits(self._limits)
        return Classifier(
            session,
            self._decoders,
            replace(limits, slots=layout.slots, max_batch_size=layout.max_batch_size),
            self._observe(session.card.name) if self._observe else None,
            self._backlog,
            batch_cost=tuning.run if tuning else None,
            apart=self._apart,
        )

    def unload(self, name: str, version: str | None = None) -> None:
        """Take a model away, or one version of it; what it accepted is still answered.

        It stays away when all is refreshed, until ``withheld`` admits it again.

        Raises:
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        with self._changing:
            gone = [self.get(name, version)] if version else self._versions(name)
            self.withheld = self.withheld.withholding(name, version)
            self._install([one for one in self.loaded() if one not in gone])
        _retire(gone)

    def refresh(
        self, wanted: Iterable[Wanted | Path], order: Callable[[LoadedModel], int] | None = None
    ) -> dict[Path, ModelError]:
        """Serve these files and no others, but for what is withheld; load what is new or changed.

        All of it changes at once, when the new ones are warm. Where a file can't be used, what was
        loaded from it before stays. Of two files of one name and version the first one serves.

        Args:
            wanted: the files.
            order: sorts the models, of which the first is the default; as the files stand if None.

        Returns:
            Why files can't be used; not of those that were known to be unusable.

        """
        with self._changing:
            before = {loaded.path: loaded for loaded in self.loaded()}
            failed: dict[Path, ModelError] = {}
            chosen: dict[tuple[str, str], LoadedModel] = {}
            for file in wanted:
                one = Wanted(file) if isinstance(file, Path) else file
                old = before.get(one.path) or (before.get(one.former) if one.former else None)
                model = self._renewed(one, old, failed)
                if model and chosen.setdefault(model.name_and_version, model) is not model:
                    failed[one.path] = _double(one.path)
                    _close_all([model] if model is not old else [])
            self._install(sorted(chosen.values(), key=order) if order else chosen.values())
        _retire([one for one in before.values() if one not in chosen.values()])
        return failed

    def _renewed(
        self, wanted: Wanted, old: LoadedModel | None, failed: dict[Path, ModelError]
    ) -> LoadedModel | None:
        """The model of a file, which may be the old one; ``failed`` has why it isn't a new one."""
        if wanted.is_unusable or (old and old.path == wanted.path and old.is_current):
            return old
        try:
            return self._opened(wanted.path, self.withheld)
        except _WithheldModel:
            return None
        except ModelError as error:
            failed[wanted.path] = error
            return old

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

    def versions(self, name: str) -> Mapping[str, LoadedModel]:
        """All loaded versions of a model, the newest last; none if it isn't loaded."""
        return self._table.get(name, {})

    def loaded(self) -> list[LoadedModel]:
        """All that is loaded, in the order of loading."""
        return [loaded for versions in self._table.values() for loaded in versions.values()]

    def not_ready(self) -> str | None:
        """Why not every model can be relied on right now, in a sentence; None if all can."""
        if not self._table:
            return "No model is loaded."
        return next(filter(None, (loaded.classifier.not_ready() for loaded in self.loaded())), None)

    def close(self, timeout_s: float | None = None) -> None:
        """Answer what was accepted, then end every model, and the threads that decode.

        A load that is under way ends what it has opened.

        Args:
            timeout_s: after so many seconds in all, what still runs is left behind.

        """
        self._closed = True
        _close_all(self.loaded(), timeout_s)
        self._table = {}
        self._apart.close(timeout_s)
        self._decoders.shutdown(wait=timeout_s is None, cancel_futures=True)

    def _versions(self, name: str | None) -> list[LoadedModel]:
        table = self._table
        versions = next(iter(table.values()), None) if name is None else table.get(name)
        if versions is None:
            raise UnknownModel(_unknown(name, table))
        return list(versions.values())

    def _install(self, models: Iterable[LoadedModel]) -> None:
        """Let these models answer, and no others; a closed fleet has none."""
        table: dict[str, dict[str, LoadedModel]] = {}
        for one in models:
            name, version = one.name_and_version
            table.setdefault(name, {})[version] = one
        self._table = {
            name: dict(sorted(versions.items(), key=lambda item: _age(item[0])))
            for name, versions in table.items()
        }


def _double(path: Path) -> Double:
    return Double(f"{path.name} has the name and version of another; serve one.")


def _apart(decoding_bytes: int) -> Apart:
    """Processes for costly photographs, of the memory that plain ones leave."""
    left = decoding_bytes - cores() * PLAIN_BYTES
    count = max(1, min(cores() // 2, left // _COSTLY_BYTES))
    return Apart(DecoderProcesses(count, memory_bytes=max(_LEAST_BYTES, left // count)), count)


def _retire(models: Sequence[LoadedModel]) -> None:
    """End models that were just taken away: whoever has found one may still submit to it."""
    if models:
        time.sleep(FOUND_S)
    _close_all(models)
    for one in models:
        log.info("%s: version %s is unloaded, or replaced", *one.name_and_version)


def _close_all(models: Iterable[LoadedModel], timeout_s: float | None = None) -> None:
    end = None if timeout_s is None else time.monotonic() + timeout_s
    for one in models:
        one.close(None if end is None else max(0.0, end - time.monotonic()))


def _drop(opened: LoadedModel) -> None:
    """End a model that nobody has used."""
    opened.close(0)


def _age(version: str) -> list[tuple[int, str]]:
    """Orders versions as people do: 9 comes before 10, and 1.9 before 1.10."""
    parts = re.findall(r"\d+|\D+", version)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


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
    # The name is the client's, and may be as long as a message: comparing takes long, and an absurd
    # one would fill the answer.
    name = name[:_MOST_SHOWN]
    close = get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(table)}."
    return f"There is no model {name!r}; {hint}"
