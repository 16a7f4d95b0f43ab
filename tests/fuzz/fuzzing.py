"""How long the fuzzers look, and what they make of a sound file.

``FUZZ_EXAMPLES=100000 .venv/bin/python -m pytest tests/fuzz`` looks longer, each time elsewhere.
What it finds is to be kept as an ``@example`` of that test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

__all__ = ["damaged", "fuzzed", "outcome"]

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Exception)

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")

fuzzed = settings(
    max_examples=int(EXAMPLES or 150),
    derandomize=not EXAMPLES,
    database=None,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def damaged(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """One of these files, with bytes replaced, put in, repeated or left out."""
    data = bytearray(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        data[start:end] = draw(st.binary(max_size=8) | st.just(bytes(data[start:end]) * 2))
    return bytes(data[: draw(st.integers(0, len(data)) | st.none())])


def outcome(work: Callable[[], _T], refusal: type[_E]) -> _T | _E:
    """What comes of it: a value, or a refusal; any other error is the test's failure."""
    try:
        return work()
    except refusal as error:
        return error
