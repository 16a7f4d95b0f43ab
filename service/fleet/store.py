"""Where a repository's files lie: in a folder, or behind a URL that fsspec opens."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from models.errors import UserError
from service.fleet.attempt import GivenUp, attempt
from service.runtimes.base import in_a_line

__all__ = [
    "MOST_BYTES",
    "PLAN",
    "Bucket",
    "Entry",
    "Folder",
    "Store",
    "StoreError",
    "linked",
    "store_of",
]

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_QUERY = re.compile(r"\?\S*")

DEEPEST = 3  # places365/2/model.onnx
SUFFIX, PLAN = ".onnx", "rollout.json"
MOST_ENTRIES = 1024  # in all folders together
MOST_BYTES = 2**31 - 1  # a protocol buffer, which a model file is, has no more

_OVER_HTTP = ("http", "https")
_MOST_PAGE_BYTES = 1_000_000
_LINK = re.compile(r"<a\s[^<>]*", re.IGNORECASE)
_TARGET = re.compile(r"""\shref=["']([^"']+)""", re.IGNORECASE)

LISTING_S = 60.0
READING_S = 60.0  # each block
BLOCK_BYTES = 4_000_000
SPARE_BYTES = 64_000_000  # of the disk, which are left
FORGOTTEN_S = (
    3600.0  # after which what is fetched and of no use goes: others may be about to load it
)

# What a file system calls that which is another one when the file is.
_STAMPS = (
    *("ETag", "e_tag", "etag", "md5Hash", "generation", "version", "Content-MD5", "Digest"),
    *("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created"),
)
# Those that obstore opens, if nothing else that is installed does.
_OF_OBSTORE = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")


class StoreError(UserError):
    """The repository, or a file of it, can't be read; the sentence is for the log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a repository.

    Attributes:
        key: its path in it, with ``/``.
        stamp: another one whenever the file is another.
        size: in bytes; None where the store does not say.

    """

    key: str
    stamp: str
    size: int | None = None


class Store(Protocol):
    """Lists and gives files. ``is_atomic`` says that none is ever seen half-written."""

    is_atomic: bool

    def entries(self) -> dict[str, Entry]:
        """The files of models by their keys, sorted, and ``rollout.json``; hidden ones are none.

        Raises:
            StoreError: it can't be read.

        """

    def fetch(self, entry: Entry) -> Path:
        """A file on this machine that holds it.

        Raises:
            StoreError: it can't be read, or not be kept here.

        """

    def keep(self, paths: set[Path]) -> None:
        """Forget what was fetched but these."""


def store_of(url: str, cache: Path) -> Store:
    """A folder, or what a URL leads to.

    Args:
        url: of the repository; it holds no secrets.
        cache: a folder for what is fetched.

    Raises:
        StoreError: no package that is installed opens such URLs.

    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        return Folder(Path(url).expanduser())
    if scheme == "file":
        return Folder(Path(urlsplit(url).path))
    folder = cache / "repository" / sha256(url.encode()).hexdigest()[:16]
    try:
        return Bucket(*_opened(url, scheme), folder)
    except (ImportError, ValueError) as cause:
        raise StoreError(
            f"Nothing that is installed opens {scheme}:// ({in_a_line(cause)}); install Booth with "
            "its extra `repository` (`pip install '.[repository]'` in its folder), or what fsspec "
            "needs for it."
        ) from None


def _opened(url: str, scheme: str) -> tuple[Any, str]:
    """A file system of fsspec, and the path in it."""
    fsspec = import_module("fsspec")
    try:
        opener = fsspec.get_filesystem_class(scheme)
    except ImportError:
        if scheme not in _OF_OBSTORE:
            raise
        import_module("obstore.fsspec").register(scheme)
        opener = fsspec.get_filesystem_class(scheme)
    options: dict[str, Any] = {}
    is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    if is_plain and opener.__module__.startswith("obstore"):  # which else refuses it
        options["client_options"] = {"allow_http": True}
    if scheme in _OVER_HTTP:
        options["client_kwargs"] = {"trace_configs": [_own_host_alone()]}
    system, path = fsspec.core.url_to_fs(url, **options)
    return system, path.rstrip("/")


class Folder:
    """A folder of this machine; its files are served from where they lie."""

    is_atomic = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loops: set[str] = set()  # as they were found last

    def entries(self) -> dict[str, Entry]:
        """The files, and those that links lead to."""
        told, self._loops = self._loops, set()
        try:
            found = _bounded(self._walk("", 1))
        except OSError as cause:
            raise StoreError(f"The repository can't be read: {cause.strerror}.") from None
        for key in sorted(self._loops - told):
            log.warning("the repository's %s is left out: it is a link that leads to itself", key)
        return found

    def fetch(self, entry: Entry) -> Path:
        """The file itself."""
        return self._folder / entry.key

    def keep(self, paths: set[Path]) -> None:
        """Nothing is fetched."""

    def _walk(self, under: str, depth: int) -> Iterator[Entry]:
        with os.scandir(self._folder / under) as listed:
            for one in listed:
                key = f"{under}{one.name}"
                if not _is_shown(one.name):
                    continue
                try:
                    if _matters(key) and one.is_file():
                        state = one.stat()
                        yield Entry(key, f"{state.st_size} {state.st_mtime_ns}", state.st_size)
                    elif depth < DEEPEST and one.is_dir():
                        yield from self._walk(f"{key}/", depth + 1)
                except FileNotFoundError:  # gone since, or a link to nowhere
                    continue
                except OSError as cause:
                    if cause.errno != errno.ELOOP:
                        raise
                    self._loops.add(key)


class Bucket:
    """What fsspec opens; its files are fetched into a folder, and stay there for the next start.

    Each version of a file has a path of its own: what was loaded from one stays what it was.

    Args:
        system: a file system of fsspec.
        root: the repository's path in it.
        cache: the folder.

    """

    def __init__(self, system: Any, root: str, cache: Path) -> None:
        protocols = system.protocol
        self._protocol = protocols if isinstance(protocols, str) else protocols[0]
        self.is_atomic = self._protocol in _OF_OBSTORE
        # In one answer: not every web server gives parts, and between two a file may change.
        self._block_bytes = 0 if self._protocol in _OVER_HTTP else BLOCK_BYTES
        self._system = system
        self._root = root
        self._cache = cache

    def entries(self) -> dict[str, Entry]:
        """The files, as they are listed now."""
        return _in_time(lambda: _bounded(self._walk("", 1)), LISTING_S, "The repository")

    def fetch(self, entry: Entry) -> Path:
        """Download a file, unless it is here already."""
        name = sha256(f"{entry.key}\n{entry.stamp}".encode()).hexdigest()[:32]
        path = self._cache / f"{name}{Path(entry.key).suffix}"
        if path.is_file() and entry.size in (None, path.stat().st_size):
            return path
        if (entry.size or 0) > MOST_BYTES:
            raise StoreError(f"{entry.key} has {entry.size} bytes, and may have {MOST_BYTES}.")
        part = self._cache / f"{name}.{os.getpid()}.part"
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            self._download(entry, part)
            part.replace(path)
        except OSError as cause:
            raise StoreError(
                f"{entry.key} can't be kept in {self._cache}: {cause.strerror or in_a_line(cause)}."
            ) from None
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
        return path

    def keep(self, paths: set[Path]) -> None:
        """Forget the others; another process that serves the same repository fetches them again."""
        with contextlib.suppress(OSError):
            for path in self._cache.iterdir():
                if path not in paths and time.time() - path.stat().st_mtime > FORGOTTEN_S:
                    path.unlink(missing_ok=True)

    def _walk(self, under: str, depth: int) -> Iterator[Entry]:
        prefix = f"{self._root}/{under}"
        if depth == 1:
            self._system.invalidate_cache()
        for one in self._listed(prefix.rstrip("/") or "/", may_lack=depth > 1 or self.is_atomic):
            name = str(one["name"]).rstrip("/").rpartition("/")[2]
            key = f"{under}{name}"
            if not _is_shown(name):
                continue
            if one["type"] == "directory":
                if depth < DEEPEST:
                    yield from self._walk(f"{key}/", depth + 1)
            elif _matters(key):
                yield self._entry(key, one)

    def _listed(self, path: str, *, may_lack: bool) -> list[dict[str, Any]]:
        """What a folder holds, which an object store does not have before there is a file in it."""
        try:
            if self._protocol in _OVER_HTTP:
                return linked(self._page(path), path)
            listed: list[dict[str, Any]] = self._system.ls(path, detail=True)
        except FileNotFoundError:
            if not may_lack:
                raise
            return []
        return listed

    def _page(self, path: str) -> str:
        """The page that lists a folder; fsspec would read one without an end as well."""
        page = bytearray()
        with self._system.open(path, "rb", block_size=0) as source:
            while len(page) <= _MOST_PAGE_BYTES and (block := source.read(_MOST_PAGE_BYTES)):
                page += block
        if len(page) > _MOST_PAGE_BYTES:
            raise StoreError(f"The page that lists it has more than {_MOST_PAGE_BYTES} bytes.")
        return page.decode("utf-8", "replace")

    def _entry(self, key: str, told: dict[str, Any]) -> Entry:
        if told.get("size") is None:  # a list over HTTP has names alone
            told = self._system.info(f"{self._root}/{key}")
        stamps = [f"{name}={told[name]}" for name in _STAMPS if told.get(name)]
        return Entry(key, " ".join([str(told.get("size")), *stamps]), told.get("size"))

    def _download(self, entry: Entry, part: Path) -> None:
        free = shutil.disk_usage(self._cache).free - SPARE_BYTES
        most = MOST_BYTES if entry.size is None else entry.size
        if (entry.size or 0) > free:
            raise StoreError(f"{entry.key} has {entry.size} bytes, and the disk room for {free}.")
        written = 0
        with self._reading(entry) as source, part.open("wb") as target:
            while block := _in_time(lambda: source.read(BLOCK_BYTES), READING_S, entry.key):
                written += len(block)
                if written > min(most, free):
                    break
                target.write(block)
        if written != entry.size and (entry.size is not None or written > min(most, free)):
            raise StoreError(f"{entry.key} came with other bytes than its {most}; it has changed.")

    @contextlib.contextmanager
    def _reading(self, entry: Entry) -> Iterator[Any]:
        path = f"{self._root}/{entry.key}"
        opened = _in_time(
            lambda: self._system.open(path, "rb", block_size=self._block_bytes),
            READING_S,
            entry.key,
        )
        try:
            yield opened
        finally:
            with contextlib.suppress(Exception):
                opened.close()


def linked(page: str, folder: str) -> list[dict[str, Any]]:
    """What a page of HTML leads to that lies right in a folder, as fsspec lists it.

    In time that grows with the page alone; fsspec's own expression takes hours for some of them,
    and nothing else of the process runs meanwhile.

    Args:
        page: the page that lists the folder.
        folder: its URL.

    """
    start = f"{folder.rstrip('/')}/"
    targets = filter(None, map(_TARGET.search, _LINK.findall(page)))
    urls = dict.fromkeys(_joined(start, unescape(target[1])) for target in targets)
    return [
        {"name": url, "type": "directory" if url.endswith("/") else "file"}
        for url in urls
        if url.startswith(start) and url != start and "/" not in url[len(start) : -1]
    ]


def _joined(start: str, link: str) -> str:
    try:
        return urljoin(start, link)
    except ValueError:  # a host that can't be one
        return ""


def _own_host_alone() -> Any:
    """Has aiohttp refuse what leads to a host that nobody has named."""
    trace = import_module("aiohttp").TraceConfig()

    async def look(_session: Any, _context: Any, redirect: Any) -> None:
        asked = redirect.url
        location = type(asked)(redirect.response.headers.get("Location", ""))
        if asked.join(location).host != asked.host:
            raise FileNotFoundError(str(asked))

    trace.on_request_redirect.append(look)
    return trace


def _in_time(work: Callable[[], _T], within_s: float, what: str) -> _T:
    """What a library does over the network: it may never end, and fail with anything."""
    try:
        return attempt(lambda _: work(), within_s, lambda _: None)
    except StoreError:
        raise
    except GivenUp:
        why = f"it took longer than {within_s:g} s"
    except FileNotFoundError as cause:
        why = f"nothing is there, or it leads to another host ({in_a_line(cause)})"
    except Exception as cause:  # noqa: BLE001 (of any library there is)
        why = in_a_line(cause)
    # A query may hold a signature.
    why = _QUERY.sub("?...", why).rstrip(".")
    raise StoreError(f"{what} can't be read: {why}.")


def _is_shown(name: str) -> bool:
    """Whether it is a name that is neither hidden nor none."""
    return bool(name) and not name.startswith(".") and name.isprintable()


def _matters(key: str) -> bool:
    return key.endswith(SUFFIX) or key == PLAN


def _bounded(entries: Iterator[Entry]) -> dict[str, Entry]:
    found = list(islice(entries, MOST_ENTRIES + 1))
    if len(found) > MOST_ENTRIES:
        raise StoreError(
            f"The repository has more than {MOST_ENTRIES} model files; give one of its folders."
        )
    return {one.key: one for one in sorted(found, key=lambda entry: entry.key)}
