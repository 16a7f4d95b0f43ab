"""Labels within JSON, a dictionary of Python's, YAML or a label map of TensorFlow's."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.label_files.entries import BadLabels, Entry
from models.label_files.lines import with_known_shape

__all__ = ["parse_json", "parse_label_map", "parse_yaml"]

# Where programs keep labels within a file of other things, the surest first.
_FIELDS = (
    "id2label", "idx_to_class", "index_to_class", "idx2label", "idx2class", "label_names",
    "class_names", "names", "labels", "classes", "categories", "class_to_idx", "class2idx",
    "label2id", "class_indices",
)  # fmt: skip
_OBJECT_NAMES = ("name", "label", "display_name", "class_name")
_OBJECT_INDICES = ("id", "index", "idx", "class_id")
_PAIR = 2

_ITEM = re.compile(r"item\s*\{(?P<fields>[^{}]*)\}")
_FIELD = re.compile(
    r"""(?P<key>\w+)\s*:\s*(?:(?P<number>\d+)|(?P<quote>["'])(?P<text>.*?)(?P=quote))"""
)
_YAML_NAMES = re.compile(r"^(?P<indent>\s*)names\s*:[ \t]*(?P<rest>.*)$", re.MULTILINE)
_YAML_SCALAR = (
    r"""(?:'(?:[^']|'')*'|"(?:[^"\\]|\\["\\/])*"|[^\s'"\[\]{},#&*!|>%@`][^\[\]{},\n]*?)"""
)
_YAML_LINE = _YAML_SCALAR.replace(r"[^\[\]{},\n]*?", r"(?:(?!:\s).)*?")
_YAML_ITEM = re.compile(rf"(?:(?P<key>\d+)\s*:\s+|-\s+)(?P<value>{_YAML_LINE})\s*(?:\s#.*)?")
_YAML_FLOW = re.compile(rf"\s*(?:(?P<key>\d+)\s*:\s*)?(?P<value>{_YAML_SCALAR})\s*(?:,|$)")


def parse_json(text: str, file: str) -> list[Entry]:
    """Read a list of names, or a dictionary between names and indices, in either direction.

    They may be all there is, or lie in a field such as ``id2label`` or ``class_to_idx``. What
    Python prints of such a list or dictionary is read as well.

    Raises:
        BadLabels: It is no JSON, or holds nothing of the kind.

    """
    return with_known_shape(_entries(_value(text, file), file))


def _value(text: str, file: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, file))
    except RecursionError:
        raise BadLabels(f"{file} is nested too deeply for a list of labels.") from None
    except ValueError as fault:
        try:
            return _once_literal(text, file)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise BadLabels(f"{file} is no JSON that can be read: {fault}.") from None


def _once(pairs: Iterable[tuple[Any, Any]], file: str) -> dict[Any, Any]:
    """A dictionary of pairs; JSON's and Python's keep the last of two without a word."""
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadLabels(f"{file} has the key {str(key)[:60]!r} twice; give each label its own.")
        found[key] = value
    return found


def _once_literal(text: str, file: str) -> Any:
    tree = ast.parse(text.strip(), mode="eval").body
    if isinstance(tree, ast.Dict):
        keys = [ast.literal_eval(key) for key in tree.keys if key is not None]
        return _once(zip(keys, map(ast.literal_eval, tree.values), strict=True), file)
    return ast.literal_eval(tree)


def _entries(value: Any, file: str) -> list[Entry]:
    if isinstance(value, dict):
        field = next((name for name in _FIELDS if isinstance(value.get(name), (dict, list))), None)
        if field is not None:
            return _entries(value[field], file)
        return _from_dictionary(value, file)
    if isinstance(value, (list, tuple)):
        return [_from_item(item, None, file) for item in value]
    raise _nothing_of_the_kind(file)


def _from_dictionary(value: Mapping[Any, Any], file: str) -> list[Entry]:
    if (
        value
        and all(_number(inner) is not None for inner in value.values())
        and not (
            all(_number(key) is not None for key in value)
            and all(isinstance(inner, str) for inner in value.values())
        )
    ):
        return [Entry(str(name), index=_number(index)) for name, index in value.items()]
    indices = [_number(key) for key in value]
    if None in indices:
        raise _nothing_of_the_kind(file)
    return [
        _from_item(item, index, file) for index, item in zip(indices, value.values(), strict=True)
    ]


def _number(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _from_item(item: Any, index: int | None, file: str) -> Entry:
    """A name; a category and a name; or an object that has one."""
    if isinstance(item, str) and item.strip():
        return Entry(item.strip(), index=index)
    if isinstance(item, (list, tuple)) and len(item) == _PAIR:
        first, second = item
        if index is None and _number(first) is not None and isinstance(second, str):
            return Entry(second, index=_number(first))
        if isinstance(first, str) and isinstance(second, str):
            return Entry(second, first, index=index)
    if isinstance(item, dict):
        name = _field(item, _OBJECT_NAMES)
        number = _number(_field(item, _OBJECT_INDICES)) if index is None else index
        if isinstance(name, str) and name:
            return Entry(name, index=number)
    raise _nothing_of_the_kind(file)


def _field(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _nothing_of_the_kind(file: str) -> BadLabels:
    return BadLabels(
        f"{file} holds no labels that can be read: give a list of names, or a dictionary from "
        "index to name or from name to index."
    )


def parse_label_map(text: str, file: str) -> list[Entry]:
    """Read the items of a label map of TensorFlow's (``.pbtxt``), each with its id and name."""
    found = []
    for item in _ITEM.finditer(text):
        fields = {
            field["key"]: field["number"] or field["text"]
            for field in _FIELD.finditer(item["fields"])
        }
        name = fields.get("display_name") or fields.get("name")
        if not name or not (fields.get("id") or "").isdigit():
            raise BadLabels(f"{file} has an item without an id and a name; give each both.")
        found.append(Entry(name, index=int(fields["id"])))
    return found


def parse_yaml(text: str, file: str) -> list[Entry]:
    """Read the field ``names`` of YAML: a list, or indices with their names.

    Raises:
        BadLabels: There is no such field, or it holds what goes beyond that.

    """
    field = _YAML_NAMES.search(text)
    if not field:
        raise BadLabels(f"{file} has no field names; give a list of names there, or a text file.")
    rest = field["rest"].strip()
    if rest[:1] in ("[", "{"):
        items = _flow(text[field.start("rest") :].lstrip())
    elif rest and not rest.startswith("#"):
        items = None
    else:
        items = _block(text[field.end() :], len(field["indent"]))
    if not items:
        raise BadLabels(
            f"{file} has names that can't be read; write one to a line, after a dash or its index."
        )
    return [_yaml_entry(item) for item in items]


def _block(text: str, indent: int) -> list[re.Match[str]] | None:
    found = []
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        deep = len(line) - len(line.lstrip())
        if deep < indent or (deep == indent and not bare.startswith("- ")):
            break
        item = _YAML_ITEM.fullmatch(bare)
        if not item:
            return None
        found.append(item)
    return found


def _flow(text: str) -> list[re.Match[str]] | None:
    """The items between brackets, on one line or several."""
    closing = {"[": "]", "{": "}"}[text[0]]
    inside = re.sub(r"\s+#.*", "", text)[1:]
    found: list[re.Match[str]] = []
    place = 0
    while not inside[place:].lstrip().startswith(closing):
        item = _YAML_FLOW.match(inside, place) or re.compile(
            rf"\s*(?:(?P<key>\d+)\s*:\s*)?(?P<value>{_YAML_SCALAR})\s*(?={re.escape(closing)})"
        ).match(inside, place)
        if not item or item.end() == place:
            return None
        found.append(item)
        place = item.end()
    return found


def _yaml_entry(item: re.Match[str]) -> Entry:
    value = item["value"].strip()
    if value[0] == "'":
        value = value[1:-1].replace("''", "'")
    elif value[0] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return Entry(value, index=int(item["key"]) if item["key"] else None)
