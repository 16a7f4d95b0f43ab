"""Whatever bytes a stranger sends as a photograph: its pixels, or an error of one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from booth_client.errors import BoothError
from models.card import Input
from service.photo.decode import decode
from service.photo.formats import FORMATS
from tests.fuzz.fuzzing import damaged, fuzzed, outcome
from tests.service.photo import heif

WANTED = Input(size=16, resize=16)
STARTS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF"]
STARTS += [b"\0\0\0\x14ftyp" + brand + bytes(4) + brand for brand in (b"avif", b"heic")]
MODES = {
    "JPEG": ["L", "RGB", "CMYK"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "GIF": ["L", "P"],
    "BMP": ["1", "L", "P", "RGB"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "F", "I;16"],
    "WEBP": ["RGB", "RGBA"],
    "AVIF": ["L", "RGB", "RGBA"],
    **({"HEIC": ["L", "RGB", "RGBA"]} if "HEIC" in FORMATS else {}),
}


def saved(form: str, mode: str, **options: object) -> bytes:
    grey = Image.new("L", (20, 12), 9)
    image = grey.convert("P") if mode == "P" else Image.new(mode, (20, 12))
    return heif.saved(image, form, **options)


def grid_of(form: str) -> bytes:
    tiles = [heif.coded(Image.new("RGB", (64, 64)), form)] * 2
    return heif.container([heif.grid(1, 2, 100, 50), *tiles], ((b"dimg", 1, (2, 3)),))


SOUND = {
    **{f"{form} {mode}": saved(form, mode) for form in MODES for mode in MODES[form]},
    "JPEG progressive": saved("JPEG", "RGB", progressive=True),
    "WEBP lossless": saved("WEBP", "RGBA", lossless=True),
    "AVIF animated": saved("AVIF", "RGB", save_all=True, append_images=[Image.new("L", (20, 12))]),
    **{f"{form} grid": grid_of(form) for form in ("AVIF", "HEIC") if form in FORMATS},
    **{
        f"TIFF {name}": saved("TIFF", "RGB", compression=name)
        for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")
    },
}


def decodes_or_says_why(data: bytes) -> None:
    found = outcome(lambda: decode(data, WANTED, max_pixels=100_000), BoothError)
    if isinstance(found, BoothError):
        assert 400 <= found.status < 500
        assert found.detail.endswith(".")
        assert len(found.detail) < 300
    else:
        assert found.pixels.shape == (16, 16, 3)


@pytest.mark.parametrize("name", SOUND)
def test_what_is_damaged_is_a_sound_file_first(name: str) -> None:
    assert decode(SOUND[name], WANTED).pixels.shape == (16, 16, 3)


@fuzzed
@given(damaged(list(SOUND.values())))
def test_a_damaged_photograph_is_decoded_or_refused(data: bytes) -> None:
    decodes_or_says_why(data)


@fuzzed
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_bytes_that_begin_like_a_photograph_are_decoded_or_refused(
    start: bytes, rest: bytes
) -> None:
    decodes_or_says_why(start + rest)
