"""The sample photographs on the page, with their authors and licences; README.md says more."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageOps
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

__all__ = ["FOLDER", "SAMPLES", "Sample", "send_sample", "send_thumbnail"]

FOLDER = Path(__file__).parent
_SIDE = 128  # pixels of a thumbnail
_A_DAY = {"Cache-Control": "public, max-age=86400"}

_CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
_BY_SA_3 = "https://creativecommons.org/licenses/by-sa/3.0/"
_BY_SA_4 = "https://creativecommons.org/licenses/by-sa/4.0/"
_BY_4 = "https://creativecommons.org/licenses/by/4.0/"
_COMMONS = "https://commons.wikimedia.org/wiki/File:"
_MIT = "Massachusetts Institute of Technology"


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph: ``shows`` is read out for it, and stands before its author in small print.

    ``terms`` is the address of its licence, or of the page that says that it needs none.
    """

    name: str
    shows: str
    author: str
    licence: str
    terms: str

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.name}.jpg"


SAMPLES = (
    Sample(
        "bridge",
        "Roebling Bridge at night",
        "Derek Jensen",
        "public domain",
        f"{_COMMONS}Cincinnati-roebling-suspension-bridge.jpg",
    ),
    Sample("windmill", "Windmill on Fanø", "Cnyborg", "CC BY-SA 4.0", _BY_SA_4),
    Sample("aqueduct", "Pont du Gard", "Mimova", "public domain", f"{_COMMONS}Pontdugard.jpg"),
    Sample("tracks", "Railroad through a valley", _MIT, "CC BY-SA 3.0", _BY_SA_3),
    Sample("mountain", "Picos de Europa", "Aitzol Berasategi", "CC BY 4.0", _BY_4),
    # Last, since it is a close-up: the page says that it may know nothing like it.
    Sample("coffee", "Espresso at a bar", "Rachel Michetti", "CC0 1.0", _CC0),
)


def send_sample(request: Request) -> Response:
    """Send a sample.

    Raises:
        HTTPException: 404 for what is none.

    """
    return FileResponse(FOLDER / _file_of(request), headers=_A_DAY)


def send_thumbnail(request: Request) -> Response:
    """Send a sample's thumbnail.

    Raises:
        HTTPException: 404 for what is no sample.

    """
    return Response(_thumbnail(_file_of(request)), headers=_A_DAY, media_type="image/jpeg")


def _file_of(request: Request) -> str:
    name: str = request.path_params["name"]
    if all(name != one.file for one in SAMPLES):
        raise HTTPException(404)
    return name


@cache
def _thumbnail(name: str) -> bytes:
    with Image.open(FOLDER / name) as photo:
        small = ImageOps.fit(photo.convert("RGB"), (_SIDE, _SIDE))
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=80, optimize=True)
    return packed.getvalue()
