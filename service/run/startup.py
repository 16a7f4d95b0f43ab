"""Start-up: load the models, or say why not; then open the page. And loading them anew."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from models.errors import ModelError, UserError
from models.shelf import ModelNotFound, find_model, shelf
from service.fleet.fleet import LoadedModel, Wanted
from service.fleet.repository import Repository
from service.fleet.store import StoreError
from service.machine import give_back_memory, memory_bytes, resident_bytes
from service.run.page import PageMount
from service.settings import BadSettings, Settings
from service.web.state import ServiceState

__all__ = [
    "Outcome",
    "beside",
    "budget_memory",
    "decoding_bytes",
    "keep_small",
    "load",
    "load_now",
    "memory_of",
    "reload",
    "renew",
    "start",
    "wanted_files",
    "watch",
]

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# Bytes that come on top of what is held after the start: the shipped models' batches took 100 MB
# when 16 clients asked at once, and 400 connections what they had read before they were refused.
_WORKING = 128_000_000

# One part in so many is lost in gaps between what the C library has given and taken back; bodies of
# no known length, which grow in steps, left the most.
_GAPS = 8

# Bytes held by requests: so many are more than usual, and so few mean that it is over.
_STORM, _CALM = 64_000_000, 16_000_000

# In the largest bodies, what requests may hold at least: the JSON of one client's alone takes four
# for a moment, and one client may have three quarters.
_LEAST_BODIES = 6

_MOST_DECODING = 4_000_000_000

# For how long the repository may be away before the start is given up.
REACHING_S = 60.0


async def start(state: ServiceState, page: PageMount) -> None:
    """Load what the settings ask for, then open the page; say in ``state`` why that can't be."""
    state.fatal = await beside(lambda: _reach(state) or load(state).failure)
    if state.fatal:
        return
    _freeze_garbage()
    budget_memory(state)
    state.started = True
    names = ", ".join(one.card.name for one in state.fleet.loaded())
    log.info("ready: %s", names or "no model is in the repository yet")
    if page.is_wanted:
        await page.open()
        _prepare_explanations(state)
        budget_memory(state)  # the page takes its own


async def reload(state: ServiceState) -> None:
    """Read the keys and load the models anew; where one fails, it stays, and the log says why.

    Where another reload of the models has yet to begin, that one will do.
    """
    another_waits, state.reload_waits = state.reload_waits, True
    if state.settings.api_keys_file and (failure := await beside(lambda: _reload_keys(state))):
        log.warning("%s The keys stay.", failure)
    if another_waits:
        return
    failure = await beside(lambda: _load_anew(state))
    renew(state)
    if failure:
        log.warning("%s What was loaded stays.", failure)


async def watch(state: ServiceState, repository: Repository) -> None:
    """Follow the repository, look by look; each replica at times of its own."""
    poll_s = state.settings.repository_poll_ms / 1000
    while poll_s:
        await asyncio.sleep(poll_s * random.uniform(0.9, 1.1))  # noqa: S311 (nobody has to guess)
        try:
            if state.started:
                await _follow(state, repository)
        except Exception:
            log.exception("following the repository failed; it is tried again")


async def _follow(state: ServiceState, repository: Repository) -> None:
    await beside(lambda: _look(repository))
    if not repository.is_news:
        return
    failure = (await beside(lambda: load(state))).failure
    renew(state)
    if failure:
        log.warning("%s What was loaded stays.", failure)


def renew(state: ServiceState) -> None:
    """What has to be done after models have come or gone."""
    _freeze_garbage()
    _prepare_explanations(state)
    budget_memory(state)


def _load_anew(state: ServiceState) -> str | None:
    """Look into the repository, then load what is wanted; what went wrong, if it did."""
    if state.repository:
        with state.loading:  # who asks from now on wants to see what comes after this look
            state.reload_waits = False
        _look(state.repository, settle=False)
    return load(state).failure


def _look(repository: Repository, *, settle: bool = True) -> str | None:
    """Look into the repository, which tells what went wrong; that, if it did."""
    try:
        repository.poll(settle=settle)
    except StoreError as error:
        return str(error)
    except Exception as error:
        log.exception("looking into the repository failed")
        return f"The repository can't be read: {type(error).__name__}."
    return None


def _reach(state: ServiceState) -> str | None:
    """Look into the repository for the first time, again and again; why that can't be."""
    end, pause_s = time.monotonic() + REACHING_S, 0.5
    while state.repository and (failure := _look(state.repository, settle=False)):
        if state.draining or time.monotonic() + pause_s > end:
            return f"{failure} It was tried for {REACHING_S:g} s; put BOOTH_REPOSITORY right."
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)
    return None


def _prepare_explanations(state: ServiceState) -> None:
    """Begin to load what explains answers, where the page asks for that with each photograph."""
    if state.settings.demo and not state.settings.asks_for_keys:
        for model in state.fleet.loaded():
            model.classifier.session.explainer()


def memory_of(settings: Settings) -> int:
    """Bytes of memory that the process may hold, models included."""
    return settings.memory_bytes or 3 * memory_bytes() // 4


def decoding_bytes(settings: Settings) -> int:
    """Of these, the bytes that are kept for decoding, some of it in processes of their own."""
    return min(memory_of(settings) // 3, _MOST_DECODING)


def budget_memory(state: ServiceState) -> None:
    """Leave to the requests what the process does not hold already; warn where that is little."""
    settings = state.settings
    total = memory_of(settings)
    held = resident_bytes() - state.memory.held + decoding_bytes(settings) + _WORKING
    least = _LEAST_BODIES * settings.max_body_bytes
    left = (total - held) * (_GAPS - 1) // _GAPS
    state.memory.size = max(left, least)
    if left < least:
        log.warning(
            "The models, their work and decoding take %d MB, which leaves too little of "
            "BOOTH_MEMORY_BYTES (%d MB); requests may hold %d MB all the same, so raise it to at "
            "least %d MB.",
            *(size // 1_000_000 for size in (held, total, least, held + least)),
        )


def _reload_keys(state: ServiceState) -> str | None:
    try:
        state.api_keys.reload()
    except BadSettings as error:
        return str(error)
    log.info("API keys that are valid: %d", len(state.api_keys))
    return None


async def keep_small(state: ServiceState, *, every_s: float = 5) -> None:
    """After a storm of requests, give their memory back; left alone, the process would keep it."""
    peak = 0
    while True:
        await asyncio.sleep(every_s)
        peak = max(peak, state.memory.take_peak())
        if peak > _STORM and state.memory.held < _CALM:
            gc.collect()  # a closed connection may be part of a cycle, with what it has read
            await asyncio.to_thread(give_back_memory)
            peak = 0


def wanted_files(settings: Settings) -> dict[Path | str, bool]:
    """The files of the models that the settings ask for, the default one first.

    Returns:
        Of each file, whether it is asked for by its name: what * stands for need not be usable. In
        place of a file the name alone, of a model that the repository has to have.

    Raises:
        ModelNotFound: there is no such file.

    """
    files: dict[Path | str, bool] = {}
    if settings.repository and "models" not in settings.model_fields_set:
        return files
    for wanted in settings.models:
        if wanted == "*":
            for path in shelf(settings.model_dir).values():
                files.setdefault(path, False)
        else:
            files[_file_of(wanted, settings)] = True
    return files


def _file_of(wanted: str, settings: Settings) -> Path | str:
    try:
        return find_model(wanted, settings.model_dir)
    except ModelNotFound:
        if not settings.repository:
            raise
        return wanted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a load of all models.

    Attributes:
        failure: what went wrong, in a sentence for the log; None where nothing did.
        failed: the files of ``BOOTH_MODELS`` that can't be used.

    """

    failure: str | None = None
    failed: Mapping[Path, ModelError] = field(default_factory=dict)


def load(state: ServiceState) -> Outcome:
    """Load what is wanted and not loaded yet, unload the rest."""
    with state.loading:  # one at a time, however many ask for it
        state.reload_waits = False
        return load_now(state)


def load_now(state: ServiceState) -> Outcome:
    """As ``load``, by who holds ``state.loading``."""
    state.metrics.models_complete.set(0)
    try:
        outcome = _refresh(state)
    except UserError as error:
        outcome = Outcome(str(error))
    except Exception as error:
        log.exception("loading failed")
        state.metrics.count_load("error")
        return Outcome(f"The models could not be loaded: {type(error).__name__}; the log has more.")
    state.metrics.count_load("unusable" if outcome.failure else "ok")
    return outcome


def _refresh(state: ServiceState) -> Outcome:
    """Load what is wanted; tell what * stands for and can't be used, and go on without it."""
    files, repository = wanted_files(state.settings), state.repository
    further = repository.wanted() if repository else []
    wanted = [Wanted(path) for path in files if isinstance(path, Path)]
    wanted += [one for one in further if one.path not in files]
    failed = state.fleet.refresh(wanted, partial(_position, [*files]))
    unusable = repository.learn(failed, state.fleet.loaded()) if repository else 0
    failed = {path: error for path, error in failed.items() if path in files}
    passed_over = [error for path, error in failed.items() if not files[path]]
    state.metrics.models_unusable.set(len(passed_over) + unusable)
    if failed and (len(passed_over) < len(failed) or not (repository or state.fleet.loaded())):
        return Outcome(" ".join(map(str, failed.values())), failed)
    for why in passed_over:
        log.warning("%s It was asked for by * alone, so the other models are served.", why)
    return Outcome(_missing(state, files))


def _position(order: Sequence[Path | str], model: LoadedModel) -> int:
    """Where a model stands: as it is asked for, by its file or its name; last if it isn't."""
    places = [order.index(one) for one in (model.path, model.card.name) if one in order]
    return min(places, default=len(order))


def _missing(state: ServiceState, files: Collection[Path | str]) -> str | None:
    """Of the models that the repository has to have, those that are not there."""
    names = [
        name
        for name in files
        if isinstance(name, str)
        and not state.fleet.versions(name)
        and name not in state.fleet.withheld.names
    ]
    if not names:
        return None
    return (
        f"BOOTH_MODELS asks for {', '.join(names)}, which neither BOOTH_MODEL_DIR nor the "
        "repository has."
    )


async def beside(work: Callable[[], _T]) -> _T:
    """As ``asyncio.to_thread``, but the end of the process does not wait for it.

    ``work`` raises nothing.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def tell(result: _T) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        result = work()
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(tell, result)

    threading.Thread(target=run, name="booth-load", daemon=True).start()
    return await done


def _freeze_garbage() -> None:
    """Leave what was loaded out of the garbage collector's rounds, and make these rarer.

    A request leaves no cycles behind, but enough objects to set off a round every other request.
    What was unloaded since the last time may hold itself in cycles, and is let go here.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
