"""Spectral finds nothing to say of the description, by its rules for OpenAPI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.described import described, written
from tests.foreign import node_modules
from tests.servers import clean_environment


def test_nothing_is_found_in_the_description(tmp_path: Path) -> None:
    description = described(management_keys="a-key-of-twenty-bytes")
    whole = written(tmp_path / "whole.json", description)
    del description["info"]["contact"]
    worse = written(tmp_path / "worse.json", description)
    rules = tmp_path / "rules.yaml"
    rules.write_text('extends: ["spectral:oas"]', encoding="utf-8")
    program = node_modules("@stoplight/spectral-cli@6.16.3") / ".bin" / "spectral"
    done = subprocess.run(
        [program, "lint", "--format=json", "--quiet", "--ruleset", rules, whole, worse],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    found = json.loads(done.stdout)
    assert [(one["source"], one["code"]) for one in found] == [(str(worse), "info-contact")]
