from __future__ import annotations

import json

import pytest

from models.label_files.entries import BadLabels, Entry
from models.label_files.structured import parse_json, parse_label_map, parse_yaml

PLAIN = [Entry("cat"), Entry("dog, small")]
INDEXED = [Entry("dog, small", index=1), Entry("cat", index=0)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["cat", "dog, small"], PLAIN),
        ({"names": ["cat", "dog, small"]}, PLAIN),
        ({"classes": ["cat", "dog, small"], "epoch": 3}, PLAIN),
        ({"label_names": ["cat", "dog, small"], "num_classes": 2}, PLAIN),
        ({"1": "dog, small", "0": "cat"}, INDEXED),
        ({"dog, small": 1, "cat": 0}, INDEXED),
        ({"dog, small": "1", "cat": "0"}, INDEXED),
        ({"id2label": {"1": "dog, small", "0": "cat"}, "label2id": {"x": 0}}, INDEXED),
        ({"label2id": {"dog, small": 1, "cat": 0}}, INDEXED),
        ({"class_to_idx": {"dog, small": 1, "cat": 0}, "arch": "resnet18"}, INDEXED),
        ([[1, "dog, small"], [0, "cat"]], INDEXED),
        ([{"id": 1, "name": "dog, small"}, {"id": 0, "name": "cat"}], INDEXED),
        ({"categories": [{"id": 1, "name": "dog, small"}, {"id": 0, "name": "cat"}]}, INDEXED),
        ({"0": {"name": "cat"}, "1": {"name": "dog, small"}}, INDEXED[::-1]),
        ({"0": ["n01440764", "tench"]}, [Entry("tench", "n01440764", index=0)]),
        ([["n01440764", "tench"]], [Entry("tench", "n01440764")]),
        ({"7": 0, "8": 1}, [Entry("7", index=0), Entry("8", index=1)]),
        ({"0": "7", "1": "8"}, [Entry("7", index=0), Entry("8", index=1)]),
        ({"0": "n01440764 tench"}, [Entry("tench", "n01440764", index=0)]),
    ],
    ids=str,
)
def test_json_is_read_in_either_direction(value: object, expected: list[Entry]) -> None:
    assert parse_json(json.dumps(value, indent=1), "x") == expected


@pytest.mark.parametrize(
    "text", ["{1: 'dog, small', 0: 'cat'}", "[(1, 'dog, small'), (0, \"cat\")]"]
)
def test_what_python_prints_is_read(text: str) -> None:
    assert parse_json(text, "x") == INDEXED


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"cat": 0, "cat": 1}', "has the key 'cat' twice"),
        ("{0: 'cat', 0: 'dog'}", "has the key '0' twice"),
        ('{"a": "b"}', "holds no labels that can be read"),
        ('{"a": 0.5}', "holds no labels that can be read"),
        ('{"a": true}', "holds no labels that can be read"),
        ('["a", 1]', "holds no labels that can be read"),
        ('["a", ""]', "holds no labels that can be read"),
        ('[["a", "b", "c"]]', "holds no labels that can be read"),
        ("3", "holds no labels that can be read"),
        ('"cat"', "holds no labels that can be read"),
        ('["cat", "dog"', "is no JSON that can be read"),
        ("[open('x')]", "is no JSON that can be read"),
        ("[" * 100_000, "nested too deeply|is no JSON"),
        ("{" * 500, "is no JSON that can be read"),
        ('{"a": 1e999999999}', "holds no labels that can be read"),
    ],
    ids=lambda text: text[:30],
)
def test_other_json_is_told(text: str, sentence: str) -> None:
    with pytest.raises(BadLabels, match=sentence):
        parse_json(text, "x")


@pytest.mark.parametrize(
    "text",
    [
        "path: ../data\nnames:\n  1: dog, small\n  0: cat\nnc: 2\n",
        "names:\n  1: 'dog, small'  # a terrier\n\n  # the other\n  0: \"cat\"\n",
        "train: x\nnames: {1: 'dog, small', 0: cat}\n",
        "names: {\n  1: 'dog, small',\n  0: cat,\n}\n",
    ],
)
def test_the_names_of_a_yaml_are_read_with_their_indices(text: str) -> None:
    assert parse_yaml(text, "x") == INDEXED


@pytest.mark.parametrize(
    "text",
    [
        "names:\n- cat\n- dog, small\nnc: 2\n",
        "names:\n  - cat\n  - 'dog, small'\n",
        "nc: 2\nnames: ['cat', 'dog, small']\n",
        "names: [cat, 'dog, small']  # all\ntrain: x\n",
        'names: [\n  cat,\n  "dog, small"\n]\n',
    ],
)
def test_the_names_of_a_yaml_are_read_in_their_order(text: str) -> None:
    assert parse_yaml(text, "x") == PLAIN


def test_quotes_within_yamls_names_are_kept() -> None:
    text = "names: ['it''s', \"a \\\"b\\\"\", no, 7 eleven]"
    assert [entry.name for entry in parse_yaml(text, "x")] == ["it's", 'a "b"', "no", "7 eleven"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nc: 2\n", "has no field names"),
        ("names: cat\n", "has names that can't be read"),
        ("names: *other\n", "has names that can't be read"),
        ("names:\nnc: 2\n", "has names that can't be read"),
        ("names:\n  cat: 0\n", "has names that can't be read"),
        ("names: [cat, [dog]]\n", "has names that can't be read"),
        ("names: [cat, dog\n", "has names that can't be read"),
        ("names:\n  - &a cat\n", "has names that can't be read"),
    ],
)
def test_other_yaml_is_told(text: str, sentence: str) -> None:
    with pytest.raises(BadLabels, match=sentence):
        parse_yaml(text, "x")


def test_a_label_map_of_tensorflow_is_read() -> None:
    text = (
        "item {\n  id: 1\n  name: 'dog, small'\n}\nitem { name: \"m\" id: 0 display_name: 'cat' }"
    )
    assert parse_label_map(text, "x") == INDEXED
    with pytest.raises(BadLabels, match="an item without an id and a name"):
        parse_label_map("item { id: 3 }", "x")
