"""How data sets lie on disks: packed into a folder of their own, split, a folder a category."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from service.lab.folders import Folder, printable
from service.lab.table import TABLE_SUFFIXES, BadDataset, Table

__all__ = [
    "CategoryFolder",
    "Role",
    "Split",
    "category_folders",
    "split_of",
    "table_of",
    "unwrapped",
]

Role: TypeAlias = Literal["train", "validation", "test"]
CategoryFolder: TypeAlias = tuple[str, Folder]

# "Train", "val2017", "test_set", "train-data", "val_256", "seg_train"
_ROLE = re.compile(
    r"(?:seg_)?(?:(?P<train>train|training|trn)|(?P<validation>val|valid|validation|validate|dev)"
    r"|(?P<test>test|testing|tst))(?:[ _-]?(?:set|data|images|imgs))?(?:[ _-]?\d{2,4})?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Split:
    """The parts of a data set that somebody has split.

    Attributes:
        parts: Where the photographs of each part lie, of those with labels.
        beside: Names of what lies there besides, and is passed over.

    """

    parts: dict[Role, Path]
    beside: tuple[str, ...] = ()

    def part(self, *roles: Role) -> tuple[Role, Path] | None:
        """The first of these parts that is there."""
        return next(((role, self.parts[role]) for role in roles if role in self.parts), None)


def split_of(path: Path) -> Split | None:
    """The parts of a data set, as folders or as CSV files; None where it is not split.

    Raises:
        BadDataset: Two of the parts are for the same, or none has a folder for each category.

    """
    if not path.is_dir():
        return None
    folder = unwrapped(Folder(path))
    tables = _usable(_tables(folder))
    if tables:
        roles = [_role(table.stem) for table in tables]
        is_split = len(tables) > 1 and None not in roles and len(set(roles)) == len(roles)
        parts = {role: table for role, table in zip(roles, tables, strict=True) if role}
        return Split(parts) if is_split else None
    return _split_folders(folder)


def table_of(path: Path) -> Path | None:
    """The CSV of a data set, or None where it is a folder of folders.

    Raises:
        BadDataset: ``path`` is neither a folder nor a CSV, or holds several, or one that names no
            photographs and nothing else.

    """
    if not path.is_dir():
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise BadDataset(
                f"{printable(str(path))} is no folder and no CSV of labelled photographs."
            )
        return path
    folder = unwrapped(Folder(path))
    tables = _tables(folder)
    usable = _usable(tables) if len(tables) > 1 or folder.folders else tables
    if len(usable) > 1 or (len(tables) > 1 and not folder.folders and not usable):
        raise BadDataset(
            f"There are several CSV files in {printable(str(path))}; name the one to use."
        )
    if not usable and {table.stem for table in tables} & {one.name for one in folder.folders}:
        return tables[0]  # which will say what it lacks
    return next(iter(usable), None)


def unwrapped(folder: Folder) -> Folder:
    """The data set in a folder that holds nothing else, as archives are unpacked."""
    while len(folder.folders) == 1 and not folder.photos and not _tables(folder):
        (inner,) = folder.folders
        is_category = inner.photos or not inner.folders
        if _role(inner.name) or (is_category and not _tables(inner)):
            break
        folder = inner
    return folder


def category_folders(folder: Folder) -> list[CategoryFolder]:
    """The folder of each category, with the category's name.

    MIT's Places365 lies in folders of one letter: ``a/abbey`` is ``abbey``, and ``b/booth/indoor``
    is ``booth/indoor``.
    """
    if not _are_letters(folder.folders):
        return [(one.name, one) for one in folder.folders]
    return [leaf for letter in folder.folders for one in letter.folders for leaf in _leaves(one)]


def _leaves(folder: Folder) -> Iterable[CategoryFolder]:
    if folder.photos or not folder.folders:
        return [(folder.name, folder)]
    return [(f"{folder.name}/{one.name}", one) for one in folder.folders]


def _are_letters(folders: list[Folder]) -> bool:
    return any(one.folders for one in folders) and all(_is_letter(one) for one in folders)


def _is_letter(folder: Folder) -> bool:
    letter = folder.name.lower()
    if len(letter) != 1 or not letter.isalpha() or folder.photos:
        return False
    return all(one.name.lower().startswith(letter) for one in folder.folders)


def _role(name: str) -> Role | None:
    match = _ROLE.fullmatch(name)
    roles: tuple[Role, ...] = ("train", "validation", "test")
    return next((role for role in roles if match and match[role]), None)


def _tables(folder: Folder) -> list[Path]:
    return [file for file in folder.files if file.suffix.lower() in TABLE_SUFFIXES]


def _usable(tables: list[Path]) -> list[Path]:
    """Those that name photographs and labels, unlike a list of classes or an example."""

    def is_usable(table: Path) -> bool:
        try:
            return bool(Table.read(table).rows)
        except BadDataset:
            return False

    return [table for table in tables if is_usable(table)]


def _split_folders(folder: Folder) -> Split | None:
    named = [(role, one) for one in folder.folders if (role := _role(one.name))]
    others = [one.name for one in folder.folders if not _role(one.name)]
    roles = {role for role, _ in named}
    if not named or (others and not (len(roles) > 1 and _are_alike(named))):
        return None
    labelled = {role: inner for role, one in named if _is_labelled(inner := _part(one))}
    if not labelled and len(roles) == 1:
        return None
    _refuse_unclear(folder, named, labelled)
    flat = [one.name for role, one in named if role not in labelled]
    return Split({role: one.path for role, one in labelled.items()}, (*flat, *others))


def _part(folder: Folder) -> Folder:
    """What is in ``train``, also where that is ``train/train``."""
    inner = unwrapped(folder)
    if len(inner.folders) == 1 and not inner.photos:
        (only,) = inner.folders
        return only if _role(only.name) == _role(folder.name) else folder
    return folder


def _is_labelled(part: Folder) -> bool:
    folder = unwrapped(part)
    return bool(folder.folders or _usable(_tables(folder)))


def _are_alike(named: list[tuple[Role, Folder]]) -> bool:
    """Whether two of the parts hold the same category: so they are parts, and no categories."""
    seen: set[str] = set()
    for _, one in named:
        categories = {inner.name for inner in unwrapped(_part(one)).folders}
        if seen & categories:
            return True
        seen |= categories
    return False


def _refuse_unclear(
    folder: Folder, named: list[tuple[Role, Folder]], labelled: dict[Role, Folder]
) -> None:
    place = printable(str(folder.path))
    if not labelled:
        names = " and ".join(printable(one.name) for _, one in named)
        raise BadDataset(f"{names} in {place} should each hold a folder for each category.")
    for role in labelled:
        same = [printable(one.name) for its_role, one in named if its_role == role]
        if len(same) > 1:
            raise BadDataset(
                f"{' and '.join(same)} in {place} are all for {role}; name the one to use."
            )
