"""Decoding has two ways of equal standing: with the extra ``fast``, and with Pillow alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.photo import jpeg, resample


@pytest.fixture(scope="module", params=["fast", "pillow"])
def decoder(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a module's tests in both ways: with what the extra brings, and without it."""
    way: str = request.param
    if way == "fast":
        pytest.importorskip("simplejpeg")
        pytest.importorskip("cykooz_resizer")
    with pytest.MonkeyPatch.context() as patch:
        if way == "pillow":
            patch.setattr(jpeg, "simplejpeg", None)
            patch.setattr(resample, "cykooz", None)
        yield way
