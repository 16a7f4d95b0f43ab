"""Tests that share something costly run on one worker: pytest-xdist heeds their groups."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_is_seen_by_what_hands_tests_out(request: pytest.FixtureRequest) -> None:
    """Without it everything passes, and what a group shares is made once a test."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("this run hands tests out one by one")
    assert request.node.nodeid.endswith("@groups")
