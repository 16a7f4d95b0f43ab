"""Fetch one file over HTTP: whole and right, or not at all.

The bytes gather in ``NAME.part`` beside the target and are renamed when they are complete and their
hash is right. A download that broke off goes on where it stopped, in this run or a later one, if
the server still has the same file (``Range`` with ``If-Range``, RFC 9110).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import httpx

from models.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_RETRY", "DownloadError", "RetryPolicy", "download"]

# A page that asks for a login answers in place of the file in many a hotel.
_WEB_PAGE = "text/html"
_TEMPORARY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_OTHERWISE = "or fetch it elsewhere and pass it with --weights FILE"


class DownloadError(UserError):
    """The file could not be had. The sentence says why, and what to do instead."""


class _Interrupted(Exception):
    """An attempt failed, and the next may not. The text completes "HOST ..."."""

    def __init__(self, what: str, *, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a download tries.

    Booth's own, since libraries that retry (stamina, tenacity) count attempts from the start, and
    here one that got further starts the count again.

    Attributes:
        attempts: Fruitless attempts in a row before giving up; one that got further starts the
            count again.
        backoff_s: Pause before the second attempt; it doubles with each.
        longest_pause_s: Bound of the pause, and of what a server's ``Retry-After`` may ask for.
        connect_s: Time a connection may take.
        read_s: Time a server may keep silent.

    """

    attempts: int = 5
    backoff_s: float = 0.5
    longest_pause_s: float = 30.0
    connect_s: float = 10.0
    read_s: float = 30.0

    def pause_s(self, failures: int, asked_s: float) -> float:
        """Seconds to wait after so many fruitless attempts."""
        return min(max(self.backoff_s * 2.0 ** (failures - 1), asked_s), self.longest_pause_s)


DEFAULT_RETRY = RetryPolicy()
"""What suits a person who waits."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> str:
    """Fetch ``url`` into ``target``, whole and right or not at all.

    Args:
        url: The file's address, http or https.
        target: Where the file will lie; an older file there is replaced at the end.
        sha256: The expected hash, or its first digits; None takes what comes.
        retry: When to give up.
        progress: Called with the bytes so far and the bytes in all, as far as known.

    Returns:
        The file's SHA-256, 64 hexadecimal digits.

    Raises:
        DownloadError: The file could not be had, or has another hash.

    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _Part(target, url) as part:
            _download_all(url, part, retry, progress)
            _check(url, part, sha256)
            part.commit(target)
            return part.sha256
    except OSError as error:
        raise DownloadError(
            f"{target} could not be written: {error.strerror or error}; make room or choose "
            "another folder with BOOTH_MODEL_DIR."
        ) from None


class _Part:
    """The bytes so far, and the version of the file that they are of."""

    def __init__(self, target: Path, url: str) -> None:
        self._path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._url = url
        self.version = self._recorded_version()
        if self.version is None:
            self._path.unlink(missing_ok=True)
        self._file: BinaryIO = self._path.open("ab+")
        self._file.seek(0)
        self._hash = hashlib.file_digest(self._file, "sha256")
        self.size = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what is worth going on with."""
        self._file.close()
        if self.version is None or not self.size:
            self.discard()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def begin(self, version: str | None) -> None:
        """Start over, with the version that the server names."""
        self._file.truncate(0)
        self._hash = hashlib.sha256()
        self.size = 0
        self.version = version
        self._note.write_text(json.dumps({"url": self._url, "version": version}), encoding="utf-8")

    def append(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def commit(self, target: Path) -> None:
        """Put the whole file in its place, in one step."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(target)
        self._note.unlink(missing_ok=True)

    def _recorded_version(self) -> str | None:
        """The version of the bytes of an earlier run, if they are of this very address."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return str(note["version"]) if note["url"] == self._url and note["version"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _download_all(
    url: str, part: _Part, retry: RetryPolicy, progress: Callable[[int, int | None], None]
) -> None:
    """Attempt until all bytes are there."""
    failures, furthest = 0, part.size
    timeout = httpx.Timeout(retry.read_s, connect=retry.connect_s)
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        while True:
            try:
                return _attempt(client, url, part, progress)
            except _Interrupted as interrupted:
                failures = 1 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                if failures >= retry.attempts:
                    raise DownloadError(_gave_up(url, str(interrupted))) from None
                time.sleep(retry.pause_s(failures, interrupted.wait_s))


def _attempt(
    client: httpx.Client, url: str, part: _Part, progress: Callable[[int, int | None], None]
) -> None:
    """One request, for what is still missing."""
    try:
        with client.stream("GET", url, headers=_headers(part)) as response:
            if _is_whole(response, part):
                return
            _check_status(url, response)
            total = _begin_body(response, part)
            progress(part.size, total)
            for chunk in response.iter_raw():
                part.append(chunk)
                progress(part.size, total)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise DownloadError(
            f"{url} can not be fetched: {error}; check the address, {_OTHERWISE}."
        ) from None
    except httpx.TransportError as error:
        raise _Interrupted(_what_happened(error, part)) from None
    if total is not None and part.size < total:
        raise _Interrupted(f"sent {part.size:,} of {total:,} bytes")


def _headers(part: _Part) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if part.size and part.version:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.version}
    return headers


def _is_whole(response: httpx.Response, part: _Part) -> bool:
    """Whether nothing was missing: an earlier run ended between the last byte and the rename."""
    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not part.size:
        return False
    if response.headers.get("Content-Range") == f"bytes */{part.size}":
        return True
    part.begin(None)
    raise _Interrupted("no longer has the file that was begun")


def _check_status(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status in _TEMPORARY:
        raise _Interrupted(f"answered {_phrase(status)}", wait_s=_retry_after(response))
    if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise DownloadError(
            f"{_host(url)} answered {_phrase(status)} for {url}; check the address, {_OTHERWISE}."
        )
    if response.headers.get("Content-Type", "").startswith(_WEB_PAGE):
        raise DownloadError(
            f"{_host(url)} answered with a web page instead of the file {url}; log in to the "
            f"network if it asks for it, {_OTHERWISE}."
        )


def _begin_body(response: httpx.Response, part: _Part) -> int | None:
    """Make ready for the bytes that come, and tell how many there will be in all."""
    version = _version(response)
    if response.status_code == HTTPStatus.OK:
        part.begin(version)
        return _number(response.headers.get("Content-Length"))
    span, _, total = response.headers.get("Content-Range", "").partition("/")
    if not span.startswith(f"bytes {part.size}-") or version not in (None, part.version):
        part.begin(None)
        raise _Interrupted("sent another part of the file than the one asked for")
    return _number(total)


def _version(response: httpx.Response) -> str | None:
    """What tells this version of the file from others. A weak ETag does not."""
    tag: str | None = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    modified: str | None = response.headers.get("Last-Modified")
    return modified


def _check(url: str, part: _Part, sha256: str | None) -> None:
    if not part.size:
        raise DownloadError(f"{url} is an empty file; check the address, {_OTHERWISE}.")
    if sha256 and not part.sha256.startswith(sha256.lower()):
        part.discard()
        raise DownloadError(
            f"{url} gave {part.size:,} bytes with SHA-256 {part.sha256} where {sha256} was "
            f"expected; they were deleted: try again, {_OTHERWISE}."
        )


def _what_happened(error: httpx.TransportError, part: _Part) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return "could not be reached"
    if isinstance(error, httpx.TimeoutException):
        return f"fell silent after {part.size:,} bytes"
    return f"broke off after {part.size:,} bytes"


def _gave_up(url: str, what: str) -> str:
    return f"{_host(url)} {what}, so {url} is not here; try again later, {_OTHERWISE}."


def _host(url: str) -> str:
    return httpx.URL(url).host or url


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks for; a date counts as no wish."""
    return float(_number(response.headers.get("Retry-After")) or 0)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
