"""The photographs that visitors have sent, while they are kept: for minutes, and not too many."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from booth_client import InvalidParameter, Overloaded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["MAX_BYTES", "SPARE_BYTES", "Photos"]

MAX_BYTES = 256_000_000
SPARE_BYTES = 1_000_000_000

NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class _Photo:
    client: str
    size: int
    share: int
    since: float


class Photos:
    """A folder of photographs; the client who has most there makes room for new ones.

    Args:
        folder: where they are, and may have been left by a page that was killed.
        max_bytes: what all may take together.
        max_files: how many there may be.
        kept_s: how long one is kept, in seconds: it is needed for a moment, and once more if its
            sender chooses another model.
        spare_bytes: of the disk, what they may not take: it is not the page's alone.

    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = MAX_BYTES,
        max_files: int = 1000,
        kept_s: float = 600,
        spare_bytes: int = SPARE_BYTES,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._least_share = max_bytes // max_files
        self._kept_s = kept_s
        self._spare_bytes = spare_bytes
        self._photos: dict[str, _Photo] = {}  # the oldest first
        self._clients: Counter[str] = Counter()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def add(self, pieces: Sequence[bytes], client: str) -> str:
        """Keep a photograph; the name under which it is found again.

        Raises:
            Overloaded: the disk is all but full.

        """
        size = sum(map(len, pieces))
        full = Overloaded("There is no room for photos now; try again later.", retry_after_s=60)
        if shutil.disk_usage(self._folder).free - size < self._spare_bytes:
            raise full
        name = secrets.token_hex(16)
        self._enter(name, size, client)
        try:
            await asyncio.to_thread(self._write, name, pieces)
        except OSError:
            self._drop(name)
            raise full from None
        return name

    async def read(self, name: str) -> bytes:
        """A photograph that is kept.

        Raises:
            InvalidParameter: it is none, or is no longer kept.

        """
        gone = InvalidParameter("the photo is no longer kept here; choose it again")
        if name not in self._photos:
            raise gone
        try:
            return await asyncio.to_thread((self._folder / name).read_bytes)
        except FileNotFoundError:  # it has just made room for another
            raise gone from None

    def size(self, name: str | None) -> int:
        """The bytes of a photograph; 0 if it is none, or is no longer kept."""
        photo = self._photos.get(name or "")
        return photo.size if photo else 0

    async def sweep(self) -> None:
        """Remove, for ever, what has been kept long enough."""
        while True:
            self._expire()
            await asyncio.to_thread(self._remove_left_over)
            await asyncio.sleep(min(60, self._kept_s / 10))

    def close(self) -> None:
        """Remove all."""
        for name in list(self._photos):
            self._drop(name)

    def _enter(self, name: str, size: int, client: str) -> None:
        share = max(size, self._least_share)
        while self._photos and self._clients.total() + share > self._max_bytes:
            self._drop_one()
        self._photos[name] = _Photo(client, size, share, time.monotonic())
        self._clients[client] += share

    def _drop_one(self) -> None:
        """Make room: the oldest photograph goes of whoever has most, so that nobody else's does."""
        greedy = max(self._clients, key=self._clients.__getitem__)
        self._drop(next(name for name, one in self._photos.items() if one.client == greedy))

    def _drop(self, name: str) -> None:
        one = self._photos.pop(name, None)
        if one:
            self._clients[one.client] -= one.share
            self._clients += Counter()  # which forgets those who have none left
        (self._folder / name).unlink(missing_ok=True)

    def _write(self, name: str, pieces: Sequence[bytes]) -> None:
        with (self._folder / name).open("xb") as file:
            file.writelines(pieces)
        if name not in self._photos:  # it had to make room while it was written
            (self._folder / name).unlink(missing_ok=True)

    def _expire(self) -> None:
        ripe = time.monotonic() - self._kept_s
        for name in [name for name, one in self._photos.items() if one.since < ripe]:
            self._drop(name)

    def _remove_left_over(self) -> None:
        """What a page left that was killed."""
        for file in filter(_is_photo, self._folder.iterdir()):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > 2 * self._kept_s:
                    file.unlink()


def _is_photo(file: Path) -> bool:
    return NAME.fullmatch(file.name) is not None
