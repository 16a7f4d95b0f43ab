"""Folders as people have them: which files are photographs, and what was skipped.

Everything that reads a folder of photographs sees it through `Folder`, so that what is counted is
what is read. A file is a photograph if its first bytes say so, or if its name does: the latter, if
damaged, is missed and not passed over.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from booth_client.errors import UnsupportedFormat
from service.photo.formats import format_of

__all__ = [
    "Folder",
    "Tally",
    "is_system",
    "photographs_below",
    "printable",
    "read_file",
    "sendable",
]

# What systems, archives and NAS boxes leave: files and folders of these names, in any case.
_SYSTEM_NAMES = frozenset(
    {
        *("@eadir", "@recycle", "@recently-snapshot", "@sharebin", "@tmp", "#recycle", "#snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "found.000", "lost+found"),
        *("lost.dir", "~snapshot", "network trash folder", "temporary items", "icon\r"),
        *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),
        *("picasa.ini", "[originals]", "captureone", "adobe bridge cache", "zbthumbnail.info"),
        *("digikam4.db", "thumbnails-digikam.db", "similarity.db", "recognition.db"),
        *("__macosx", "__pycache__", "node_modules"),
    }
)
# Dots hide; then locks of office programs, thumbnails of Synology, libraries of photo programs.
_SYSTEM = re.compile(
    r"\.|~\$|syno(file|photo|video|index)_(thumb|media)"
    r"|.+@syno(eastream|resource)\Z|digikam.*\.db(-\w+)?\Z|adobe bridge cache|\$windows\.~"
    r"|.+\.(lrcat|lrdata|lrlibrary|photoslibrary|photolibrary|aplibrary|migratedphotolibrary"
    r"|cocatalog|thm|pspbrwse|jbf)(-\w+|\.lock)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_PHOTO_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".avif", ".heic", ".heif"),
    }
)
_USUAL_SUFFIX = re.compile(r"\.\w{1,12}", re.ASCII)
_HEAD_BYTES = 1024
_MOST_KINDS = 12

# Kinds of what was skipped, besides the suffixes of files.
HIDDEN = "hidden or system"
EMPTY = "empty"
BROKEN = "broken links"
CIRCLES = "links in a circle"
TWICE = "folders met twice"
CLOSED = "folders that can't be opened"
SPECIAL = "pipes and devices"
STRAY = "photographs in no category's folder"
UNREADABLE = "unreadable photographs"


class Tally(Counter[str]):
    """How many of each kind were skipped."""

    def sentence(self) -> str:
        """One line for people; empty if nothing was skipped."""
        shown = [f"{kind} {count}" for kind, count in self.most_common(_MOST_KINDS)]
        rest = self.total() - sum(count for _, count in self.most_common(_MOST_KINDS))
        shown += [f"others {rest}"] if rest else []
        return f"Skipped: {', '.join(shown)}." if shown else ""


class _Identity(NamedTuple):
    device: int
    inode: int


class _Listing(NamedTuple):
    folders: list[Folder]
    files: list[Path]
    skipped: Tally


class Folder:
    """A folder without what is hidden, the system's, or can't be followed; read once, when asked.

    Attributes:
        path: Where it was found: of a link, the link's own place.

    """

    def __init__(self, path: Path, above: frozenset[_Identity] | None = None) -> None:
        self.path = path
        self._above = _folders_around(path) if above is None else above

    @property
    def name(self) -> str:
        """Its own name, without the folders above."""
        return self.path.name

    @property
    def folders(self) -> list[Folder]:
        """The folders in it, by name; links are followed, unless they lead to one around them."""
        return self._listing.folders

    @property
    def files(self) -> list[Path]:
        """The files in it that hold something, of any kind, by name."""
        return self._listing.files

    @cached_property
    def photos(self) -> list[Path]:
        """The photographs that lie in it directly, by name."""
        return [file for file in self.files if _is_photograph(file)]

    @property
    def skipped(self) -> Tally:
        """What lies in it directly and is neither a photograph nor a folder to look into."""
        photos = set(self.photos)
        others = Tally(_kind(file) for file in self.files if file not in photos)
        return Tally(self._listing.skipped + others)

    @property
    def identity(self) -> _Identity:
        """The same for each link to the same folder."""
        return _identity(self.path.stat())

    @cached_property
    def _listing(self) -> _Listing:
        listing = _Listing([], [], Tally())
        try:
            above = self._above | {self.identity}
            names = sorted(one.name for one in self.path.iterdir())
        except OSError:
            listing.skipped[CLOSED] += 1
            return listing
        for name in names:
            self._sort(name, above, listing)
        return listing

    def _sort(self, name: str, above: frozenset[_Identity], into: _Listing) -> None:
        path = self.path / name
        if is_system(name):
            into.skipped[HIDDEN] += 1
            return
        try:
            found = path.stat()
        except OSError:
            into.skipped[BROKEN] += 1
            return
        if stat.S_ISDIR(found.st_mode):
            if _identity(found) in above:
                into.skipped[CIRCLES] += 1
            else:
                into.folders.append(Folder(path, above))
        elif not stat.S_ISREG(found.st_mode):
            into.skipped[SPECIAL] += 1
        elif found.st_size == 0:
            into.skipped[EMPTY] += 1
        else:
            into.files.append(path)


def photographs_below(folder: Folder, skipped: Tally) -> list[Path]:
    """The photographs in a folder and in those within, by path; what is no photograph is tallied.

    A folder that several links lead to is taken once.
    """
    found: list[Path] = []
    for one in _below(folder, skipped):
        found += one.photos
        skipped.update(one.skipped)
    return sorted(found)


def _below(folder: Folder, skipped: Tally) -> Iterator[Folder]:
    """A folder and all within, without recursion: people nest deeper than Python does."""
    waiting, met = [folder], set()
    while waiting:
        one = waiting.pop()
        try:
            identity = one.identity
        except OSError:
            skipped[BROKEN] += 1  # it was there a moment ago
            continue
        if identity in met:
            skipped[TWICE] += 1
            continue
        met.add(identity)
        yield one
        waiting += reversed(one.folders)


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or a system's or another program's own."""
    return bool(_SYSTEM.match(name)) or name.lower() in _SYSTEM_NAMES


def read_file(path: Path, most: int = -1) -> bytes:
    """The content of a file, or its first bytes; what is no file is never waited for.

    Raises:
        OSError: It can't be read, or is a pipe, a socket, a device or a folder.

    """
    # Opening a pipe would wait for a writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(None, "It is no regular file")
        return file.read(most)


def sendable(name: str) -> str:
    r"""A name as UTF-8 can hold it, whatever its bytes are: ``caf\xe9``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def printable(name: str) -> str:
    r"""The same, on one line and without what steers a terminal: ``two\nlines``."""
    return "".join(map(_shown, sendable(name)))


def _shown(sign: str) -> str:
    steers = unicodedata.category(sign) in {"Cc", "Zl", "Zp"}
    return sign.encode("unicode_escape").decode() if steers else sign


def _is_photograph(file: Path) -> bool:
    if file.suffix.lower() in _PHOTO_SUFFIXES:
        return True
    try:
        format_of(read_file(file, _HEAD_BYTES))
    except UnsupportedFormat:
        return False
    except OSError:
        return not file.suffix  # whoever reads it will say why it can't be
    return True


def _kind(file: Path) -> str:
    suffix = file.suffix.lower()
    if not suffix:
        return "files without a suffix"
    return suffix if _USUAL_SUFFIX.fullmatch(suffix) else "files of odd names"


def _identity(found: os.stat_result) -> _Identity:
    return _Identity(found.st_dev, found.st_ino)


def _folders_around(path: Path) -> frozenset[_Identity]:
    try:
        return frozenset(_identity(one.stat()) for one in path.resolve().parents)
    except OSError:
        return frozenset()
