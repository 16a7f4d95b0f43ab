"""The manifests for kustomize are what the chart renders, and give what it would give."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.manifests import KUSTOMIZE, Manifest, difference, manifests, variants
from tests.deploy.cluster import built, helm, rendered

pytestmark = pytest.mark.xdist_group("kubernetes")


def test_the_files_are_those_that_the_chart_makes() -> None:
    """`python -m deploy.manifests` writes them anew."""
    made = manifests(helm())
    folders = (KUSTOMIZE / "base", KUSTOMIZE / "components")
    there = {
        path.relative_to(KUSTOMIZE).as_posix(): path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert there == made


def test_the_base_gives_what_the_chart_gives_by_default() -> None:
    assert _plain(built(KUSTOMIZE / "base")) == _plain(rendered())


@pytest.mark.parametrize("name", sorted(variants()))
def test_a_component_gives_what_the_chart_gives_with_its_values(name: str, tmp_path: Path) -> None:
    shutil.copytree(KUSTOMIZE, tmp_path, dirs_exist_ok=True)  # kustomize follows no link
    parts = {"resources": ["base"], "components": [f"components/{name}"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(parts))
    expected = rendered("--values", str(variants()[name]))
    assert _plain(built(tmp_path)) == _plain(expected)


def _plain(documents: list[Manifest]) -> dict[str, Any]:
    """The documents by kind and name, without the order of lists whose items have names.

    kustomize adds the checksum of its content to the name of the ConfigMap, wherever that stands.
    """
    text = re.sub(r"\bbooth-[a-z0-9]{10}\b", "booth", yaml.safe_dump_all(documents))
    plain = (_sorted(one) for one in yaml.safe_load_all(text))
    return {f"{one['kind']} {one['metadata']['name']}": one for one in plain}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(part) for part in value), key=str)
    return value


def test_a_patch_has_what_differs_and_what_it_is_found_by() -> None:
    old = {"spec": {"containers": [{"name": "booth", "image": "a", "env": [{"name": "A"}]}]}}
    new = {
        "spec": {
            "containers": [
                {"name": "booth", "image": "b", "env": [{"name": "A"}, {"name": "B", "value": "1"}]}
            ]
        }
    }
    assert difference(old, new) == {
        "spec": {
            "containers": [{"name": "booth", "image": "b", "env": [{"name": "B", "value": "1"}]}]
        }
    }


def test_a_list_without_names_is_replaced() -> None:
    assert difference({"metrics": [1, 2]}, {"metrics": [1, 2, 3]}) == {"metrics": [1, 2, 3]}


def test_what_is_equal_needs_no_patch() -> None:
    assert difference({"a": [{"b": 1}]}, {"a": [{"b": 1}]}) == {}
