from __future__ import annotations

import pytest

from deploy.images.compose import check_compose
from deploy.images.engine import NotSo
from tests.deploy.images.conftest import Said

ALIKE = {
    "config --images": ("booth-proof-service\ngrafana/grafana:12.1.0\n", 0),
    "image inspect grafana": ("", 1),
    "tag ": ("", 0),
    "down --volumes": ("", 0),
}


def test_a_compose_file_that_does_not_come_up_is_told_and_taken_down(said: Said) -> None:
    engine = said({**ALIKE, "up --detach": ("no such image", 1)})
    with pytest.raises(NotSo, match="no such image"):
        check_compose(engine)


def test_a_missing_replica_is_told(said: Said) -> None:
    engine = said({**ALIKE, "up --detach": ("", 0), "ps --format": ("a\nb\nc", 0)})
    with pytest.raises(NotSo, match="there are 3"):
        check_compose(engine)
