"""The API keys that are valid now: digests alone, read again while the service runs."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from service.settings import BadSettings, Settings, digest_of
from service.text_file import read_text_file

__all__ = ["ApiKeys"]

_SHOWN = 16  # hexadecimal digits of a digest, which tell the keys of one service apart
_COMMENT = re.compile(r"(^|\s)#.*")  # a key may hold the sign itself


class ApiKeys:
    """Of the setting and of the file together.

    A key is looked up by its digest in a hash table, so the time taken tells nothing about it.

    Args:
        settings: the digests, and the file of more.

    Raises:
        BadSettings: the file can't be read, or holds what is no key.

    """

    def __init__(self, settings: Settings) -> None:
        self._given = frozenset(digest.get_secret_value() for digest in settings.api_keys)
        self._file = settings.api_keys_file
        self._managing = frozenset(digest.get_secret_value() for digest in settings.management_keys)
        self._valid = self._given
        self.reload()

    def __bool__(self) -> bool:
        """Whether every request needs a key."""
        return bool(self._valid)

    def __len__(self) -> int:
        """How many keys are valid, without those that manage."""
        return len(self._valid)

    @property
    def can_manage(self) -> bool:
        """Whether there are keys that load and unload models."""
        return bool(self._managing)

    def reload(self) -> None:
        """Read the file again.

        Raises:
            BadSettings: it can't be read, or holds what is no key; the keys stay what they were.

        """
        if self._file:
            self._valid = self._given | _read(Path(self._file))

    def name_of(self, offered: bytes) -> str | None:
        """What a valid key is called in counts, without telling it; None if it is not valid."""
        return _name(offered, self._valid) or self.manager_name_of(offered)

    def manager_name_of(self, offered: bytes) -> str | None:
        """As ``name_of``, of a key that loads and unloads models; None of any other."""
        return _name(offered, self._managing)


def _name(offered: bytes, among: frozenset[str]) -> str | None:
    if not offered or not among:
        return None
    digest = f"sha256:{sha256(offered).hexdigest()}"
    return f"key:{digest[7 : 7 + _SHOWN]}" if digest in among else None


def _read(file: Path) -> frozenset[str]:
    """The digests of a file's keys, one a line; ``#`` begins a comment."""
    try:
        digests = {
            _digest(line, number)
            for number, text in enumerate(
                read_text_file(file, "one key or digest a line").splitlines(), 1
            )
            if (line := _COMMENT.sub("", text).strip())
        }
    except OSError as error:
        raise _refusal(file, f"it can't be read ({error.strerror})") from None
    except ValueError as error:
        raise _refusal(file, str(error)) from None
    if not digests:
        raise _refusal(file, "it holds no key; make one with `booth key`")
    return frozenset(digests)


def _digest(line: str, number: int) -> str:
    try:
        return digest_of(line)
    except ValueError as error:
        raise ValueError(f"in line {number}, {error}") from None


def _refusal(file: Path, why: str) -> BadSettings:
    return BadSettings(f"BOOTH_API_KEYS_FILE={str(file)!r} won't do: {why}.")
