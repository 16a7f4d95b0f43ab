"""Whatever a card or a file of labels says: it is read, or refused in one sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from models.card import METADATA_KEY, Card
from models.errors import UserError
from models.labels import read_labels
from service.fleet.identity import _card_of
from tests.fuzz.fuzzing import damaged, fuzzed, outcome
from tests.service.conftest import tiny_card

CARD = json.loads(tiny_card().to_json())
CSV = b'category,name,kind\nb/beach,Beach,outdoor\nk/kitchen,"Kitchen, small",indoor\n'

some_value = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A card with some of its fields, or of those below, replaced or left out."""
    card = json.loads(json.dumps(CARD))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([card, card["input"], card["weights"], *card["labels"]]))
        field = draw(st.sampled_from(sorted(place)) | st.text(max_size=5)) if place else "name"
        if draw(st.booleans()):
            place.pop(field, None)
        else:
            place[field] = draw(some_value)
        card = {**json.loads(json.dumps(CARD)), **card}
        if not all(isinstance(card[name], kind) for name, kind in KINDS.items()):
            break
    return json.dumps(card)


KINDS = {"input": dict, "weights": dict, "labels": list}


def reads_or_says_why(text: str) -> None:
    session: Any = SimpleNamespace(
        get_modelmeta=lambda: SimpleNamespace(custom_metadata_map={METADATA_KEY: text})
    )
    found = outcome(lambda: _card_of(session, Path("model.onnx")), UserError)
    if isinstance(found, UserError):
        assert str(found).startswith("The card of model.onnx is not valid: ")
        assert "\n" not in str(found)
    else:
        assert Card.from_json(found.to_json()) == found


@fuzzed
@given(cards())
def test_a_card_is_read_or_refused(text: str) -> None:
    reads_or_says_why(text)


@fuzzed
@given(damaged([json.dumps(CARD).encode()]).map(lambda card: card.decode("utf-8", "replace")))
@example("[" * 100_000)
@example("")
def test_a_damaged_card_is_read_or_refused(text: str) -> None:
    reads_or_says_why(text)


@fuzzed
@given(
    damaged([CSV, CSV.replace(b",", b"\t")]) | st.binary(max_size=200),
    st.sampled_from(["csv", "tsv", "txt"]),
)
@example(b"a,\0b\n", "csv")
@example(b"a," + b"b" * 200_000, "csv")
@example(b'"a', "csv")
def test_labels_are_read_or_refused(data: bytes, suffix: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=f".{suffix}") as file:
        file.write(data)
        file.flush()
        found = outcome(lambda: read_labels(file.name), UserError)
    if isinstance(found, UserError):
        assert len(str(found).splitlines()) == 1
    else:
        assert all(label.name and label.category for label in found)
