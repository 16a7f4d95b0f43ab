"""Redocly CLI finds nothing to say of the description, by its recommended rules."""

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
    del description["info"]["license"]
    worse = written(tmp_path / "worse.json", description)
    program = node_modules("@redocly/cli@2.77.0") / ".bin" / "redocly"
    done = subprocess.run(
        [program, "lint", "--extends=recommended-strict", "--format=json", whole, worse],
        cwd=tmp_path,
        env=clean_environment(REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true"),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    first, end = json.JSONDecoder().raw_decode(done.stdout)  # a report a file
    second = json.loads(done.stdout[end:])
    assert [one["ruleId"] for one in first["problems"]] == []
    assert [one["ruleId"] for one in second["problems"]] == ["info-license"]
