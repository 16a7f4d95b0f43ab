"""Start-up: load the models, or say why not; then open the page. And loading them anew."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from models.errors import UserError
from models.shelf import find_model, shelf
from service.machine import give_back_memory, memory_bytes, resident_bytes
from service.run.page import PageMount
from service.settings import BadSettings, Settings
from service.web.state import ServiceState

__all__ = [
    "beside",
    "budget_memory",
    "decoding_bytes",
    "keep_small",
    "memory_of",
    "reload",
    "start",
    "wanted_files",
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


async def start(state: ServiceState, page: PageMount) -> None:
    """Load what the settings ask for, then open the page; say in ``state`` why that can't be."""
    state.fatal = await beside(lambda: _load(state))
    if state.fatal:
        return
    _freeze_garbage()
    budget_memory(state)
    state.started = True
    log.info("ready: %s", ", ".join(one.card.name for one in state.fleet.loaded()))
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
    failure = await beside(lambda: _load(state))
    _freeze_garbage()
    _prepare_explanations(state)
    budget_memory(state)
    if failure:
        log.warning("%s What was loaded stays.", failure)


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


def wanted_files(settings: Settings) -> dict[Path, bool]:
    """The files of the models that the settings ask for, the default one first.

    Returns:
        Of each file, whether it is asked for by its name: what * stands for need not be usable.

    Raises:
        ModelNotFound: there is no such file.

    """
    files: dict[Path, bool] = {}
    for wanted in settings.models:
        if wanted == "*":
            for path in shelf(settings.model_dir).values():
                files.setdefault(path, False)
        else:
            files[find_model(wanted, settings.model_dir)] = True
    return files


def _load(state: ServiceState) -> str | None:
    """Load what is wanted and not loaded yet, unload the rest; say what went wrong, if it did."""
    with state.loading:  # one at a time, however many SIGHUPs there were
        state.reload_waits = False
        state.metrics.models_complete.set(0)
        try:
            _refresh(state)
        except UserError as error:
            state.metrics.count_load("unusable")
            return str(error)
        except Exception as error:
            log.exception("loading failed")
            state.metrics.count_load("error")
            return f"The models could not be loaded: {type(error).__name__}; the log says more."
        state.metrics.count_load("ok")
        return None


def _refresh(state: ServiceState) -> None:
    """Load what is wanted; tell what * stands for and can't be used, and go on without it."""
    files = wanted_files(state.settings)
    optional = {path for path, named in files.items() if not named}
    passed_over = state.fleet.refresh(files, optional)
    for why in passed_over:
        log.warning("%s It was asked for by * alone, so the other models are served.", why)
    state.metrics.models_unusable.set(len(passed_over))


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
