"""The cache of answers: within its bytes, counted honestly; the least recently used goes first."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from service.engine import cache
from service.engine.cache import AnswerCache, answer_key

VALUE_BYTES = 600  # about an answer with five labels


def key(number: int) -> bytes:
    return answer_key(bytes(32), 5, b"%d" % number)


def filled(held: AnswerCache, count: int) -> int:
    """How many values had to go."""
    return sum(held.put(key(number), bytes(VALUE_BYTES)) for number in range(count))


def test_what_was_put_is_there_and_nothing_else() -> None:
    held = AnswerCache(10_000)
    assert held.put(key(1), b"one") == 0
    assert (held.get(key(1)), held.get(key(2)), len(held)) == (b"one", None, 1)
    held.put(key(1), b"another")
    assert (held.get(key(1)), len(held)) == (b"another", 1)


@pytest.mark.parametrize("max_bytes", [1, 1_000, 2_000, 10_000, 100_000, 250_000])
def test_a_thousand_different_answers_never_take_more_than_allowed(max_bytes: int) -> None:
    held = AnswerCache(max_bytes)
    evicted = 0
    for number in range(1000):
        evicted += held.put(key(number), bytes(VALUE_BYTES))
        assert held.bytes_held <= max_bytes
    assert len(held) + evicted == (1000 if max_bytes > 1_000 else 0)


def test_most_of_what_is_allowed_is_used() -> None:
    held = AnswerCache(1_000_000)
    filled(held, 3000)
    assert held.bytes_held > 950_000


@pytest.mark.parametrize("count", [10, 500, 5000])
def test_the_bytes_are_those_that_the_memory_allocator_gives(count: int) -> None:
    held = AnswerCache(10**9)
    tracemalloc.start()
    try:
        filled(AnswerCache(10**9), count)  # what is needed once, such as frames, is there now
        gc.collect()
        before = allocated_by(__file__, cache.__file__)
        filled(held, count)
        used = allocated_by(__file__, cache.__file__) - before
    finally:
        tracemalloc.stop()
    assert held.bytes_held == pytest.approx(used, rel=0.02, abs=200)


def allocated_by(*files: str) -> int:
    """Bytes that these files' lines asked for and still hold; other threads' do not count."""
    filters = [tracemalloc.Filter(inclusive=True, filename_pattern=file) for file in files]
    traces = tracemalloc.take_snapshot().filter_traces(filters).traces
    return sum(trace.size for trace in traces)


def test_the_least_recently_used_goes_first() -> None:
    held = AnswerCache(10_000)
    count = 0
    while held.put(key(count), bytes(VALUE_BYTES)) == 0:
        count += 1
    assert held.get(key(0)) is None
    assert held.get(key(1)) is not None  # and so 2 is the one that was used longest ago
    assert held.put(key(count + 1), bytes(VALUE_BYTES)) == 1
    assert held.get(key(1)) is not None
    assert held.get(key(2)) is None


def test_what_is_larger_than_all_room_drives_nobody_out() -> None:
    held = AnswerCache(10_000)
    held.put(key(1), b"small")
    assert held.put(key(2), bytes(10_000)) == 0
    assert (held.get(key(1)), held.get(key(2))) == (b"small", None)


def test_a_key_depends_on_photograph_model_and_parameters() -> None:
    keys = {
        answer_key(bytes(32), 5, b"photo"),
        answer_key(bytes(32), 6, b"photo"),
        answer_key(bytes(32), 5, b"photo."),
        answer_key(bytes(31) + b"1", 5, b"photo"),
        answer_key(bytes(32), 5, b"photo", frozenset({"region"})),
        answer_key(bytes(32), 5, b"photo", frozenset({"region", "cells"})),
        answer_key(bytes(32), 5, b"ionphoto", frozenset({"reg"})),
    }
    assert len(keys) == 7
    assert answer_key(bytes(32), 5, b"photo") in keys
