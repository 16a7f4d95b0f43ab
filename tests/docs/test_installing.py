"""No text installs a stranger's package: Booth's names are not its own on the public index."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.docs.markdown import documents

PROGRAMS = [
    path.relative_to(ROOT)
    for room in ("client", "demo", "deploy", "export", "models", "service")
    for path in sorted((ROOT / room).rglob("*.py"))
]
# After `pip install` and its options: ours are named by their folder or their wheel.
_INSTALL = re.compile(
    r"\b(?:pipx?|uv tool|uv pip) install((?: +-{1,2}[\w-]+)*) +['\"]?([^\s'\"`]+)"
)
_OURS = re.compile(r"\.|/|\{|[\w./-]+\.whl|--")


def foreign(text: str) -> list[str]:
    return [what for _, what in _INSTALL.findall(text) if not _OURS.match(what)]


@pytest.mark.parametrize("name", ["booth", "booth-client", "'booth[heic]'"])
def test_a_bare_name_is_found(name: str) -> None:
    assert foreign(f"install it: `pip install -U {name}`") == [name.strip("'")]


def test_what_is_installed_from_a_folder_is_not() -> None:
    assert not foreign("`pip install ./client`, `pip install -e '.[demo]'`, pipx install '.[heic]'")


def test_no_text_installs_a_package_by_a_bare_name() -> None:
    found = {path: foreign((ROOT / path).read_text("utf-8")) for path in [*documents(), *PROGRAMS]}
    assert not {path: names for path, names in found.items() if names}
