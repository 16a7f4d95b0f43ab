"""Photographs in JSON, under the names that Booth and other services have for them.

``image`` and ``images`` are Booth's own. ``inputs`` is Hugging Face's, and TensorFlow Serving's
for columns. ``instances`` is TensorFlow Serving's, KServe's and Vertex AI's. All of this is pure:
it reads a body that is there, and whose memory was reserved.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import orjson

from booth_client.errors import InvalidParameter, TooManyPhotos
from service.web.query import check_name, given_twice

__all__ = [
    "IMAGES",
    "JSON_COPIES",
    "Names",
    "Sent",
    "count_up_to",
    "from_base64",
    "is_json",
    "read_json",
]

# What JSON and what is made of it hold together for a moment, in bodies: there is its text, and at
# the end a text without spaces, in two forms.
JSON_COPIES = 4

_MARK = b"\xef\xbb\xbf"  # the byte order mark that some programs write before JSON
_JSON = re.compile(rb"(?:%b)?\s*\{" % _MARK)
# What stands behind the name of each field of the JSON, and there alone but for odd texts.
_NAME = re.compile(rb'"\s*:')
_COUNTED = 65_536  # bytes at a time
_LISTED = 4096  # commas in parameters, such as lists of layers and units

_SPACE = b" \t\r\n"  # base64 often comes in lines
_URL_SAFE = bytes.maketrans(b"-_", b"+/")  # RFC 4648, section 5

_PARAMETERS = "parameters"


class Sent(NamedTuple):
    """What stands in a body.

    ``is_list`` says whether the photographs are a list (that is, want ``results``); ``fields`` are
    the parameters that stand beside them; ``name`` is the photographs' in JSON, "" elsewhere.
    """

    photos: list[bytes]
    is_list: bool
    fields: dict[str, str]
    name: str = ""


class Names(NamedTuple):
    """The names that the fields of a front's JSON may have.

    ``photographs`` are those of the photographs, of which one is there; ``example`` shows what is
    right. ``nested`` says whether parameters may also stand in an object ``parameters``. What is
    ``passed_over`` says nothing here.
    """

    photographs: tuple[str, ...]
    example: str
    nested: bool = True
    passed_over: tuple[str, ...] = ()


IMAGES = Names(
    ("image", "images"), '{"image": "<base64>"} or {"images": ["<base64>"]}', nested=False
)


def is_json(body: bytes) -> bool:
    """Whether a body is an object in JSON; no image format begins like one."""
    return bool(_JSON.match(body))


def read_json(body: bytes, max_photos: int, known: Collection[str], names: Names = IMAGES) -> Sent:
    """The photographs in an object in JSON, and the parameters beside them.

    Args:
        body: its text.
        max_photos: the most that it may hold.
        known: the parameters there are.
        names: what its fields may be called.

    Raises:
        InvalidParameter: it is malformed, has an unknown field, or one twice, or no photographs.
        TooManyPhotos: it has more than ``max_photos``, or more values than they need.

    """
    fields = _parsed(body, max_photos, known, names)
    found = [name for name in names.photographs if name in fields]
    texts = _texts(found[0], fields[found[0]]) if len(found) == 1 else {}
    if not texts:
        raise InvalidParameter(
            f"The JSON must have {names.example}, and nothing else but parameters."
        )
    if len(texts) > max_photos:
        raise _too_many(max_photos)
    for where, text in texts.items():
        if not isinstance(text, str):
            raise InvalidParameter(
                f"{where} must be a string: base64, or a data: URL, as in {names.example}."
            )
    photos = [from_base64(text, where) for where, text in texts.items()]
    return Sent(photos, found[0] not in texts, _parameters(fields, names, known), found[0])


def _parsed(
    body: bytes, max_photos: int, known: Collection[str], names: Names
) -> dict[str, object]:
    # A photograph has a comma before it, a data: URL one in it, and stands in two objects at most.
    # What has more than that and the parameters is not even parsed: millions of small values would
    # hold up everybody for seconds, and take many times the memory of their text.
    most = 2 * max_photos + len(known) + _LISTED
    objects = count_up_to(most, body, b"{")
    if count_up_to(most, body, b",") > most or objects + count_up_to(most, body, b"[") > most:
        raise _too_many(max_photos)
    try:
        fields: dict[str, object] = orjson.loads(body.removeprefix(_MARK))
    except orjson.JSONDecodeError:
        raise InvalidParameter(f"The JSON is malformed; send {names.example}.") from None
    others = (_PARAMETERS, *names.passed_over) if names.nested else names.passed_over
    for name in fields:
        check_name(name, (*known, *names.photographs, *others))
    # One more than there are in what was read is enough: a text may hold millions of them.
    seen = itertools.islice(_NAME.finditer(body), _count_names(fields), None)
    if next(seen, None):
        raise given_twice("A field of the JSON")
    return fields


def count_up_to(most: int, body: bytes, mark: bytes, size: int | None = None) -> int:
    """How often a character stands in a body; more than ``most`` are not counted to the end.

    Nobody else is answered while millions of them are counted.

    Args:
        most: that matters.
        body: where it is looked for.
        mark: the character.
        size: bytes of the body that are looked at; None for all.

    """
    end, found = len(body) if size is None else size, 0
    for start in range(0, end, _COUNTED):
        found += body.count(mark, start, min(start + _COUNTED, end))
        if found > most:
            break
    return found


def _count_names(whole: object) -> int:
    """How many names the objects in it have, however deep."""
    count, rest = 0, [whole]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            count += len(one)
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)
    return count


def _texts(name: str, value: object) -> dict[str, object]:
    """The photographs in base64 by their places; none where the field can't hold any.

    A list's have a number in their place, and a single photograph has the field's own.
    """
    match name, value:
        case ("image", str()):
            return {name: value}
        case ("images", list()):
            return _listed(name, value)
        case ("instances", list()):
            return _listed(name, [_unwrapped(one) for one in value])
        case ("inputs", _):
            # TensorFlow's columns stand under the name of an input, whatever that is.
            inner = _only_value(value)
            value = value if inner is None else inner
            if isinstance(value, list):
                return _listed(name, [_unwrapped(one) for one in value])
            return {name: _unwrapped(value)}
    return {}


def _listed(name: str, values: list[object]) -> dict[str, object]:
    return {f"{name}[{index}]": value for index, value in enumerate(values)}


def _unwrapped(instance: object) -> object:
    """The text in ``{"b64": ...}``, which may stand under the name of an input."""
    inner = _only_value(instance)
    if inner is not None:
        instance = inner
    return instance["b64"] if isinstance(instance, dict) and [*instance] == ["b64"] else instance


def _only_value(value: object) -> object:
    """That of an object with one name that isn't ``b64``; None of anything else."""
    if isinstance(value, dict) and len(value) == 1 and "b64" not in value:
        (inner,) = value.values()
        return inner
    return None


def _parameters(
    fields: Mapping[str, object], names: Names, known: Collection[str]
) -> dict[str, str]:
    """The parameters as they stand in a query, whether beside the photographs or in an object."""
    given = {name: _text(name, value) for name, value in fields.items() if name in known}
    nested = fields.get(_PARAMETERS) if names.nested else None
    if nested is None:
        return given
    if not isinstance(nested, dict):
        raise InvalidParameter('parameters must be an object, such as {"top_k": 3}.')
    for name, value in nested.items():
        check_name(name, known)
        if name in given:
            raise given_twice(name)
        if value is not None:  # what a client leaves to the service
            given[name] = _text(name, value)
    return given


def _text(name: str, value: object) -> str:
    """A parameter as it stands in a query."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidParameter(f"{name} must be a string or a whole number in the JSON.")


def from_base64(text: object, where: str) -> bytes:
    """What stands in base64, of either alphabet, with or without its padding, or in a data: URL.

    Raises:
        InvalidParameter: it is none of these; ``where`` says of what.

    """
    if not isinstance(text, str):
        raise InvalidParameter(f"{where} must be a string: base64, or a data: URL.")
    data = text
    if text[:5].lower() == "data:":
        head, comma, data = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidParameter(f"{where} is no base64 data: URL (data:image/jpeg;base64,...).")
    try:
        plain = data.encode("ascii").translate(_URL_SAFE, _SPACE)
        if len(plain) % 4:  # many leave the padding out
            plain += b"=" * (-len(plain) % 4)
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, UnicodeError):
        raise InvalidParameter(f"{where} is not valid base64.") from None


def _too_many(max_photos: int) -> TooManyPhotos:
    return TooManyPhotos(
        f"The request holds too many photographs; send at most {max_photos} at once."
    )
