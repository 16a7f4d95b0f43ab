"""Tests that share something costly run on one worker: pytest-xdist heeds their groups."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_is_seen_by_what_hands_tests_out(request: pytest.FixtureRequest) -> None:
    """Without it everything passes, and what a group shares is made once a test."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("this run hands tests out one by one")
    assert request.node.nodeid.endswith("@groups")


def test_no_test_has_a_long_name(request: pytest.FixtureRequest) -> None:
    """A parameter of megabytes would be in its test's name, which workers send with each report."""
    assert max(len(item.nodeid) for item in request.session.items) < 2000
