"""The model repository: which of its files are to be served, looked at again and again."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from models.errors import ModelError
from service.fleet.fleet import Double, LoadedModel, Wanted
from service.fleet.json_object import BadObject
from service.fleet.rollout import Plan, plans_in
from service.fleet.store import MOST_BYTES, PLAN, Entry, Store, StoreError

__all__ = ["Repository", "told_of"]

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
_MOST_PLAN_BYTES = 1_000_000
_VERSION_BEHIND = re.compile(r"[-_.@ ]v?\d[\w.-]*")  # places365-2, places365_v1.1


@dataclass(slots=True)
class _File:
    """A model file as it was when it was fetched last.

    Attributes:
        stamp: of the store's file.
        path: where it lies here; None as long as it could not be fetched.
        former: the file before, which was loaded.
        model: the name of the model that was loaded of it.
        asked: the stamp when it went to the fleet.
        trouble: it can't be fetched, in a sentence.
        why_not: it can't be used, in a sentence.
        is_unusable: whether trying again is of no use, as long as it is the same.

    """

    stamp: str = ""
    path: Path | None = None
    former: Path | None = None
    model: str = ""
    asked: str = ""
    trouble: str = ""
    why_not: str = ""
    is_unusable: bool = False


class Repository:
    """Looks at a store, and keeps what is to be served of it. Safe to use from many threads.

    It loads nothing: ``wanted`` goes to the fleet, and what became of it comes back to ``learn``.

    Args:
        store: the files.
        replace_plans: takes over what ``rollout.json`` says.
        most_bytes: of a model file.

    Attributes:
        last_success_s: when the store was last read, in seconds since 1970; 0 for never.
        failures: how often it, or a file of it, could not be read.
        is_news: whether ``wanted`` gives something else than the last time.

    """

    def __init__(
        self,
        store: Store,
        replace_plans: Callable[[Mapping[str, Plan]], object],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._most_bytes = min(most_bytes, MOST_BYTES)
        self._store = store
        self._replace_plans = replace_plans
        self._polling = threading.Lock()
        self._seen: dict[str, Entry] = {}
        self._files: dict[str, _File] = {}
        self._plan_stamp = ""
        self._trouble = ""
        self.last_success_s = 0.0
        self.failures = 0
        self.is_news = False

    def poll(self, *, settle: bool = True) -> None:
        """Look at the store, and fetch what is new or changed.

        Args:
            settle: take only what is as it was the time before, where the store may show files
                that are being written.

        Raises:
            StoreError: it can't be read, or has nothing in it any more; all stays as it was.

        """
        # Where a folder hangs, whoever began to look hangs with it, but nobody else.
        if not self._polling.acquire(timeout=PATIENCE_S):
            raise StoreError("The repository is still being read, which takes long.")
        try:
            self._look(settle=settle)
        finally:
            self._polling.release()

    def wanted(self) -> list[Wanted]:
        """The files to serve, by their paths in the repository."""
        self.is_news = False
        wanted = []
        for _, file in sorted(self._files.items()):
            if file.path:
                file.asked = file.stamp
                wanted.append(Wanted(file.path, file.former, file.is_unusable))
        return wanted

    def learn(self, failed: Mapping[Path, ModelError], loaded: Iterable[LoadedModel]) -> int:
        """Take in what became of the files; what can't be used is told once.

        Returns:
            How many of all files can't be used; those of former times as well.

        """
        names = {one.path: one.card.name for one in loaded}
        files = dict(self._files)
        for key, file in files.items():
            if file.path is None or file.asked != file.stamp:
                continue
            if file.path in failed:
                self._blame(file, key, failed[file.path])
            elif file.path in names and not file.is_unusable:
                file.former, file.model, file.why_not = file.path, names[file.path], ""
        return sum(bool(file.why_not) for file in files.values())

    def why_not(self, name: str) -> tuple[str, bool]:
        """Why the newest file of a model is not served: a sentence, and whether it could be read.

        What can't be read tells no name; then its path has to.
        """
        for key, file in sorted(self._files.items(), reverse=True):
            why_not = file.trouble or file.why_not
            if why_not and name in (file.model, *_names_of(key)):
                return why_not, not file.trouble
        return "", True

    def _blame(self, file: _File, key: str, error: ModelError) -> None:
        assert file.path  # noqa: S101 (it went to the fleet)
        why_not = told_of(error, file.path, key)
        if why_not != file.why_not:
            log.warning("%s The other models are served.", why_not)
        file.why_not, file.is_unusable = why_not, not isinstance(error, Double)

    def _look(self, *, settle: bool) -> None:
        try:
            entries = self._listed()
        except StoreError as error:
            self.failures += 1
            self._tell(str(error))
            raise
        if self._trouble:
            log.info("The repository can be read again.")
        self._trouble = ""
        whole = {key: one for key, one in entries.items() if self._is_whole(one, settle=settle)}
        self._seen = entries
        self._follow(entries, whole)
        self.last_success_s = time.time()

    def _listed(self) -> dict[str, Entry]:
        entries = self._store.entries()
        if self._files and not entries.keys() - {PLAN}:
            # As a folder looks whose volume is not mounted.
            raise StoreError("The repository is empty.")
        return entries

    def _is_whole(self, entry: Entry, *, settle: bool) -> bool:
        return self._store.is_atomic or not settle or self._seen.get(entry.key) == entry

    def _follow(self, entries: Mapping[str, Entry], whole: Mapping[str, Entry]) -> None:
        """Be as the store is; the plan first, so that it holds when its versions come."""
        if PLAN not in entries or PLAN in whole:
            self._take_plan(entries.get(PLAN))
        for key in self._files.keys() - entries.keys():
            del self._files[key]
            self.is_news = True
        for key, entry in whole.items():
            if key != PLAN:
                self._take(self._files.setdefault(key, _File()), entry)
        paths = {path for one in self._files.values() for path in (one.path, one.former) if path}
        self._store.keep(paths)

    def _take(self, file: _File, entry: Entry) -> None:
        """Fetch a file that is another one than before, or could not be fetched then."""
        is_here = file.path and file.path.exists()
        if file.stamp == entry.stamp and (is_here or file.is_unusable):
            return
        if (entry.size or 0) > self._most_bytes:
            self._refuse(file, entry)
            return
        try:
            path = self._store.fetch(entry)
        except StoreError as error:
            self.failures += 1
            if not file.trouble:
                log.warning("%s It is tried again.", error)
            file.trouble = str(error)
            return
        file.stamp, file.path, file.trouble = entry.stamp, path, ""
        file.why_not, file.is_unusable = "", False
        self.is_news = True

    def _refuse(self, file: _File, entry: Entry) -> None:
        """Say that a file is too large to be fetched; its former one stays."""
        file.stamp, file.is_unusable = entry.stamp, True
        size, most = entry.size, self._most_bytes
        file.why_not = f"{entry.key} has {size} bytes, and a model file may have {most} here."
        log.warning("%s The other models are served.", file.why_not)

    def _take_plan(self, entry: Entry | None) -> None:
        stamp = entry.stamp if entry else ""
        if stamp == self._plan_stamp:
            return
        try:
            plans = plans_in(self._read_plan(entry)) if entry else {}
        except StoreError as error:
            self.failures += 1
            log.warning("%s The rollout stays.", error)
            return
        except BadObject as error:
            log.warning("%s of the repository won't do: %s The rollout stays.", PLAN, error)
        else:
            self._replace_plans(plans)
        self._plan_stamp = stamp

    def _read_plan(self, entry: Entry) -> bytes:
        try:
            with self._store.fetch(entry).open("rb") as file:
                content = file.read(_MOST_PLAN_BYTES + 1)
        except OSError as cause:
            raise StoreError(f"{PLAN} can't be read: {cause.strerror}.") from None
        if len(content) > _MOST_PLAN_BYTES:
            raise BadObject(f"It has more than {_MOST_PLAN_BYTES} bytes.")
        return content

    def _tell(self, trouble: str) -> None:
        if not self._trouble:
            log.warning("%s What is loaded stays.", trouble)
        self._trouble = trouble


def _names_of(key: str) -> set[str]:
    """The names that a model may have by its file's path: ``places365/2/model.onnx``."""
    first = key.partition("/")[0]
    stem = key.rpartition("/")[2].rpartition(".")[0]
    return {first, stem, _VERSION_BEHIND.sub("", stem)}


def told_of(error: ModelError, path: Path, key: str) -> str:
    """What went wrong with a file, told of its path in the repository and not on this machine."""
    sentence = str(error)
    for known in (quote(str(path)), str(path), path.name):
        sentence = sentence.replace(known, "\0")
    return sentence.replace("\0", key)
