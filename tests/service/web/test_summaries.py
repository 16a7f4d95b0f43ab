"""What is told of the loaded models: which of them is the default one."""

from __future__ import annotations

import pytest

from booth_client.errors import Starting
from service.web.summaries import summaries
from tests.servers import Inside
from tests.service.conftest import MakeTiny


def test_the_default_is_the_newest_version_of_the_first_model(
    inside: Inside, make_tiny: MakeTiny
) -> None:
    for name, version in (("other", "1"), ("tiny", "2")):
        inside.state.fleet.load(make_tiny(name, version=version))
    told = [(one.name, one.version, one.default) for one in summaries(inside.state)]
    assert told == [("tiny", "1", False), ("tiny", "2", True), ("other", "1", False)]


def test_without_a_model_there_is_nothing_to_tell(inside: Inside) -> None:
    inside.state.fleet.unload("tiny")
    assert summaries(inside.state) == []


def test_at_the_start_it_is_too_early(inside: Inside) -> None:
    inside.state.started = False
    with pytest.raises(Starting):
        summaries(inside.state)
