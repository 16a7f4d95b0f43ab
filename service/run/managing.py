"""Loads and unloads models because somebody asks for it, beside serving and one at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from booth_client.errors import (
    BoothError,
    Overloaded,
    RepositoryUnreachable,
    UnusableModel,
)
from service.fleet.repository import told_of
from service.fleet.store import StoreError
from service.run.startup import Outcome, beside, load_now, renew
from service.web.problems import unforeseen
from service.web.state import ServiceState

__all__ = ["Management"]

log = logging.getLogger(__name__)

MOST_WAITING = 8


class Management:
    """What the management routes do.

    Args:
        state: of the service whose models they are.

    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._waiting = 0

    async def load(self, name: str, version: str | None = None) -> None:
        """Load the newest file of a model, or of one version, if it isn't loaded already.

        Raises:
            Starting, Overloaded: not now.
            RepositoryUnreachable: the repository, or the file, can't be read.
            UnusableModel: the file can't be used.
            UnknownModel, UnknownVersion: there is no such file.

        """
        await self._do(lambda: self._load(name, version))

    async def unload(self, name: str, version: str | None = None) -> None:
        """Unload a model, or one version of it, until it is loaded again or the service ends.

        Raises:
            Starting, Overloaded: not now.
            UnknownModel, UnknownVersion: it isn't loaded.

        """
        await self._do(lambda: self._unload(name, version))

    async def _do(self, work: Callable[[], None]) -> None:
        self._state.check_started()
        if self._waiting >= MOST_WAITING:
            raise Overloaded("Many loads wait already; try again later.", retry_after_s=5)
        self._waiting += 1
        before = self._state.fleet.loaded()
        try:
            error = await beside(lambda: _error_of(work))
        finally:
            self._waiting -= 1
        if self._state.fleet.loaded() != before:
            renew(self._state)
        if error:
            raise error

    def _load(self, name: str, version: str | None) -> None:
        unreachable = self._look()
        fleet = self._state.fleet
        with self._state.loading:
            before = fleet.withheld
            fleet.withheld = before.admitting(name, version)
            outcome = load_now(self._state)
            is_loaded = name in _loaded(self._state, version)
            if not is_loaded:
                fleet.withheld = before
        if outcome.failure:
            log.warning("%s What was loaded stays.", outcome.failure)
        if unreachable:
            raise unreachable
        if not (is_loaded and version):
            self._raise_why_not(name, outcome)
        fleet.get(name, version)

    def _look(self) -> RepositoryUnreachable | None:
        """Look into the repository; the answer, where that can't be."""
        try:
            if self._state.repository:
                self._state.repository.poll(settle=False)
        except StoreError:
            return RepositoryUnreachable(
                "The repository can't be read now; the log says why.", retry_after_s=10
            )
        return None

    def _raise_why_not(self, name: str, outcome: Outcome) -> None:
        """Raise what kept the model's newest file from being served, if anything did."""
        if self._state.repository:
            why_not, is_there = self._state.repository.why_not(name)
            if not is_there:
                raise RepositoryUnreachable(
                    "The model's file can't be read now; the log says why.", retry_after_s=10
                )
            if why_not:
                raise UnusableModel(why_not)
        names = {one.path: one.card.name for one in self._state.fleet.loaded()}
        for path, error in outcome.failed.items():
            if name in (path.stem, names.get(path)):
                raise UnusableModel(told_of(error, path, path.name))

    def _unload(self, name: str, version: str | None) -> None:
        with self._state.loading:
            self._state.fleet.unload(name, version)


def _loaded(state: ServiceState, version: str | None) -> set[str]:
    """The names of the models that are loaded, in that version."""
    return {one.card.name for one in state.fleet.loaded() if version in (None, one.card.version)}


def _error_of(work: Callable[[], None]) -> BoothError | None:
    try:
        work()
    except BoothError as error:
        return error
    except Exception as error:  # noqa: BLE001 (told as every fault of ours)
        return unforeseen(error)
    return None
