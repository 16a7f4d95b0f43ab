"""docs/settings.md tells every setting, with its default; the README's ten are among them."""

from __future__ import annotations

import re

import pytest

from service.settings import Settings, variable
from tests.docs.markdown import documents, read

# As the documents tell a default: `value`, empty, or words where it depends on the machine.
ROW = re.compile(r"^\| `(BOOTH_\w+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
PAGE = read("docs/settings.md")


def rows(text: str) -> dict[str, str]:
    return {name: default for name, default, _ in ROW.findall(text)}


def told(value: object) -> str:
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


def test_every_setting_stands_on_the_page_and_no_other() -> None:
    names = [name for name, _, _ in ROW.findall(PAGE)]
    assert sorted(names) == sorted(variable(field) for field in Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_has_its_default_on_the_page_and_a_description(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    if field.default_factory is None:
        assert rows(PAGE)[variable(name)] == told(field.default)


def test_the_readme_has_ten_of_them() -> None:
    few = rows(read("README.md"))
    assert len(few) == 10
    assert few.items() <= rows(PAGE).items()


@pytest.mark.parametrize("document", documents(), ids=str)
def test_a_document_names_no_setting_that_there_is_not(document: object) -> None:
    named = set(re.findall(r"\bBOOTH_[A-Z][A-Z_]*[A-Z]\b", read(str(document))))
    assert named - {"BOOTH_NAME"} <= set(re.findall(r"\bBOOTH_[A-Z_]+\b", PAGE))
