"""Labelled photographs on disk: a folder for each category, or a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from models.card import Label
from service.lab.folders import (
    HIDDEN,
    STRAY,
    Folder,
    Tally,
    is_system,
    photographs_below,
    printable,
)
from service.lab.layout import CategoryFolder, Role, category_folders, split_of, table_of, unwrapped
from service.lab.sources import FileSource, Source, TableSources
from service.lab.table import BadDataset, Row, Table

__all__ = [
    "BadDataset",
    "Dataset",
    "Labelled",
    "categories_of",
    "few",
    "part_of",
    "read_dataset",
]

_JUDGING: tuple[Role, ...] = ("test", "validation", "train")
_SHOWN = 5
_NUMBER = re.compile(r"(\d{1,9})(?:\.0*)?", re.ASCII)
_LETTER_FOLDER = re.compile(r"/?(?:(?P<letter>\w)/(?=(?P=letter)))?")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph's bytes, the indices of the labels that are right for it, and its group.

    ``name`` is that in the CSV, or the path in the folder. Where the file can't be read any more,
    there are no bytes, and ``fault`` says why.
    """

    name: str
    photo: bytes
    targets: frozenset[int]
    group: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A photograph that is there, but not read."""

    name: str
    source: Source
    targets: frozenset[int]
    group: str | None = None

    def read(self) -> Labelled:
        try:
            return Labelled(self.name, self.source.read(), self.targets, self.group)
        except OSError as cause:
            fault = f"The file can't be read: {cause.strerror}."
            return Labelled(self.name, b"", self.targets, self.group, fault)


@dataclass(frozen=True)
class Dataset:
    """Labelled photographs, found and counted; iterating reads them, each when it is its turn.

    Attributes:
        found: The photographs.
        notes: Sentences for people: what was skipped, and what had to be guessed.

    """

    found: tuple[_Found, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many photographs there are; as many are read."""
        return len(self.found)

    def __iter__(self) -> Iterator[Labelled]:
        """Read the photographs, in their order; one that has gone is there without bytes."""
        return (one.read() for one in self.found)

    def state(self) -> list[tuple[str, list[int], int]]:
        """The name, the labels and the bytes of each: another state of it shows in them."""
        return [(one.name, sorted(one.targets), one.source.size) for one in self.found]

    @property
    def told(self) -> str:
        """All notes on one line; empty if there are none."""
        return " ".join(note for note in self.notes if note)

    def only(self, names: frozenset[str]) -> Dataset:
        """The photographs of these names."""
        return replace(self, found=tuple(one for one in self.found if one.name in names))


def read_dataset(
    path: Path, labels: Sequence[Label], *, by: str | None = None, unlabelled: bool = False
) -> Dataset:
    """Find the labelled photographs at ``path``.

    ``path`` is a folder with a folder per category; or a CSV with a column ``file`` and one of
    ``index``, ``category``, ``synset``, ``places365``, ``label`` (several right labels separated by
    ``|``), its files in a tar or a folder of the CSV's name, or beside the CSV; or a folder with
    one such CSV; or a folder that is split into ``train``, ``val`` and ``test``, of which the one
    that is there for judging is taken. Rows without a label are left out, unless ``unlabelled``
    asks for them. ``by`` names the CSV's column that holds each photograph's group.

    Raises:
        BadDataset: it is none of these, names a label that the model doesn't have, or has no
            column ``by``.

    """
    part, note = part_of(path, *_JUDGING)
    table = table_of(part)
    if table is not None:
        found = _TableReader(Table.read(table), labels, by).dataset(unlabelled=unlabelled)
    elif by is not None:
        raise BadDataset(f"{printable(str(part))} has no columns: give a CSV with a column {by!r}.")
    else:
        found = _read_folders(part, labels)
    return replace(found, notes=(note, *found.notes))


def part_of(path: Path, *roles: Role) -> tuple[Path, str]:
    """The first of these parts of a data set, and a sentence that tells which; or all of it.

    Raises:
        BadDataset: It is split, and has none of these parts with labels.

    """
    split = split_of(path)
    if split is None:
        return path, ""
    chosen = split.part(*roles)
    if chosen is None:
        raise BadDataset(
            f"{printable(str(path))} is split, and has no labelled photographs for "
            f"{' or '.join(roles)}."
        )
    beside = f"; beside it, passed over: {few(split.beside)}" if split.beside else ""
    place = printable(chosen[1].name)
    return chosen[1], f"{printable(str(path))} is split: {place} is taken{beside}."


def categories_of(path: Path) -> list[str]:
    """The categories that a data set has photographs of: by number if all are, or else by letter.

    Raises:
        BadDataset: ``path`` is no data set, names labels by their index alone, or names two that
            can't be told apart.

    """
    table = table_of(path)
    names = _categories_in_folders(path) if table is None else _categories_in(Table.read(table))
    composed = sorted({normalize("NFC", name) for name in names})
    _refuse_confusable(path, composed)
    if all(name.isdecimal() for name in composed):
        return sorted(composed, key=lambda name: (int(name), name))
    return composed


def few(names: Sequence[str]) -> str:
    """Some names for a sentence, and how many more there are."""
    shown = ", ".join(map(printable, names[:_SHOWN]))
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _refuse_confusable(path: Path, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if printable(name) != name:
            raise BadDataset(
                f"{printable(str(path))} names the category {printable(name)!r}, which is no text "
                "in UTF-8 on one line; rename it."
            )
        same = seen.setdefault(name.casefold().strip(), name)
        if same != name:
            raise BadDataset(
                f"{printable(str(path))} names both {same!r} and {name!r}; make them one category, "
                "or let them differ in more than capitals and spaces."
            )


def _categories_in_folders(path: Path) -> set[str]:
    folders = category_folders(unwrapped(Folder(path)))
    return {name for name, folder in folders if photographs_below(folder, Tally())}


def _categories_in(table: Table) -> set[str]:
    if table.target == "index":
        raise BadDataset(
            f"{printable(table.path.name)} names labels by index alone, "
            "which needs a list of labels."
        )
    return {name for row in table.rows for name in row.targets}


class _Categories:
    """Finds the index of the label that a folder or a cell means."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self._count = len(labels)
        self._exact = {normalize("NFC", label.category): i for i, label in enumerate(labels)}
        keys = Counter(map(_loose, self._exact))
        self._loose = {_loose(c): i for c, i in self._exact.items() if keys[_loose(c)] == 1}

    def find(self, name: str) -> int | None:
        """By the category; or else by one that differs in capitals and separators alone."""
        composed = normalize("NFC", name)
        for spelt in (composed, _LETTER_FOLDER.sub("", composed, count=1)):
            found = self._exact.get(spelt, self._loose.get(_loose(spelt)))
            if found is not None:
                return found
        return None

    def by_index(self, name: str) -> int | None:
        """By the label's index, also as spreadsheets write numbers: ``3.0``."""
        number = _NUMBER.fullmatch(name)
        return int(number[1]) if number and int(number[1]) < self._count else None

    def are_indices(self, names: Iterable[str]) -> bool:
        """Whether no name is a category, and all are indices."""
        some = list(names)
        return bool(some) and all(
            self.by_index(name) is not None and self.find(name) is None for name in some
        )


def _loose(name: str) -> str:
    # "/" can't stand in a folder's name: "booth/indoor" lies in "booth-indoor" or "booth_indoor".
    return re.sub(r"[\s/_-]+", " ", name).strip().casefold()


def _read_folders(path: Path, labels: Sequence[Label]) -> Dataset:
    known = _Categories(labels)
    top = Folder(path)
    folder = unwrapped(top)
    folders = _expanded(category_folders(folder), known)
    if any(known.find(name) is None for name, _ in folders):
        outer = category_folders(top)
        if outer and all(known.find(name) is not None for name, _ in outer):
            folder, folders = top, outer
    return _FolderReader(path, folder, known).dataset(folders)


def _expanded(folders: list[CategoryFolder], known: _Categories) -> list[CategoryFolder]:
    """``booth``, where it holds nothing else, taken apart: ``booth/indoor``, ``booth/outdoor``."""
    return [leaf for one in folders for leaf in _taken_apart(one, known)]


def _taken_apart(one: CategoryFolder, known: _Categories) -> list[CategoryFolder]:
    name, folder = one
    if known.find(name) is not None or folder.photos:
        return [one]
    leaves = [(f"{name}/{inner.name}", inner) for inner in folder.folders]
    is_known = leaves and all(known.find(leaf) is not None for leaf, _ in leaves)
    return leaves if is_known else [one]


class _FolderReader:
    """Finds the photographs in the folders of categories."""

    def __init__(self, path: Path, folder: Folder, known: _Categories) -> None:
        self._path = path
        self._folder = folder
        self._known = known
        self._skipped = Tally(folder.skipped)
        if folder.photos:
            self._skipped[STRAY] += len(folder.photos)

    def dataset(self, folders: list[CategoryFolder]) -> Dataset:
        """The photographs, by path.

        Raises:
            BadDataset: A folder with photographs is no category of the model, or there is none.

        """
        photographs = {one: photographs_below(one[1], self._skipped) for one in folders}
        filled = {one: files for one, files in photographs.items() if files}
        names = [name for name, _ in filled]
        by_index = self._known.are_indices(names)
        find = self._known.by_index if by_index else self._known.find
        self._refuse_unknown(names, [name for name in names if find(name) is None])
        found = [
            _Found(self._name(file), FileSource(file), frozenset({target}))
            for (name, _), files in filled.items()
            if (target := find(name)) is not None
            for file in files
        ]
        empty = [name for (name, _), files in photographs.items() if not files]
        notes = (*self._notes(filled, empty, by_index=by_index), self._skipped.sentence())
        return Dataset(tuple(sorted(found, key=lambda one: Path(one.name))), notes)

    def _refuse_unknown(self, names: list[str], unknown: list[str]) -> None:
        if unknown or not names:
            named = f"; {printable(unknown[0])!r} is none" if unknown else ""
            raise BadDataset(
                f"{printable(str(self._path))} should hold a folder for each of the model's "
                f"categories{named}."
            )

    def _notes(
        self, filled: dict[CategoryFolder, list[Path]], empty: list[str], *, by_index: bool
    ) -> Iterator[str]:
        if by_index:
            yield "The folders' names are numbers: each is taken as the index of a label."
        if empty:
            yield f"Folders without a photograph: {few(empty)}."
        deeper = sum(
            file.parent != folder.path for (_, folder), files in filled.items() for file in files
        )
        if deeper:
            yield f"Photographs deeper in a category's folder, taken as its: {deeper}."

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._folder.path))


class _TableReader:
    """Finds the photographs that a table names.

    Raises:
        BadDataset: There is no column ``by``, or a label that the model doesn't have.

    """

    def __init__(self, table: Table, labels: Sequence[Label], by: str | None) -> None:
        self._table = table
        self._place = printable(table.path.name)
        self._known = _Categories(labels)
        self._by = by
        self._groups = {} if by is None else table.column(by)
        if by is not None and table.rows and not self._groups:
            raise BadDataset(
                f"{self._place} has no column {by!r} to group by; "
                f"it has {', '.join(map(printable, table.columns))}."
            )

    def dataset(self, *, unlabelled: bool) -> Dataset:
        """The photographs, in the order of their rows."""
        kept = [row for row in self._table.rows if row.targets or unlabelled]
        visible = [row for row in kept if not _is_hidden(row.file)]
        names = {name for row in visible for name in row.targets}
        by_index = self._table.target == "index" or self._known.are_indices(names)
        targets = self._targets(visible, by_index=by_index)
        sources = TableSources(self._table.path)
        places = {name: sources.find(name) for name in targets}
        found = tuple(
            _Found(name, source, targets[name], self._groups.get(name))
            for name, source in places.items()
            if source
        )
        missing = [name for name, source in places.items() if source is None]
        if not found:
            raise BadDataset(self._nothing(missing))
        notes = self._notes(len(self._table.rows) - len(kept), missing, visible, targets)
        number = by_index and self._table.target != "index"
        return Dataset(
            found,
            (
                *self._table.notes,
                "The labels are numbers: each is taken as the index of a label." if number else "",
                *notes,
                Tally(
                    {HIDDEN: len(kept) - len(visible)} if len(kept) > len(visible) else {}
                ).sentence(),
            ),
        )

    def _targets(self, rows: list[Row], *, by_index: bool) -> dict[str, frozenset[int]]:
        find = self._known.by_index if by_index else self._known.find
        targets: dict[str, frozenset[int]] = {}
        for row in rows:
            found = {name: find(name) for name in row.targets}
            for name, target in found.items():
                if target is None:
                    raise BadDataset(
                        f"{self._place} names the label {printable(name)!r}, "
                        "which the model doesn't have."
                    )
            right = frozenset(target for target in found.values() if target is not None)
            targets[row.file] = targets.get(row.file, frozenset()) | right
        return targets

    def _notes(
        self,
        unlabelled: int,
        missing: list[str],
        rows: list[Row],
        targets: dict[str, frozenset[int]],
    ) -> Iterator[str]:
        if unlabelled:
            yield f"Rows without a label, left out: {unlabelled}."
        if missing:
            yield f"Named in {self._place} and not there, left out: {few(missing)}."
        repeated = len(rows) - len(targets)
        if repeated:
            yield f"Rows that name a file again, whose labels are added: {repeated}."

    def _nothing(self, missing: list[str]) -> str:
        if not missing:
            return f"{self._place} names no photograph with a label."
        return f"{self._place} names {few(missing)}, which is not there."


def _is_hidden(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.is_absolute() and any(is_system(part) for part in path.parts if part != "..")
